//! What an alarm watches and does, as it is stored, and how requests say it.

use api_cloudwatch::{Dimension, Error, Metric, MetricDataQuery, MetricStat, PutMetricAlarmInput};
use kernel::{Arn, Ctx};
use serde::{Deserialize, Serialize};

use super::judge::Treatment;
use crate::error::{combination, missing, not_served, validation};
use crate::query::Queries;
use crate::statistic::Statistic;

/// All that `PutMetricAlarm` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub description: Option<String>,
    pub enabled: bool,
    pub on_ok: Vec<String>,
    pub on_alarm: Vec<String>,
    pub on_insufficient: Vec<String>,
    pub watched: Watched,
    pub periods: u32,
    /// `DatapointsToAlarm`, if it was given.
    pub least: Option<u32>,
    pub threshold: f64,
    /// `GreaterThanThreshold`, …
    pub comparison: String,
    /// `TreatMissingData`, if it was given.
    pub missing: Option<String>,
    /// `EvaluateLowSampleCountPercentile`, if it was given.
    pub low_samples: Option<String>,
}

/// What an alarm watches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Watched {
    Metric(Box<Stat>),
    Queries(Vec<Query>),
}

/// A statistic of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stat {
    pub namespace: String,
    pub name: String,
    pub dimensions: Vec<(String, String)>,
    pub statistic: String,
    pub period_s: i32,
    pub unit: Option<String>,
}

/// One of several queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Query {
    pub id: String,
    pub stat: Option<Stat>,
    pub expression: Option<String>,
    pub label: Option<String>,
    pub returns: Option<bool>,
    pub period_s: Option<i32>,
}

impl Configuration {
    /// Reads and checks a request.
    pub fn read(ctx: &Ctx, input: &PutMetricAlarmInput) -> Result<Self, Error> {
        unserved(input)?;
        let watched = watched(ctx, input)?;
        let periods = required(input.evaluation_periods, "EvaluationPeriods")?;
        let threshold = required(input.threshold, "Threshold")?;
        let comparison = required(input.comparison_operator.as_ref(), "ComparisonOperator")?;
        if input.datapoints_to_alarm.is_some_and(|least| least > periods) {
            return Err(validation(
                "DatapointsToAlarm must be less than or equal to EvaluationPeriods",
            ));
        }
        let period_s = watched.period_s();
        let whole_s = i64::from(period_s) * i64::from(periods);
        if whole_s > 604_800 || (period_s < 3600 && whole_s > 86_400) {
            return Err(validation(
                "Metrics cannot be checked across more than a day (EvaluationPeriods * Period \
                 must be <= 86400), or a week for periods of an hour and more.",
            ));
        }
        if !threshold.is_finite() {
            return Err(validation("The parameter Threshold must be a number."));
        }
        if let Some(text) =
            input.treat_missing_data.as_ref().filter(|t| Treatment::read(t).is_none())
        {
            return Err(validation(format!(
                "Option {text} is not supported. Supported options for parameter \
                 TreatMissingData are breaching, notBreaching, ignore and missing."
            )));
        }
        let actions = |list: &Option<Vec<String>>| actions(list.as_deref().unwrap_or_default());
        Ok(Configuration {
            description: input.alarm_description.clone(),
            enabled: input.actions_enabled.unwrap_or(true),
            on_ok: actions(&input.ok_actions)?,
            on_alarm: actions(&input.alarm_actions)?,
            on_insufficient: actions(&input.insufficient_data_actions)?,
            watched,
            periods: periods.max(1) as u32,
            least: input.datapoints_to_alarm.map(|least| least.max(1) as u32),
            threshold,
            comparison: comparison.as_str().to_owned(),
            missing: input.treat_missing_data.clone(),
            low_samples: input.evaluate_low_sample_count_percentile.clone(),
        })
    }

    /// How missing points are seen.
    pub(super) fn treats(&self) -> Treatment {
        // AWS never lets DynamoDB's metrics count as missing.
        let of_dynamodb =
            matches!(&self.watched, Watched::Metric(stat) if stat.namespace == "AWS/DynamoDB");
        let said = self.missing.as_deref().and_then(Treatment::read).unwrap_or(Treatment::Missing);
        if of_dynamodb { Treatment::Ignore } else { said }
    }

