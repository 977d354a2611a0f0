//! `Scan`: all items of a table, or of one segment of it.
//!
//! ```text
//! {"TableName": "Flights", "FilterExpression": "attribute_exists(cancelled)",
//!  "Segment": 0, "TotalSegments": 4}
//! ```

use std::collections::BTreeMap;

use api_dynamodb::{Error, ScanInput, ScanOutput};
use kernel::Ctx;

use crate::capacity::Report;
use crate::read::{Attributes, Bound, Filter, Range, ReadPlan, Row, check_select, named, segment};
use crate::request::{Expressions, start_key};
use crate::sse;
use crate::{DynamoDb, convert, legacy, table};

pub(crate) async fn scan(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ScanInput,
) -> Result<ScanOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let plan = plan(input)?;
    let page = sse::read(ctx, |tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        plan.run(tx, &table)
    })
    .await?;
    let items = page.items.into_iter().map(Row::answer).collect::<Result<_, _>>()?;
    Ok(ScanOutput {
        items: plan.attributes.has_items().then_some(items),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last_key.map(convert::attributes),
        consumed_capacity: report.read(&name, &page.units),
    })
}

/// Makes a request into a plan.
fn plan(input: ScanInput) -> Result<ReadPlan, Error> {
    let expressions = Expressions {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
        legacy: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        names: input.expression_attribute_names,
        values: input.expression_attribute_values,
    };
    expressions.check()?;
    let operator = input.conditional_operator.as_ref();
    legacy::check_operator(operator, input.scan_filter.as_ref().map_or(0, BTreeMap::len))?;
    let attributes = legacy::attributes_to_get(input.attributes_to_get.as_deref())?;
    let legacy_filter = legacy::filter(input.scan_filter, operator)?;
    let start = start_key(input.exclusive_start_key)?;
    let (segment, total) = segment(input.segment, input.total_segments)?;
    let named = named(input.projection_expression.is_some(), attributes.is_some());
    check_select(input.select.as_ref(), named, input.index_name.is_some())?;
    let mut placeholders = expressions.placeholders()?;
    let bound = Bound::new(
        &mut placeholders,
        input.filter_expression.as_deref(),
        input.projection_expression.as_deref(),
    )?;
    placeholders.check_all_used()?;
    let filter = bound.filter.or(legacy_filter);
    Ok(ReadPlan {
        index: input.index_name,
        range: Range::Scan { segment, total },
        filter: filter.map(|condition| Filter { condition, parameter: None }),
        attributes: Attributes::new(input.select.as_ref(), bound.projection.or(attributes)),
        start,
        limit: input.limit.map(|limit| limit as usize),
        bytes_before: 0,
        is_consistent: input.consistent_read == Some(true),
    })
}
