//! Between attribute values of the API and those of this service.

use std::collections::BTreeMap;

use api_dynamodb::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use shape::{Blob, Prepared};

use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem};
use crate::number::Number;
use crate::value::{Item, NESTING_MAX, Value};

/// Attributes as the API has them.
pub(crate) type Attributes = BTreeMap<String, AttributeValue>;
/// An item of an answer: attributes, or the JSON they would become.
pub(crate) type Answer = Prepared<Attributes>;

/// An item or key from the API, its values checked.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn item(attributes: Attributes) -> Result<Item, Invalid> {
    if attributes.contains_key("") {
        return Err(parameter("Empty attribute name"));
    }
    let item = attributes
        .into_iter()
        .map(|(name, attribute)| Ok((name, value(attribute)?)))
        .collect::<Result<Item, Invalid>>()?;
    check_nesting(&item)?;
    Ok(item)
}

/// Checks that no attribute nests too deep.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_nesting(item: &Item) -> Result<(), Invalid> {
    if item.iter().any(|(_, value)| value.depth() > NESTING_MAX) {
        return Err(Invalid::new(
            "Nesting Levels have exceeded supported limits: \
             Attributes in the item have nested levels beyond supported limit",
        ));
    }
    Ok(())
}

/// A value from the API, checked.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn value(attribute: AttributeValue) -> Result<Value, Invalid> {
    Ok(match attribute {
        AttributeValue::S(text) => Value::S(text),
        AttributeValue::N(text) => Value::N(Number::parse(&text)?),
        AttributeValue::B(Blob(bytes)) => Value::B(bytes.to_vec()),
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::Null(true) => Value::Null,
        AttributeValue::Null(false) => {
            return Err(parameter("Null attribute value types must have the value of true"));
        }
        AttributeValue::L(list) => Value::L(list.into_iter().map(value).collect::<Result<_, _>>()?),
        AttributeValue::M(map) => Value::M(
            map.into_iter()
                .map(|(name, attribute)| Ok((name, value(attribute)?)))
                .collect::<Result<_, Invalid>>()?,
        ),
        AttributeValue::Ss(set) => Value::Ss(string_set(set)?),
        AttributeValue::Ns(set) => Value::Ns(number_set(&set)?),
        AttributeValue::Bs(set) => Value::Bs(binary_set(set)?),
        AttributeValue::Unset => {
            return Err(Invalid::new(
                "Supplied AttributeValue is empty, \
                 must contain exactly one of the supported datatypes",
            ));
        }
    })
}

fn parameter(problem: &str) -> Invalid {
    Invalid(format!("One or more parameter values were invalid: {problem}"))
}

fn string_set(set: Vec<String>) -> Result<Vec<String>, Invalid> {
    if set.is_empty() {
        return Err(parameter("An string set  may not be empty"));
    }
    sorted(set.clone()).ok_or_else(|| {
        parameter(&format!("Input collection [{}] contains duplicates.", set.join(", ")))
    })
}

fn number_set(set: &[String]) -> Result<Vec<Number>, Invalid> {
    if set.is_empty() {
        return Err(parameter("An number set  may not be empty"));
    }
    let set = set.iter().map(|text| Number::parse(text)).collect::<Result<_, _>>()?;
    sorted(set).ok_or_else(|| Invalid::new("Input collection contains duplicates"))
}

fn binary_set(set: Vec<Blob>) -> Result<Vec<Vec<u8>>, Invalid> {
    if set.is_empty() {
        return Err(parameter("Binary sets should not be empty"));
    }
    sorted(set.iter().map(|Blob(bytes)| bytes.to_vec()).collect()).ok_or_else(|| {
        let texts: Vec<String> = set.iter().map(|Blob(bytes)| STANDARD.encode(bytes)).collect();
        let texts = texts.join(", ");
        parameter(&format!("Input collection [{texts}]of type BS contains duplicates."))
    })
}

/// The elements in order; nothing if two are equal.
fn sorted<T: Ord>(mut set: Vec<T>) -> Option<Vec<T>> {
    set.sort_unstable();
    set.is_sorted_by(|a, b| a < b).then_some(set)
}

/// An item or key for the API.
pub(crate) fn attributes<T: FromIterator<(String, AttributeValue)>>(item: Item) -> T {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

/// A stored item for the API.
///
/// # Errors
/// If the bytes are no item.
pub(crate) fn stored(item: StoredItem<'_>) -> Result<Answer, Corrupt> {
    item.to_json().map(Answer::from_json)
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text),
        Value::N(number) => AttributeValue::N(number.to_string()),
        Value::B(bytes) => AttributeValue::B(blob(bytes)),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Null => AttributeValue::Null(true),
        Value::L(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        Value::M(map) => AttributeValue::M(attributes(map)),
        Value::Ss(set) => AttributeValue::Ss(set),
        Value::Ns(set) => AttributeValue::Ns(set.iter().map(Number::to_string).collect()),
        Value::Bs(set) => AttributeValue::Bs(set.into_iter().map(blob).collect()),
    }
}

fn blob(bytes: Vec<u8>) -> Blob {
    Blob(Bytes::from(bytes))
}
