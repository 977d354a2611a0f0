//! `PutMetricData`: merges samples into the cells of their minutes.
//!
//! ```text
//! aws cloudwatch put-metric-data --namespace Desk --metric-name Calls --value 3 \
//!     --dimensions Queue=front
//! ```

use std::collections::BTreeMap;

use api_cloudwatch::{Error, MetricDatum, PutMetricDataInput, PutMetricDataOutput};
use kernel::{Ctx, Principal};
use store::{Key, StoreError, WriteTx};

use crate::cell::Cell;
use crate::error::{combination, invalid, missing, not_served};
use crate::metric::MetricName;
use crate::table::{self, Grain, METRICS, Metric, TENDED, cell_key};
use crate::{CloudWatch, trim};

const DATA_MAX: usize = 1000;
const VALUES_MAX: usize = 150;
const AGE_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;
const AHEAD_MS_MAX: i64 = 2 * 60 * 60 * 1000;
/// 2^360.
const VALUE_MAX: f64 = 2.348_542_582_773_833_4e108;
/// How exactly the time of a metric's latest sample is noted: so that not every sample writes it.
pub(crate) const NOTED_MS: u64 = 10 * 60 * 1000;

pub(crate) async fn put_metric_data(
    _: &CloudWatch,
    ctx: &Ctx,
    input: PutMetricDataInput,
) -> Result<PutMetricDataOutput, Error> {
    if input.entity_metric_data.is_some() {
        return Err(not_served("the parameter EntityMetricData of PutMetricData"));
    }
    let data = input.metric_data.unwrap_or_default();
    check_request(ctx, &input.namespace, &data)?;
    let now_ms = ctx.now().epoch_ms;
    let mut problems = Vec::new();
    let mut batch = Batch::default();
    for (index, datum) in data.iter().enumerate() {
        let path = format!("MetricData.member.{}", index + 1);
        check_names(&path, datum, &mut problems);
        check_time(&path, datum, now_ms, &mut problems);
        let samples = samples(&path, datum, &mut problems)?;
        batch.add(ctx, &input.namespace, datum, &samples, now_ms);
    }
    if !problems.is_empty() {
        return Err(invalid(problems.join("\n")));
    }
    ctx.store().write(|tx| batch.write(ctx, tx)).await?;
    Ok(PutMetricDataOutput::default())
}

fn check_request(ctx: &Ctx, namespace: &str, data: &[MetricDatum]) -> Result<(), Error> {
    let by_service = matches!(ctx.principal(), Principal::Service { .. });
    if namespace.starts_with("AWS/") && !by_service {
        return Err(invalid("The value AWS/ for parameter Namespace is invalid."));
    }
    if !is_plain(namespace) {
        return Err(invalid("The value for parameter Namespace contains non-ASCII characters."));
    }
    if data.is_empty() {
        return Err(missing("The parameter MetricData is required."));
    }
    if data.len() > DATA_MAX {
        return Err(invalid(format!(
            "The collection MetricData must not have a size greater than {DATA_MAX}."
        )));
    }
    Ok(())
}

/// Printable ASCII.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn check_names(path: &str, datum: &MetricDatum, problems: &mut Vec<String>) {
    let mut plain = |name: String, text: &str| {
        if !is_plain(text) {
            problems.push(format!(
                "The value for parameter {path}.{name} contains non-ASCII characters."
            ));
        }
    };
    plain("MetricName".into(), &datum.metric_name);
    for (index, dimension) in datum.dimensions.iter().flatten().enumerate() {
        let place = format!("Dimensions.member.{}", index + 1);
        plain(format!("{place}.Name"), &dimension.name);
        plain(format!("{place}.Value"), &dimension.value);
    }
}

fn check_time(path: &str, datum: &MetricDatum, now_ms: i64, problems: &mut Vec<String>) {
    let Some(time) = datum.timestamp else { return };
    if time.epoch_ms < now_ms - AGE_MS_MAX {
        problems.push(format!(
            "The parameter {path}.Timestamp must specify a time within the past two weeks."
        ));
    } else if time.epoch_ms > now_ms + AHEAD_MS_MAX {
        problems.push(format!(
            "The parameter {path}.Timestamp must specify a time within the next two hours."
        ));
    }
}

