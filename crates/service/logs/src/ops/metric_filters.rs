//! `PutMetricFilter`, `DescribeMetricFilters`, `DeleteMetricFilter`, `TestMetricFilter`.
//!
//! ```text
//! aws logs put-metric-filter --log-group-name /app --filter-name late --filter-pattern '{ $.ms > 100 }' \
//!     --metric-transformations metricName=Late,metricNamespace=Desk,metricValue='$.ms'
//! ```

use std::collections::BTreeMap;

use api_logs::{
    DeleteMetricFilterOutput, DeleteMetricFilterRequest, DescribeMetricFiltersRequest,
    DescribeMetricFiltersResponse, Error, MetricFilter as Described, MetricFilterMatchRecord,
    MetricTransformation, PutMetricFilterOutput, PutMetricFilterRequest, StandardUnit,
    TestMetricFilterRequest, TestMetricFilterResponse,
};
use kernel::{Ctx, Fault};
use store::{Key, Scan};

use super::{PAGE_ITEMS, count, pattern_refusal};
use crate::error::{invalid, no_filter, not_served, too_many};
use crate::filters::{METRIC_FILTERS, METRIC_FILTERS_MAX, MetricFilter};
use crate::metric_filters::{Extractor, Unsound};
use crate::pattern::Pattern;
use crate::table::{GROUPS, group_key, name_in, require_group, stream_key};
use crate::{Logs, token};

const DIMENSIONS_MAX: usize = 3;
/// Filters looked at in one step.
const STEP: usize = 256;

pub(crate) async fn put_metric_filter(
    _: &Logs,
    ctx: &Ctx,
    input: PutMetricFilterRequest,
) -> Result<PutMetricFilterOutput, Error> {
    let (group, name) = (input.log_group_name.clone(), input.filter_name.clone());
    ctx.store().read(|tx| require_group(tx, ctx, &group))?;
    let mut filter = checked(ctx, input)?;
    ctx.store()
        .write(|tx| {
            let mut parent = require_group(tx, ctx, &group)?;
            let rows = parent.rows(&group).to_owned();
            let key = stream_key(ctx, &rows, &name);
            match tx.get(&METRIC_FILTERS, key)? {
                Some(old) => filter.created_ms = old.created_ms,
                None if parent.metric_filters >= METRIC_FILTERS_MAX => {
                    return Err(too_many().into());
                }
                None => {
                    parent.metric_filters += 1;
                    tx.put(&GROUPS, group_key(ctx, &group), &parent)?;
                }
            }
            Ok::<_, Error>(tx.put(&METRIC_FILTERS, key, &filter)?)
        })
        .await?;
    Ok(PutMetricFilterOutput {})
}

fn checked(ctx: &Ctx, input: PutMetricFilterRequest) -> Result<MetricFilter, Error> {
    let system = input.emit_system_field_dimensions.as_ref();
    let unserved = [
        ("applyOnTransformedLogs", input.apply_on_transformed_logs == Some(true)),
        ("fieldSelectionCriteria", input.field_selection_criteria.is_some()),
        ("emitSystemFieldDimensions", system.is_some_and(|list| !list.is_empty())),
    ];
    if let Some((parameter, _)) = unserved.into_iter().find(|(_, is_given)| *is_given) {
        return Err(not_served("PutMetricFilter", parameter).into());
    }
    // The model wants exactly one.
    let Some(wanted) = input.metric_transformations.into_iter().next() else {
        return Err(invalid("Exactly one metric transformation is needed.").into());
    };
    let filter = MetricFilter {
        group: input.log_group_name,
        pattern: input.filter_pattern,
        metric: wanted.metric_name,
        namespace: wanted.metric_namespace,
        value: wanted.metric_value,
        default: wanted.default_value,
        dimensions: wanted.dimensions.unwrap_or_default(),
        unit: wanted.unit.map(|unit| unit.as_str().to_owned()),
        created_ms: ctx.now().epoch_ms.max(0) as u64,
    };
    check(&filter)?;
    Ok(filter)
}

fn check(filter: &MetricFilter) -> Result<(), Fault> {
    let wrong = |what: &str| Err(invalid(format!("Invalid metric transformation: {what}")));
    if filter.default.is_some() && !filter.dimensions.is_empty() {
        return wrong("dimensions and default value are mutually exclusive properties.");
    }
    if filter.dimensions.len() > DIMENSIONS_MAX {
        return wrong("there can be at most 3 dimensions.");
    }
    if filter.metric.is_empty() || filter.namespace.is_empty() {
        return wrong("metric name and namespace must not be empty.");
    }
    if filter.namespace.starts_with("AWS/") {
        return wrong("namespaces that begin with AWS/ are reserved for AWS.");
    }
    match Extractor::of(filter) {
        Ok(_) => Ok(()),
        Err(Unsound::Pattern(error)) => Err(pattern_refusal(error)),
        Err(Unsound::Value) => wrong("metricValue is neither a number nor a field of the pattern."),
        Err(Unsound::Dimension) => wrong("a dimension's value is no field of the pattern."),
    }
}

