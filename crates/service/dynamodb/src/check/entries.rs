//! Every entry of an index is what the item it came from yields.

use bytes::Bytes;
use store::{Key, RawTable, ReadTx, StoreError};

use super::items::{Row, rows};
use super::{Checked, Report, hex};
use crate::index::{ENTRIES, IndexRecord};
use crate::item::{Corrupt, StoredItem};
use crate::table::{ITEMS, TableRecord};
use crate::vector::{VECTORS, VectorIndexRecord};

/// Bytes of each number of a stored vector.
const NUMBER_BYTES: usize = 4;

/// Checks the indexes of a table.
pub(super) fn check(tx: &ReadTx, table: &Checked, report: &mut Report) -> Result<(), StoreError> {
    for (index, _) in table.indexes() {
        let found = check_index(tx, table, &Index::Secondary(index), report)?;
        report.index_entries += found;
    }
    for (index, _) in table.vectors() {
        let found = check_index(tx, table, &Index::Vector(index), report)?;
        report.vector_entries += found;
    }
    Ok(())
}

/// An index of either kind.
pub(super) enum Index<'a> {
    Secondary(&'a IndexRecord),
    Vector(&'a VectorIndexRecord),
}

impl Index<'_> {
    pub fn name(&self) -> &str {
        match self {
            Index::Secondary(index) => &index.name,
            Index::Vector(index) => &index.name,
        }
    }

    pub fn number(&self) -> u64 {
        match self {
            Index::Secondary(index) => index.number,
            Index::Vector(index) => index.number,
        }
    }

    /// Where the entries lie.
    pub fn stored(&self) -> &'static RawTable {
        match self {
            Index::Secondary(_) => &ENTRIES,
            Index::Vector(_) => &VECTORS,
        }
    }

    /// Where the item lies that an entry came from, from the keys in it.
    pub fn place(&self, table: &TableRecord, value: &Bytes) -> Result<Key, Corrupt> {
        let projected = match self {
            Index::Secondary(_) => &value[..],
            Index::Vector(index) => value.get(NUMBER_BYTES * index.dimensions..).ok_or(Corrupt)?,
        };
        let projected = StoredItem::new(projected)?;
        let keys = table.keys().map(|key| {
            let value = projected.get(&key.name)?.ok_or(Corrupt)?;
            Ok((key.name.clone(), value.decode()?))
        });
        Ok(table.item_key(&keys.collect::<Result<_, Corrupt>>()?))
    }

    /// What an item yields.
    pub fn entry(
        &self,
        table: &TableRecord,
        place: &Key,
        item: &Bytes,
    ) -> Result<Option<Row>, Corrupt> {
        match self {
            Index::Secondary(index) => {
                Ok(index.entry(table, place, item)?.map(|entry| (entry.key, entry.value)))
            }
            Index::Vector(index) => index.entry(table, place, item),
        }
    }
}

/// Checks the entries of one index; answers how many there are.
fn check_index(
    tx: &ReadTx,
    table: &Checked,
    index: &Index<'_>,
    report: &mut Report,
) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut after = None;
    loop {
        let rows = rows(tx, index.stored(), index.number(), after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(count) };
        after = Some(last.clone());
        count += rows.len() as u64;
        let mut readable = Vec::with_capacity(rows.len());
        for (key, value) in &rows {
            match index.place(&table.record, value) {
                Ok(place) => readable.push((key, place)),
                Err(Corrupt) => describe(table, index, key, "cannot be read", report),
            }
        }
        let places: Vec<Key> = readable.iter().map(|(_, place)| place.clone()).collect();
        let items = tx.get_raw_many(&ITEMS, &places)?;
        for ((key, place), item) in readable.into_iter().zip(items) {
            let Some(item) = item else {
                describe(table, index, key, "is of no item", report);
                continue;
            };
            // What lies under the right key was compared with its item already, and items
            // that cannot be read were reported.
            if let Ok(entry) = index.entry(&table.record, &place, &item)
                && entry.is_none_or(|(expected, _)| expected != *key)
            {
                describe(table, index, key, "is not what its item yields", report);
            }
        }
    }
}

fn describe(table: &Checked, index: &Index<'_>, key: &Key, problem: &str, report: &mut Report) {
    let key = hex(key.as_bytes());
    let index = index.name();
    report.problem(format!("table {}, index {index}: the entry at {key} {problem}", table.name));
}
