//! The table of an import or export.

use serde_json::{Map, Value, json};
use service_dynamodb::number::Number;

use super::args::{Column, Import};
use super::{call, pause};
use crate::Failure;
use crate::client::{Cloud, CloudError};

/// How often a new table is asked for its state.
const STATE_ATTEMPTS_MAX: u32 = 100;

/// What has to be known of a table.
#[derive(Debug, Clone)]
pub struct Described {
    /// Its name.
    pub name: String,
    /// The partition key and maybe the sort key.
    pub keys: Vec<Column>,
    /// About how many items there are.
    pub items: u64,
}

impl Described {
    /// The values of an item's keys as one text: the same for equal keys, however numbers are
    /// written.
    pub fn key_of(&self, item: &Map<String, Value>) -> String {
        let mut text = String::new();
        for key in &self.keys {
            let value = item.get(&key.name).map(|value| &value[&key.attribute_type]);
            let value = value.and_then(Value::as_str).unwrap_or_default();
            match Number::parse(value) {
                Ok(number) if key.attribute_type == "N" => text.push_str(&number.to_string()),
                _ => text.push_str(value),
            }
            text.push('\0');
        }
        text
    }
}

/// Asks for a table.
pub fn describe(cloud: &Cloud, name: &str) -> Result<Described, CloudError> {
    let answer = call(cloud, "DescribeTable", &json!({ "TableName": name }))?;
    let table = &answer["Table"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let type_of = |name: &str| {
        let all = table["AttributeDefinitions"].as_array().into_iter().flatten();
        let found = all.into_iter().find(|one| one["AttributeName"] == name);
        found.map_or_else(|| "S".to_owned(), |one| text(&one["AttributeType"]))
    };
    let keys = table["KeySchema"].as_array().into_iter().flatten().map(|key| {
        let name = text(&key["AttributeName"]);
        Column { attribute_type: type_of(&name), name }
    });
    Ok(Described {
        name: name.to_owned(),
        keys: keys.collect(),
        items: table["ItemCount"].as_u64().unwrap_or_default(),
    })
}

/// Makes the table that the command line describes, and waits until it can be written to.
pub fn create(cloud: &Cloud, import: &Import) -> Result<(), Failure> {
    let keys: Vec<&Column> = import.key.iter().chain(&import.sort_key).collect();
    let definitions: Vec<Value> = keys
        .iter()
        .map(|key| json!({ "AttributeName": key.name, "AttributeType": key.attribute_type }))
        .collect();
    let schema: Vec<Value> = keys
        .iter()
        .zip(["HASH", "RANGE"])
        .map(|(key, kind)| json!({ "AttributeName": key.name, "KeyType": kind }))
        .collect();
    let table = json!({
        "TableName": import.table, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions, "KeySchema": schema,
    });
    call(cloud, "CreateTable", &table)?;
    for attempt in 1..=STATE_ATTEMPTS_MAX {
        let answer = call(cloud, "DescribeTable", &json!({ "TableName": import.table }))?;
        if answer["Table"]["TableStatus"] == "ACTIVE" {
            return Ok(());
        }
        pause(attempt);
    }
    Err(Failure::of(&import.table, "the new table did not become active"))
}
