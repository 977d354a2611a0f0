//! Rows that lie under a number: read, and swept away, a few at a time.

use std::ops::ControlFlow;

use bytes::Bytes;
use kernel::{BoxFuture, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Durability, Key, RawTable, ReadTx, Scan};

use crate::backup::COPIES;
use crate::in_use;
use crate::jobs::{End, Job};
use crate::table::ITEMS;

/// Rows of one batch at most, and bytes after which a batch has enough.
const BATCH_ROWS: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;

/// A table of rows whose keys begin with a number.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rows {
    /// Items of a table; once it is deleted, perhaps those of its system backup.
    Items,
    /// Items of a backup.
    Copies,
    /// What point-in-time recovery undoes.
    Log,
    /// What an export reads instead of items that were written later.
    Staged,
}

impl Rows {
    /// Where they lie.
    pub fn table(self) -> &'static RawTable {
        match self {
            Rows::Items => &ITEMS,
            Rows::Copies => &COPIES,
            Rows::Log => &crate::recovery::LOG,
            Rows::Staged => &crate::transfer::export::STAGED,
        }
    }

    /// What the keys under a number begin with.
    pub fn prefix(self, number: u64) -> Key {
        match self {
            Rows::Items | Rows::Copies | Rows::Staged => Key::from_bytes(number.to_be_bytes()),
            Rows::Log => Key::of(number),
        }
    }

    /// The next rows of a number, after a key.
    pub fn batch(
        self,
        tx: &ReadTx,
        number: u64,
        after: Option<&Key>,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let mut scan = Scan::prefix(self.prefix(number)).limit(BATCH_ROWS);
        if let Some(after) = after {
            scan = scan.after(after);
        }
        read(tx, self.table(), &scan)
    }

    /// The rows of a number from the last one back, before a key.
    pub fn batch_back(
        self,
        tx: &ReadTx,
        number: u64,
        before: Option<&Key>,
    ) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let mut scan = Scan::prefix(self.prefix(number)).limit(BATCH_ROWS).reverse();
        if let Some(before) = before {
            scan = scan.after(before);
        }
        read(tx, self.table(), &scan)
    }
}

fn read(tx: &ReadTx, table: &RawTable, scan: &Scan) -> Result<Vec<(Key, Bytes)>, StoreError> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    tx.scan_raw(table, scan, &mut |key, value| {
        bytes += key.len() + value.len();
        rows.push((Key::from_bytes(key), value));
        if bytes < BATCH_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(rows)
}

/// The key of an item as it is under another number.
pub(crate) fn renumbered(key: &Key, number: u64) -> Key {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend_from_slice(place(key));
    Key::from_bytes(bytes)
}

/// What is behind the number in the key of an item.
pub(crate) fn place(key: &Key) -> &[u8] {
    key.as_bytes().get(8..).unwrap_or_default()
}

/// Sweeps away the rows of a number, as soon as nobody reads them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Sweep {
    pub rows: Rows,
    pub number: u64,
    /// The number by which those who read them know them.
    pub held_as: u64,
}

impl Job for Sweep {
    const KIND: &'static str = "dynamodb/rows-sweep";

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let held = kernel.store().read(|tx| in_use::is_held(tx, self.held_as));
            if held.map_err(Fault::internal)? {
                return Ok(End::Later);
            }
            while !kernel.is_stopping() {
                let rows = kernel.store().read(|tx| self.rows.batch(tx, self.number, None));
                let rows = rows.map_err(Fault::internal)?;
                if rows.is_empty() {
                    return Ok(End::Done);
                }
                let deleted = kernel.store().write(|tx| -> Result<(), StoreError> {
                    // What a crash brings back is swept again.
                    tx.durability(Durability::Buffered);
                    rows.iter().try_for_each(|(key, _)| tx.delete(self.rows.table(), key))
                });
                deleted.await.map_err(Fault::internal)?;
            }
            Ok(End::Later)
        })
    }
}
