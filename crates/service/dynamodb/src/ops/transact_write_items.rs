//! `TransactWriteItems`: up to 100 writes and condition checks that happen together or not at all.
//!
//! ```text
//! {"TransactItems": [
//!    {"ConditionCheck": {"TableName": "Flights", "Key": {"pk": {"S": "CV100"}},
//!                        "ConditionExpression": "attribute_exists(pk)"}},
//!    {"Put": {"TableName": "Seats", "Item": {"pk": {"S": "CV100#12A"}},
//!             "ConditionExpression": "attribute_not_exists(pk)"}}],
//!  "ClientRequestToken": "7f2a"}
//! ```

use std::collections::BTreeMap;

use api_dynamodb::{
    Error, ReturnValuesOnConditionCheckFailure, TransactWriteItem, TransactWriteItemsInput,
    TransactWriteItemsOutput,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::collection::metrics_by_table;
use crate::convert::Attributes;
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::transaction::{self, Fingerprinter, TableWrite, Token, check_payload};
use crate::write::{Action, Guard, ItemWrite};
use crate::{DynamoDb, convert, table};

pub(crate) async fn transact_write_items(
    service: &DynamoDb,
    ctx: &Ctx,
    input: TransactWriteItemsInput,
) -> Result<TransactWriteItemsOutput, Error> {
    input.transact_items.iter().try_for_each(check_one)?;
    let mut fingerprinter = input.client_request_token.as_ref().map(|_| Fingerprinter::default());
    let mut payload = 0;
    let mut writes = Vec::with_capacity(input.transact_items.len());
    for item in input.transact_items {
        let request = Request::of(item);
        if let Some(fingerprinter) = &mut fingerprinter {
            request.add_to(fingerprinter);
        }
        let write = request.read(ctx, &mut payload)?;
        if let Some(fingerprinter) = &mut fingerprinter {
            fingerprinter.write(&write);
        }
        writes.push(write);
    }
    check_payload(payload)?;
    let token = input
        .client_request_token
        .zip(fingerprinter)
        .map(|(text, fingerprinter)| Token { text, fingerprint: fingerprinter.finish() });

    let report = Report::of(input.return_consumed_capacity.as_ref());
    let consumed = transaction::write(service, ctx, &writes, token.as_ref(), report).await?;
    let metrics = input.return_item_collection_metrics.as_ref();
    let of_tables = writes.iter().map(|TableWrite { table, write }| (table.as_str(), write));
    Ok(TransactWriteItemsOutput {
        consumed_capacity: consumed,
        item_collection_metrics: metrics_by_table(service, ctx, metrics, of_tables),
    })
}

fn check_one(item: &TransactWriteItem) -> Result<(), Invalid> {
    let given = [
        item.condition_check.is_some(),
        item.put.is_some(),
        item.delete.is_some(),
        item.update.is_some(),
    ];
    match given.into_iter().filter(|given| *given).count() {
        1 => Ok(()),
        0 => Err(Invalid::new(
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request",
        )),
        _ => {
            Err(Invalid::new("TransactItems can only contain one of Check, Put, Update or Delete"))
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Check,
    Put,
    Delete,
    Update,
}

/// One action as the request has it.
struct Request {
    kind: Kind,
    table: String,
    /// The item, or its key.
    item: Attributes,
    condition: Option<String>,
    update: Option<String>,
    names: Option<BTreeMap<String, String>>,
    values: Option<Attributes>,
    on_failure: Option<ReturnValuesOnConditionCheckFailure>,
}

impl Request {
    /// Of an item that has exactly one action.
    fn of(item: TransactWriteItem) -> Request {
        if let Some(put) = item.put {
            return Request {
                kind: Kind::Put,
                table: put.table_name,
                item: put.item,
                condition: put.condition_expression,
                update: None,
                names: put.expression_attribute_names,
                values: put.expression_attribute_values,
                on_failure: put.return_values_on_condition_check_failure,
            };
        }
        if let Some(delete) = item.delete {
            return Request {
                kind: Kind::Delete,
                table: delete.table_name,
                item: delete.key,
                condition: delete.condition_expression,
                update: None,
                names: delete.expression_attribute_names,
                values: delete.expression_attribute_values,
                on_failure: delete.return_values_on_condition_check_failure,
            };
        }
        if let Some(update) = item.update {
            return Request {
                kind: Kind::Update,
                table: update.table_name,
                item: update.key,
                condition: update.condition_expression,
                update: Some(update.update_expression),
                names: update.expression_attribute_names,
                values: update.expression_attribute_values,
                on_failure: update.return_values_on_condition_check_failure,
            };
        }
        let check = item.condition_check.unwrap_or_default();
        Request {
            kind: Kind::Check,
            table: check.table_name,
            item: check.key,
            condition: Some(check.condition_expression),
            update: None,
            names: check.expression_attribute_names,
            values: check.expression_attribute_values,
            on_failure: check.return_values_on_condition_check_failure,
        }
    }

    /// Adds what the write that is made of it does not show.
    fn add_to(&self, fingerprinter: &mut Fingerprinter) {
        fingerprinter.text(self.condition.as_deref());
        fingerprinter.text(self.update.as_deref());
        for (name, meaning) in self.names.iter().flatten() {
            fingerprinter.text(Some(name));
            fingerprinter.text(Some(meaning));
        }
        fingerprinter.values(self.values.as_ref());
    }

    /// Checks what does not depend on the table; adds the bytes of values to `payload`.
    fn read(self, ctx: &Ctx, payload: &mut usize) -> Result<TableWrite, Error> {
        let table = table::name(ctx, &self.table)?;
        let parameters = [
            ("UpdateExpression", self.update.is_some()),
            ("ConditionExpression", self.condition.is_some()),
        ];
        let has_update = matches!(self.kind, Kind::Update);
        let expressions = Expressions {
            expressions: if has_update { &parameters } else { &parameters[1..] },
            legacy: &[],
            names: self.names,
            values: self.values,
        };
        expressions.check()?;
        let item = convert::item(self.item)?;
        *payload += item.size_bytes();
        let mut action = match self.kind {
            Kind::Check => Action::Check { key: item },
            Kind::Put => Action::put(item)?,
            Kind::Delete => Action::Delete { key: item },
            Kind::Update => Action::Update { key: item, update: None },
        };
        let mut placeholders = expressions.placeholders()?;
        *payload += placeholders.values_size_bytes();
        if let (Action::Update { update, .. }, Some(text)) = (&mut action, &self.update) {
            *update = Some(placeholders.update(text)?);
        }
        let on_failure = self.on_failure.as_ref();
        let guard = Guard::new(self.condition.as_deref(), on_failure, &mut placeholders)?;
        placeholders.check_all_used()?;
        Ok(TableWrite { table, write: ItemWrite { action, guard } })
    }
}
