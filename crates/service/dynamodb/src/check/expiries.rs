//! Items that expire have their entries by time, and every entry is of such an item.

use bytes::Bytes;
use store::{Key, ReadTx, Store, StoreError, WriteTx};

use super::items::rows;
use super::{Checked, Report, hex};
use crate::item::Corrupt;
use crate::table::{ITEMS, TABLES, TableRecord, TtlRecord};
use crate::ttl::{EXPIRIES, entry_key, expiry_s, place_of};

/// Entries repaired between two looks at the whole index.
const REPAIRED_AT_ONCE: usize = 10_000;
/// Entries repaired in one transaction.
const BATCH: usize = 16;

/// Checks the index by time of a table with time to live.
pub(super) fn check(tx: &ReadTx, table: &Checked, report: &mut Report) -> Result<(), StoreError> {
    let Some(ttl) = &table.record.ttl else { return Ok(()) };
    let mut entries = 0;
    visit_wrong(tx, &table.record, ttl, &mut entries, &mut |entry, problem| {
        let key = hex(entry.as_bytes());
        report.problem(format!("table {}: the expiry at {key} {problem}", table.name));
    })?;
    report.expiry_entries += entries;
    Ok(())
}

/// Makes the index what the items say; answers how many entries were written or deleted. Blocks.
pub(super) fn repair(store: &Store, table: &Key) -> Result<u64, StoreError> {
    let mut repaired = 0;
    loop {
        let mut wrong = Vec::new();
        store.read(|tx| match tx.get(&TABLES, table)? {
            Some(record @ TableRecord { ttl: Some(_), .. }) => {
                let Some(ttl) = &record.ttl else { return Ok(()) };
                visit_wrong(tx, &record, ttl, &mut 0, &mut |entry, _| {
                    if wrong.len() < REPAIRED_AT_ONCE {
                        wrong.push(entry);
                    }
                })
            }
            _ => Ok(()),
        })?;
        for batch in wrong.chunks(BATCH) {
            repaired += store.write_blocking(|tx| repair_some(tx, table, batch))?;
        }
        if wrong.len() < REPAIRED_AT_ONCE {
            return Ok(repaired);
        }
    }
}

/// Repairs entries that were wrong a moment ago.
fn repair_some(tx: &mut WriteTx, table: &Key, entries: &[Key]) -> Result<u64, StoreError> {
    let Some(record) = tx.get(&TABLES, table)? else { return Ok(0) };
    let Some(ttl) = &record.ttl else { return Ok(0) };
    let mut repaired = 0;
    for entry in entries {
        match (is_right(tx, &record, ttl, entry)?, tx.contains(&EXPIRIES, entry)?) {
            (true, false) => tx.put_raw(&EXPIRIES, entry, Bytes::new())?,
            (false, true) => tx.delete(&EXPIRIES, entry)?,
            _ => continue,
        }
        repaired += 1;
    }
    Ok(repaired)
}

/// Whether the item of an entry expires when the entry says. Of items that cannot be read, which
/// are told elsewhere, everything is right.
fn is_right(
    tx: &ReadTx,
    table: &TableRecord,
    ttl: &TtlRecord,
    entry: &Key,
) -> Result<bool, StoreError> {
    let Some((second, place)) = place_of(entry, table.number) else { return Ok(false) };
    let Some(item) = tx.get_raw(&ITEMS, &place)? else { return Ok(false) };
    Ok(expiry_s(&item, &ttl.attribute).map_or(true, |expiry| expiry == Some(second)))
}

/// Visits the entries that are there and should not be, or the other way round.
fn visit_wrong(
    tx: &ReadTx,
    table: &TableRecord,
    ttl: &TtlRecord,
    entries: &mut u64,
    visit: &mut dyn FnMut(Key, &str),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let rows = rows(tx, &EXPIRIES, ttl.number, after.as_ref())?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.clone());
        *entries += rows.len() as u64;
        for (entry, _) in rows {
            if !is_right(tx, table, ttl, &entry)? {
                visit(entry, "is of no item");
            }
        }
    }
    if ttl.building {
        return Ok(());
    }
    // Earlier times may have been too long ago for an entry when they were written.
    let since_s = ttl.changed_ms.div_euclid(1000).unsigned_abs();
    let mut after = None;
    loop {
        let rows = rows(tx, &ITEMS, table.number, after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        after = Some(last.clone());
        for (place, item) in &rows {
            let second = match expiry_s(item, &ttl.attribute) {
                // Beyond that are no times.
                Ok(Some(second)) if second >= since_s && i64::try_from(second).is_ok() => second,
                Ok(_) | Err(Corrupt) => continue,
            };
            let entry = entry_key(ttl.number, second, place);
            if !tx.contains(&EXPIRIES, &entry)? {
                visit(entry, "is missing");
            }
        }
    }
}
