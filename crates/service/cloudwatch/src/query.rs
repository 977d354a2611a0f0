//! The queries of `GetMetricData`: checked, and answered as series.

use std::collections::BTreeMap;

use api_cloudwatch::{Error, MetricDataQuery, MetricStat};
use kernel::Ctx;
use store::ReadTx;

use crate::error::{not_served, validation};
use crate::math::{self, Inputs, Points, Series};
use crate::metric::MetricName;
use crate::series::{self, Span};
use crate::statistic::Statistic;
use crate::table::METRICS;

/// Cells that all queries of a request may read together.
const CELLS_MAX: usize = 4_000_000;

/// `1,440`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Whether metrics can be asked for by this period, in seconds.
pub(crate) fn is_period(period_s: i32) -> bool {
    matches!(period_s, 1 | 5 | 10 | 20 | 30) || (period_s >= 60 && period_s % 60 == 0)
}

/// Queries that can be answered, in the order of the request.
pub(crate) struct Queries {
    queries: Vec<Query>,
    start_ms: i64,
    end_ms: i64,
}

struct Query {
    id: String,
    label: Option<String>,
    returns: bool,
    source: Source,
}

enum Source {
    Metric { name: MetricName, statistic: Statistic, period_s: u64, unit: Option<String> },
    Expression { text: String, expression: math::Expression },
}

/// One series of an answer.
pub(crate) struct Answer {
    pub id: String,
    pub label: String,
    pub points: Points,
}

