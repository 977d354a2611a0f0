//! The embedded metric format: metrics in the text of a log event, as AWS specifies it. An event
//! that breaks a rule anywhere has none.

use api_cloudwatch::{Dimension, MetricDatum, StandardUnit};
use serde_json::{Map, Value as Json};
use shape::Timestamp;

const DIMENSIONS_MAX: usize = 30;
const METRICS_MAX: usize = 100;
const VALUES_MAX: usize = 100;
/// Data of one event, which has a set of dimensions for each metric, and any number of sets.
const DATA_MAX: usize = 1000;
const NAMESPACE_CHARS_MAX: usize = 1024;
const METRIC_CHARS_MAX: usize = 1024;
const DIMENSION_CHARS_MAX: usize = 250;
const VALUE_CHARS_MAX: usize = 1024;
/// 2^360.
const NUMBER_MAX: f64 = 2.348_542_582_773_833_4e108;
const AGE_MS_MAX: i64 = 14 * 24 * 60 * 60 * 1000;
const AHEAD_MS_MAX: i64 = 2 * 60 * 60 * 1000;

/// Metrics of one namespace.
pub(crate) type Found = (String, Vec<MetricDatum>);

/// Whether a message is worth reading.
pub(crate) fn may_have(message: &[u8]) -> bool {
    // Nothing else is said of most messages than their length.
    let text = std::str::from_utf8(message).unwrap_or_default();
    text.contains("\"_aws\"") && text.contains("\"CloudWatchMetrics\"")
}

/// The metrics of a message. A runtime may have put time and request before a function's.
pub(crate) fn read(message: &str, of_function: bool, now_ms: i64) -> Vec<Found> {
    let document = match message.find('{') {
        Some(at) if of_function && message[..at].ends_with('\t') => &message[at..],
        _ => message,
    };
    let Ok(Json::Object(root)) = serde_json::from_str::<Json>(document) else { return Vec::new() };
    metrics(&root, now_ms).unwrap_or_default()
}

fn metrics(root: &Map<String, Json>, now_ms: i64) -> Option<Vec<Found>> {
    let about = root.get("_aws")?.as_object()?;
    let at_ms = about.get("Timestamp")?.as_i64()?;
    if !(now_ms - AGE_MS_MAX..=now_ms + AHEAD_MS_MAX).contains(&at_ms) {
        return None;
    }
    let mut found = Vec::new();
    let mut count = 0;
    for directive in about.get("CloudWatchMetrics")?.as_array()? {
        let namespace = text(directive.get("Namespace")?, NAMESPACE_CHARS_MAX)?;
        if namespace.starts_with("AWS/") || namespace.starts_with(':') {
            return None;
        }
        let sets = dimensions(root, directive.get("Dimensions"))?;
        let metrics = directive.get("Metrics")?.as_array()?;
        count += sets.len() * metrics.len();
        if metrics.len() > METRICS_MAX || count > DATA_MAX {
            return None;
        }
        let mut data = Vec::with_capacity(metrics.len() * sets.len());
        for metric in metrics {
            let datum = datum(root, metric, at_ms)?;
            let of_set = |set: &Vec<Dimension>| MetricDatum {
                dimensions: Some(set.clone()),
                ..datum.clone()
            };
            data.extend(sets.iter().map(of_set));
        }
        found.push((namespace.to_owned(), data));
    }
    Some(found)
}

/// Printable ASCII that is not blank, as CloudWatch takes it.
fn text(value: &Json, chars_max: usize) -> Option<&str> {
    let text = value.as_str()?;
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    (plain && !text.trim().is_empty() && text.len() <= chars_max).then_some(text)
}

/// The sets of dimensions of a directive: names of members of the root.
fn dimensions(root: &Map<String, Json>, sets: Option<&Json>) -> Option<Vec<Vec<Dimension>>> {
    let Some(sets) = sets else { return Some(vec![Vec::new()]) };
    let pair = |name: &Json| {
        let name = text(name, DIMENSION_CHARS_MAX)?;
        let value = text(root.get(name)?, VALUE_CHARS_MAX)?;
        Some(Dimension { name: name.to_owned(), value: value.to_owned() })
    };
    let set = |set: &Json| {
        let names = set.as_array().filter(|names| names.len() <= DIMENSIONS_MAX)?;
        names.iter().map(pair).collect::<Option<Vec<Dimension>>>()
    };
    let sets = sets.as_array()?;
    if sets.is_empty() {
        return Some(vec![Vec::new()]);
    }
    sets.iter().map(set).collect()
}

