//! Seals the rows that a table had before it got a data key: a job, while the table is in use.
//!
//! Writes seal already, so only what nobody writes is left. A row that is sealed is passed over;
//! so it can begin again at any time.

use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, ReadTx, Scan, WriteTx};

use super::cipher::is_sealed;
use super::{put, work};
use crate::index::ENTRIES;
use crate::jobs::{End, Job};
use crate::recovery;
use crate::streams;
use crate::table::{ITEMS, TABLES, TableRecord};
use crate::vector::VECTORS;

/// Rows of one transaction at most, and bytes after which it has enough.
const BATCH_ROWS: usize = 100;
const BATCH_BYTES: usize = 1 << 20;

/// The job.
#[derive(Serialize, Deserialize)]
pub(crate) struct Seal {
    account: String,
    region: String,
    name: String,
    /// The table's number.
    number: u64,
}

/// Rows of a table.
#[derive(Clone, Copy)]
enum Part {
    /// Items, and entries of indexes of either kind, under a number.
    Rows(&'static RawTable, u64),
    Recovery(u64),
    Stream(u64),
}

impl Job for Seal {
    const KIND: &'static str = "dynamodb/seal";

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let table = kernel.store().read(|tx| self.table(tx)).map_err(Fault::internal)?;
            let Some(table) = table else { return Ok(End::Done) };
            for part in parts(&table) {
                let mut after = None;
                loop {
                    if kernel.is_stopping() {
                        return Ok(End::Later);
                    }
                    let rows = kernel.store().read(|tx| part.next(tx, after.as_ref()));
                    let rows = rows.map_err(Fault::internal)?;
                    let Some((last, _)) = rows.last() else { break };
                    after = Some(last.clone());
                    work(kernel, |tx| self.seal(tx, part, &rows)).await?;
                }
            }
            let end = |tx: &mut WriteTx| -> Result<(), StoreError> {
                let Some(mut table) = self.table(tx)? else { return Ok(()) };
                table.sse.iter_mut().for_each(|sse| sse.pending = false);
                tx.put(&TABLES, self.key(), &table)
            };
            kernel.store().write(end).await.map_err(Fault::internal)?;
            Ok(End::Done)
        })
    }
}

fn parts(table: &TableRecord) -> Vec<Part> {
    let mut parts = vec![Part::Rows(&ITEMS, table.number)];
    parts.extend(table.indexes.iter().map(|index| Part::Rows(&ENTRIES, index.number)));
    parts.extend(table.vectors.iter().map(|index| Part::Rows(&VECTORS, index.number)));
    parts.extend(table.recovery.iter().map(|recovery| Part::Recovery(recovery.number)));
    parts.extend(table.stream.iter().map(|stream| Part::Stream(stream.number)));
    parts
}

impl Part {
    fn stored(self) -> &'static RawTable {
        match self {
            Part::Rows(stored, _) => stored,
            Part::Recovery(_) => &recovery::LOG,
            Part::Stream(_) => &streams::RECORDS,
        }
    }

    fn next(self, tx: &ReadTx, after: Option<&Key>) -> Result<Vec<(Key, Bytes)>, StoreError> {
        let prefix = match self {
            Part::Rows(_, number) => Key::from_bytes(number.to_be_bytes()),
            Part::Recovery(number) | Part::Stream(number) => Key::of(number),
        };
        let mut scan = Scan::prefix(prefix).limit(BATCH_ROWS);
        if let Some(after) = after {
            scan = scan.after(after);
        }
        let (mut rows, mut bytes) = (Vec::new(), 0);
        tx.scan_raw(self.stored(), &scan, &mut |key, row| {
            bytes += row.len();
            rows.push((Key::from_bytes(key), row));
            if bytes < BATCH_BYTES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        Ok(rows)
    }
}

impl Seal {
    /// The job for a table.
    pub fn new(ctx: &Ctx, name: &str, number: u64) -> Seal {
        Seal {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            name: name.to_owned(),
            number,
        }
    }

    fn key(&self) -> (&str, &str, &str) {
        (&self.account, &self.region, &self.name)
    }

    fn table(&self, tx: &ReadTx) -> Result<Option<TableRecord>, StoreError> {
        let table = tx.get(&TABLES, self.key())?;
        Ok(table.filter(|table| table.number == self.number))
    }

    /// Seals rows that are still there and open.
    fn seal(&self, tx: &mut WriteTx, part: Part, rows: &[(Key, Bytes)]) -> Result<(), Error> {
        let Some(table) = self.table(tx)? else { return Ok(()) };
        for (key, _) in rows {
            let stored = part.stored();
            let Some(row) = tx.get_raw(stored, key)? else { continue };
            match part {
                Part::Rows(..) if is_sealed(&row) => {}
                Part::Rows(..) => put(tx, &table, stored, key, row)?,
                Part::Recovery(_) => {
                    if let Some(row) = recovery::sealed(&table, &row)? {
                        tx.put_raw(stored, key, row)?;
                    }
                }
                Part::Stream(_) => {
                    if let Some(row) = streams::sealed(&table, &row)? {
                        tx.put_raw(stored, key, row)?;
                    }
                }
            }
        }
        Ok(())
    }
}