    /// So many points of [`Configuration::periods`] make the alarm.
    pub fn least(&self) -> u32 {
        self.least.unwrap_or(self.periods)
    }

    /// Whether a value is beyond the threshold.
    pub fn breaches(&self, value: f64) -> bool {
        match self.comparison.as_str() {
            "GreaterThanThreshold" => value > self.threshold,
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "LessThanThreshold" => value < self.threshold,
            _ => value <= self.threshold,
        }
    }

    /// What is to be done in a state.
    pub fn actions(&self, state: &str) -> &[String] {
        match state {
            "OK" => &self.on_ok,
            "ALARM" => &self.on_alarm,
            _ => &self.on_insufficient,
        }
    }
}

fn required<T>(value: Option<T>, name: &str) -> Result<T, Error> {
    value.ok_or_else(|| missing(format!("The parameter {name} is required.")))
}

/// What would have to be ignored.
fn unserved(input: &PutMetricAlarmInput) -> Result<(), Error> {
    let anomalies = input.comparison_operator.as_ref().is_some_and(|operator| {
        ![
            "GreaterThanThreshold",
            "GreaterThanOrEqualToThreshold",
            "LessThanThreshold",
            "LessThanOrEqualToThreshold",
        ]
        .contains(&operator.as_str())
    });
    for (given, name) in [
        (input.threshold_metric_id.is_some() || anomalies, "anomaly detection"),
        (input.evaluation_window.is_some(), "the parameter EvaluationWindow"),
        (input.warm_up_configuration.is_some(), "the parameter WarmUpConfiguration"),
        (input.evaluation_criteria.is_some(), "the parameter EvaluationCriteria"),
        (input.evaluation_interval.is_some(), "the parameter EvaluationInterval"),
        (input.action_configuration.is_some(), "the parameter ActionConfiguration"),
    ] {
        if given {
            return Err(not_served(format_args!("{name} of PutMetricAlarm")));
        }
    }
    match input.evaluate_low_sample_count_percentile.as_deref() {
        None | Some("evaluate") => Ok(()),
        Some("ignore") => Err(not_served("EvaluateLowSampleCountPercentile=ignore")),
        Some(other) => Err(validation(format!(
            "Option {other} is not supported. Supported options for parameter \
             EvaluateLowSampleCountPercentile are evaluate and ignore."
        ))),
    }
}

/// Actions that can be carried out.
fn actions(list: &[String]) -> Result<Vec<String>, Error> {
    for action in list {
        let Ok(arn) = Arn::parse(action) else {
            return Err(validation(format!("Invalid arn syntax: {action}")));
        };
        if !["sns", "lambda"].contains(&arn.service.as_str()) {
            return Err(not_served(format_args!("the action {action} of an alarm")));
        }
    }
    Ok(list.to_vec())
}

fn watched(ctx: &Ctx, input: &PutMetricAlarmInput) -> Result<Watched, Error> {
    let single = input.metric_name.is_some()
        || input.namespace.is_some()
        || input.dimensions.is_some()
        || input.period.is_some()
        || input.unit.is_some()
        || input.statistic.is_some()
        || input.extended_statistic.is_some();
    match &input.metrics {
        Some(_) if single => Err(combination(
            "The parameters MetricName and Metrics are mutually exclusive and you have specified \
             both.",
        )),
        Some(queries) => {
            let returning = queries.iter().filter(|query| query.return_data.unwrap_or(true));
            if returning.count() != 1 {
                return Err(validation(
                    "Exactly one element of the metrics list should return data.",
                ));
            }
            // Whether they can be answered at all.
            Queries::new(ctx, queries, 0, 1)?;
            Ok(Watched::Queries(queries.iter().map(Query::of).collect()))
        }
        None => single_metric(input),
    }
}

