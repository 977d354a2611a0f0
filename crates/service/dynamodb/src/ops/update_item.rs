//! `UpdateItem`: changes attributes of the item with a key, or makes it.
//!
//! ```text
//! {"TableName": "Flights", "Key": {"pk": {"S": "+821012345678"}},
//!  "UpdateExpression": "SET seat = :s ADD changes :one", "ReturnValues": "ALL_NEW",
//!  "ExpressionAttributeValues": {":s": {"S": "14C"}, ":one": {"N": "1"}}}
//! ```

use std::collections::BTreeMap;

use api_dynamodb::{Error, ReturnValue, UpdateItemInput, UpdateItemOutput};
use kernel::Ctx;

use super::put_item::{item_collection_metrics, run};
use crate::capacity::Report;
use crate::convert::Answer;
use crate::expression::bound::{Path, Update};
use crate::expression::project;
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::write::{Action, Guard, ItemWrite, Written, stored};
use crate::{DynamoDb, convert, legacy, table};

pub(crate) async fn update_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: UpdateItemInput,
) -> Result<UpdateItemOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let non_expressions = [
        ("AttributeUpdates", input.attribute_updates.is_some()),
        ("Expected", input.expected.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
        legacy: &non_expressions,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check().map_err(Invalid::counted)?;
    let operator = input.conditional_operator.as_ref();
    legacy::check_operator(operator, input.expected.as_ref().map_or(0, BTreeMap::len))?;
    let key = convert::item(input.key).map_err(Invalid::counted)?;
    let updates = legacy::updates(input.attribute_updates)?;
    let expected = legacy::expected(input.expected, operator)?;
    let mut placeholders = expressions.placeholders().map_err(Invalid::counted)?;
    let update = input
        .update_expression
        .map(|text| placeholders.update(&text))
        .transpose()
        .map_err(Invalid::counted)?;
    let guard = Guard::new(
        input.condition_expression.as_deref(),
        input.return_values_on_condition_check_failure.as_ref(),
        &mut placeholders,
    )
    .map_err(Invalid::counted)?;
    placeholders.check_all_used().map_err(Invalid::counted)?;
    let (update, guard) = (update.or(updates), guard.expecting(expected));

    let report = Report::of(input.return_consumed_capacity.as_ref());
    let paths: Vec<Path> = update.iter().flat_map(Update::paths).cloned().collect();
    let write = ItemWrite { action: Action::Update { key, update }, guard };
    let (table, written) = run(service, ctx, &name, &write, true).await?;
    let metrics = input.return_item_collection_metrics.as_ref();
    Ok(UpdateItemOutput {
        consumed_capacity: report.written(&name, &table, &written.units),
        attributes: returned(written, &paths, input.return_values.as_ref())?,
        item_collection_metrics: item_collection_metrics(service, ctx, metrics, &table, &write),
    })
}

/// The attributes that ReturnValues asks for; none rather than an empty map.
fn returned(
    written: Written,
    paths: &[Path],
    wanted: Option<&ReturnValue>,
) -> Result<Option<Answer>, Error> {
    let old = stored(written.old.as_ref())?;
    let item = match wanted {
        Some(ReturnValue::AllOld) => old.map(|old| old.decode()).transpose()?,
        Some(ReturnValue::UpdatedOld) => {
            old.map(|old| Ok::<_, Error>(project(&old.decode()?, paths))).transpose()?
        }
        Some(ReturnValue::AllNew) => written.updated,
        Some(ReturnValue::UpdatedNew) => written.updated.map(|new| project(&new, paths)),
        _ => None,
    };
    Ok(item.filter(|item| !item.is_empty()).map(convert::attributes))
}
