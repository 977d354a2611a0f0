//! Tables as they are stored, and where their items lie.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use api_dynamodb::{Error, ScalarAttributeType};
use bytes::Bytes;
use kernel::{Arn, Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, ReadTx, Table};

use crate::DynamoDb;
use crate::fault;
use crate::heat::{self, Heat};
use crate::index::IndexRecord;
use crate::invalid::Invalid;
use crate::key;
use crate::sse::{self, SseRecord};
use crate::throttle::{Meter, Throttle};
use crate::value::{Item, Value, ValueType};
use crate::vector::VectorIndexRecord;

/// Tables by account, region and name.
pub(crate) const TABLES: Table<TableRecord> = Table::new("dynamodb/table");
/// The same, not decoded.
const RAW_TABLES: RawTable = RawTable::new("dynamodb/table");
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
    /// Secondary indexes, local ones first.
    #[serde(default)]
    pub indexes: Vec<IndexRecord>,
    /// Vector indexes.
    #[serde(default)]
    pub vectors: Vec<VectorIndexRecord>,
    /// The stream that writes go to now; earlier ones are with the streams.
    #[serde(default)]
    pub stream: Option<TableStream>,
    /// The label of the stream in use, or of the last one.
    #[serde(default)]
    pub latest_stream_label: Option<String>,
    /// The attribute that says when an item expires.
    #[serde(default)]
    pub ttl: Option<TtlRecord>,
    /// Since when every write is kept for point-in-time recovery.
    #[serde(default)]
    pub recovery: Option<RecoveryRecord>,
    /// What the table is being restored from, until that is done.
    #[serde(default)]
    pub restored: Option<RestoreRecord>,
    /// Whether it is being filled as a new replica.
    #[serde(default)]
    pub joining: bool,
    /// Whether it is being filled from a bucket.
    #[serde(default)]
    pub importing: bool,
    /// The other tables of the global table this one is part of.
    #[serde(default)]
    pub replicas: Vec<ReplicaRecord>,
    /// Whether the global table was made with strong consistency.
    #[serde(default)]
    pub strong: bool,
    /// Limits of a table that is billed per request: read and write units a second.
    #[serde(default)]
    pub on_demand: OnDemandRecord,
    /// Throughput the table is said to be warm for, if it was ever set.
    #[serde(default)]
    pub warm: Option<WarmRecord>,
    /// How it is encrypted, if it ever was under a key of KMS.
    #[serde(default)]
    pub sse: Option<SseRecord>,
    /// What it may use, if that is limited; set where tables are read for their items.
    #[serde(skip)]
    pub meter: Option<Arc<Meter>>,
    /// Counts what its partitions take; set in the same way.
    #[serde(skip)]
    pub heat: Option<Arc<heat::Gauge>>,
}

/// The stream of a table.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableStream {
    /// What the keys of its records begin with.
    pub number: u64,
    /// LatestStreamLabel: when it was made, as in the stream's ARN.
    pub label: String,
    pub view: StreamView,
}

/// What of an item its stream records have.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) enum StreamView {
    KeysOnly,
    NewImage,
    OldImage,
    NewAndOldImages,
}

/// Time to live, enabled.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TtlRecord {
    pub attribute: String,
    /// What the keys of the entries by time begin with.
    pub number: u64,
    /// Whether entries of items that were there before are still being made.
    pub building: bool,
    pub changed_ms: i64,
}

/// Point-in-time recovery.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RecoveryRecord {
    /// What the keys of the log begin with.
    pub number: u64,
    pub since_ms: i64,
    /// Days that can be gone back: 1 to 35.
    pub days: i64,
    /// Turned off, but a restore still needs the log.
    #[serde(default)]
    pub ending: bool,
}

/// Where a restored table came from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestoreRecord {
    pub backup_arn: Option<String>,
    pub table_arn: Option<String>,
    pub at_ms: i64,
}

/// A replica in another region.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplicaRecord {
    pub account: String,
    pub region: String,
    pub name: String,
    pub since_ms: i64,
    /// Whether it is still being filled.
    pub joining: bool,
    /// What it has other than the others: provisioned read units, if they were ever set.
    pub read_units: Option<i64>,
    /// The limit of its reads, if it was ever set; -1 is none.
    pub on_demand_reads_max: Option<i64>,
    /// Its class, if it was ever set.
    pub class: Option<String>,
}

/// OnDemandThroughput.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OnDemandRecord {
    pub read_units_max: Option<i64>,
    pub write_units_max: Option<i64>,
}

/// WarmThroughput.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WarmRecord {
    pub read_units: i64,
    pub write_units: i64,
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

