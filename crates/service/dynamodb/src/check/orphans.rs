//! What lies under numbers that no table has: left of deleted tables, until it is swept away.

use std::collections::HashSet;
use std::ops::ControlFlow;

use store::{Key, RawTable, ReadTx, Scan, StoreError};

use super::{Checked, Report};
use crate::backup::BACKUPS;
use crate::index::ENTRIES;
use crate::rows::Rows;
use crate::table::ITEMS;
use crate::vector::VECTORS;

/// Backups read at once.
const BACKUPS_BATCH: usize = 100;

/// The numbers that are in use, each with the kind of record under it.
#[derive(Default)]
pub(super) struct Numbers {
    items: HashSet<u64>,
    entries: HashSet<u64>,
    vectors: HashSet<u64>,
}

impl Numbers {
    /// Notes those of a table. Two users of one would see each other's records.
    pub fn add(&mut self, table: &Checked, report: &mut Report) {
        report.tables += 1;
        let record = &table.record;
        let mut is_new = self.items.insert(record.number);
        for index in &record.indexes {
            is_new &= self.entries.insert(index.number);
        }
        for index in &record.vectors {
            is_new &= self.vectors.insert(index.number);
        }
        if !is_new {
            report.problem(format!("table {}: shares its records with another", table.name));
        }
    }

    /// Notes the items of deleted tables that backups keep.
    pub fn add_backups(&mut self, tx: &ReadTx) -> Result<(), StoreError> {
        let mut after: Option<Key> = None;
        loop {
            let mut scan = Scan::all().limit(BACKUPS_BATCH);
            if let Some(after) = &after {
                scan = scan.after(after);
            }
            let found = tx.scan(&BACKUPS, scan)?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            after = Some(last.clone());
            let kept = found.iter().filter(|(_, backup)| backup.rows == Rows::Items);
            self.items.extend(kept.map(|(_, backup)| backup.number));
        }
    }

    /// Counts what is under other numbers.
    pub fn check(&self, tx: &ReadTx, report: &mut Report) -> Result<(), StoreError> {
        for (stored, numbers) in
            [(&ITEMS, &self.items), (&ENTRIES, &self.entries), (&VECTORS, &self.vectors)]
        {
            let mut from = Some(0);
            while let Some(number) = from {
                from = next(tx, stored, number)?;
                if let Some(number) = from {
                    if !numbers.contains(&number) {
                        report.leftovers += count(tx, stored, number)?;
                    }
                    from = number.checked_add(1);
                }
            }
        }
        Ok(())
    }
}

/// The first number from `from` on that has records.
fn next(tx: &ReadTx, stored: &RawTable, from: u64) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    let scan = Scan::all().ge(Key::from_bytes(from.to_be_bytes())).limit(1);
    tx.scan_raw(stored, &scan, &mut |key, _| {
        found = key.first_chunk::<8>().map(|number| u64::from_be_bytes(*number));
        ControlFlow::Break(())
    })?;
    Ok(found)
}

fn count(tx: &ReadTx, stored: &RawTable, number: u64) -> Result<u64, StoreError> {
    let mut count = 0;
    let mut after: Option<Key> = None;
    loop {
        let rows = super::items::rows(tx, stored, number, after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(count) };
        after = Some(last.clone());
        count += rows.len() as u64;
    }
}
