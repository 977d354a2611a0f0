//! An alarm as the API shows it.

use api_cloudwatch::MetricAlarm;
use kernel::Ctx;
use shape::Timestamp;

use super::configuration::Query;
use super::{Alarm, Watched, arn};

/// The alarm of a name.
pub(crate) fn shown(ctx: &Ctx, name: &str, alarm: &Alarm) -> MetricAlarm {
    let of = &alarm.configuration;
    let time = |ms: i64| Some(Timestamp::from_ms(ms));
    let mut shown = MetricAlarm {
        alarm_name: Some(name.to_owned()),
        alarm_arn: Some(arn(ctx, name)),
        alarm_description: of.description.clone(),
        alarm_configuration_updated_timestamp: time(alarm.configured_ms),
        actions_enabled: Some(of.enabled),
        ok_actions: Some(of.on_ok.clone()),
        alarm_actions: Some(of.on_alarm.clone()),
        insufficient_data_actions: Some(of.on_insufficient.clone()),
        state_value: Some(alarm.state.value.as_str().into()),
        state_reason: Some(alarm.state.reason.clone()),
        state_reason_data: alarm.state.data.clone(),
        state_updated_timestamp: time(alarm.state.updated_ms),
        state_transitioned_timestamp: time(alarm.transitioned_ms),
        evaluation_periods: Some(of.periods as i32),
        datapoints_to_alarm: of.least.map(|least| least as i32),
        threshold: Some(of.threshold),
        comparison_operator: Some(of.comparison.as_str().into()),
        treat_missing_data: of.missing.clone(),
        evaluate_low_sample_count_percentile: of.low_samples.clone(),
        ..Default::default()
    };
    match &of.watched {
        Watched::Metric(stat) => {
            shown.metric_name = Some(stat.name.clone());
            shown.namespace = Some(stat.namespace.clone());
            shown.dimensions = Some(stat.dimensions());
            shown.period = Some(stat.period_s);
            shown.unit = stat.unit.as_deref().map(Into::into);
            match stat.statistic.as_str() {
                name @ ("SampleCount" | "Average" | "Sum" | "Minimum" | "Maximum") => {
                    shown.statistic = Some(name.into());
                }
                name => shown.extended_statistic = Some(name.to_owned()),
            }
        }
        Watched::Queries(queries) => {
            shown.dimensions = Some(Vec::new());
            shown.metrics = Some(queries.iter().map(Query::api).collect());
        }
    }
    shown
}
