//! Vector indexes as they are stored, and how their entries follow the items.
//!
//! An entry is the vector of an item in 32-bit floating point numbers and, behind it, what the
//! index projects of the item. It lies under the index's partition, if it has one, and the place
//! of the item. Entries are written in the transaction that writes the item (see
//! [`crate::change`]), so a search always sees every write before it.

mod distance;
mod search;

pub(crate) mod definition;
pub(crate) mod updates;

use api_dynamodb::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, WriteTx};

use crate::index::{IndexProjection, IndexState};
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem, encode};
use crate::key;
use crate::number::Number;
use crate::sse;
use crate::table::{KeyAttribute, TableRecord};
use crate::value::{Item, Value};

pub(crate) use distance::Distance;
pub(crate) use search::{Found, Search};

/// Entries of all vector indexes: `number u64 | partition, if any | place of the item`.
pub(crate) const VECTORS: RawTable = RawTable::new("dynamodb/vector");

/// Dimensions a vector may have.
pub(crate) const DIMENSIONS_MAX: i64 = 4096;

/// A vector index.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct VectorIndexRecord {
    pub name: String,
    /// What the keys of its entries begin with.
    pub number: u64,
    /// The attribute that holds the vector: a list of numbers.
    pub attribute: String,
    pub dimensions: usize,
    pub distance: Distance,
    /// The HASH element of the search schema: a search is for one value of it.
    pub partition: Option<KeyAttribute>,
    /// The INLINE_FILTER elements of the search schema.
    pub filters: Vec<KeyAttribute>,
    pub projection: IndexProjection,
    pub state: IndexState,
}

impl VectorIndexRecord {
    /// What the keys of all entries begin with.
    pub fn prefix(&self) -> Vec<u8> {
        self.number.to_be_bytes().to_vec()
    }

    /// What the keys of all entries of a partition begin with.
    pub fn partition_prefix(&self, partition: &Value) -> Vec<u8> {
        let mut prefix = self.prefix();
        key::write_partition(partition, &mut prefix);
        prefix
    }

    /// The attributes of the search schema.
    pub fn schema(&self) -> impl Iterator<Item = &KeyAttribute> {
        self.partition.iter().chain(&self.filters)
    }

    /// Whether the index holds the attribute of that name: its own, the keys and what is
    /// projected.
    pub fn holds(&self, table: &TableRecord, name: &str) -> bool {
        match &self.projection {
            IndexProjection::All => true,
            IndexProjection::Include(names) if names.iter().any(|known| known == name) => true,
            _ => table.keys().chain(self.schema()).any(|key| key.name == name),
        }
    }

    /// Checks the attributes of an item that the index is about; it may lack them.
    ///
    /// # Errors
    /// If the vector is no list of so many 32-bit numbers, or an attribute of the search schema
    /// has another type. AWS's own texts are not published.
    pub fn check_item(&self, item: &Item) -> Result<(), Invalid> {
        if let Some(value) = item.get(&self.attribute) {
            let vector = vector(value).map_err(|problem| {
                let name = &self.attribute;
                Invalid(format!(
                    "One or more parameter values were invalid: Invalid type for parameter \
                     {name}{problem} IndexName: {}",
                    self.name
                ))
            })?;
            if vector.len() != self.dimensions {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: Dimensions of vector attribute {} \
                     do not match. Expected: {} Actual: {} IndexName: {}",
                    self.attribute,
                    self.dimensions,
                    vector.len(),
                    self.name
                )));
            }
        }
        for key in self.schema() {
            let Some(value) = item.get(&key.name) else { continue };
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
        }
        Ok(())
    }

    /// What the index holds of the item at `place`: nothing if it lacks the vector or the
    /// partition's attribute.
    pub fn entry(
        &self,
        table: &TableRecord,
        place: &Key,
        stored: &Bytes,
    ) -> Result<Option<(Key, Bytes)>, Corrupt> {
        let item = StoredItem::new(stored)?;
        let Some(list) = item.get(&self.attribute)? else { return Ok(None) };
        let Ok(vector) = vector(&list.decode()?) else { return Ok(None) };
        if vector.len() != self.dimensions {
            return Ok(None);
        }
        let mut key = match &self.partition {
            None => self.prefix(),
            Some(partition) => match item.get(&partition.name)? {
                Some(value) if value.value_type() == Some(partition.key_type.value_type()) => {
                    self.partition_prefix(&value.decode()?)
                }
                _ => return Ok(None),
            },
        };
        // Behind the table's number, which all entries would share.
        key.extend_from_slice(place.as_bytes().get(8..).unwrap_or_default());
        let mut value: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        value.extend(self.project(table, item)?);
        Ok(Some((Key::from_bytes(key), value.into())))
    }

    fn project(&self, table: &TableRecord, item: StoredItem<'_>) -> Result<Vec<u8>, Corrupt> {
        let mut projected = Vec::new();
        for attribute in item.attributes() {
            let (name, value) = attribute?;
            if self.holds(table, name) {
                projected.push((name.to_owned(), value.decode()?));
            }
        }
        Ok(encode(&Item::from_unsorted(projected)))
    }

    /// Writes what changes in the index when the item at `place` changes; the bytes of that.
    pub fn change(
        &self,
        tx: &mut WriteTx,
        table: &TableRecord,
        place: &Key,
        old: Option<&Bytes>,
        new: Option<&Bytes>,
    ) -> Result<usize, Error> {
        if self.state == IndexState::Deleting {
            return Ok(0);
        }
        let entry = |stored: Option<&Bytes>| match stored {
            Some(stored) => self.entry(table, place, stored),
            None => Ok(None),
        };
        let (old, new) = (entry(old)?, entry(new)?);
        if old == new {
            return Ok(0);
        }
        let mut bytes = 0;
        if let Some((key, value)) = old
            && new.as_ref().is_none_or(|(new, _)| *new != key)
        {
            bytes += value.len();
            tx.delete(&VECTORS, &key)?;
        }
        if let Some((key, value)) = new {
            bytes += value.len();
            sse::put(tx, table, &VECTORS, &key, value)?;
        }
        Ok(bytes)
    }
}

/// The numbers of a vector, or where in it something else is.
pub(crate) fn vector(value: &Value) -> Result<Vec<f32>, String> {
    let Value::L(list) = value else {
        return Err(format!(", expected: L, actual: {}", value.value_type().name()));
    };
    let number = |(i, value): (usize, &Value)| match value {
        Value::N(number) => float(*number)
            .ok_or_else(|| format!("[{i}], the number is beyond 32-bit floating point")),
        other => Err(format!("[{i}], expected: N, actual: {}", other.value_type().name())),
    };
    list.iter().enumerate().map(number).collect()
}

/// The nearest 32-bit number; nothing if it is too large for one.
fn float(number: Number) -> Option<f32> {
    number.to_string().parse::<f32>().ok().filter(|number| number.is_finite())
}
