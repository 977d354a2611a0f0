//! `PutItem`: stores an item in place of the one with the same key.
//!
//! ```text
//! {"TableName": "Flights", "Item": {"pk": {"S": "+821012345678"}, "seat": {"S": "12A"}},
//!  "ConditionExpression": "attribute_not_exists(pk)"}
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use api_dynamodb::{
    Error, ItemCollectionMetrics, PutItemInput, PutItemOutput, ReturnItemCollectionMetrics,
    ReturnValue,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::sse;
use crate::table::TableRecord;
use crate::write::{Action, Guard, ItemWrite, Written, stored};
use crate::{DynamoDb, convert, legacy, slow, table, throttle};

pub(crate) async fn put_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: PutItemInput,
) -> Result<PutItemOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let non_expressions = [
        ("Expected", input.expected.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[("ConditionExpression", input.condition_expression.is_some())],
        legacy: &non_expressions,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check().map_err(Invalid::counted)?;
    let operator = input.conditional_operator.as_ref();
    legacy::check_operator(operator, input.expected.as_ref().map_or(0, BTreeMap::len))?;
    let item = convert::item(input.item).map_err(Invalid::counted)?;
    let returns_old = returns_old(input.return_values.as_ref()).map_err(Invalid::counted)?;
    let action = Action::put(item)?;
    let expected = legacy::expected(input.expected, operator)?;
    let mut placeholders = expressions.placeholders().map_err(Invalid::counted)?;
    let guard = Guard::new(
        input.condition_expression.as_deref(),
        input.return_values_on_condition_check_failure.as_ref(),
        &mut placeholders,
    )
    .map_err(Invalid::counted)?;
    placeholders.check_all_used().map_err(Invalid::counted)?;
    let guard = guard.expecting(expected);

    let report = Report::of(input.return_consumed_capacity.as_ref());
    let reads = returns_old || report.is_wanted();
    let write = ItemWrite { action, guard };
    let (table, written) = run(service, ctx, &name, &write, reads).await?;
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(PutItemOutput {
        attributes: old_attributes(&written, returns_old)?,
        consumed_capacity: report.written(&name, &table, &written.units),
        item_collection_metrics: item_collection_metrics(service, ctx, metrics, &table, &write),
    })
}

/// Runs a write in a transaction of its own.
pub(super) async fn run(
    service: &DynamoDb,
    ctx: &Ctx,
    name: &str,
    write: &ItemWrite,
    reads: bool,
) -> Result<(Arc<TableRecord>, Written), Error> {
    let now_ms = ctx.now().epoch_ms;
    let mut attempts = 0;
    let transaction = |tx: &mut store::WriteTx| -> Result<_, Error> {
        attempts += 1;
        let table = table::get(service, ctx, tx, name)?;
        let place = write.place(&table)?;
        throttle::admit_writes(&table)?;
        service.transactions.check_free(&place)?;
        let written = write.run(tx, &table, &place, reads, now_ms)?;
        service.collections.check(ctx, &table, write.key(), written.units.collection_bytes)?;
        Ok((table, written))
    };
    let done = sse::write(ctx, transaction).await;
    slow::contended(ctx, name, attempts);
    let (table, written) = done?;
    service.collections.grew(ctx, &table, write.key(), written.units.collection_bytes);
    Ok((table, written))
}

/// What ReturnItemCollectionMetrics asks for of the item written.
pub(super) fn item_collection_metrics(
    service: &DynamoDb,
    ctx: &Ctx,
    wanted: Option<&ReturnItemCollectionMetrics>,
    table: &TableRecord,
    write: &ItemWrite,
) -> Option<ItemCollectionMetrics> {
    match wanted {
        Some(ReturnItemCollectionMetrics::Size) => {
            service.collections.metrics(ctx, table, write.key())
        }
        _ => None,
    }
}

/// What was there before a write, if it is to be returned.
pub(super) fn old_attributes(
    written: &Written,
    returns_old: bool,
) -> Result<Option<convert::Answer>, Error> {
    match stored(written.old.as_ref().filter(|_| returns_old))? {
        Some(old) => Ok(Some(convert::stored(old)?)),
        None => Ok(None),
    }
}

/// Reads ReturnValues where only the old item can be returned.
pub(super) fn returns_old(given: Option<&ReturnValue>) -> Result<bool, Invalid> {
    match given {
        None | Some(ReturnValue::None) => Ok(false),
        Some(ReturnValue::AllOld) => Ok(true),
        Some(_) => Err(Invalid::new("ReturnValues can only be ALL_OLD or NONE")),
    }
}
