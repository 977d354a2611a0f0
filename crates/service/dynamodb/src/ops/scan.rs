//! `Scan`: all items of a table, or of one segment of it.
//!
//! ```text
//! {"TableName": "Flights", "FilterExpression": "attribute_exists(cancelled)",
//!  "Segment": 0, "TotalSegments": 4}
//! ```

use api_dynamodb::{Error, ScanInput, ScanOutput};
use kernel::Ctx;
use store::{Key, Scan};

use crate::capacity::{Report, read_units};
use crate::expression::ExpressionKind;
use crate::invalid::Invalid;
use crate::page::{self, PageRequest, no_index};
use crate::request::Expressions;
use crate::table::TableRecord;
use crate::value::Item;
use crate::{DynamoDb, convert, fault, key, table};

pub(crate) async fn scan(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ScanInput,
) -> Result<ScanOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let request = ScanRequest::new(input)?;
    let (page, units) = ctx.store().read(|tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        let scan = request.scan(&table)?;
        let page = request.page.read(tx, &table, &scan)?;
        let units = read_units(page.bytes, request.is_consistent);
        Ok((page, units))
    })?;
    Ok(ScanOutput {
        items: (!request.page.counts_only)
            .then(|| page.items.into_iter().map(convert::attributes).collect()),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last_key.map(convert::attributes),
        consumed_capacity: request.report.consumed(&name, units),
    })
}

/// A scan, its expressions bound, before the table is known.
struct ScanRequest {
    page: PageRequest,
    start: Option<Item>,
    index: Option<String>,
    /// Which segment of how many.
    segment: (u32, u32),
    is_consistent: bool,
    report: Report,
}

impl ScanRequest {
    fn new(input: ScanInput) -> Result<ScanRequest, Error> {
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
        let start = page::start_key(input.exclusive_start_key)?;
        let segment = segment(input.segment, input.total_segments)?;
        let counts_only = page::select(
            input.select.as_ref(),
            input.projection_expression.is_some(),
            input.index_name.is_some(),
        )?;
        let mut placeholders = expressions.placeholders()?;
        let filter = input
            .filter_expression
            .map(|text| placeholders.condition(ExpressionKind::Filter, &text))
            .transpose()?;
        let projection =
            input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
        placeholders.check_all_used()?;
        let limit = input.limit.map(|limit| limit as usize);
        Ok(ScanRequest {
            page: PageRequest { filter, projection, limit, counts_only },
            start,
            index: input.index_name,
            segment,
            is_consistent: input.consistent_read == Some(true),
            report: Report::of(input.return_consumed_capacity.as_ref()),
        })
    }

    /// The range of items that the scan asks for.
    fn scan(&self, table: &TableRecord) -> Result<Scan, Invalid> {
        if let Some(index) = &self.index {
            return Err(no_index(index));
        }
        let invalid =
            |problem: String| Invalid(format!("The provided starting key is invalid: {problem}"));
        if let Some(start) = &self.start {
            table.check_key(start).map_err(|problem| invalid(problem.0))?;
        }
        let (segment, total) = self.segment;
        let prefix = table.prefix();
        let edge = |segment: u32| {
            key::segment_start(segment, total).map(|hash| [&prefix[..], &hash[..]].concat())
        };
        let (low, high) = (edge(segment), edge(segment + 1));
        let mut scan = Scan::prefix(Key::from_bytes(prefix.clone()));
        if let Some(low) = &low {
            scan = scan.ge(Key::from_bytes(low.clone()));
        }
        if let Some(high) = &high {
            scan = scan.lt(Key::from_bytes(high.clone()));
        }
        if let Some(start) = &self.start {
            let start = table.item_key(start);
            let at = start.as_bytes();
            let outside =
                low.is_some_and(|low| at < &low[..]) || high.is_some_and(|high| at >= &high[..]);
            if outside {
                return Err(invalid(format!(
                    "Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct \
                     Segment. TotalSegments: {total} Segment: {segment}"
                )));
            }
            scan = scan.after(start);
        }
        self.page.check_paths(table)?;
        Ok(scan)
    }
}

/// Which segment of how many; the whole is the one segment of one.
fn segment(segment: Option<i32>, total: Option<i32>) -> Result<(u32, u32), Invalid> {
    match (segment, total) {
        (None, None) => Ok((0, 1)),
        (Some(_), None) => Err(Invalid::new(
            "The TotalSegments parameter is required but was not present in the request \
             when Segment parameter is present",
        )),
        (None, Some(_)) => Err(Invalid::new(
            "The Segment parameter is required but was not present in the request \
             when parameter TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(Invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: \
             Segment: {segment} is not less than TotalSegments: {total}"
        ))),
        // The model allows no negative ones.
        (Some(segment), Some(total)) => Ok((segment.unsigned_abs(), total.unsigned_abs())),
    }
}
