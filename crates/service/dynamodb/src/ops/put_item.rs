//! `PutItem`: stores an item in place of the one with the same key.
//!
//! ```text
//! {"TableName": "Flights", "Item": {"pk": {"S": "+821012345678"}, "seat": {"S": "12A"}},
//!  "ConditionExpression": "attribute_not_exists(pk)"}
//! ```

use api_dynamodb::{Error, PutItemInput, PutItemOutput, ReturnValue};
use bytes::Bytes;
use kernel::Ctx;

use crate::capacity::{Report, write_units};
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::value::ITEM_SIZE_MAX_BYTES;
use crate::write::{Guard, stored};
use crate::{DynamoDb, convert, fault, item, table};

pub(crate) async fn put_item(
    _: &DynamoDb,
    ctx: &Ctx,
    input: PutItemInput,
) -> Result<PutItemOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let legacy = [
        ("Expected", input.expected.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[("ConditionExpression", input.condition_expression.is_some())],
        legacy: &legacy,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    fault::refuse("PutItem", &legacy)?;
    let item = convert::item(input.item)?;
    let returns_old = returns_old(input.return_values.as_ref())?;
    check_size(&item)?;
    let mut placeholders = expressions.placeholders()?;
    let guard = Guard::new(
        input.condition_expression.as_deref(),
        input.return_values_on_condition_check_failure.as_ref(),
        &mut placeholders,
    )?;
    placeholders.check_all_used()?;

    let report = Report::of(input.return_consumed_capacity.as_ref());
    // Nothing is read for a put that does not ask for it.
    let reads = guard.is_some() || returns_old || report.is_wanted();
    let bytes = Bytes::from(item::encode(&item));
    let write = |tx: &mut store::WriteTx| -> Result<Option<Bytes>, Error> {
        let table = table::get(ctx, tx, &name)?;
        table.check_item(&item)?;
        guard.check_paths(&table)?;
        let key = table.item_key(&item);
        let old = if reads { tx.get_raw(&table::ITEMS, &key)? } else { None };
        guard.pass(stored(old.as_ref())?)?;
        tx.put_raw(&table::ITEMS, &key, bytes.clone())?;
        Ok(old)
    };
    let old = ctx.store().write(write).await?;

    let old = stored(old.as_ref())?;
    let units = write_units(old.map(|old| old.size_bytes()), Some(item.size_bytes()));
    let attributes = match old.filter(|_| returns_old) {
        Some(old) => Some(convert::attributes(old.decode()?)),
        None => None,
    };
    Ok(PutItemOutput {
        attributes,
        consumed_capacity: report.consumed(&name, units),
        item_collection_metrics: None,
    })
}

/// Reads ReturnValues where only the old item can be returned.
pub(super) fn returns_old(given: Option<&ReturnValue>) -> Result<bool, Invalid> {
    match given {
        None | Some(ReturnValue::None) => Ok(false),
        Some(ReturnValue::AllOld) => Ok(true),
        Some(_) => Err(Invalid::new("ReturnValues can only be ALL_OLD or NONE")),
    }
}

/// Checks that an item is not too large.
pub(super) fn check_size(item: &crate::value::Item) -> Result<(), Invalid> {
    if item.size_bytes() > ITEM_SIZE_MAX_BYTES {
        return Err(Invalid::new("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}
