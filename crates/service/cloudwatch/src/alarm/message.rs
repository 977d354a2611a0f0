//! What topics and functions are told of an alarm, as AWS tells it.

use kernel::Ctx;
use serde_json::{Value as Json, json};
use shape::Timestamp;

use super::configuration::{Query, Stat};
use super::{Alarm, State, Watched, arn};

/// SNS's longest subject.
const SUBJECT_CHARS_MAX: usize = 100;

fn time(ms: i64) -> String {
    Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%S%.3f+0000")
}

/// The subject of a notification.
pub(super) fn subject(ctx: &Ctx, name: &str, state: &State) -> String {
    let plain: String = name.chars().filter(|c| (' '..='~').contains(c)).collect();
    let subject = format!("{}: \"{plain}\" in {}", state.value, place(ctx.region()));
    subject.chars().take(SUBJECT_CHARS_MAX).collect()
}

/// The message of a topic.
pub(super) fn notification(ctx: &Ctx, name: &str, alarm: &Alarm, old: &State) -> Json {
    let of = &alarm.configuration;
    let mut trigger = json!({});
    match &of.watched {
        Watched::Metric(stat) => {
            let plain =
                ["SampleCount", "Average", "Sum", "Minimum", "Maximum"].contains(&&*stat.statistic);
            trigger["MetricName"] = json!(stat.name);
            trigger["Namespace"] = json!(stat.namespace);
            if plain {
                trigger["StatisticType"] = json!("Statistic");
                trigger["Statistic"] = json!(match stat.statistic.as_str() {
                    "SampleCount" => "SAMPLE_COUNT".to_owned(),
                    other => other.to_uppercase(),
                });
            } else {
                trigger["StatisticType"] = json!("ExtendedStatistic");
                trigger["ExtendedStatistic"] = json!(stat.statistic);
            }
            trigger["Unit"] = json!(stat.unit);
            trigger["Dimensions"] = pairs(stat);
        }
        Watched::Queries(queries) => trigger["Metrics"] = queries.iter().map(told).collect(),
    }
    trigger["Period"] = json!(of.watched.period_s());
    trigger["EvaluationPeriods"] = json!(of.periods);
    if let Some(least) = of.least {
        trigger["DatapointsToAlarm"] = json!(least);
    }
    trigger["ComparisonOperator"] = json!(of.comparison);
    trigger["Threshold"] = json!(of.threshold);
    trigger["TreatMissingData"] = json!(of.missing.as_deref().unwrap_or("missing"));
    trigger["EvaluateLowSampleCountPercentile"] = json!(of.low_samples.as_deref().unwrap_or(""));
    json!({
        "AlarmName": name,
        "AlarmDescription": of.description,
        "AWSAccountId": ctx.account(),
        "AlarmConfigurationUpdatedTimestamp": time(alarm.configured_ms),
        "NewStateValue": alarm.state.value,
        "NewStateReason": alarm.state.reason,
        "StateChangeTime": time(alarm.state.updated_ms),
        "Region": place(ctx.region()),
        "AlarmArn": arn(ctx, name),
        "OldStateValue": old.value,
        "OKActions": of.on_ok,
        "AlarmActions": of.on_alarm,
        "InsufficientDataActions": of.on_insufficient,
        "Trigger": trigger,
    })
}

fn pairs(stat: &Stat) -> Json {
    stat.dimensions.iter().map(|(name, value)| json!({"value": value, "name": name})).collect()
}

fn told(query: &Query) -> Json {
    let mut told = json!({"Id": query.id, "ReturnData": query.returns.unwrap_or(true)});
    if let Some(stat) = &query.stat {
        let metric = json!({
            "Dimensions": pairs(stat), "MetricName": stat.name, "Namespace": stat.namespace,
        });
        told["MetricStat"] =
            json!({"Metric": metric, "Period": stat.period_s, "Stat": stat.statistic});
    }
    if let Some(expression) = &query.expression {
        told["Expression"] = json!(expression);
    }
    if let Some(label) = &query.label {
        told["Label"] = json!(label);
    }
    told
}

/// The event of a function.
pub(super) fn event(ctx: &Ctx, name: &str, alarm: &Alarm, old: &State) -> Json {
    json!({
        "source": "aws.cloudwatch",
        "alarmArn": arn(ctx, name),
        "accountId": ctx.account(),
        "time": time(alarm.state.updated_ms),
        "region": ctx.region(),
        "alarmData": told_of_change(name, alarm, old),
    })
}

/// What functions and buses are told of an alarm and its states.
pub(super) fn told_of_change(name: &str, alarm: &Alarm, old: &State) -> Json {
    let of = &alarm.configuration;
    let metrics: Vec<Json> = match &of.watched {
        Watched::Metric(stat) => {
            vec![json!({"id": "m1", "metricStat": of_stat(stat), "returnData": true})]
        }
        Watched::Queries(queries) => queries.iter().map(of_query).collect(),
    };
    let mut configuration = json!({"metrics": metrics});
    if let Some(description) = &of.description {
        configuration["description"] = json!(description);
    }
    json!({
        "alarmName": name,
        "state": of_state(&alarm.state),
        "previousState": of_state(old),
        "configuration": configuration,
    })
}

fn of_state(state: &State) -> Json {
    let mut told = json!({"value": state.value, "reason": state.reason});
    if let Some(data) = &state.data {
        told["reasonData"] = json!(data);
    }
    told["timestamp"] = json!(time(state.updated_ms));
    told
}

fn of_stat(stat: &Stat) -> Json {
    let dimensions: serde_json::Map<String, Json> =
        stat.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let metric = json!({
        "namespace": stat.namespace, "name": stat.name, "dimensions": dimensions,
    });
    let mut told = json!({"metric": metric, "period": stat.period_s, "stat": stat.statistic});
    if let Some(unit) = &stat.unit {
        told["unit"] = json!(unit);
    }
    told
}

fn of_query(query: &Query) -> Json {
    let mut told = json!({"id": query.id, "returnData": query.returns.unwrap_or(true)});
    if let Some(stat) = &query.stat {
        told["metricStat"] = of_stat(stat);
    }
    if let Some(expression) = &query.expression {
        told["expression"] = json!(expression);
    }
    if let Some(label) = &query.label {
        told["label"] = json!(label);
    }
    told
}

/// A region as messages name it.
fn place(region: &str) -> &str {
    match region {
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        "ca-central-1" => "Canada (Central)",
        "eu-central-1" => "EU (Frankfurt)",
        "eu-north-1" => "EU (Stockholm)",
        "eu-west-1" => "EU (Ireland)",
        "eu-west-2" => "EU (London)",
        "eu-west-3" => "EU (Paris)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        "ap-northeast-3" => "Asia Pacific (Osaka)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "sa-east-1" => "South America (Sao Paulo)",
        other => other,
    }
}
