//! `Query`: the items of a partition, in the order of their sort keys.
//!
//! ```text
//! {"TableName": "Flights", "KeyConditionExpression": "pk = :p AND begins_with(sk, :day)",
//!  "ExpressionAttributeValues": {":p": {"S": "+821012345678"}, ":day": {"S": "2026-11"}}}
//! ```

use std::collections::BTreeMap;

use api_dynamodb::{Error, QueryInput, QueryOutput};
use kernel::Ctx;

use crate::capacity::Report;
use crate::expression::ExpressionKind;
use crate::expression::key_condition::{CONDITIONS_MAX, KeyConditions, SIMPLE_CONDITIONS_MAX};
use crate::guard::key_text;
use crate::invalid::Invalid;
use crate::read::{Attributes, Bound, Filter, Range, ReadPlan, Row, check_select, named};
use crate::request::{Expressions, start_key};
use crate::sse;
use crate::{DynamoDb, convert, legacy, table};

pub(crate) async fn query(
    service: &DynamoDb,
    ctx: &Ctx,
    input: QueryInput,
) -> Result<QueryOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let plan = plan(input)?;
    let page = sse::read(ctx, |tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        plan.run(tx, &table)
    })
    .await?;
    let items = page.items.into_iter().map(Row::answer).collect::<Result<_, _>>()?;
    Ok(QueryOutput {
        items: plan.attributes.has_items().then_some(items),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last_key.map(convert::attributes),
        consumed_capacity: report.read(&name, &page.units),
    })
}

/// The value that a query's partition key must have, as policies compare it.
pub(crate) fn partition_of(input: QueryInput, attribute: &str) -> Option<String> {
    match plan(input).ok()?.range {
        Range::Query { conditions, .. } => key_text(conditions.get(attribute)?.equal()?),
        _ => None,
    }
}

/// Makes a request into a plan.
fn plan(input: QueryInput) -> Result<ReadPlan, Error> {
    // KeyConditions may stand beside other expressions.
    let has_both = input.key_conditions.is_some() && input.key_condition_expression.is_some();
    let expressions = Expressions {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", input.key_condition_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", has_both),
        ],
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    let operator = input.conditional_operator.as_ref();
    legacy::check_operator(operator, input.query_filter.as_ref().map_or(0, BTreeMap::len))?;
    let legacy_filter = legacy::filter(input.query_filter, operator)?;
    let attributes = legacy::attributes_to_get(input.attributes_to_get.as_deref())?;
    let start = start_key(input.exclusive_start_key)?;
    let named = named(input.projection_expression.is_some(), attributes.is_some());
    check_select(input.select.as_ref(), named, input.index_name.is_some())
        .map_err(|problem| Invalid(format!("1 validation error detected: {problem}")))?;
    if input.key_conditions.is_none() && input.key_condition_expression.is_none() {
        return Err(Invalid::new(
            "Either the KeyConditions or KeyConditionExpression parameter \
             must be specified in the request.",
        )
        .into());
    }
    let mut placeholders = expressions.placeholders()?;
    let condition = input
        .key_condition_expression
        .map(|text| placeholders.condition(ExpressionKind::KeyCondition, &text))
        .transpose()?;
    let bound = Bound::new(
        &mut placeholders,
        input.filter_expression.as_deref(),
        input.projection_expression.as_deref(),
    )?;
    placeholders.check_all_used()?;
    let most = if input.index_name.is_some() { CONDITIONS_MAX } else { SIMPLE_CONDITIONS_MAX };
    let conditions = match condition {
        Some(condition) => KeyConditions::new(&condition, most)?,
        None => legacy::key_conditions(input.key_conditions.unwrap_or_default(), most)?,
    };
    let is_backward = input.scan_index_forward == Some(false);
    let filter = bound
        .filter
        .map(|condition| Filter { condition, parameter: Some("Filter Expression") })
        .or(legacy_filter.map(|condition| Filter { condition, parameter: Some("QueryFilter") }));
    Ok(ReadPlan {
        index: input.index_name,
        range: Range::Query { conditions, is_backward },
        filter,
        attributes: Attributes::new(input.select.as_ref(), bound.projection.or(attributes)),
        start,
        limit: input.limit.map(|limit| limit as usize),
        bytes_before: 0,
        is_consistent: input.consistent_read == Some(true),
    })
}