/// A metric with its values, yet without dimensions.
fn datum(root: &Map<String, Json>, metric: &Json, at_ms: i64) -> Option<MetricDatum> {
    let name = text(metric.get("Name")?, METRIC_CHARS_MAX)?;
    let unit = match metric.get("Unit") {
        Some(unit) => match StandardUnit::from(unit.as_str()?) {
            StandardUnit::Unknown(_) => return None,
            unit => Some(unit),
        },
        None => None,
    };
    let storage_resolution = match metric.get("StorageResolution") {
        Some(seconds) => match seconds.as_i64()? {
            1 => Some(1),
            60 => Some(60),
            _ => return None,
        },
        None => None,
    };
    let number = |value: &Json| value.as_f64().filter(|value| value.abs() <= NUMBER_MAX);
    let values: Vec<f64> = match root.get(name)? {
        Json::Array(values) if (1..=VALUES_MAX).contains(&values.len()) => {
            values.iter().map(number).collect::<Option<_>>()?
        }
        value => vec![number(value)?],
    };
    Some(MetricDatum {
        metric_name: name.to_owned(),
        timestamp: Some(Timestamp::from_ms(at_ms)),
        values: Some(values),
        unit,
        storage_resolution,
        ..Default::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_305_600_000;

    /// What is found, as `Namespace Name values unit [dimensions]`.
    fn check(message: &str, of_function: bool, expected: &str) {
        let shown: Vec<String> = read(message, of_function, NOW_MS)
            .iter()
            .flat_map(|(space, data)| data.iter().map(move |datum| (space, datum)))
            .map(|(space, datum)| {
                let set: Vec<String> = datum
                    .dimensions
                    .iter()
                    .flatten()
                    .map(|d| format!("{}={}", d.name, d.value))
                    .collect();
                let unit = datum.unit.as_ref().map_or("-", |unit| unit.as_str());
                let values = datum.values.as_deref().unwrap_or_default();
                format!("{space} {} {values:?} {unit} [{}]", datum.metric_name, set.join(" "))
            })
            .collect();
        assert_eq!(shown.join("; "), expected, "{message}");
    }

    /// An event with this directive and these members.
    fn event(directive: &str, members: &str) -> String {
        format!(
            r#"{{"_aws":{{"Timestamp":{NOW_MS},"CloudWatchMetrics":[{directive}]}},{members}}}"#
        )
    }

    const ONE: &str = r#"{"Namespace":"Desk","Dimensions":[["app"],["app","line"],[]],
        "Metrics":[{"Name":"Calls","Unit":"Count","StorageResolution":1}]}"#;
    const MEMBERS: &str = r#""app":"desk","line":"7","Calls":[1,2.5],"more":{"x":null}"#;

    #[test]
    fn metrics_are_found() {
        let all = "Desk Calls [1.0, 2.5] Count [app=desk]; \
                   Desk Calls [1.0, 2.5] Count [app=desk line=7]; \
                   Desk Calls [1.0, 2.5] Count []";
        check(&event(ONE, MEMBERS), false, all);
        check(&format!("2026-11-22T00:00:00Z\tid\tINFO\t{}\n", event(ONE, MEMBERS)), true, all);
        let two = r#"{"Namespace":"A","Metrics":[{"Name":"x"}],"Dimensions":[]},
            {"Namespace":"B","Metrics":[{"Name":"x"},{"Name":"y"}]}"#;
        check(
            &event(two, r#""x":1,"y":-3e2"#),
            false,
            "A x [1.0] - []; B x [1.0] - []; B y [-300.0] - []",
        );
        check(&event(r#"{"Namespace":"A","Metrics":[]}"#, r#""x":1"#), false, "");
    }

    #[test]
    fn what_breaks_a_rule_has_none() {
        let with = |from: &str, to: &str| event(&ONE.replace(from, to), MEMBERS);
        let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
        let sets = format!("[{}]", vec!["[]"; 1001].join(","));
        for message in [
            "_aws".to_owned(),
            "{}".to_owned(),
            format!("2026\tid\tINFO\t{}", event(ONE, MEMBERS)),
            format!("{} more", event(ONE, MEMBERS)),
            event(ONE, MEMBERS).replace("Timestamp", "timestamp"),
            event(ONE, MEMBERS).replace(&NOW_MS.to_string(), "1"),
            event(ONE, MEMBERS).replace(&NOW_MS.to_string(), "\"now\""),
            with("\"Desk\"", "\"AWS/Desk\""),
            with("\"Desk\"", "\"\""),
            with("\"Desk\"", "7"),
            with("\"Count\"", "\"Calls\""),
            with("\"StorageResolution\":1", "\"StorageResolution\":5"),
            with("\"Name\":\"Calls\"", "\"Name\":\"Missing\""),
            with("[\"app\"]", "[\"missing\"]"),
            with("[\"app\"]", "\"app\""),
            with("[[\"app\"],[\"app\",\"line\"],[]]", &sets),
            event(ONE, r#""app":404,"line":"7","Calls":1"#),
            event(ONE, r#""app":"통화","line":"7","Calls":1"#),
            event(ONE, r#""app":"desk","line":"7","Calls":"1""#),
            event(ONE, r#""app":"desk","line":"7","Calls":[]"#),
            event(ONE, r#""app":"desk","line":"7","Calls":1e300"#),
            event(ONE, &format!(r#""app":"desk","line":"7","Calls":[{}]"#, many.join(","))),
        ] {
            check(&message, false, "");
        }
    }
}
