//! `GetMetricStatistics`: the statistics of one metric.
//!
//! ```text
//! aws cloudwatch get-metric-statistics --namespace AWS/Lambda --metric-name Invocations \
//!     --dimensions Name=FunctionName,Value=hello --statistics Sum --period 60 \
//!     --start-time 2026-11-22T00:00:00Z --end-time 2026-11-22T01:00:00Z
//! ```

use std::collections::BTreeMap;

use api_cloudwatch::{
    Datapoint, Error, GetMetricStatisticsInput, GetMetricStatisticsOutput, StandardUnit,
};
use kernel::Ctx;
use shape::Timestamp;

use crate::CloudWatch;
use crate::cell::Cell;
use crate::error::{combination, invalid, missing};
use crate::metric::MetricName;
use crate::query::{is_period, thousands};
use crate::series::{self, Span};
use crate::statistic::Statistic;
use crate::table::METRICS;

const POINTS_MAX: u64 = 1440;

pub(crate) async fn get_metric_statistics(
    _: &CloudWatch,
    ctx: &Ctx,
    input: GetMetricStatisticsInput,
) -> Result<GetMetricStatisticsOutput, Error> {
    let now_ms = ctx.now().epoch_ms;
    let extended = check(&input)?;
    let (start_ms, end_ms) = (input.start_time.epoch_ms, input.end_time.epoch_ms);
    let span = Span::new(start_ms, end_ms, input.period.max(1) as u64, now_ms);
    if span.points_max() > POINTS_MAX {
        return Err(combination(format!(
            "You have requested up to {} datapoints, which exceeds the limit of {}. You may \
             reduce the datapoints requested by increasing Period, or decreasing the time range.",
            thousands(span.points_max()),
            thousands(POINTS_MAX)
        )));
    }
    let dimensions = input.dimensions.as_deref().unwrap_or_default();
    let name = MetricName::new(&input.namespace, &input.metric_name, dimensions);
    let unit = input.unit.as_ref().map(StandardUnit::as_str);
    let id = name.id(ctx);
    // A metric has only so many, since the request has only so many periods of it.
    let mut cells = usize::MAX;
    let periods = ctx.store().read(|tx| {
        let metric = tx.get(&METRICS, name.key(ctx, &id))?.unwrap_or_default();
        series::read(tx, &id, metric.is_fine, &span, unit, now_ms, &mut cells)
    })?;
    let points = periods
        .into_iter()
        .filter_map(|((at_s, unit), cell)| point(&input, &extended, at_s, &unit, &cell));
    let points = points.collect();
    Ok(GetMetricStatisticsOutput {
        label: Some(input.metric_name.clone()),
        datapoints: Some(points),
    })
}

/// What the model does not say; answers the extended statistics by name.
fn check(input: &GetMetricStatisticsInput) -> Result<Vec<(String, Statistic)>, Error> {
    if input.start_time == input.end_time {
        return Err(invalid("The parameter StartTime must not equal parameter EndTime."));
    }
    if input.start_time > input.end_time {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime."));
    }
    if !is_period(input.period) {
        return Err(invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."));
    }
    let either = "Must specify either Statistics or ExtendedStatistics";
    match (&input.statistics, &input.extended_statistics) {
        (None, None) => return Err(missing(format!("{either}."))),
        (Some(_), Some(_)) => return Err(combination(format!("{either}, but not both."))),
        _ => {}
    }
    let read = |(index, name): (usize, &String)| match Statistic::extended(name) {
        Some(statistic) => Ok((name.clone(), statistic)),
        None => Err(invalid(format!(
            "The value {name} for parameter ExtendedStatistics.member.{} is not supported.",
            index + 1
        ))),
    };
    input.extended_statistics.iter().flatten().enumerate().map(read).collect()
}

/// A data point; nothing if no statistic can be known.
fn point(
    input: &GetMetricStatisticsInput,
    extended: &[(String, Statistic)],
    at_s: u64,
    unit: &str,
    cell: &Cell,
) -> Option<Datapoint> {
    let wanted = |statistic: Statistic, name: &str| {
        let names = input.statistics.as_deref().unwrap_or_default();
        names.iter().any(|asked| asked.as_str() == name).then(|| statistic.of(cell)).flatten()
    };
    let values: BTreeMap<String, f64> = extended
        .iter()
        .filter_map(|(name, statistic)| Some((name.clone(), statistic.of(cell)?)))
        .collect();
    if !extended.is_empty() && values.is_empty() {
        return None;
    }
    Some(Datapoint {
        timestamp: Some(Timestamp::from_ms(at_s as i64 * 1000)),
        sample_count: wanted(Statistic::SampleCount, "SampleCount"),
        average: wanted(Statistic::Average, "Average"),
        sum: wanted(Statistic::Sum, "Sum"),
        minimum: wanted(Statistic::Minimum, "Minimum"),
        maximum: wanted(Statistic::Maximum, "Maximum"),
        unit: Some(unit.into()),
        extended_statistics: (!values.is_empty()).then_some(values),
    })
}
