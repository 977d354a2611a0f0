//! Every item can be read, lies under its key, and has its entries in all indexes.

use std::ops::ControlFlow;

use bytes::Bytes;
use store::{Key, RawTable, ReadTx, Scan, StoreError};

use super::{BATCH, Checked, Report, hex};
use crate::index::ENTRIES;
use crate::item::{Corrupt, StoredItem};
use crate::table::{ITEMS, TableRecord};
use crate::vector::VECTORS;

/// A stored record and its key.
pub(super) type Row = (Key, Bytes);

/// Rows under a number, behind a key.
pub(super) fn rows(
    tx: &ReadTx,
    stored: &RawTable,
    number: u64,
    after: Option<&Key>,
) -> Result<Vec<Row>, StoreError> {
    let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(BATCH);
    let scan = match after {
        Some(after) => scan.after(after),
        None => scan,
    };
    let mut rows = Vec::new();
    tx.scan_raw(stored, &scan, &mut |key, value| {
        rows.push((Key::from_bytes(key), value));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// Checks the items of a table.
pub(super) fn check(tx: &ReadTx, table: &Checked, report: &mut Report) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let rows = rows(tx, &ITEMS, table.record.number, after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        report.items += rows.len() as u64;
        let sound: Vec<&Row> = rows
            .iter()
            .filter(|(key, stored)| match problem(&table.record, key, stored) {
                Some(problem) => {
                    let key = hex(key.as_bytes());
                    report.problem(format!("table {}: the item at {key} {problem}", table.name));
                    false
                }
                None => true,
            })
            .collect();
        check_entries(tx, table, &sound, report)?;
    }
}

/// What is wrong with an item alone.
fn problem(table: &TableRecord, key: &Key, stored: &Bytes) -> Option<&'static str> {
    let Ok((stored, item)) =
        StoredItem::new(stored).and_then(|stored| Ok((stored, stored.decode()?)))
    else {
        return Some("cannot be read");
    };
    if item.size_bytes() != stored.size_bytes() {
        return Some("has not the size that is noted");
    }
    let has_key = table.keys().all(|key| {
        item.get(&key.name).is_some_and(|value| value.value_type() == key.key_type.value_type())
    });
    if !has_key {
        return Some("lacks a key attribute");
    }
    (table.item_key(&item) != *key).then_some("has another key than its place")
}

/// Checks that the items have their entries.
fn check_entries(
    tx: &ReadTx,
    table: &Checked,
    rows: &[&Row],
    report: &mut Report,
) -> Result<(), StoreError> {
    for (index, is_complete) in table.indexes() {
        let entries = rows.iter().map(|(place, stored)| {
            let entry = index.entry(&table.record, place, stored)?;
            Ok(entry.map(|entry| (entry.key, entry.value)))
        });
        compare(tx, &ENTRIES, (table, &index.name, is_complete), entries, report)?;
    }
    for (index, is_complete) in table.vectors() {
        let entries = rows.iter().map(|(place, stored)| index.entry(&table.record, place, stored));
        compare(tx, &VECTORS, (table, &index.name, is_complete), entries, report)?;
    }
    Ok(())
}

/// Compares what an index should hold with what it holds.
fn compare(
    tx: &ReadTx,
    stored: &RawTable,
    (table, index, is_complete): (&Checked, &str, bool),
    expected: impl Iterator<Item = Result<Option<Row>, Corrupt>>,
    report: &mut Report,
) -> Result<(), StoreError> {
    // An item that cannot be read was reported as such.
    let expected: Vec<Row> = expected.filter_map(|entry| entry.ok().flatten()).collect();
    let keys: Vec<Key> = expected.iter().map(|(key, _)| key.clone()).collect();
    let found = tx.get_raw_many(stored, &keys)?;
    for ((key, value), found) in expected.iter().zip(found) {
        let problem = match found {
            Some(found) if found == *value => continue,
            Some(_) => "is not what the item yields",
            // A new index is still being filled.
            None if !is_complete => continue,
            None => "is missing",
        };
        let key = hex(key.as_bytes());
        report
            .problem(format!("table {}, index {index}: the entry at {key} {problem}", table.name));
    }
    Ok(())
}
