//! The functions of metric math.

use std::collections::BTreeMap;

use super::evaluate::{Inputs, map};
use super::{Points, Refused, Series, Value, kind};

/// Points that a function may make where a metric has none.
const FILLED_MAX: u64 = 110_000;

/// Functions that AWS has, and this build does not.
const UNSERVED: [&str; 14] = [
    "ANOMALY_DETECTION_BAND",
    "DATE",
    "DAY",
    "DB_PERF_INSIGHTS",
    "HOUR",
    "INSIGHT_RULE_METRIC",
    "LAMBDA",
    "MINUTE",
    "MONTH",
    "SEARCH",
    "SERVICE_QUOTA",
    "SLICE",
    "SORT",
    "YEAR",
];

/// Calls a function by its name in capitals.
pub(super) fn call(inputs: &Inputs, name: &str, values: Vec<Value>) -> Result<Value, Refused> {
    let count = values.len();
    let mut values = values.into_iter();
    let mut next = || values.next();
    match (name, count) {
        ("METRICS", 0) => Ok(metrics(inputs, "")),
        ("METRICS", 1) => match next() {
            Some(Value::Text(part)) => Ok(metrics(inputs, &part)),
            _ => Err(kind("METRICS wants a text")),
        },
        ("FILL", 2) => {
            let (series, with) = (next(), next());
            let with = with.unwrap_or(Value::Number(0.0));
            each(series, |series| fill(series, &with))
        }
        ("IF", 2 | 3) => {
            let (Some(condition), Some(then)) = (next(), next()) else { return Err(wrong(name)) };
            choose(&condition, &then, next().as_ref())
        }
        ("TIME_SERIES", 1) => match (next(), inputs.metrics.first()) {
            (Some(Value::Number(number)), Some((_, first))) => {
                let none = Series { label: String::new(), points: Points::new(), span: first.span };
                Ok(Value::Series(fill(none, &Value::Number(number))?))
            }
            _ => Err(kind("TIME_SERIES wants a number, and a metric beside it")),
        },
        (_, 1) => match next() {
            Some(value) => of_one(name, value),
            None => Err(wrong(name)),
        },
        _ => Err(wrong(name)),
    }
}

fn wrong(name: &str) -> Refused {
    match UNSERVED.contains(&name) {
        true => Refused::Unserved(format!("the function {name} of metric math")),
        false => Refused::Syntax(format!("Unknown function, or wrong arguments: {name}")),
    }
}

fn metrics(inputs: &Inputs, part: &str) -> Value {
    let fits = inputs.metrics.iter().filter(|(id, _)| id.contains(part));
    Value::List(fits.map(|(_, series)| series.clone()).collect())
}

/// Functions of one argument.
fn of_one(name: &str, value: Value) -> Result<Value, Refused> {
    match (name, value) {
        ("ABS", value) => each(Some(value), |series| Ok(map(series, |_, v| v.abs()))),
        ("CEIL", value) => each(Some(value), |series| Ok(map(series, |_, v| v.ceil()))),
        ("FLOOR", value) => each(Some(value), |series| Ok(map(series, |_, v| v.floor()))),
        ("LOG", value) => each(Some(value), |series| Ok(map(series, |_, v| v.ln()))),
        ("LOG10", value) => each(Some(value), |series| Ok(map(series, |_, v| v.log10()))),
        ("EPOCH", value) => each(Some(value), |series| Ok(map(series, |at_s, _| at_s as f64))),
        ("DIFF", value) => each(Some(value), |series| Ok(steps(series, |_, by| by))),
        ("DIFF_TIME", value) => each(Some(value), |series| Ok(steps(series, |time, _| time))),
        ("RATE", value) => each(Some(value), |series| Ok(steps(series, |time, by| by / time))),
        ("RUNNING_SUM", value) => each(Some(value), |series| Ok(running(series))),
        ("PERIOD", Value::Series(series)) => Ok(Value::Number(series.span.period_s as f64)),
        ("METRIC_COUNT", Value::List(list)) => Ok(Value::Number(list.len() as f64)),
        ("REMOVE_EMPTY", Value::List(list)) => {
            let some = list.into_iter().filter(|series| !series.points.is_empty());
            Ok(Value::List(some.collect()))
        }
        ("FIRST", Value::List(list)) => {
            let first = list.into_iter().next();
            first.map(Value::Series).ok_or_else(|| kind("FIRST of an empty array"))
        }
        ("LAST", Value::List(list)) => {
            let last = list.into_iter().next_back();
            last.map(Value::Series).ok_or_else(|| kind("LAST of an empty array"))
        }
        (name, value) => match aggregate(name) {
            Some(of) => gather(value, of),
            None => Err(wrong(name)),
        },
    }
}

type Aggregate = fn(&[f64]) -> f64;