impl From<&ScalarAttributeType> for KeyType {
    fn from(given: &ScalarAttributeType) -> KeyType {
        match given {
            ScalarAttributeType::N => KeyType::N,
            ScalarAttributeType::B => KeyType::B,
            // The model lets no other but S pass.
            _ => KeyType::S,
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

/// The table of that name, if there is one; to all but a few operations, a table that is being
/// filled is not there.
pub(crate) fn find(ctx: &Ctx, tx: &ReadTx, name: &str) -> Result<Option<TableRecord>, StoreError> {
    Ok(find_any(ctx, tx, name)?.filter(|table| !table.is_creating()))
}

/// The table of that name, if there is one, even if it is being filled.
pub(crate) fn find_any(
    ctx: &Ctx,
    tx: &ReadTx,
    name: &str,
) -> Result<Option<TableRecord>, StoreError> {
    tx.get(&TABLES, (ctx.account(), ctx.region(), name))
}

/// The table of that name, for an operation that looks at how it is defined.
pub(crate) fn definition(
    service: &DynamoDb,
    ctx: &Ctx,
    tx: &ReadTx,
    name: &str,
) -> Result<Arc<TableRecord>, Error> {
    let table = service.tables.get(ctx, tx, name)?.filter(|table| !table.is_creating());
    table.ok_or_else(fault::no_table)
}

/// The table of that name, for an operation on its items.
pub(crate) fn get(
    service: &DynamoDb,
    ctx: &Ctx,
    tx: &ReadTx,
    name: &str,
) -> Result<Arc<TableRecord>, Error> {
    let table = definition(service, ctx, tx, name)?;
    table.sse.as_ref().map_or(Ok(()), |sse| sse::check(ctx, sse))?;
    Ok(table)
}

/// Tables as they were last read. What is stored is read again each time, so nothing here is ever
/// out of date; only taking the record apart is saved.
#[derive(Default)]
pub(crate) struct Cache {
    known: RwLock<HashMap<Key, (Bytes, Arc<TableRecord>)>>,
    throttle: Option<Throttle>,
    heat: Arc<Heat>,
}

impl Cache {
    /// An empty one, whose tables are throttled or not.
    pub fn new(throttles: bool) -> Cache {
        Cache { throttle: throttles.then(Throttle::default), ..Cache::default() }
    }

    /// What partitions took.
    pub fn heat(&self) -> &Arc<Heat> {
        &self.heat
    }

    fn get(
        &self,
        ctx: &Ctx,
        tx: &ReadTx,
        name: &str,
    ) -> Result<Option<Arc<TableRecord>>, StoreError> {
        let key = Key::of((ctx.account(), ctx.region(), name));
        let Some(bytes) = tx.get_raw(&RAW_TABLES, &key)? else { return Ok(None) };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, table)) = known.get(&key)
            && *known == bytes
        {
            return Ok(Some(table.clone()));
        }
        drop(known);
        let Some(mut table) = tx.get(&TABLES, &key)? else { return Ok(None) };
        if let Some(throttle) = &self.throttle {
            table.meter = Some(Arc::new(throttle.meter(ctx, name, &table)));
        }
        let (heat, clock) = (self.heat.clone(), ctx.kernel().config().clock.clone());
        table.heat = Some(Arc::new(heat::Gauge { heat, clock, table: name.to_owned() }));
        let table = Arc::new(table);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(key, (bytes, table.clone()));
        Ok(Some(table))
    }

    /// Forgets a table that is gone.
    pub fn forget(&self, ctx: &Ctx, name: &str) {
        let key = Key::of((ctx.account(), ctx.region(), name));
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    /// Forgets all tables.
    pub fn clear(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.throttle.iter().for_each(Throttle::clear);
    }
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

    /// Checks that an item has all of the key, in its types, as a batch words it.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_key_types(&self, item: &Item) -> Result<(), Invalid> {
        let fits = |key: &KeyAttribute| {
            let value = item.get(&key.name);
            value.is_some_and(|value| value.value_type() == key.key_type.value_type())
        };
        if self.keys().all(fits) { Ok(()) } else { Err(Invalid::new(KEY_MISMATCH)) }
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
        self.check_index_keys(item)
    }

    /// Checks what an item must be for the indexes' sake.
    ///
    /// # Errors
    /// In DynamoDB's words.
    fn check_index_keys(&self, item: &Item) -> Result<(), Invalid> {
        self.indexes.iter().try_for_each(|index| index.check_item(item))?;
        self.vectors.iter().try_for_each(|index| index.check_item(item))
    }

    /// The same after an update. `before`: the item, if there was one.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_update(&self, before: Option<&Item>, item: &Item) -> Result<(), Invalid> {
        self.indexes.iter().try_for_each(|index| index.check_update(before, item))?;
        self.vectors.iter().try_for_each(|index| index.check_item(item))
    }

    /// Whether the table is there, but still being filled.
    pub fn is_creating(&self) -> bool {
        self.restored.is_some() || self.joining || self.importing
    }

    /// The secondary index of that name.
    pub fn index(&self, name: &str) -> Option<&IndexRecord> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// Whether a write must know what was there before, asked for or not.
    pub fn needs_old(&self) -> bool {
        !self.indexes.is_empty()
            || !self.vectors.is_empty()
            || self.stream.is_some()
            || self.ttl.is_some()
            || self.recovery.is_some()
            || !self.replicas.is_empty()
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