/// What a datum brings; numbers that are none are among the problems.
fn samples(path: &str, datum: &MetricDatum, problems: &mut Vec<String>) -> Result<Cell, Error> {
    let both = |a: &str, b: &str| {
        combination(format!(
            "The parameters {path}.{a} and {path}.{b} are mutually exclusive and you have \
             specified both."
        ))
    };
    if datum.storage_resolution.is_some_and(|seconds| seconds != 1 && seconds != 60) {
        problems.push(format!("The parameter {path}.StorageResolution must be 1 or 60."));
    }
    let mut number = |name: String, value: f64, least: f64| {
        if !value.is_finite() || value > VALUE_MAX || value < least {
            let value = match value {
                value if value.is_nan() => "NaN".to_owned(),
                value if value.is_infinite() && value > 0.0 => "Infinity".to_owned(),
                value if value.is_infinite() => "-Infinity".to_owned(),
                value => value.to_string(),
            };
            problems.push(format!("The value {value} for parameter {path}.{name} is invalid."));
        }
    };
    match (datum.value, &datum.values, &datum.statistic_values) {
        (Some(_), Some(_), _) => Err(both("Value", "Values")),
        (Some(_), _, Some(_)) => Err(both("Value", "StatisticValues")),
        (_, Some(_), Some(_)) => Err(both("Values", "StatisticValues")),
        (Some(value), None, None) => {
            number("Value".into(), value, -VALUE_MAX);
            Ok(Cell::of_values([(value, 1.0)]))
        }
        (None, Some(values), None) => {
            for (index, value) in values.iter().enumerate() {
                number(format!("Values.member.{}", index + 1), *value, -VALUE_MAX);
            }
            for (index, count) in datum.counts.iter().flatten().enumerate() {
                number(format!("Counts.member.{}", index + 1), *count, 0.0);
            }
            counted(path, values, datum.counts.as_deref().unwrap_or_default())
        }
        (None, None, Some(set)) => {
            number("StatisticValues.SampleCount".into(), set.sample_count, 0.0);
            number("StatisticValues.Sum".into(), set.sum, -VALUE_MAX);
            number("StatisticValues.Minimum".into(), set.minimum, -VALUE_MAX);
            number("StatisticValues.Maximum".into(), set.maximum, -VALUE_MAX);
            let set_path = format!("{path}.StatisticValues");
            if set.maximum < set.minimum {
                problems.push(format!(
                    "The parameter {set_path}.Maximum must be greater than {set_path}.Minimum."
                ));
            }
            if set.sample_count == 0.0 {
                problems
                    .push(format!("The parameter {set_path}.SampleCount must be greater than 0."));
            }
            Ok(Cell::of_sums(set.sample_count, set.sum, set.minimum, set.maximum))
        }
        (None, None, None) => Err(missing(format!(
            "At least one of the parameters {path}.Value, {path}.Values or \
             {path}.StatisticValues must be specified."
        ))),
    }
}

fn counted(path: &str, values: &[f64], counts: &[f64]) -> Result<Cell, Error> {
    if values.is_empty() {
        return Err(missing(format!("The parameter {path}.Values is required.")));
    }
    if values.len() > VALUES_MAX {
        return Err(invalid(format!(
            "The collection {path}.Values must not have a size greater than {VALUES_MAX}."
        )));
    }
    if !counts.is_empty() && counts.len() != values.len() {
        return Err(invalid(format!(
            "The parameters {path}.Values and {path}.Counts must be of the same size."
        )));
    }
    let counts = counts.iter().copied().chain(std::iter::repeat(1.0));
    Ok(Cell::of_values(values.iter().copied().zip(counts)))
}

/// What one request changes, merged before it is written.
#[derive(Default)]
struct Batch {
    /// By their key.
    metrics: BTreeMap<Key, Metric>,
    /// By their key.
    cells: BTreeMap<Key, Cell>,
}

impl Batch {
    fn add(
        &mut self,
        ctx: &Ctx,
        namespace: &str,
        datum: &MetricDatum,
        samples: &Cell,
        now_ms: i64,
    ) {
        if samples.count == 0.0 {
            return;
        }
        let dimensions = datum.dimensions.as_deref().unwrap_or_default();
        let name = MetricName::new(namespace, &datum.metric_name, dimensions);
        let id = name.id(ctx);
        let at_ms = datum.timestamp.map_or(now_ms, |time| time.epoch_ms).max(0) as u64;
        let is_fine = datum.storage_resolution == Some(1);
        let unit = datum.unit.as_ref().map_or("None", |unit| unit.as_str());
        let metric = self.metrics.entry(name.key(ctx, &id)).or_default();
        metric.last_ms = metric.last_ms.max(at_ms);
        metric.is_fine |= is_fine;
        metric.dimensions = name.dimensions;
        let fine =
            (is_fine && at_ms + trim::FINE_MS > now_ms.max(0) as u64).then_some(Grain::Second);
        for grain in fine.into_iter().chain([Grain::Minute]) {
            let at_s = at_ms / 1000 / grain.seconds() * grain.seconds();
            let cell = self.cells.entry(cell_key(&id, grain, at_s, unit));
            cell.or_insert_with(Cell::empty).merge(samples);
        }
    }

    fn write(&self, ctx: &Ctx, tx: &mut WriteTx) -> Result<(), StoreError> {
        for (key, metric) in &self.metrics {
            let known = tx.get(&METRICS, key)?;
            let is_noted = known.as_ref().is_some_and(|known| {
                known.last_ms + NOTED_MS > metric.last_ms && (known.is_fine || !metric.is_fine)
            });
            if !is_noted {
                let known = known.unwrap_or_default();
                let metric = Metric {
                    last_ms: metric.last_ms.max(known.last_ms),
                    is_fine: metric.is_fine || known.is_fine,
                    ..metric.clone()
                };
                tx.put(&METRICS, key, &metric)?;
            }
        }
        for (key, samples) in &self.cells {
            table::add(tx, key, samples)?;
        }
        if !tx.contains(&TENDED, (ctx.account(), ctx.region()))? {
            trim::begin(ctx, tx)?;
        }
        Ok(())
    }
}
