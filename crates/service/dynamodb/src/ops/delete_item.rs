//! `DeleteItem`: deletes the item with a key, if there is one.
//!
//! ```text
//! {"TableName": "Flights", "Key": {"pk": {"S": "+821012345678"}}, "ReturnValues": "ALL_OLD"}
//! ```

use std::collections::BTreeMap;

use api_dynamodb::{DeleteItemInput, DeleteItemOutput, Error};
use kernel::Ctx;

use super::put_item::{item_collection_metrics, old_attributes, returns_old, run};
use crate::capacity::Report;
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::write::{Action, Guard, ItemWrite};
use crate::{DynamoDb, convert, legacy, table};

pub(crate) async fn delete_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DeleteItemInput,
) -> Result<DeleteItemOutput, Error> {
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
    let key = convert::item(input.key).map_err(Invalid::counted)?;
    let returns_old = returns_old(input.return_values.as_ref()).map_err(Invalid::counted)?;
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
    let write = ItemWrite { action: Action::Delete { key }, guard };
    let (table, written) = run(service, ctx, &name, &write, reads).await?;
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(DeleteItemOutput {
        attributes: old_attributes(&written, returns_old)?,
        consumed_capacity: report.written(&name, &table, &written.units),
        item_collection_metrics: item_collection_metrics(service, ctx, metrics, &table, &write),
    })
}
