//! Makes the entries of a table's indexes again where they are not what the items yield.
//!
//! Every batch is a transaction that reads what it decides on, so this is safe beside anything
//! else that goes on.

use store::{Key, Store, StoreError, WriteTx};

use super::entries::Index;
use super::items::{Row, rows};
use super::{BATCH, Checked};
use crate::table::{ITEMS, TABLES, TableRecord};

/// Items handled in one transaction, each with an entry in every index.
const ITEMS_AT_ONCE: usize = 16;

/// Repairs the indexes of a table; answers how many entries it wrote or deleted. Blocks.
pub(super) fn repair(store: &Store, key: &Key) -> Result<u64, StoreError> {
    let Some(record) = store.read(|tx| tx.get(&TABLES, key))? else { return Ok(0) };
    let table = Checked { key: key.clone(), name: String::new(), record };
    let secondary = table.indexes().map(|(index, complete)| (Index::Secondary(index), complete));
    let vectors = table.vectors().map(|(index, complete)| (Index::Vector(index), complete));
    let mut repaired = 0;
    for (index, is_complete) in secondary.chain(vectors) {
        repaired += delete_wrong(store, &table.record, &index)?;
        repaired += write_missing(store, &table.record, &index, is_complete)?;
    }
    Ok(repaired)
}

/// Deletes entries that no item yields.
fn delete_wrong(store: &Store, table: &TableRecord, index: &Index<'_>) -> Result<u64, StoreError> {
    let mut repaired = 0;
    let mut after = None;
    loop {
        let rows = store.read(|tx| rows(tx, index.stored(), index.number(), after.as_ref()))?;
        let Some((last, _)) = rows.last() else { return Ok(repaired) };
        after = Some(last.clone());
        for rows in rows.chunks(ITEMS_AT_ONCE) {
            repaired += store.write_blocking(|tx| delete_wrong_of(tx, table, index, rows))?;
        }
    }
}

fn delete_wrong_of(
    tx: &mut WriteTx,
    table: &TableRecord,
    index: &Index<'_>,
    rows: &[Row],
) -> Result<u64, StoreError> {
    let mut repaired = 0;
    for (key, _) in rows {
        let Some(value) = tx.get_raw(index.stored(), key)? else { continue };
        let is_right = match index.place(table, &value) {
            Ok(place) => match tx.get_raw(&ITEMS, &place)? {
                // The entries of an item that cannot be read are all that is left of it.
                Some(item) => index
                    .entry(table, &place, &item)
                    .map_or(true, |entry| entry.is_some_and(|(expected, _)| expected == *key)),
                None => false,
            },
            Err(_) => false,
        };
        if !is_right {
            tx.delete(index.stored(), key)?;
            repaired += 1;
        }
    }
    Ok(repaired)
}

/// Writes entries that are missing, or not what their items yield.
fn write_missing(
    store: &Store,
    table: &TableRecord,
    index: &Index<'_>,
    is_complete: bool,
) -> Result<u64, StoreError> {
    let mut repaired = 0;
    let mut after = None;
    loop {
        let rows = store.read(|tx| rows(tx, &ITEMS, table.number, after.as_ref()))?;
        let Some((last, _)) = rows.last() else { return Ok(repaired) };
        after = Some(last.clone());
        for rows in rows.chunks(ITEMS_AT_ONCE.min(BATCH)) {
            repaired += store.write_blocking(|tx| {
                let mut repaired = 0;
                for (place, _) in rows {
                    let Some(item) = tx.get_raw(&ITEMS, place)? else { continue };
                    let Ok(Some((key, value))) = index.entry(table, place, &item) else { continue };
                    let found = tx.get_raw(index.stored(), &key)?;
                    // An index that is being filled gets the rest from whoever fills it.
                    if found.as_ref() != Some(&value) && (is_complete || found.is_some()) {
                        tx.put_raw(index.stored(), &key, value)?;
                        repaired += 1;
                    }
                }
                Ok::<u64, StoreError>(repaired)
            })?;
        }
    }
}