impl Queries {
    /// Checks queries over a span of time.
    pub fn new(
        ctx: &Ctx,
        queries: &[MetricDataQuery],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Self, Error> {
        let mut checked: Vec<Query> = Vec::with_capacity(queries.len());
        for (index, query) in queries.iter().enumerate() {
            let path = format!("MetricDataQueries.member.{}", index + 1);
            if checked.iter().any(|other| other.id == query.id) {
                return Err(validation(
                    "The values for parameter id in MetricDataQueries are not unique.",
                ));
            }
            checked.push(Query::new(ctx, &path, query)?);
        }
        Ok(Queries { queries: checked, start_ms, end_ms })
    }

    /// Reads and computes all of them; those that are to be returned are in the answer.
    pub fn answer(&self, ctx: &Ctx, tx: &ReadTx) -> Result<Vec<Answer>, Error> {
        let now_ms = ctx.now().epoch_ms;
        let mut inputs = Inputs::default();
        let mut budget = CELLS_MAX;
        for query in &self.queries {
            let Source::Metric { name, statistic, period_s, unit } = &query.source else {
                continue;
            };
            let span = Span::new(self.start_ms, self.end_ms, *period_s, now_ms);
            let points =
                read(ctx, tx, name, *statistic, unit.as_deref(), &span, now_ms, &mut budget)?;
            if budget == 0 {
                return Err(validation(format!(
                    "The metrics of this request have more than {} samples of a minute. Ask for \
                     fewer of them at a time, or decrease the time range.",
                    thousands(CELLS_MAX as u64)
                )));
            }
            let label = query.label.clone().unwrap_or_else(|| name.name.clone());
            inputs.metrics.push((query.id.clone(), Series { label, points, span }));
        }
        let mut answers = Vec::new();
        for query in &self.queries {
            let found = match &query.source {
                Source::Metric { .. } => inputs.metric(&query.id).cloned().into_iter().collect(),
                Source::Expression { text, expression } => {
                    let refused = |why: math::Refused| why.error(&query.id, text);
                    let found = self.evaluate(&mut inputs, expression).map_err(refused)?;
                    let named = |mut series: Series| {
                        let is_new = series.label.is_empty();
                        if let Some(label) = &query.label {
                            series.label = label.clone();
                        } else if is_new {
                            series.label = query.id.clone();
                        }
                        series
                    };
                    found.into_iter().map(named).collect::<Vec<_>>()
                }
            };
            if query.returns {
                answers.extend(found.into_iter().map(|series| Answer {
                    id: query.id.clone(),
                    label: series.label,
                    points: series.points,
                }));
            }
        }
        Ok(answers)
    }

    fn evaluate(
        &self,
        inputs: &mut Inputs,
        expression: &math::Expression,
    ) -> Result<Vec<Series>, math::Refused> {
        let others = self.queries.iter().filter_map(|query| match &query.source {
            Source::Expression { expression, .. } => Some((query.id.as_str(), expression)),
            Source::Metric { .. } => None,
        });
        inputs.evaluate(expression, &others.collect::<BTreeMap<_, _>>())
    }
}

impl Query {
    fn new(ctx: &Ctx, path: &str, query: &MetricDataQuery) -> Result<Self, Error> {
        if !is_id(&query.id) {
            return Err(validation(format!(
                "The value for parameter {path}.Id is not matching the expected pattern \
                 ^[a-z][a-zA-Z0-9_]*$."
            )));
        }
        let both = |a: &str, b: &str| {
            validation(format!(
                "The parameters {path}.{a} and {path}.{b} are mutually exclusive and you have \
                 specified both."
            ))
        };
        if query.account_id.as_ref().is_some_and(|account| account != ctx.account()) {
            return Err(not_served("metrics of another account (AccountId of MetricDataQuery)"));
        }
        if query.label.as_ref().is_some_and(|label| label.contains("${")) {
            return Err(not_served("dynamic labels (Label of MetricDataQuery)"));
        }
        let source = match (&query.metric_stat, &query.expression) {
            (Some(_), Some(_)) => return Err(both("Expression", "MetricStat")),
            (Some(_), None) if query.period.is_some() => return Err(both("Period", "MetricStat")),
            (Some(stat), None) => metric(path, stat)?,
            (None, Some(text)) => {
                let refused = |why: math::Refused| why.error(&query.id, text);
                let expression = math::Expression::read(text).map_err(refused)?;
                Source::Expression { text: text.clone(), expression }
            }
            (None, None) => {
                return Err(validation(format!(
                    "At least one of the parameters {path}.Expression or {path}.MetricStat must \
                     be specified."
                )));
            }
        };
        let returns = query.return_data.unwrap_or(true);
        Ok(Query { id: query.id.clone(), label: query.label.clone(), returns, source })
    }
}

fn is_id(id: &str) -> bool {
    let first = id.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    first && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn metric(path: &str, stat: &MetricStat) -> Result<Source, Error> {
    let (Some(namespace), Some(name)) = (&stat.metric.namespace, &stat.metric.metric_name) else {
        return Err(validation(format!(
            "The parameters {path}.MetricStat.Metric.Namespace and \
             {path}.MetricStat.Metric.MetricName are required."
        )));
    };
    if !is_period(stat.period) {
        return Err(validation(format!(
            "The parameter {path}.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60."
        )));
    }
    let Some(statistic) = Statistic::read(&stat.stat) else {
        return Err(validation(format!(
            "The value {} for parameter {path}.MetricStat.Stat is not supported.",
            stat.stat
        )));
    };
    let dimensions = stat.metric.dimensions.as_deref().unwrap_or_default();
    Ok(Source::Metric {
        name: MetricName::new(namespace, name, dimensions),
        statistic,
        period_s: stat.period.max(1) as u64,
        unit: stat.unit.as_ref().map(|unit| unit.as_str().to_owned()),
    })
}

/// The points of one metric; those of several units are one where the request names none.
fn read(
    ctx: &Ctx,
    tx: &ReadTx,
    name: &MetricName,
    statistic: Statistic,
    unit: Option<&str>,
    span: &Span,
    now_ms: i64,
    budget: &mut usize,
) -> Result<Points, Error> {
    let id = name.id(ctx);
    let metric = tx.get(&METRICS, name.key(ctx, &id))?.unwrap_or_default();
    let periods = series::read(tx, &id, metric.is_fine, span, unit, now_ms, budget)?;
    let mut merged = BTreeMap::new();
    for ((at_s, _), cell) in periods {
        merged.entry(at_s).or_insert_with(crate::cell::Cell::empty).merge(&cell);
    }
    let point = |(at_s, cell): (u64, crate::cell::Cell)| Some((at_s, statistic.of(&cell)?));
    Ok(merged.into_iter().filter_map(point).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1440, "1,440"), (1_000_000, "1,000,000")]
        {
            assert_eq!(thousands(number), expected);
        }
    }

    #[test]
    fn periods() {
        for (period_s, expected) in
            [(0, false), (1, true), (2, false), (30, true), (60, true), (90, false), (86_400, true)]
        {
            assert_eq!(is_period(period_s), expected, "{period_s}");
        }
    }
}