fn aggregate(name: &str) -> Option<Aggregate> {
    Some(match name {
        "SUM" => |values| values.iter().sum(),
        "AVG" => mean,
        "MIN" => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
        "MAX" => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "STDDEV" => |values| {
            let mean = mean(values);
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (squares / values.len() as f64).sqrt()
        },
        "DATAPOINT_COUNT" => |values| values.len() as f64,
        _ => return None,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// One number of a series; one series of several, moment by moment.
fn gather(value: Value, of: Aggregate) -> Result<Value, Refused> {
    match value {
        Value::Series(series) => {
            let values: Vec<f64> = series.points.into_values().collect();
            Ok(Value::Number(of(&values)))
        }
        Value::List(list) => {
            let Some(span) = list.first().map(|series| series.span) else {
                return Err(kind("An array of time series is empty"));
            };
            let mut moments: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for series in list {
                for (at_s, value) in series.points {
                    moments.entry(at_s).or_default().push(value);
                }
            }
            let points = moments.into_iter().map(|(at_s, values)| (at_s, of(&values))).collect();
            Ok(Value::Series(Series { label: String::new(), points, span }))
        }
        Value::Number(number) => Ok(Value::Number(number)),
        Value::Text(_) => Err(kind("A time series is wanted")),
    }
}

/// Changes a series, or each of several; a number counts as a series of one.
fn each(
    value: Option<Value>,
    change: impl Fn(Series) -> Result<Series, Refused>,
) -> Result<Value, Refused> {
    match value {
        Some(Value::Series(series)) => Ok(Value::Series(change(series)?)),
        Some(Value::List(list)) => {
            Ok(Value::List(list.into_iter().map(change).collect::<Result<_, _>>()?))
        }
        _ => Err(kind("A time series is wanted")),
    }
}

/// What becomes of the time and the difference between each point and the one before it.
fn steps(series: Series, change: fn(f64, f64) -> f64) -> Series {
    let points: Vec<(u64, f64)> = series.points.iter().map(|(at, value)| (*at, *value)).collect();
    let step = |pair: &[(u64, f64)]| {
        let (time, by) = ((pair[1].0 - pair[0].0) as f64, pair[1].1 - pair[0].1);
        (pair[1].0, change(time, by))
    };
    Series { points: points.windows(2).map(step).collect(), ..series }
}

fn running(mut series: Series) -> Series {
    let mut sum = 0.0;
    for value in series.points.values_mut() {
        sum += *value;
        *value = sum;
    }
    series
}

/// Gives a series a point in every period.
fn fill(mut series: Series, with: &Value) -> Result<Series, Refused> {
    let span = series.span;
    if span.points_max() > FILLED_MAX {
        return Err(kind("A series to be filled has too many periods"));
    }
    let moments = || (0..span.points_max()).map(|n| span.start_s + n * span.period_s);
    match with {
        Value::Number(number) => {
            for at_s in moments() {
                series.points.entry(at_s).or_insert(*number);
            }
        }
        Value::Series(other) => {
            for (at_s, value) in &other.points {
                series.points.entry(*at_s).or_insert(*value);
            }
        }
        Value::Text(way) if way == "REPEAT" => {
            let mut last = None;
            for at_s in moments() {
                match (series.points.get(&at_s), last) {
                    (Some(value), _) => last = Some(*value),
                    (None, Some(value)) => drop(series.points.insert(at_s, value)),
                    (None, None) => {}
                }
            }
        }
        Value::Text(way) if way == "LINEAR" => {
            let known: Vec<(u64, f64)> = series.points.iter().map(|(a, v)| (*a, *v)).collect();
            for pair in known.windows(2) {
                let slope = (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0) as f64;
                let mut at_s = pair[0].0 + span.period_s;
                while at_s < pair[1].0 {
                    series.points.insert(at_s, pair[0].1 + slope * (at_s - pair[0].0) as f64);
                    at_s += span.period_s;
                }
            }
        }
        Value::Text(_) | Value::List(_) => {
            return Err(kind("FILL wants a number, REPEAT, LINEAR or a time series"));
        }
    }
    Ok(series)
}

/// `IF`: one of two values, moment by moment where the condition is a series.
fn choose(condition: &Value, then: &Value, otherwise: Option<&Value>) -> Result<Value, Refused> {
    let at = |value: &Value, at_s: u64| match value {
        Value::Number(number) => Ok(Some(*number)),
        Value::Series(series) => Ok(series.points.get(&at_s).copied()),
        _ => Err(kind("IF wants numbers and time series")),
    };
    match condition {
        Value::Series(series) => {
            let mut points = Points::new();
            for (at_s, holds) in &series.points {
                let value = match (*holds != 0.0, otherwise) {
                    (true, _) => at(then, *at_s)?,
                    (false, Some(otherwise)) => at(otherwise, *at_s)?,
                    (false, None) => None,
                };
                points.extend(value.map(|value| (*at_s, value)));
            }
            Ok(Value::Series(Series { label: String::new(), points, span: series.span }))
        }
        Value::Number(number) if *number != 0.0 => Ok(then.clone()),
        Value::Number(_) => {
            otherwise.cloned().ok_or_else(|| kind("IF has no value for a false condition"))
        }
        _ => Err(kind("IF wants a number or a time series as its condition")),
    }
}
