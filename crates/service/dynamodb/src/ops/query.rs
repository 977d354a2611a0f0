//! `Query`: the items of a partition, in the order of their sort keys.
//!
//! ```text
//! {"TableName": "Flights", "KeyConditionExpression": "pk = :p AND begins_with(sk, :day)",
//!  "ExpressionAttributeValues": {":p": {"S": "+821012345678"}, ":day": {"S": "2026-11"}}}
//! ```

use api_dynamodb::{Error, QueryInput, QueryOutput};
use kernel::Ctx;

use crate::capacity::Report;
use crate::expression::ExpressionKind;
use crate::expression::key_condition::{CONDITIONS_MAX, KeyConditions, SIMPLE_CONDITIONS_MAX};
use crate::invalid::Invalid;
use crate::read::{Attributes, Filter, Range, ReadPlan, check_select};
use crate::request::{Expressions, start_key};
use crate::{DynamoDb, convert, fault, table};

pub(crate) async fn query(
    service: &DynamoDb,
    ctx: &Ctx,
    input: QueryInput,
) -> Result<QueryOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let plan = plan(input)?;
    let page = ctx.store().read(|tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        plan.run(tx, &table)
    })?;
    Ok(QueryOutput {
        items: plan
            .attributes
            .has_items()
            .then(|| page.items.into_iter().map(convert::attributes).collect()),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last_key.map(convert::attributes),
        consumed_capacity: report.read(&name, &page.units),
    })
}

/// Makes a request into a plan.
fn plan(input: QueryInput) -> Result<ReadPlan, Error> {
    let legacy = [
        ("AttributesToGet", input.attributes_to_get.is_some()),
        ("QueryFilter", input.query_filter.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
        ("KeyConditions", input.key_conditions.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", input.key_condition_expression.is_some()),
        ],
        legacy: &legacy,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    fault::refuse("Query", &legacy)?;
    let start = start_key(input.exclusive_start_key)?;
    let projection_name = input.projection_expression.as_ref().map(|_| "ProjectionExpression");
    check_select(input.select.as_ref(), projection_name, input.index_name.is_some())?;
    let Some(key_condition) = input.key_condition_expression else {
        return Err(Invalid::new(
            "Either the KeyConditions or KeyConditionExpression parameter \
             must be specified in the request.",
        )
        .into());
    };
    let mut placeholders = expressions.placeholders()?;
    let condition = placeholders.condition(ExpressionKind::KeyCondition, &key_condition)?;
    let filter = input
        .filter_expression
        .map(|text| placeholders.condition(ExpressionKind::Filter, &text))
        .transpose()?;
    let projection =
        input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
    placeholders.check_all_used()?;
    let most = if input.index_name.is_some() { CONDITIONS_MAX } else { SIMPLE_CONDITIONS_MAX };
    Ok(ReadPlan {
        index: input.index_name,
        range: Range::Query {
            conditions: KeyConditions::new(&condition, most)?,
            is_backward: input.scan_index_forward == Some(false),
        },
        filter: filter.map(|condition| Filter { condition, parameter: Some("Filter Expression") }),
        attributes: Attributes::new(input.select.as_ref(), projection),
        start,
        limit: input.limit.map(|limit| limit as usize),
        is_consistent: input.consistent_read == Some(true),
    })
}