fn single_metric(input: &PutMetricAlarmInput) -> Result<Watched, Error> {
    let name = required(input.metric_name.clone(), "MetricName")?;
    let namespace = required(input.namespace.clone(), "Namespace")?;
    let statistic = match (&input.statistic, &input.extended_statistic) {
        (Some(statistic), None) => statistic.as_str().to_owned(),
        (None, Some(name)) if Statistic::extended(name).is_some() => name.clone(),
        (None, Some(name)) => {
            return Err(validation(format!(
                "The value {name} for parameter ExtendedStatistic is not supported."
            )));
        }
        (None, None) => {
            return Err(missing("Must specify either Statistic or ExtendedStatistic."));
        }
        (Some(_), Some(_)) => {
            return Err(combination(
                "Must specify either Statistic or ExtendedStatistic, but not both.",
            ));
        }
    };
    let period_s = required(input.period, "Period")?;
    if !matches!(period_s, 10 | 20 | 30) && (period_s < 60 || period_s % 60 != 0) {
        return Err(validation("Period must be 10, 20, 30 or a multiple of 60"));
    }
    let dimensions = input.dimensions.iter().flatten();
    Ok(Watched::Metric(Box::new(Stat {
        namespace,
        name,
        dimensions: dimensions.map(|d| (d.name.clone(), d.value.clone())).collect(),
        statistic,
        period_s,
        unit: input.unit.as_ref().map(|unit| unit.as_str().to_owned()),
    })))
}

impl Watched {
    /// The period of its points, in seconds.
    pub fn period_s(&self) -> i32 {
        match self {
            Watched::Metric(stat) => stat.period_s,
            Watched::Queries(queries) => {
                let of = |query: &Query| {
                    query.stat.as_ref().map(|stat| stat.period_s).or(query.period_s)
                };
                queries.iter().filter_map(of).max().unwrap_or(60)
            }
        }
    }

    /// As queries of `GetMetricData`.
    pub fn queries(&self) -> Vec<MetricDataQuery> {
        match self {
            Watched::Metric(stat) => vec![MetricDataQuery {
                id: "m1".to_owned(),
                metric_stat: Some(stat.api()),
                ..Default::default()
            }],
            Watched::Queries(queries) => queries.iter().map(Query::api).collect(),
        }
    }
}

impl Stat {
    /// Its dimensions as the API has them.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let dimension = |(name, value): &(String, String)| Dimension {
            name: name.clone(),
            value: value.clone(),
        };
        self.dimensions.iter().map(dimension).collect()
    }

    fn api(&self) -> MetricStat {
        MetricStat {
            metric: Metric {
                namespace: Some(self.namespace.clone()),
                metric_name: Some(self.name.clone()),
                dimensions: Some(self.dimensions()),
            },
            period: self.period_s,
            stat: self.statistic.clone(),
            unit: self.unit.as_deref().map(Into::into),
        }
    }

    fn of(stat: &MetricStat) -> Self {
        let dimensions = stat.metric.dimensions.iter().flatten();
        Stat {
            namespace: stat.metric.namespace.clone().unwrap_or_default(),
            name: stat.metric.metric_name.clone().unwrap_or_default(),
            dimensions: dimensions.map(|d| (d.name.clone(), d.value.clone())).collect(),
            statistic: stat.stat.clone(),
            period_s: stat.period,
            unit: stat.unit.as_ref().map(|unit| unit.as_str().to_owned()),
        }
    }
}

impl Query {
    fn of(query: &MetricDataQuery) -> Self {
        Query {
            id: query.id.clone(),
            stat: query.metric_stat.as_ref().map(Stat::of),
            expression: query.expression.clone(),
            label: query.label.clone(),
            returns: query.return_data,
            period_s: query.period,
        }
    }

    /// As the API has it.
    pub fn api(&self) -> MetricDataQuery {
        MetricDataQuery {
            id: self.id.clone(),
            metric_stat: self.stat.as_ref().map(Stat::api),
            expression: self.expression.clone(),
            label: self.label.clone(),
            return_data: self.returns,
            period: self.period_s,
            account_id: None,
        }
    }
}
