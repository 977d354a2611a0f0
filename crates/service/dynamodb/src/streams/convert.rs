//! Items for the streams' API, whose attribute values are a type of their own.

use std::collections::BTreeMap;

use api_dynamodbstreams::AttributeValue;
use bytes::Bytes;
use shape::Blob;

use crate::item::{Corrupt, StoredItem};
use crate::number::Number;
use crate::value::{Item, Value};

/// A stored item.
pub(super) fn image(stored: &Bytes) -> Result<BTreeMap<String, AttributeValue>, Corrupt> {
    Ok(attributes(StoredItem::new(stored)?.decode()?))
}

/// An item.
pub(super) fn attributes(item: Item) -> BTreeMap<String, AttributeValue> {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect()
}

fn attribute(value: Value) -> AttributeValue {
    let blob = |bytes: Vec<u8>| Blob(Bytes::from(bytes));
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
