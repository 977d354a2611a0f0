//! A write of one item: what PutItem, UpdateItem, DeleteItem, batches, transactions and PartiQL
//! have in common.
//!
//! It is made from a request before the table is known, then placed and run in a transaction.

use api_dynamodb::{Error, ReturnValuesOnConditionCheckFailure};
use bytes::Bytes;
use store::{Key, WriteTx};

use crate::change::{Cause, Change, Units, apply};
use crate::expression::bound::{Condition, Path, SetValue, Update};
use crate::expression::{ExpressionKind, Nothing, Placeholders};
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem, encode};
use crate::sse;
use crate::table::{ITEMS, TableRecord};
use crate::value::{ITEM_SIZE_MAX_BYTES, Item};
use crate::{convert, fault, request};

/// What is done to the item with a key.
pub(crate) enum Action {
    /// It is stored in place of the one with the same key.
    Put { item: Item, bytes: Bytes },
    /// Its attributes change; it is made if it is not there.
    Update { key: Item, update: Option<Update> },
    /// It is deleted, if it is there.
    Delete { key: Item },
    /// Nothing: only the condition must hold.
    Check { key: Item },
}

/// A write of one item, its expressions bound.
pub(crate) struct ItemWrite {
    pub action: Action,
    pub guard: Guard,
}

/// What a write did.
pub(crate) struct Written {
    /// What was there, if it was looked at.
    pub old: Option<Bytes>,
    /// What an update made.
    pub updated: Option<Item>,
    pub units: Units,
}

impl Action {
    /// To store an item.
    ///
    /// # Errors
    /// If it is too large.
    pub fn put(item: Item) -> Result<Action, Invalid> {
        if item.size_bytes() > ITEM_SIZE_MAX_BYTES {
            return Err(Invalid::new("Item size has exceeded the maximum allowed size"));
        }
        let bytes = encode(&item).into();
        Ok(Action::Put { item, bytes })
    }

    /// Without a condition.
    pub fn unguarded(self) -> ItemWrite {
        ItemWrite { action: self, guard: Guard::default() }
    }
}

impl ItemWrite {
    /// The item, or its key.
    pub fn key(&self) -> &Item {
        match &self.action {
            Action::Put { item, .. } => item,
            Action::Update { key, .. } | Action::Delete { key } | Action::Check { key } => key,
        }
    }

    /// Where the item lies, once all is checked that depends on the table.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn place(&self, table: &TableRecord) -> Result<Key, Invalid> {
        let key = match &self.action {
            Action::Put { item, .. } => {
                table.check_item(item)?;
                item
            }
            Action::Update { key, update } => {
                table.check_key(key)?;
                update.iter().try_for_each(|update| check_update(table, update))?;
                key
            }
            Action::Delete { key } | Action::Check { key } => {
                table.check_key(key)?;
                key
            }
        };
        self.guard.check_paths(table)?;
        Ok(table.item_key(key))
    }

    /// The same in a batch, where DynamoDB tells less of a put whose key is not the table's.
    pub fn place_in_batch(&self, table: &TableRecord) -> Result<Key, Invalid> {
        if let Action::Put { item, .. } = &self.action {
            table.check_key_types(item)?;
        }
        self.place(table)
    }

    /// Does it. `reads`: whether the caller needs to know what was there.
    pub fn run(
        &self,
        tx: &mut WriteTx,
        table: &TableRecord,
        place: &Key,
        reads: bool,
        now_ms: i64,
    ) -> Result<Written, Error> {
        let is_blind = matches!(self.action, Action::Put { .. } | Action::Delete { .. });
        let reads = reads || !is_blind || self.guard.is_some() || table.needs_old();
        let old = if reads { sse::get(tx, &ITEMS, place)? } else { None };
        let found = stored(old.as_ref())?;
        self.guard.pass(found)?;
        let (new, updated) = match &self.action {
            Action::Put { bytes, .. } => (Some(bytes.clone()), None),
            Action::Update { key, update } => {
                let updated = updated(table, found, key, update.as_ref())?;
                (updated.as_ref().map(|item| encode(item).into()), updated)
            }
            Action::Delete { .. } => (None, None),
            Action::Check { .. } => {
                let size = found.map_or(0, StoredItem::size_bytes);
                let units = Units {
                    table: crate::capacity::write_units(Some(size), None),
                    ..Units::default()
                };
                return Ok(Written { old, updated: None, units });
            }
        };
        let change =
            Change { place, old: old.as_ref(), new: new.as_ref(), cause: Cause::Request, now_ms };
        let nothing = reads && old.is_none() && new.is_none();
        let units = if nothing {
            Units { table: 1.0, ..Units::default() }
        } else {
            apply(tx, table, &change)?
        };
        Ok(Written { old, updated, units })
    }
}

/// Checks that the update leaves the key alone, and does not look into it.
fn check_update(table: &TableRecord, update: &Update) -> Result<(), Invalid> {
    for key in table.keys() {
        if update.paths().any(|path| path.attribute() == key.name) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Cannot update attribute {}. This attribute is part of the key",
                key.name
            )));
        }
    }
    let mut read = Vec::new();
    for action in &update.0 {
        action.value.iter().for_each(|value| read_paths(value, &mut read));
    }
    request::check_key_paths(table, read)
}

/// The paths that the right side of an action reads.
fn read_paths<'a>(value: &'a SetValue, into: &mut Vec<&'a Path>) {
    match value {
        SetValue::Value(_) | SetValue::Attribute(_) => {}
        SetValue::Path(path) => into.push(path),
        SetValue::IfNotExists(path, otherwise) => {
            into.push(path);
            read_paths(otherwise, into);
        }
        SetValue::ListAppend(a, b) | SetValue::Plus(a, b) | SetValue::Minus(a, b) => {
            read_paths(a, into);
            read_paths(b, into);
        }
    }
}

/// The item after the update; nothing if there was none and nothing makes one.
fn updated(
    table: &TableRecord,
    old: Option<StoredItem<'_>>,
    key: &Item,
    update: Option<&Update>,
) -> Result<Option<Item>, Error> {
    let mut item = old.map_or_else(|| Ok(key.clone()), StoredItem::decode)?;
    let before = (old.is_some() && !table.indexes.is_empty()).then(|| item.clone());
    if let Some(update) = update {
        update.apply(&mut item, old.is_some())?;
        if old.is_none() && update.only_removes() {
            return Ok(None);
        }
    }
    if item.size_bytes() > ITEM_SIZE_MAX_BYTES {
        return Err(
            Invalid::new("Item size to update has exceeded the maximum allowed size").into()
        );
    }
    convert::check_nesting(&item)?;
    table.check_update(before.as_ref(), &item)?;
    Ok(Some(item))
}

/// A condition that must hold, and what to answer otherwise.
#[derive(Default)]
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

    /// From a condition that is bound already.
    pub fn of(condition: Option<Condition>, returns_item: bool) -> Guard {
        Guard { condition, returns_item }
    }

    /// The same, with a condition that Expected asks for; there is none other then.
    pub fn expecting(self, expected: Option<Condition>) -> Guard {
        Guard { condition: self.condition.or(expected), ..self }
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
pub(crate) fn stored(bytes: Option<&Bytes>) -> Result<Option<StoredItem<'_>>, Corrupt> {
    bytes.map(|bytes| StoredItem::new(bytes)).transpose()
}
