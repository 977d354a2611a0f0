//! Tables as they are stored, and where their items lie.

use api_dynamodb::Error;
use kernel::{Arn, Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, ReadTx, Table};

use crate::fault;
use crate::invalid::Invalid;
use crate::key;
use crate::value::{Item, Value, ValueType};

/// Tables by account, region and name.
pub(crate) const TABLES: Table<TableRecord> = Table::new("dynamodb/table");
/// Items by table number and key; see [`TableRecord::item_key`].
pub(crate) const ITEMS: RawTable = RawTable::new("dynamodb/item");

const PATTERN: &str = "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+";
const KEY_MISMATCH: &str = "The provided key element does not match the schema";

/// A table.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    /// TableId, a UUID.
    pub id: String,
    /// What the keys of the items begin with. A table made again under the
    /// same name has another, so that what is left of the old one's items is
    /// out of the way.
    pub number: u64,
    pub partition_key: KeyAttribute,
    pub sort_key: Option<KeyAttribute>,
    pub created_ms: i64,
    pub throughput: Throughput,
    /// Since when the table is billed per request, if it is.
    pub per_request_since_ms: Option<i64>,
    #[serde(default)]
    pub deletion_protection: bool,
    /// The class, if one was ever chosen.
    pub class: Option<ClassRecord>,
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

/// A key attribute.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyAttribute {
    pub name: String,
    pub key_type: KeyType,
}

/// The types a key may have.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyType {
    S,
    N,
    B,
}

impl KeyType {
    pub fn value_type(self) -> ValueType {
        match self {
            KeyType::S => ValueType::S,
            KeyType::N => ValueType::N,
            KeyType::B => ValueType::B,
        }
    }
}

/// Provisioned throughput: zero when billed per request.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Throughput {
    pub read_units: i64,
    pub write_units: i64,
    pub increased_ms: Option<i64>,
    pub decreased_ms: Option<i64>,
    /// Decreases on the day of the last one (UTC).
    pub decreases: i64,
}

/// A table class and when it was chosen.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ClassRecord {
    pub name: String,
    /// Absent while it is the one the table was made with.
    pub updated_ms: Option<i64>,
}

/// The name of a table that a request means, which gives a name or an ARN.
pub(crate) fn name(ctx: &Ctx, given: &str) -> Result<String, Error> {
    let Some(arn) = given.strip_prefix("arn:").and_then(|_| Arn::parse(given).ok()) else {
        check_name(given)?;
        return Ok(given.to_owned());
    };
    let name = arn.resource.strip_prefix("table/").unwrap_or_default();
    check_name(name).map_err(|_| bad_name(given, &[PATTERN]))?;
    let here = arn.service == "dynamodb" && arn.region == ctx.region();
    if !here || arn.account != ctx.account() {
        return Err(fault::no_table());
    }
    Ok(name.to_owned())
}

fn check_name(name: &str) -> Result<(), Invalid> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let mut problems = Vec::new();
    if name.is_empty() || !name.bytes().all(allowed) {
        problems.push(PATTERN);
    }
    if name.len() < 3 {
        problems.push("Member must have length greater than or equal to 3");
    }
    if name.len() > 255 {
        problems.push("Member must have length less than or equal to 255");
    }
    if problems.is_empty() { Ok(()) } else { Err(bad_name(name, &problems)) }
}

/// Worded as the model's constraints, which do not say this since the parameter takes ARNs.
fn bad_name(name: &str, problems: &[&str]) -> Invalid {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| {
            format!("Value '{name}' at 'tableName' failed to satisfy constraint: {problem}")
        })
        .collect();
    let noun = if texts.len() == 1 { "error" } else { "errors" };
    Invalid(format!("{} validation {noun} detected: {}", texts.len(), texts.join("; ")))
}

/// The table of that name, if there is one.
pub(crate) fn find(ctx: &Ctx, tx: &ReadTx, name: &str) -> Result<Option<TableRecord>, StoreError> {
    tx.get(&TABLES, (ctx.account(), ctx.region(), name))
}

/// The table of that name, for an operation on its items.
pub(crate) fn get(ctx: &Ctx, tx: &ReadTx, name: &str) -> Result<TableRecord, Error> {
    find(ctx, tx, name)?.ok_or_else(fault::no_table)
}

impl TableRecord {
    /// The key attributes, the partition key first.
    pub fn keys(&self) -> impl Iterator<Item = &KeyAttribute> {
        std::iter::once(&self.partition_key).chain(&self.sort_key)
    }

    /// What the keys of all items begin with.
    pub fn prefix(&self) -> Vec<u8> {
        self.number.to_be_bytes().to_vec()
    }

    /// What the keys of all items of a partition begin with.
    pub fn partition_prefix(&self, partition: &Value) -> Vec<u8> {
        let mut prefix = self.prefix();
        key::write_partition(partition, &mut prefix);
        prefix
    }

    /// Where an item lies, from itself or its key alone; it must have been
    /// checked.
    pub fn item_key(&self, item: &Item) -> Key {
        let mut bytes = self.prefix();
        if let Some(partition) = item.get(&self.partition_key.name) {
            key::write_partition(partition, &mut bytes);
        }
        let sort = self.sort_key.as_ref().and_then(|sort| item.get(&sort.name));
        if let Some(sort) = sort {
            key::write_sort(sort, &mut bytes);
        }
        Key::from_bytes(bytes)
    }

    /// Checks a Key parameter: the key attributes and no others.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_key(&self, given: &Item) -> Result<(), Invalid> {
        if given.len() != self.keys().count() {
            return Err(Invalid::new(KEY_MISMATCH));
        }
        for (i, key) in self.keys().enumerate() {
            match given.get(&key.name) {
                Some(value) if value.value_type() == key.key_type.value_type() => {
                    check_key_size(&key.name, value, i == 0)?;
                }
                _ => return Err(Invalid::new(KEY_MISMATCH)),
            }
        }
        Ok(())
    }

    /// Checks that an item has a proper key.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_item(&self, item: &Item) -> Result<(), Invalid> {
        for (i, key) in self.keys().enumerate() {
            let Some(value) = item.get(&key.name) else {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: Missing the key {} in the item",
                    key.name
                )));
            };
            let (expected, actual) = (key.key_type.value_type(), value.value_type());
            if expected != actual {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: \
                     Type mismatch for key {} expected: {} actual: {}",
                    key.name,
                    expected.name(),
                    actual.name()
                )));
            }
            check_key_size(&key.name, value, i == 0)?;
        }
        Ok(())
    }
}

fn check_key_size(name: &str, value: &Value, is_partition: bool) -> Result<(), Invalid> {
    let (size, kind) = match value {
        Value::S(text) => (text.len(), "string"),
        Value::B(bytes) => (bytes.len(), "binary"),
        _ => return Ok(()),
    };
    if size == 0 {
        return Err(Invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {name}"
        )));
    }
    if is_partition && size > key::PARTITION_KEY_MAX_BYTES {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             Size of hashkey has exceeded the maximum size limit of2048 bytes",
        ));
    }
    if !is_partition && size > key::SORT_KEY_MAX_BYTES {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        ));
    }
    Ok(())
}
