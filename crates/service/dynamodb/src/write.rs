//! What PutItem, UpdateItem and DeleteItem have in common.

use api_dynamodb::{Error, ReturnValuesOnConditionCheckFailure};

use crate::expression::bound::Condition;
use crate::expression::{ExpressionKind, Nothing, Placeholders};
use crate::fault;
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem};
use crate::request;
use crate::table::TableRecord;
use crate::value::Item;

/// A condition that must hold, and what to answer otherwise.
pub(crate) struct Guard {
    condition: Option<Condition>,
    returns_item: bool,
}

impl Guard {
    /// From a request's ConditionExpression.
    pub fn new(
        expression: Option<&str>,
        on_failure: Option<&ReturnValuesOnConditionCheckFailure>,
        placeholders: &mut Placeholders,
    ) -> Result<Guard, Invalid> {
        let condition = expression
            .map(|text| placeholders.condition(ExpressionKind::Condition, text))
            .transpose()?;
        let returns_item = matches!(on_failure, Some(ReturnValuesOnConditionCheckFailure::AllOld));
        Ok(Guard { condition, returns_item })
    }

    /// Whether there is a condition at all.
    pub fn is_some(&self) -> bool {
        self.condition.is_some()
    }

    /// Checks what depends on the table's keys.
    pub fn check_paths(&self, table: &TableRecord) -> Result<(), Invalid> {
        match &self.condition {
            Some(condition) => request::check_key_paths(table, request::paths(condition)),
            None => Ok(()),
        }
    }

    /// Lets pass if the condition holds for what is stored.
    pub fn pass(&self, stored: Option<StoredItem<'_>>) -> Result<(), Error> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let holds = match &stored {
            Some(item) => condition.holds(item)?,
            None => condition.holds(&Nothing)?,
        };
        if holds {
            return Ok(());
        }
        let item = match stored.filter(|_| self.returns_item) {
            Some(item) => Some(item.decode()?),
            None => None,
        };
        Err(fault::condition_failed(item))
    }
}

/// Stored bytes as an item.
pub(crate) fn stored(bytes: Option<&bytes::Bytes>) -> Result<Option<StoredItem<'_>>, Corrupt> {
    bytes.map(|bytes| StoredItem::new(bytes)).transpose()
}

/// What a key alone looks like as an item, for an update that makes a new one.
pub(crate) fn decode_or(stored: Option<StoredItem<'_>>, key: &Item) -> Result<Item, Corrupt> {
    stored.map_or_else(|| Ok(key.clone()), StoredItem::decode)
}
