//! Secondary indexes as they are stored, and where their entries lie.
//!
//! An entry is what the index projects of an item, in the stored form of an item, under the
//! index's own keys followed by the place of the item. So the entries of a partition lie in the
//! order of the index's sort key, and every entry has a place of its own though its keys are not
//! unique. Entries are written in the transaction that writes the item; see [`crate::change`].

use api_dynamodb::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, RawTable};

use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem, encode};
use crate::key;
use crate::table::{KeyAttribute, OnDemandRecord, TableRecord, Throughput, WarmRecord};
use crate::value::{Item, Value};

/// Entries of all indexes, by index number and key; see [`IndexRecord::entry`].
pub(crate) const ENTRIES: RawTable = RawTable::new("dynamodb/index");

/// What is wrong with an update that empties a key of an index; no index is named then (moto's test,
/// verified at AWS).
const UPDATE_EMPTY: &str = "The update expression attempted to update a secondary index key to a \
                            value that is not supported.";

/// A secondary index.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IndexRecord {
    pub name: String,
    /// What the keys of the entries begin with.
    pub number: u64,
    pub kind: IndexKind,
    /// One attribute for a local index, which is the table's; up to four for a global one.
    pub partition: Vec<KeyAttribute>,
    /// One attribute for a local index; up to four for a global one.
    pub sort: Vec<KeyAttribute>,
    pub projection: IndexProjection,
    pub state: IndexState,
    /// Global indexes only.
    #[serde(default)]
    pub throughput: Throughput,
    #[serde(default)]
    pub on_demand: OnDemandRecord,
    #[serde(default)]
    pub warm: Option<WarmRecord>,
}

/// The kinds of secondary index.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IndexKind {
    /// With the table's partition key.
    Local,
    /// With keys of its own.
    Global,
}

/// What an index holds of an item beside the keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub(crate) enum IndexProjection {
    All,
    KeysOnly,
    Include(Vec<String>),
}

/// How far an index is. Writes keep its entries in all states but the last.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IndexState {
    /// Being filled with the items that were there before; cannot be read.
    Creating,
    Active,
    /// Going away; cannot be read, and writes leave it alone.
    Deleting,
}

/// What an index holds of one item.
pub(crate) struct Entry {
    /// Where it lies in [`ENTRIES`].
    pub key: Key,
    /// The projected item in its stored form.
    pub value: Bytes,
}

