//! Expressions as data: a text, what it is given, and what comes out.
//!
//! Values are written as DynamoDB's JSON. Messages and outcomes are facts
//! about the service, gathered from public test suites that ran against it.

mod evaluation;
mod messages;
mod oracle;
mod updates;

use serde_json::Value as Json;

use super::{ExpressionKind, Placeholders};
use crate::invalid::Invalid;
use crate::number::Number;
use crate::value::{Item, Value};

/// A value from its JSON.
pub(super) fn value(json: &Json) -> Value {
    let (name, inner) = json.as_object().and_then(|o| o.iter().next()).expect("a typed value");
    let texts = || inner.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    let number = |text: &str| Number::parse(text).unwrap();
    match name.as_str() {
        "S" => Value::S(inner.as_str().unwrap().to_owned()),
        "N" => Value::N(number(inner.as_str().unwrap())),
        // Plain text stands for its bytes.
        "B" => Value::B(inner.as_str().unwrap().into()),
        "BOOL" => Value::Bool(inner.as_bool().unwrap()),
        "NULL" => Value::Null,
        "L" => Value::L(inner.as_array().unwrap().iter().map(value).collect()),
        "M" => Value::M(item(inner)),
        "SS" => Value::Ss(sorted(texts())),
        "NS" => Value::Ns(sorted(texts().map(|text| number(&text)))),
        "BS" => Value::Bs(sorted(texts().map(String::into_bytes))),
        other => panic!("type {other}"),
    }
}

fn sorted<T: Ord>(elements: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = elements.collect();
    all.sort();
    all
}

/// An item from its JSON.
pub(super) fn item(json: &Json) -> Item {
    json.as_object().unwrap().iter().map(|(name, json)| (name.clone(), value(json))).collect()
}

/// Placeholders from the JSON of both maps in one: `#names` and `:values`.
pub(super) fn placeholders(json: &Json) -> Result<Placeholders, Invalid> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (key, meaning) in json.as_object().unwrap() {
        match meaning.as_str() {
            Some(name) => names.push((key.clone(), name.to_owned())),
            None => values.push((key.clone(), value(meaning))),
        }
    }
    Placeholders::new((!names.is_empty()).then_some(names), (!values.is_empty()).then_some(values))
}

/// What is said to an expression: "ok", or the message after `Invalid …: `.
pub(super) fn verdict(kind: ExpressionKind, text: &str, given: &Json) -> String {
    let outcome = placeholders(given).and_then(|mut placeholders| {
        match kind {
            ExpressionKind::Projection => placeholders.projection(text).map(drop),
            ExpressionKind::Update => placeholders.update(text).map(drop),
            _ => placeholders.condition(kind, text).map(drop),
        }?;
        placeholders.check_all_used()
    });
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(Invalid(message)) => {
            let prefix = format!("Invalid {}: ", kind.name());
            message.strip_prefix(&prefix).unwrap_or(&message).to_owned()
        }
    }
}
