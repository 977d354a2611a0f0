//! `Scan`: all items of a table, or of one segment of it.
//!
//! ```text
//! {"TableName": "Flights", "FilterExpression": "attribute_exists(cancelled)",
//!  "Segment": 0, "TotalSegments": 4}
//! ```

use api_dynamodb::{Error, ScanInput, ScanOutput};
use kernel::Ctx;

use crate::capacity::Report;
use crate::expression::ExpressionKind;
use crate::read::{Attributes, Filter, Range, ReadPlan, check_select, segment};
use crate::request::{Expressions, start_key};
use crate::{DynamoDb, convert, fault, table};

pub(crate) async fn scan(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ScanInput,
) -> Result<ScanOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let plan = plan(input)?;
    let page = ctx.store().read(|tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        plan.run(tx, &table)
    })?;
    Ok(ScanOutput {
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
fn plan(input: ScanInput) -> Result<ReadPlan, Error> {
    let legacy = [
        ("AttributesToGet", input.attributes_to_get.is_some()),
        ("ScanFilter", input.scan_filter.is_some()),
        ("ConditionalOperator", input.conditional_operator.is_some()),
    ];
    let expressions = Expressions {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
        legacy: &legacy,
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    fault::refuse("Scan", &legacy)?;
    let start = start_key(input.exclusive_start_key)?;
    let (segment, total) = segment(input.segment, input.total_segments)?;
    let projection_name = input.projection_expression.as_ref().map(|_| "ProjectionExpression");
    check_select(input.select.as_ref(), projection_name, input.index_name.is_some())?;
    let mut placeholders = expressions.placeholders()?;
    let filter = input
        .filter_expression
        .map(|text| placeholders.condition(ExpressionKind::Filter, &text))
        .transpose()?;
    let projection =
        input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
    placeholders.check_all_used()?;
    Ok(ReadPlan {
        index: input.index_name,
        range: Range::Scan { segment, total },
        filter: filter.map(|condition| Filter { condition, parameter: None }),
        attributes: Attributes::new(input.select.as_ref(), projection),
        start,
        limit: input.limit.map(|limit| limit as usize),
        is_consistent: input.consistent_read == Some(true),
    })
}
