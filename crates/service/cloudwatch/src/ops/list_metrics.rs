//! `ListMetrics`: metrics that had samples in the last two weeks.

use api_cloudwatch::{DimensionFilter, Error, ListMetricsInput, ListMetricsOutput, Metric};
use kernel::Ctx;
use store::{Key, Scan};

use crate::error::{BAD_TOKEN, invalid, not_served};
use crate::metric::MetricName;
use crate::table::{self, METRICS, named};
use crate::{CloudWatch, token};

const PAGE: usize = 500;
/// Metrics that are read at once while those that fit are looked for.
const BATCH: usize = 1000;
const HOUR_MS: u64 = 60 * 60 * 1000;
const SCOPE: &str = "ListMetrics";

pub(crate) async fn list_metrics(
    _: &CloudWatch,
    ctx: &Ctx,
    input: ListMetricsInput,
) -> Result<ListMetricsOutput, Error> {
    if input.owning_account.as_ref().is_some_and(|account| account != ctx.account()) {
        return Err(not_served("metrics of another account (OwningAccount of ListMetrics)"));
    }
    let after = match &input.next_token {
        Some(given) => {
            let opened = token::open(ctx, SCOPE, given).ok_or_else(|| invalid(BAD_TOKEN))?;
            Some(Key::from_bytes(opened))
        }
        None => None,
    };
    let active_ms = match input.recently_active {
        Some(_) => 3 * HOUR_MS,
        None => 15 * 24 * HOUR_MS,
    };
    let since_ms = (ctx.now().epoch_ms.max(0) as u64).saturating_sub(active_ms);
    let fits = |name: &str, metric: &table::Metric| {
        input.metric_name.as_ref().is_none_or(|wanted| wanted == name)
            // The time is noted only now and then.
            && metric.last_ms + super::NOTED_MS > since_ms
            && input.dimensions.iter().flatten().all(|filter| has(metric, filter))
    };
    let (found, next) = page(ctx, &input, after, fits)?;
    let shown = input.include_linked_accounts == Some(true);
    let owners = shown.then(|| vec![ctx.account().to_owned(); found.len()]);
    Ok(ListMetricsOutput {
        metrics: Some(found),
        next_token: next.map(|key| token::issue(ctx, SCOPE, key.as_bytes())),
        owning_accounts: owners,
    })
}

fn has(metric: &table::Metric, filter: &DimensionFilter) -> bool {
    let fits = |(name, value): &(String, String)| {
        *name == filter.name && filter.value.as_ref().is_none_or(|wanted| wanted == value)
    };
    metric.dimensions.iter().any(fits)
}

/// One page, and after which key the next one begins.
fn page(
    ctx: &Ctx,
    input: &ListMetricsInput,
    mut after: Option<Key>,
    fits: impl Fn(&str, &table::Metric) -> bool,
) -> Result<(Vec<Metric>, Option<Key>), Error> {
    let mut prefix = Key::of((ctx.account(), ctx.region()));
    if let Some(namespace) = &input.namespace {
        prefix = prefix.text(namespace);
        if let Some(name) = &input.metric_name {
            prefix = prefix.text(name);
        }
    }
    let snapshot = ctx.store().snapshot();
    let mut found = Vec::new();
    loop {
        let mut scan = Scan::prefix(&prefix).limit(BATCH);
        if let Some(after) = &after {
            scan = scan.after(after);
        }
        let batch = snapshot.scan(&METRICS, scan)?;
        let is_last = batch.len() < BATCH;
        for (key, metric) in batch {
            let (namespace, name, _) = named(&key)?;
            if fits(&name, &metric) {
                if found.len() == PAGE {
                    return Ok((found, after));
                }
                let name = MetricName { namespace, name, dimensions: metric.dimensions };
                found.push(Metric {
                    dimensions: Some(name.dimensions()),
                    namespace: Some(name.namespace),
                    metric_name: Some(name.name),
                });
            }
            after = Some(key);
        }
        if is_last {
            return Ok((found, None));
        }
    }
}
