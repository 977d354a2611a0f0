//! From what was counted to CloudWatch: one request for up to a thousand metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use api_cloudwatch::{Client, Dimension, MetricDatum, PutMetricDataInput};
use kernel::{Ctx, Fault, Kernel, Level};
use shape::Timestamp;

use super::{Counted, Metric, Metrics, Samples, Subject};
use crate::concurrency::Concurrency;

/// How long counts wait for others to go with them.
const PAUSE: Duration = Duration::from_secs(5);
/// How long the end waits for invocations that are being told of, in looks of [`LOOK`].
const LOOKS_MAX: u32 = 40;
const LOOK: Duration = Duration::from_millis(25);
/// `PutMetricData`'s limits.
const DATA_MAX: usize = 1000;
const VALUES_MAX: usize = 150;
/// Data that wait while CloudWatch cannot take them; the oldest are lost first.
const WAITING_MAX: usize = 50_000;

/// Data by account and region.
type Waiting = BTreeMap<(String, String), Vec<MetricDatum>>;

/// Hands over until the server stops, and then once more.
pub(crate) async fn run(kernel: Kernel, metrics: &Metrics, concurrency: &Concurrency) {
    let mut waiting = Waiting::new();
    loop {
        tokio::select! {
            () = kernel.stopping() => break,
            () = kernel.clock().sleep(PAUSE) => {}
        }
        metrics.hand_over(&kernel, &mut waiting).await;
    }
    for _ in 0..LOOKS_MAX {
        if concurrency.is_idle() {
            break;
        }
        kernel.clock().sleep(LOOK).await;
    }
    metrics.hand_over(&kernel, &mut waiting).await;
}

impl Metrics {
    async fn hand_over(&self, kernel: &Kernel, waiting: &mut Waiting) {
        let counted = std::mem::take(&mut *self.lock());
        add(counted, waiting);
        for ((account, region), data) in waiting.iter_mut() {
            let ctx = kernel.service_ctx("lambda.amazonaws.com", account, region);
            while !data.is_empty() {
                let rest = data.split_off(data.len().min(DATA_MAX));
                let sent = put(&ctx, data.clone()).await;
                match sent {
                    Ok(()) => *data = rest,
                    Err(fault) => {
                        data.extend(rest);
                        data.drain(..data.len().saturating_sub(WAITING_MAX));
                        kernel.log(Level::Warn, format_args!("Lambda's metrics wait: {fault:?}"));
                        break;
                    }
                }
            }
        }
        waiting.retain(|_, data| !data.is_empty());
    }
}

async fn put(ctx: &Ctx, data: Vec<MetricDatum>) -> Result<(), Fault> {
    let input = PutMetricDataInput {
        namespace: "AWS/Lambda".into(),
        metric_data: Some(data),
        ..Default::default()
    };
    ctx.client::<Client>().put_metric_data(input).await.map(drop)
}

/// Makes data of what was counted, for each set of dimensions that AWS has.
fn add(counted: Counted, waiting: &mut Waiting) {
    for ((subject, minute), metrics) in counted {
        let (account, region, _) = &subject.function;
        let data = waiting.entry((account.clone(), region.clone())).or_default();
        for (metric, samples) in &metrics {
            for dimensions in dimensions(&subject, *metric) {
                data.extend(datum(*metric, &dimensions, minute, samples));
            }
        }
    }
}

/// Of the whole account, of the function, as it was asked for, and of the version behind an alias.
fn dimensions(subject: &Subject, metric: Metric) -> Vec<Vec<Dimension>> {
    let pair = |name: &str, value: &str| Dimension { name: name.into(), value: value.into() };
    let (_, _, function) = &subject.function;
    if function.is_empty() {
        return vec![Vec::new()];
    }
    let mut sets = vec![vec![pair("FunctionName", function)]];
    if metric == Metric::CONCURRENT {
        return sets;
    }
    let resource = match &subject.qualifier {
        Some(qualifier) => format!("{function}:{qualifier}"),
        None => function.clone(),
    };
    sets.push(vec![pair("FunctionName", function), pair("Resource", &resource)]);
    if let (Some(qualifier), Some(version)) = (&subject.qualifier, &subject.version)
        && qualifier != version
    {
        let mut set = sets[1].clone();
        set.push(pair("ExecutedVersion", version));
        sets.push(set);
    }
    // Provisioned concurrency is a function's.
    if !metric.0.starts_with("Provisioned") {
        sets.push(Vec::new());
    }
    sets
}

fn datum(
    metric: Metric,
    dimensions: &[Dimension],
    minute: i64,
    samples: &Samples,
) -> Vec<MetricDatum> {
    let (values, counts): (Vec<f64>, Vec<f64>) = samples.values().unzip();
    let parts = values.chunks(VALUES_MAX).zip(counts.chunks(VALUES_MAX));
    let datum = |(values, counts): (&[f64], &[f64])| MetricDatum {
        metric_name: metric.0.into(),
        dimensions: Some(dimensions.to_vec()),
        timestamp: Some(Timestamp::from_ms(minute * 60_000)),
        values: Some(values.to_vec()),
        counts: Some(counts.to_vec()),
        unit: Some(metric.1.into()),
        ..Default::default()
    };
    parts.map(datum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(qualifier: Option<&str>, version: &str, metric: Metric, expected: &str) {
        let function = ("111122223333".to_owned(), "eu-west-1".to_owned(), "desk".to_owned());
        let (qualifier, version) = (qualifier.map(str::to_owned), Some(version.to_owned()));
        let subject = Subject { function, qualifier, version };
        let shown: Vec<String> = dimensions(&subject, metric)
            .iter()
            .map(|set| set.iter().map(|d| d.value.as_str()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(shown.join(", "), expected);
    }

    #[test]
    fn sets_of_dimensions() {
        check(None, "$LATEST", Metric::ERRORS, "desk, desk desk, ");
        check(Some("3"), "3", Metric::DURATION, "desk, desk desk:3, ");
        check(Some("live"), "3", Metric::ERRORS, "desk, desk desk:live, desk desk:live 3, ");
        check(Some("3"), "3", Metric::PROVISIONED_INVOCATIONS, "desk, desk desk:3");
        check(None, "$LATEST", Metric::CONCURRENT, "desk");
    }
}
