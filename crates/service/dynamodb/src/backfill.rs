//! Global and vector indexes that come and go while the table is in use.
//!
//! From the commit that makes an index every write keeps its entries, so only items that nobody
//! writes are left to be put in, a few at a time. Each transaction reads the items it puts in:
//! if one of them is written meanwhile, the store runs it again, with half as many: so it gets on
//! however much is written. How far it has come is kept beside the entries, and the next run, or
//! the next start, goes on from there.
//!
//! An index that goes is left alone by writes; once its entries are deleted it leaves the table.

use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, ReadTx, Scan, Timer, WriteTx};

use crate::index::{ENTRIES, IndexState};
use crate::insights;
use crate::item::Corrupt;
use crate::sse::{self, Failing};
use crate::sweep::Budget;
use crate::table::{ITEMS, TABLES, TableRecord};
use crate::vector::VECTORS;

/// The kinds of the tasks.
pub(crate) const FILL: &str = "dynamodb/backfill";
pub(crate) const REMOVE: &str = "dynamodb/index-removal";

/// The item up to which an index is filled, by index number.
const CURSORS: RawTable = RawTable::new("dynamodb/backfill");

/// Items put in by one transaction, and their bytes.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 4 << 20;

/// Which index of which table.
#[derive(Clone, Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    table: String,
    number: u64,
}

/// Has an index filled that has just been made.
pub(crate) fn schedule(
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &str,
    number: u64,
) -> Result<(), StoreError> {
    schedule_as(FILL, ctx, tx, table, number)
}

/// Has an index removed that is not used any more.
pub(crate) fn schedule_removal(
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &str,
    number: u64,
) -> Result<(), StoreError> {
    tx.delete(&CURSORS, number)?;
    schedule_as(REMOVE, ctx, tx, table, number)
}

fn schedule_as(
    kind: &str,
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &str,
    number: u64,
) -> Result<(), StoreError> {
    let payload = Payload {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table: table.to_owned(),
        number,
    };
    tx.schedule(ctx.now().epoch_ms.unsigned_abs(), kind, &payload)?;
    Ok(())
}

/// One of a table's global indexes or of its vector indexes.
#[derive(Clone, Copy)]
enum Part {
    Index(usize),
    Vector(usize),
}

impl Part {
    /// Puts what the index holds of an item.
    fn put(
        self,
        tx: &mut WriteTx,
        table: &TableRecord,
        place: &Key,
        item: &Bytes,
    ) -> Result<(), StepError> {
        let corrupt = |error: Corrupt| StepError::Entry(error.into());
        match self {
            Part::Index(i) => {
                if let Some(entry) = table.indexes[i].entry(table, place, item).map_err(corrupt)? {
                    sse::put(tx, table, &ENTRIES, &entry.key, entry.value)?;
                }
            }
            Part::Vector(i) => {
                if let Some((key, value)) =
                    table.vectors[i].entry(table, place, item).map_err(corrupt)?
                {
                    sse::put(tx, table, &VECTORS, &key, value)?;
                }
            }
        }
        Ok(())
    }

    fn activate(self, table: &mut TableRecord) {
        match self {
            Part::Index(i) => table.indexes[i].state = IndexState::Active,
            Part::Vector(i) => table.vectors[i].state = IndexState::Active,
        }
    }

    /// Takes the index out of the table; answers its name.
    fn remove(self, table: &mut TableRecord) -> String {
        match self {
            Part::Index(i) => table.indexes.remove(i).name,
            Part::Vector(i) => table.vectors.remove(i).name,
        }
    }

    /// Where the entries lie.
    fn entries(self) -> &'static RawTable {
        match self {
            Part::Index(_) => &ENTRIES,
            Part::Vector(_) => &VECTORS,
        }
    }
}

impl Payload {
    fn key(&self) -> (&str, &str, &str) {
        (&self.account, &self.region, &self.table)
    }

    /// The table and the place of the index in it, if it is still there in that state.
    fn find(
        &self,
        tx: &ReadTx,
        state: IndexState,
    ) -> Result<Option<(TableRecord, Part)>, StoreError> {
        let Some(table) = tx.get(&TABLES, self.key())? else { return Ok(None) };
        let is_it = |number: u64, found: IndexState| number == self.number && found == state;
        let mut indexes = table.indexes.iter();
        let index = indexes.position(|index| is_it(index.number, index.state)).map(Part::Index);
        let mut vectors = table.vectors.iter();
        let vector = vectors.position(|index| is_it(index.number, index.state)).map(Part::Vector);
        Ok(index.or(vector).map(|part| (table, part)))
    }

    /// Ends a run, and has another one do the rest.
    async fn again(&self, kernel: &Kernel, timer: &Timer) -> Result<(), Fault> {
        let write = kernel.store().write(|tx| -> Result<(), StoreError> {
            tx.ack_timer(timer.id)?;
            let now_ms = kernel.clock().now().epoch_ms.unsigned_abs();
            tx.schedule(now_ms, &timer.kind, self)?;
            Ok(())
        });
        write.await.map_err(Fault::internal)
    }
}

