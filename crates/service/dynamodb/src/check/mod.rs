//! Checks that what is stored fits together: `gureum fsck`.
//!
//! Everything is read at one moment, in batches, so a running cloud can be checked as well. What
//! only follows from items, the entries of indexes, can be made again; see [`repair`].

mod entries;
mod expiries;
mod items;
mod orphans;
mod repair;
mod sealed;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use kernel::digest::hex;
use serde::Serialize;
use store::{Key, Part, ReadTx, Scan, Store, StoreError};

use crate::index::IndexState;
use crate::table::{TABLES, TableRecord};

/// Problems that are described; further ones are only counted.
const PROBLEMS_DESCRIBED_MAX: usize = 100;
/// Records read at once, each perhaps 400 KB large.
const BATCH: usize = 100;

/// What was found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The store's sequence number: the moment that was looked at.
    pub sequence: u64,
    /// Tables.
    pub tables: u64,
    /// Items of all tables.
    pub items: u64,
    /// Entries of all secondary indexes.
    pub index_entries: u64,
    /// Entries of all vector indexes.
    pub vector_entries: u64,
    /// Entries by time of all tables with time to live.
    pub expiry_entries: u64,
    /// Rows of encrypted tables that only their key could open: they are looked at from outside.
    pub sealed_rows: u64,
    /// Records of all streams.
    pub stream_records: u64,
    /// Items whose last stream record was compared with them.
    pub stream_items: u64,
    /// What is left of deleted tables and indexes. It cannot be seen, and is no problem.
    pub leftovers: u64,
    /// How many problems there are.
    pub problem_count: u64,
    /// The first of them.
    pub problems: Vec<String>,
    /// Entries that were written or deleted to repair indexes.
    pub repaired: u64,
}

impl Report {
    fn problem(&mut self, what: String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_DESCRIBED_MAX {
            self.problems.push(what);
        }
    }
}

/// A table and where it is.
struct Checked {
    key: Key,
    name: String,
    record: TableRecord,
}

/// Checks everything that DynamoDB keeps in a store; with `repairs`, then makes wrong and missing
/// entries of indexes again. Blocks.
///
/// # Errors
/// If the store cannot be read.
pub fn check(store: &Store, repairs: bool) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut damaged = Vec::new();
    store.read(|tx| -> Result<(), StoreError> {
        report.sequence = tx.seq();
        let mut numbers = orphans::Numbers::default();
        let mut after = None;
        loop {
            let tables = batch(tx, after.as_ref())?;
            for table in &tables {
                let before = report.problem_count;
                numbers.add(table, &mut report);
                if table.record.sse.is_some() {
                    sealed::check(tx, table, &mut report)?;
                    continue;
                }
                items::check(tx, table, &mut report)?;
                entries::check(tx, table, &mut report)?;
                expiries::check(tx, table, &mut report)?;
                if report.problem_count > before {
                    damaged.push(table.key.clone());
                }
                streams::check(tx, table, &mut report)?;
            }
            match tables.last() {
                Some(last) => after = Some(last.key.clone()),
                None => break,
            }
        }
        numbers.add_backups(tx)?;
        numbers.check(tx, &mut report)
    })?;
    if repairs {
        for key in &damaged {
            report.repaired += repair::repair(store, key)?;
            report.repaired += expiries::repair(store, key)?;
        }
    }
    Ok(report)
}

/// The next tables.
fn batch(tx: &ReadTx, after: Option<&Key>) -> Result<Vec<Checked>, StoreError> {
    let scan = Scan::all().limit(BATCH);
    let scan = match after {
        Some(after) => scan.after(after),
        None => scan,
    };
    let named = |(key, record): (Key, TableRecord)| Checked { name: name(&key), key, record };
    Ok(tx.scan(&TABLES, scan)?.into_iter().map(named).collect())
}

/// `region/name`, as people know a table.
fn name(key: &Key) -> String {
    match key.parts().as_deref() {
        Some([_, Part::Text(region), Part::Text(name)]) => format!("{region}/{name}"),
        _ => format!("{key:?}"),
    }
}

impl Checked {
    /// The secondary indexes that writes keep, and whether they must be complete.
    fn indexes(&self) -> impl Iterator<Item = (&crate::index::IndexRecord, bool)> {
        let all = self.record.indexes.iter().filter(|index| index.state != IndexState::Deleting);
        all.map(|index| (index, index.state == IndexState::Active))
    }

    /// The same for vector indexes.
    fn vectors(&self) -> impl Iterator<Item = (&crate::vector::VectorIndexRecord, bool)> {
        let all = self.record.vectors.iter().filter(|index| index.state != IndexState::Deleting);
        all.map(|index| (index, index.state == IndexState::Active))
    }
}