impl IndexRecord {
    /// The key attributes, those of the partition first.
    pub fn keys(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.sort)
    }

    /// What the keys of all entries begin with.
    pub fn prefix(&self) -> Vec<u8> {
        self.number.to_be_bytes().to_vec()
    }

    /// What the keys of all entries of a partition begin with; a value for each attribute.
    pub fn partition_prefix(&self, values: &[&Value]) -> Vec<u8> {
        let mut prefix = self.prefix();
        key::write_partitions(values, &mut prefix);
        prefix
    }

    /// What the index holds of the item at `place` (its key in `ITEMS`); nothing if the item
    /// lacks a key attribute or has one that cannot be a key: of another type, empty, too long.
    pub fn entry(
        &self,
        table: &TableRecord,
        place: &Key,
        stored: &Bytes,
    ) -> Result<Option<Entry>, Corrupt> {
        let item = StoredItem::new(stored)?;
        let mut values = Vec::with_capacity(self.partition.len() + self.sort.len());
        for key in self.keys() {
            match item.get(&key.name)? {
                Some(value) if value.value_type() == Some(key.key_type.value_type()) => {
                    values.push(value.decode()?);
                }
                _ => return Ok(None),
            }
        }
        // Items that were there before the index may have any value.
        let is_partition = |i: usize| i < self.partition.len();
        if values.iter().enumerate().any(|(i, value)| !key::is_possible(value, is_partition(i))) {
            return Ok(None);
        }
        let key = self.entry_key(&values.iter().collect::<Vec<_>>(), place);
        Ok(Some(Entry { key, value: self.project(table, item, stored)? }))
    }

    /// Where the entry with these values of all key attributes lies for the item at `place`.
    pub fn entry_key(&self, values: &[&Value], place: &Key) -> Key {
        let (partition, sort) = values.split_at(self.partition.len().min(values.len()));
        let mut bytes = self.partition_prefix(partition);
        for value in sort {
            key::write_sort(value, &mut bytes);
        }
        // Behind the table's number, which all entries would share.
        bytes.extend_from_slice(place.as_bytes().get(8..).unwrap_or_default());
        Key::from_bytes(bytes)
    }

    fn project(
        &self,
        table: &TableRecord,
        item: StoredItem<'_>,
        stored: &Bytes,
    ) -> Result<Bytes, Corrupt> {
        if self.projection == IndexProjection::All {
            return Ok(stored.clone());
        }
        let mut projected = Vec::new();
        for attribute in item.attributes() {
            let (name, value) = attribute?;
            if self.holds(table, name) {
                projected.push((name.to_owned(), value.decode()?));
            }
        }
        Ok(encode(&Item::from_unsorted(projected)).into())
    }

    /// Whether the index holds the attribute of that name.
    pub fn holds(&self, table: &TableRecord, name: &str) -> bool {
        let is_key = || table.keys().chain(self.keys()).any(|key| key.name == name);
        match &self.projection {
            IndexProjection::All => true,
            IndexProjection::KeysOnly => is_key(),
            IndexProjection::Include(names) => is_key() || names.iter().any(|known| known == name),
        }
    }

    /// Checks the values of an item that are keys of the index; it may have none.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_item(&self, item: &Item) -> Result<(), Invalid> {
        self.check_keys(item, None, "A value specified for a secondary index key is not supported.")
    }

    /// The same after an update, of values that it has changed: an item of before the index may
    /// have others. `before`: the item, if there was one.
    pub fn check_update(&self, before: Option<&Item>, item: &Item) -> Result<(), Invalid> {
        self.check_keys(item, before, UPDATE_EMPTY)
    }

    fn check_keys(&self, item: &Item, before: Option<&Item>, empty: &str) -> Result<(), Invalid> {
        if self.state == IndexState::Deleting {
            return Ok(());
        }
        for (i, key) in self.keys().enumerate() {
            let Some(value) = item.get(&key.name) else { continue };
            if before.is_some_and(|before| before.get(&key.name) == Some(value)) {
                continue;
            }
            let (expected, actual) = (key.key_type.value_type(), value.value_type());
            if expected != actual {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: Type mismatch for Index Key {} \
                     Expected: {} Actual: {} IndexName: {}",
                    key.name,
                    expected.name(),
                    actual.name(),
                    self.name
                )));
            }
            self.check_size(key, value, i < self.partition.len(), empty)?;
        }
        Ok(())
    }

    fn check_size(
        &self,
        key: &KeyAttribute,
        value: &Value,
        is_partition: bool,
        empty: &str,
    ) -> Result<(), Invalid> {
        let (size, kind) = match value {
            Value::S(text) => (text.len(), "string"),
            Value::B(bytes) => (bytes.len(), "binary"),
            _ => return Ok(()),
        };
        let name = &self.name;
        if size == 0 {
            let mut text = format!(
                "One or more parameter values are not valid. {empty} The AttributeValue for a key \
                 attribute cannot contain an empty {kind} value."
            );
            if empty != UPDATE_EMPTY {
                text.push_str(&format!(" IndexName: {name}, IndexKey: {}", key.name));
            }
            return Err(Invalid(text));
        }
        let most =
            if is_partition { key::PARTITION_KEY_MAX_BYTES } else { key::SORT_KEY_MAX_BYTES };
        if size > most {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: Size limit exceeded for Index Key {} \
                 Actual Size: {size} bytes Max Size: {most} bytes IndexName: {name}",
                key.name
            )));
        }
        Ok(())
    }
}

/// The entries that a write takes away and puts into one index, and the units that takes.
pub(crate) struct EntryChange {
    pub delete: Option<Key>,
    pub put: Option<Entry>,
    pub units: f64,
    /// Bytes of the entries that go and come.
    pub bytes: usize,
    /// How many bytes more the index has then.
    pub grown_bytes: i64,
}

impl IndexRecord {
    /// What changes in the index when the item at `place` changes from `old` to `new`.
    pub fn change(
        &self,
        table: &TableRecord,
        place: &Key,
        old: Option<&Bytes>,
        new: Option<&Bytes>,
    ) -> Result<EntryChange, Error> {
        let entry = |stored: Option<&Bytes>| match stored {
            Some(stored) => self.entry(table, place, stored),
            None => Ok(None),
        };
        let (old, new) = (entry(old)?, entry(new)?);
        let size = |entry: &Entry| StoredItem::new(&entry.value).map(StoredItem::size_bytes);
        let units = |bytes: usize| bytes.div_ceil(1024).max(1) as f64;
        let sized = |entry: &Option<Entry>| entry.as_ref().map_or(Ok(0), size);
        let (old_bytes, new_bytes) = (sized(&old)?, sized(&new)?);
        let grown_bytes = new_bytes as i64 - old_bytes as i64;
        let change =
            |delete, put, units, bytes| EntryChange { delete, put, units, bytes, grown_bytes };
        Ok(match (old, new) {
            (None, None) => change(None, None, 0.0, 0),
            (Some(old), None) => change(Some(old.key), None, units(old_bytes), old_bytes),
            (None, Some(new)) => change(None, Some(new), units(new_bytes), new_bytes),
            (Some(old), Some(new)) if old.key != new.key => {
                let units = units(old_bytes) + units(new_bytes);
                change(Some(old.key), Some(new), units, old_bytes + new_bytes)
            }
            (Some(old), Some(new)) if old.value == new.value => change(None, None, 0.0, 0),
            (Some(_), Some(new)) => {
                change(None, Some(new), units(old_bytes.max(new_bytes)), new_bytes)
            }
        })
    }
}
