//! Metric filters: numbers in log events on their way to CloudWatch, counted by minute, value and
//! dimensions before they go. At least once, as on AWS.

use std::collections::BTreeMap;

use api_cloudwatch::{Client, Dimension, MetricDatum, PutMetricDataInput, StandardUnit};
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level, store_fault};
use shape::Timestamp;
use store::Scan;

use crate::event::Event;
use crate::filters::{Batch, METRIC_FILTERS, MetricFilter};
use crate::pattern::{Pattern, Reference};
use crate::table::DAY_MS;

/// The topic of log events that metric filters may count.
pub(crate) const TOPIC: &str = "logs/metric-filters";
const MINUTE_MS: u64 = 60 * 1000;
/// Older samples CloudWatch refuses.
const AGE_MS_MAX: i64 = 14 * DAY_MS;
/// `PutMetricData`'s limit.
const DATA_MAX: usize = 1000;
/// 2^360.
const NUMBER_MAX: f64 = 2.348_542_582_773_833_4e108;

/// What a filter publishes for an event that matches.
pub(crate) struct Extractor {
    pub pattern: Pattern,
    value: Value,
    dimensions: Vec<(String, Reference)>,
}

enum Value {
    Number(f64),
    Of(Reference),
}

/// Why a transformation is refused.
pub(crate) enum Unsound {
    Pattern(crate::pattern::PatternError),
    Value,
    Dimension,
}

impl Extractor {
    /// Reads a filter.
    pub fn of(filter: &MetricFilter) -> Result<Self, Unsound> {
        let pattern = Pattern::parse(&filter.pattern).map_err(Unsound::Pattern)?;
        let value = match filter.value.strip_prefix('$') {
            Some(_) => Value::Of(pattern.reference(&filter.value).ok_or(Unsound::Value)?),
            None => Value::Number(number(&filter.value).ok_or(Unsound::Value)?),
        };
        let reference = |(name, text): (&String, &String)| {
            let reference = pattern.reference(text).ok_or(Unsound::Dimension)?;
            Ok((name.clone(), reference))
        };
        let dimensions = filter.dimensions.iter().map(reference).collect::<Result<_, _>>()?;
        Ok(Extractor { pattern, value, dimensions })
    }

    /// The number and the dimensions of an event that matches; nothing where one is not there.
    fn extract(&self, message: &str) -> Option<(f64, Vec<(String, String)>)> {
        let value = match &self.value {
            Value::Number(number) => *number,
            Value::Of(reference) => number(&self.pattern.value(reference, message)?)?,
        };
        let dimension = |(name, reference): &(String, Reference)| {
            let value = self.pattern.value(reference, message)?;
            (!value.trim().is_empty()).then(|| (name.clone(), value))
        };
        let dimensions = self.dimensions.iter().map(dimension).collect::<Option<_>>()?;
        Some((value, dimensions))
    }
}

/// A number as CloudWatch takes it.
pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.abs() <= NUMBER_MAX)
}

/// How often a value came, by minute, dimensions and the value's bits.
type Counts = BTreeMap<(u64, Vec<(String, String)>, u64), f64>;

/// Hands metrics over.
pub(crate) struct MetricFilters;

impl EventHandler for MetricFilters {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a store::Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let batch: Batch = event.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx("logs.amazonaws.com", &batch.account, &batch.region);
            let read = ctx.store().read(|tx| {
                let of_group = (batch.account.as_str(), batch.region.as_str(), batch.rows.as_str());
                let filters = tx.scan(&METRIC_FILTERS, Scan::prefix(of_group))?;
                Ok::<_, store::StoreError>((filters, batch.events(tx)?))
            });
            let (filters, events) = read.map_err(store_fault)?;
            let oldest_ms = ctx.now().epoch_ms - AGE_MS_MAX;
            for (_, filter) in filters {
                let Ok(extractor) = Extractor::of(&filter) else { continue };
                if filter.created_ms > batch.ingested_ms {
                    continue;
                }
                let mut counts = count(&filter, &extractor, &events)?;
                counts.retain(|(minute_ms, ..), _| *minute_ms as i64 >= oldest_ms);
                put(&ctx, &filter, counts).await?;
            }
            Ok(())
        })
    }
}

/// What a filter finds in events.
fn count(filter: &MetricFilter, extractor: &Extractor, events: &[Event]) -> Result<Counts, Fault> {
    let mut counts = Counts::new();
    // Minutes, and whether anything in them matched.
    let mut minutes: BTreeMap<u64, bool> = BTreeMap::new();
    for event in events {
        let text = event.text()?;
        let minute_ms = event.place.timestamp_ms / MINUTE_MS * MINUTE_MS;
        let matched = minutes.entry(minute_ms).or_default();
        if !extractor.pattern.matches(text) {
            continue;
        }
        *matched = true;
        if let Some((value, dimensions)) = extractor.extract(text) {
            *counts.entry((minute_ms, dimensions, value.to_bits())).or_default() += 1.0;
        }
    }
    if let Some(default) = filter.default {
        let without = minutes.into_iter().filter(|(_, matched)| !matched);
        counts.extend(without.map(|(at_ms, _)| ((at_ms, Vec::new(), default.to_bits()), 1.0)));
    }
    Ok(counts)
}

async fn put(ctx: &Ctx, filter: &MetricFilter, counts: Counts) -> Result<(), Fault> {
    let unit = filter.unit.as_deref().map(StandardUnit::from);
    let datum = |((minute_ms, dimensions, bits), count): ((u64, Vec<_>, u64), f64)| {
        let dimension = |(name, value)| Dimension { name, value };
        let dimensions: Vec<Dimension> = dimensions.into_iter().map(dimension).collect();
        MetricDatum {
            metric_name: filter.metric.clone(),
            dimensions: (!dimensions.is_empty()).then_some(dimensions),
            timestamp: Some(Timestamp::from_ms(minute_ms as i64)),
            values: Some(vec![f64::from_bits(bits)]),
            counts: Some(vec![count]),
            unit: unit.clone(),
            ..Default::default()
        }
    };
    let data: Vec<MetricDatum> = counts.into_iter().map(datum).collect();
    for part in data.chunks(DATA_MAX) {
        let input = PutMetricDataInput {
            namespace: filter.namespace.clone(),
            metric_data: Some(part.to_vec()),
            ..Default::default()
        };
        match ctx.client::<Client>().put_metric_data(input).await {
            // What CloudWatch does not want now it will not want later.
            Err(fault) if fault.status < 500 => {
                let namespace = &filter.namespace;
                ctx.log(Level::Warn, format_args!("metric filter for {namespace}: {fault:?}"));
            }
            other => other.map(drop)?,
        }
    }
    Ok(())
}
