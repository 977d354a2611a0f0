//! `DeleteItem`: deletes the item with a key, if there is one.
//!
//! ```text
//! {"TableName": "Flights", "Key": {"pk": {"S": "+821012345678"}}, "ReturnValues": "ALL_OLD"}
//! ```

use api_dynamodb::{DeleteItemInput, DeleteItemOutput, Error};
use bytes::Bytes;
use kernel::Ctx;

use super::put_item::returns_old;
use crate::capacity::{Report, write_units};
use crate::request::Expressions;
use crate::write::{Guard, stored};
use crate::{DynamoDb, convert, fault, table};

pub(crate) async fn delete_item(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DeleteItemInput,
) -> Result<DeleteItemOutput, Error> {
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
    fault::refuse("DeleteItem", &legacy)?;
    let key = convert::item(input.key)?;
    let returns_old = returns_old(input.return_values.as_ref())?;
    let mut placeholders = expressions.placeholders()?;
    let guard = Guard::new(
        input.condition_expression.as_deref(),
        input.return_values_on_condition_check_failure.as_ref(),
        &mut placeholders,
    )?;
    placeholders.check_all_used()?;

    let report = Report::of(input.return_consumed_capacity.as_ref());
    let reads = guard.is_some() || returns_old || report.is_wanted();
    let write = |tx: &mut store::WriteTx| -> Result<Option<Bytes>, Error> {
        let table = table::get(ctx, tx, &name)?;
        table.check_key(&key)?;
        guard.check_paths(&table)?;
        let key = table.item_key(&key);
        let old = if reads { tx.get_raw(&table::ITEMS, &key)? } else { None };
        guard.pass(stored(old.as_ref())?)?;
        if !reads || old.is_some() {
            tx.delete(&table::ITEMS, &key)?;
        }
        Ok(old)
    };
    let old = ctx.store().write(write).await?;

    let old = stored(old.as_ref())?;
    let units = write_units(old.map(|old| old.size_bytes()), None);
    let attributes = match old.filter(|_| returns_old) {
        Some(old) => Some(convert::attributes(old.decode()?)),
        None => None,
    };
    Ok(DeleteItemOutput {
        attributes,
        consumed_capacity: report.consumed(&name, units),
        item_collection_metrics: None,
    })
}
