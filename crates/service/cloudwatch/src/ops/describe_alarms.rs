//! `DescribeAlarms` and `DescribeAlarmsForMetric`.

use api_cloudwatch::{
    AlarmType, DescribeAlarmsForMetricInput, DescribeAlarmsForMetricOutput, DescribeAlarmsInput,
    DescribeAlarmsOutput, Error, MetricAlarm,
};
use kernel::Ctx;
use store::{Key, Part, Scan};

use crate::alarm::{ALARMS, Alarm, Watched, shown};
use crate::error::{bad_token, combination, not_served};
use crate::metric::MetricName;
use crate::{CloudWatch, token};

const PAGE: i32 = 50;
/// Alarms that are read at once while those that fit are looked for.
const BATCH: usize = 500;
const SCOPE: &str = "DescribeAlarms";

pub(crate) async fn describe_alarms(
    _: &CloudWatch,
    ctx: &Ctx,
    input: DescribeAlarmsInput,
) -> Result<DescribeAlarmsOutput, Error> {
    if input.children_of_alarm_name.is_some() || input.parents_of_alarm_name.is_some() {
        return Err(not_served("composite alarms (ChildrenOfAlarmName, ParentsOfAlarmName)"));
    }
    if input.alarm_names.is_some() && input.alarm_name_prefix.is_some() {
        return Err(combination(
            "The parameters AlarmNames and AlarmNamePrefix are mutually exclusive and you have \
             specified both.",
        ));
    }
    let mut output = DescribeAlarmsOutput {
        composite_alarms: Some(Vec::new()),
        metric_alarms: Some(Vec::new()),
        ..Default::default()
    };
    // There are no others.
    if input.alarm_types.as_ref().is_some_and(|types| !types.contains(&AlarmType::MetricAlarm)) {
        return Ok(output);
    }
    let fits = |name: &str, alarm: &Alarm| {
        let named = input.alarm_names.as_ref().is_none_or(|names| names.iter().any(|n| n == name));
        let state = input.state_value.as_ref();
        let of = &alarm.configuration;
        let mut actions = of.on_ok.iter().chain(&of.on_alarm).chain(&of.on_insufficient);
        let prefix = input.action_prefix.as_deref().unwrap_or_default();
        named
            && state.is_none_or(|state| state.as_str() == alarm.state.value)
            && (prefix.is_empty() || actions.any(|action| action.starts_with(prefix)))
    };
    let after = match &input.next_token {
        Some(given) => Some(Key::from_bytes(token::open(ctx, SCOPE, given).ok_or_else(bad_token)?)),
        None => None,
    };
    let most = input.max_records.unwrap_or(PAGE).max(1) as usize;
    let prefix = input.alarm_name_prefix.as_deref().unwrap_or_default();
    let (found, next) = page(ctx, prefix, after, most, fits)?;
    output.metric_alarms = Some(found);
    output.next_token = next.map(|key| token::issue(ctx, SCOPE, key.as_bytes()));
    Ok(output)
}

pub(crate) async fn describe_alarms_for_metric(
    _: &CloudWatch,
    ctx: &Ctx,
    input: DescribeAlarmsForMetricInput,
) -> Result<DescribeAlarmsForMetricOutput, Error> {
    let dimensions = input.dimensions.as_deref().unwrap_or_default();
    let wanted = MetricName::new(&input.namespace, &input.metric_name, dimensions);
    let statistic = input.statistic.as_ref().map(|statistic| statistic.as_str());
    let statistic = statistic.or(input.extended_statistic.as_deref());
    let fits = |_: &str, alarm: &Alarm| match &alarm.configuration.watched {
        Watched::Metric(stat) => {
            MetricName::new(&stat.namespace, &stat.name, &stat.dimensions()) == wanted
                && statistic.is_none_or(|statistic| statistic == stat.statistic)
                && input.period.is_none_or(|period_s| period_s == stat.period_s)
                && input.unit.as_ref().is_none_or(|u| Some(u.as_str()) == stat.unit.as_deref())
        }
        Watched::Queries(_) => false,
    };
    let (found, _) = page(ctx, "", None, usize::MAX, fits)?;
    Ok(DescribeAlarmsForMetricOutput { metric_alarms: Some(found) })
}

/// One page, and after which key the next one begins.
fn page(
    ctx: &Ctx,
    prefix: &str,
    mut after: Option<Key>,
    most: usize,
    fits: impl Fn(&str, &Alarm) -> bool,
) -> Result<(Vec<MetricAlarm>, Option<Key>), Error> {
    let prefix = Key::of((ctx.account(), ctx.region())).text_beginning(prefix);
    let snapshot = ctx.store().snapshot();
    let mut found = Vec::new();
    loop {
        let mut scan = Scan::prefix(&prefix).limit(BATCH);
        if let Some(after) = &after {
            scan = scan.after(after);
        }
        let batch = snapshot.scan(&ALARMS, scan)?;
        let is_last = batch.len() < BATCH;
        for (key, alarm) in batch {
            let Some(Part::Text(name)) = key.parts().and_then(|mut parts| parts.pop()) else {
                continue;
            };
            if fits(&name, &alarm) {
                if found.len() == most {
                    return Ok((found, after));
                }
                found.push(shown(ctx, &name, &alarm));
            }
            after = Some(key);
        }
        if is_last {
            return Ok((found, None));
        }
    }
}
