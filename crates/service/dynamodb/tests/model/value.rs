//! Values and items as the oracle has them: plain maps.

use std::collections::{BTreeMap, BTreeSet};

use api_dynamodb::AttributeValue;

/// The attributes of an item, its key included.
pub type Attributes = BTreeMap<String, Value>;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    Text(String),
    Number(i64),
    Texts(BTreeSet<String>),
    Numbers(Vec<i64>),
}

pub fn to_api(item: &Attributes) -> BTreeMap<String, AttributeValue> {
    item.iter().map(|(name, value)| (name.clone(), value.to_api())).collect()
}

pub fn from_api(item: impl IntoIterator<Item = (String, AttributeValue)>) -> Attributes {
    item.into_iter().map(|(name, value)| (name, Value::from_api(value))).collect()
}

pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

impl Value {
    pub fn to_api(&self) -> AttributeValue {
        match self {
            Value::Text(text) => AttributeValue::S(text.clone()),
            Value::Number(number) => AttributeValue::N(number.to_string()),
            Value::Texts(texts) => AttributeValue::Ss(texts.iter().cloned().collect()),
            Value::Numbers(numbers) => AttributeValue::L(
                numbers.iter().map(|number| AttributeValue::N(number.to_string())).collect(),
            ),
        }
    }

    fn from_api(value: AttributeValue) -> Value {
        match value {
            AttributeValue::S(text) => Value::Text(text),
            AttributeValue::N(number) => Value::Number(number.parse().expect("a whole number")),
            AttributeValue::Ss(texts) => Value::Texts(texts.into_iter().collect()),
            AttributeValue::L(list) => Value::Numbers(
                list.into_iter()
                    .map(|element| match Value::from_api(element) {
                        Value::Number(number) => number,
                        other => panic!("{other:?} in a list"),
                    })
                    .collect(),
            ),
            _ => panic!("a value that nobody wrote"),
        }
    }
}
