//! Where a plan reads: a table or one of its indexes.

use store::{Key, RawTable};

use crate::index::{ENTRIES, IndexKind, IndexRecord, IndexState};
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem};
use crate::table::{ITEMS, KeyAttribute, TableRecord};
use crate::value::{Item, Value};

/// A table, or one of its indexes.
pub(super) struct Source<'a> {
    pub table: &'a TableRecord,
    pub index: Option<&'a IndexRecord>,
}

/// The answer to an index that the table does not have.
pub(crate) fn no_index(name: &str) -> Invalid {
    Invalid(format!("The table does not have the specified index: {name}"))
}

impl<'a> Source<'a> {
    /// The table, or its index of that name.
    pub fn new(table: &'a TableRecord, index: Option<&str>) -> Result<Source<'a>, Invalid> {
        let index = match index {
            Some(name) => {
                let index = table.index(name).filter(|index| index.state != IndexState::Deleting);
                Some(index.ok_or_else(|| no_index(name))?)
            }
            None => None,
        };
        Ok(Source { table, index })
    }

    /// Checks that the index has been filled.
    pub fn check_readable(&self) -> Result<(), Invalid> {
        match self.index {
            Some(index) if index.state == IndexState::Creating => Err(Invalid(format!(
                "Cannot read from backfilling global secondary index: {}",
                index.name
            ))),
            _ => Ok(()),
        }
    }

    /// Whether this is a global index.
    pub fn is_global(&self) -> bool {
        self.index.is_some_and(|index| index.kind == IndexKind::Global)
    }

    /// The attributes of the partition key: one, or of a global index up to four.
    pub fn partition(&self) -> &'a [KeyAttribute] {
        match self.index {
            Some(index) => &index.partition,
            None => std::slice::from_ref(&self.table.partition_key),
        }
    }

    /// The attributes of the sort key: at most one, or of a global index up to four.
    pub fn sort(&self) -> &'a [KeyAttribute] {
        match self.index {
            Some(index) => &index.sort,
            None => self.table.sort_key.as_slice(),
        }
    }

    /// The key attributes, those of the partition first.
    pub fn keys(&self) -> impl Iterator<Item = &'a KeyAttribute> {
        self.partition().iter().chain(self.sort())
    }

    /// Whether partition or sort key is made of several attributes.
    pub fn is_composite(&self) -> bool {
        self.partition().len() > 1 || self.sort().len() > 1
    }

    /// Whether each partition has a single item, so that its query has nothing to go on with.
    pub fn has_one_a_partition(&self) -> bool {
        self.index.is_none() && self.sort().is_empty()
    }

    /// The attributes of a start key: those of the index, then those of the table that the index
    /// has not.
    pub fn start_keys(&self) -> Vec<&'a KeyAttribute> {
        let mut keys: Vec<&KeyAttribute> = self.keys().collect();
        for key in self.table.keys() {
            if !keys.iter().any(|known| known.name == key.name) {
                keys.push(key);
            }
        }
        keys
    }

    /// Where the rows are stored.
    pub fn rows(&self) -> &'static RawTable {
        if self.index.is_some() { &ENTRIES } else { &ITEMS }
    }

    /// What the keys of all rows begin with.
    pub fn prefix(&self) -> Vec<u8> {
        match self.index {
            Some(index) => index.prefix(),
            None => self.table.prefix(),
        }
    }

    /// What the keys of the rows of a partition begin with.
    pub fn partition_prefix(&self, values: &[&Value]) -> Vec<u8> {
        match (self.index, values) {
            (Some(index), values) => index.partition_prefix(values),
            (None, [value, ..]) => self.table.partition_prefix(value),
            (None, []) => self.table.prefix(),
        }
    }

    /// Where the row with a start key lies; the key must have been checked.
    pub fn place(&self, start: &Item) -> Key {
        let place = self.table.item_key(start);
        let Some(index) = self.index else { return place };
        let values: Vec<&Value> = index.keys().filter_map(|key| start.get(&key.name)).collect();
        index.entry_key(&values, &place)
    }

    /// Checks a start key's part.
    pub fn check_table_key(&self, start: &Item) -> Result<(), Invalid> {
        self.table.check_key(&self.table_key(start))
    }

    /// The key in the table of what has a start key.
    fn table_key(&self, start: &Item) -> Item {
        let parts = self
            .table
            .keys()
            .filter_map(|key| start.get(&key.name).map(|value| (key.name.clone(), value.clone())));
        parts.collect()
    }

    /// The start key of what follows a row.
    pub fn start_key(&self, row: StoredItem<'_>) -> Result<Item, Corrupt> {
        decode_keys(row, self.start_keys())
    }

    /// Where the item lies in its table that a row of an index stands for.
    pub fn item_key(&self, row: StoredItem<'_>) -> Result<Key, Corrupt> {
        Ok(self.table.item_key(&decode_keys(row, self.table.keys())?))
    }
}

fn decode_keys<'k>(
    row: StoredItem<'_>,
    keys: impl IntoIterator<Item = &'k KeyAttribute>,
) -> Result<Item, Corrupt> {
    keys.into_iter()
        .map(|key| {
            let value = row.get(&key.name)?.ok_or(Corrupt)?;
            Ok((key.name.clone(), value.decode()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table with one global index in that state.
    fn table(state: &str) -> TableRecord {
        let key = |name: &str| serde_json::json!({"name": name, "key_type": "S"});
        let throughput = serde_json::json!({"read_units": 0, "write_units": 0, "decreases": 0});
        let record = serde_json::json!({
            "id": "", "number": 1, "partition_key": key("pk"), "sort_key": null, "created_ms": 0,
            "throughput": throughput, "per_request_since_ms": 0, "class": null,
            "indexes": [{
                "name": "index", "number": 2, "kind": "Global", "partition": [key("g")],
                "sort": [], "projection": "All", "state": state
            }]
        });
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn indexes_are_read_when_they_are_filled() {
        let backfilling = "Cannot read from backfilling global secondary index: index";
        let missing = "The table does not have the specified index: index";
        for (state, expected) in
            [("Active", Ok(())), ("Creating", Err(backfilling)), ("Deleting", Err(missing))]
        {
            let table = table(state);
            let source = Source::new(&table, Some("index"));
            let got = source.and_then(|source| source.check_readable());
            assert_eq!(got, expected.map_err(Invalid::new), "{state}");
        }
    }
}