pub(crate) async fn describe_metric_filters(
    _: &Logs,
    ctx: &Ctx,
    input: DescribeMetricFiltersRequest,
) -> Result<DescribeMetricFiltersResponse, Error> {
    let group = input.log_group_name.as_deref();
    if group.is_none() && input.filter_name_prefix.is_some() {
        return Err(invalid("filterNamePrefix can only be used with logGroupName.").into());
    }
    if input.metric_name.is_some() != input.metric_namespace.is_some() {
        return Err(invalid("metricName and metricNamespace must be given together.").into());
    }
    let scope = Key::of(("DescribeMetricFilters", group.unwrap_or_default()));
    let limit = count(input.limit, PAGE_ITEMS);
    let mut found = ctx.store().read(|tx| {
        let prefix = match group {
            Some(group) => {
                let parent = require_group(tx, ctx, group)?;
                let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
                Key::of(group_key(ctx, parent.rows(group))).text_beginning(prefix)
            }
            None => Key::of((ctx.account(), ctx.region())),
        };
        let mut scan = Scan::prefix(prefix).limit(STEP);
        if let Some(given) = &input.next_token {
            scan = scan.after(Key::from_bytes(token::open(ctx, &scope, given)?));
        }
        let mut found: Vec<(Key, MetricFilter)> = Vec::new();
        loop {
            let step = tx.scan(&METRIC_FILTERS, scan.clone())?;
            let full = step.len() == STEP;
            for (key, filter) in step {
                scan = scan.after(&key);
                let is_of =
                    |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
                if is_of(&input.metric_name, &filter.metric)
                    && is_of(&input.metric_namespace, &filter.namespace)
                {
                    found.push((key, filter));
                }
            }
            if !full || found.len() > limit {
                return Ok::<_, Error>(found);
            }
        }
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|(key, _)| token::issue(ctx, &scope, key.as_bytes()));
    let metric_filters = Some(found.into_iter().map(described).collect());
    Ok(DescribeMetricFiltersResponse { metric_filters, next_token })
}

fn described((key, filter): (Key, MetricFilter)) -> Described {
    let transformation = MetricTransformation {
        metric_name: filter.metric,
        metric_namespace: filter.namespace,
        metric_value: filter.value,
        default_value: filter.default,
        dimensions: (!filter.dimensions.is_empty()).then_some(filter.dimensions),
        unit: filter.unit.as_deref().map(StandardUnit::from),
    };
    Described {
        filter_name: Some(name_in(&key)),
        filter_pattern: Some(filter.pattern),
        metric_transformations: Some(vec![transformation]),
        creation_time: Some(filter.created_ms as i64),
        log_group_name: Some(filter.group),
        apply_on_transformed_logs: Some(false),
        ..Default::default()
    }
}

pub(crate) async fn delete_metric_filter(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteMetricFilterRequest,
) -> Result<DeleteMetricFilterOutput, Error> {
    let group = &input.log_group_name;
    ctx.store()
        .write(|tx| {
            let mut parent = require_group(tx, ctx, group)?;
            let rows = parent.rows(group).to_owned();
            let key = stream_key(ctx, &rows, &input.filter_name);
            if !tx.contains(&METRIC_FILTERS, key)? {
                return Err(Error::from(no_filter("metric")));
            }
            parent.metric_filters = parent.metric_filters.saturating_sub(1);
            tx.put(&GROUPS, group_key(ctx, group), &parent)?;
            Ok(tx.delete(&METRIC_FILTERS, key)?)
        })
        .await?;
    Ok(DeleteMetricFilterOutput {})
}

pub(crate) async fn test_metric_filter(
    _: &Logs,
    _: &Ctx,
    input: TestMetricFilterRequest,
) -> Result<TestMetricFilterResponse, Error> {
    let pattern = Pattern::parse(&input.filter_pattern).map_err(pattern_refusal)?;
    let matches = (1..).zip(input.log_event_messages);
    let matches = matches.filter(|(_, message)| pattern.matches(message));
    let record = |(number, message): (i64, String)| {
        let extracted: BTreeMap<String, String> = pattern.extracted(&message).into_iter().collect();
        MetricFilterMatchRecord {
            event_number: Some(number),
            event_message: Some(message),
            extracted_values: Some(extracted),
        }
    };
    Ok(TestMetricFilterResponse { matches: Some(matches.map(record).collect()) })
}