/// Fills indexes.
pub(crate) struct Filler;

impl TaskHandler for Filler {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let payload: Payload = timer.payload().map_err(Fault::internal)?;
            let budget = Budget::new(kernel);
            let mut batch = BATCH;
            loop {
                match fill(kernel, &payload, batch).await {
                    Ok(None) => return Ok(()),
                    Ok(Some(done)) => batch = (done * 2).min(BATCH),
                    // One item that is written all the time: the next run may find it at rest.
                    Err(StepError::Store(StoreError::Contention { .. })) => batch = 1,
                    Err(StepError::Store(error)) => return Err(Fault::internal(error)),
                    Err(StepError::Entry(error)) => return Err(error.into()),
                }
                if budget.is_spent() {
                    return payload.again(kernel, timer).await;
                }
            }
        })
    }
}

/// Why a step failed.
enum StepError {
    Store(StoreError),
    Entry(Error),
}

impl From<Fault> for StepError {
    fn from(fault: Fault) -> StepError {
        StepError::Entry(fault.into())
    }
}

impl From<Error> for StepError {
    fn from(error: Error) -> StepError {
        StepError::Entry(error)
    }
}

impl Failing for StepError {
    fn fault(&self) -> Option<&Fault> {
        match self {
            StepError::Entry(error) => error.fault(),
            StepError::Store(_) => None,
        }
    }
}

impl From<StoreError> for StepError {
    fn from(error: StoreError) -> StepError {
        StepError::Store(error)
    }
}

/// Puts the next items into the index, `batch` of them at most; how many, unless nothing is left to
/// do.
async fn fill(
    kernel: &Kernel,
    payload: &Payload,
    batch: usize,
) -> Result<Option<usize>, StepError> {
    let found = kernel.store().read(|tx| next_items(tx, payload, batch))?;
    let Some((keys, is_last)) = found else { return Ok(None) };
    let mut attempt = 0;
    let write = |tx: &mut WriteTx| -> Result<Option<usize>, StepError> {
        let Some((mut table, part)) = payload.find(tx, IndexState::Creating)? else {
            return Ok(None);
        };
        let some = &keys[..keys.len().min(batch.checked_shr(attempt).unwrap_or(0).max(1))];
        attempt += 1;
        for (key, stored) in some.iter().zip(sse::get_many(tx, &ITEMS, some)?) {
            let Some(stored) = stored else { continue };
            part.put(tx, &table, key, &stored)?;
        }
        if is_last && some.len() == keys.len() {
            part.activate(&mut table);
            tx.put(&TABLES, payload.key(), &table)?;
            tx.delete(&CURSORS, payload.number)?;
            return Ok(None);
        }
        if let Some(last) = some.last() {
            tx.put_raw(&CURSORS, payload.number, last.as_bytes().to_vec())?;
        }
        Ok(Some(some.len()))
    };
    sse::work(kernel, write).await
}

/// Where the next items lie, and whether they are the last ones; nothing if the index is gone.
fn next_items(
    tx: &ReadTx,
    payload: &Payload,
    batch: usize,
) -> Result<Option<(Vec<Key>, bool)>, StoreError> {
    let Some((table, _)) = payload.find(tx, IndexState::Creating)? else { return Ok(None) };
    let mut scan = Scan::prefix(Key::from_bytes(table.prefix()));
    if let Some(after) = tx.get_raw(&CURSORS, payload.number)? {
        scan = scan.after(Key::from_bytes(after.to_vec()));
    }
    let (mut keys, mut bytes, mut is_last) = (Vec::new(), 0, true);
    tx.scan_raw(&ITEMS, &scan, &mut |key, value| {
        if keys.len() == batch || bytes > BATCH_BYTES {
            is_last = false;
            return ControlFlow::Break(());
        }
        bytes += value.len();
        keys.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    Ok(Some((keys, is_last)))
}

/// Removes indexes.
pub(crate) struct Remover;

impl TaskHandler for Remover {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let payload: Payload = timer.payload().map_err(Fault::internal)?;
            let found = kernel.store().read(|tx| payload.find(tx, IndexState::Deleting));
            // What a deleted table leaves is swept with it.
            let Some((_, part)) = found.map_err(Fault::internal)? else { return Ok(()) };
            if !Budget::new(kernel).delete(part.entries(), payload.number).await? {
                return payload.again(kernel, timer).await;
            }
            let write = kernel.store().write(|tx| -> Result<(), StoreError> {
                if let Some((mut table, part)) = payload.find(tx, IndexState::Deleting)? {
                    let name = part.remove(&mut table);
                    insights::delete_of_index(tx, payload.key(), &name)?;
                    tx.put(&TABLES, payload.key(), &table)?;
                }
                Ok(())
            });
            write.await.map_err(Fault::internal)
        })
    }
}
