//! How many items a table and its indexes have, and how large they are.
//!
//! They are counted when asked for, so writes keep no counter that all of them would have to
//! change. What was counted holds for as long as counting it again would cost more than a
//! fiftieth of the time: a small table's numbers are always of the moment, and a large one's
//! far younger than in AWS, where they are about six hours old.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api_dynamodb::Error;
use kernel::Ctx;
use store::{AnyTable, Key, RawTable, Scan};

use crate::index::ENTRIES;
use crate::sse;
use crate::table::{ITEMS, TableRecord};
use crate::vector::VECTORS;

/// How many times longer than it took to find it a count is kept.
const KEPT_FOR: u32 = 50;

/// Items read at once, each perhaps 400 KB large.
const BATCH: usize = 100;

/// Items and their bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    pub items: u64,
    pub bytes: u64,
}

/// The counts of a table and of each of its indexes, in their order.
#[derive(Default)]
pub(crate) struct Sizes {
    pub table: Count,
    pub indexes: Vec<Count>,
    /// Those of the vector indexes.
    pub vectors: Vec<Count>,
}

/// The last count of each table and index, by number.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<u64, Counted>>);

#[derive(Clone, Copy)]
struct Counted {
    count: Count,
    at: Duration,
    took: Duration,
}

impl Counts {
    /// The counts of a table.
    pub fn of(&self, ctx: &Ctx, table: &TableRecord) -> Result<Sizes, Error> {
        let indexes = table.indexes.iter().map(|index| self.one(ctx, &ENTRIES, index.number));
        let indexes = indexes.collect::<Result<_, _>>()?;
        let vectors = table.vectors.iter().map(|index| self.one(ctx, &VECTORS, index.number));
        let vectors = vectors.collect::<Result<_, _>>()?;
        Ok(Sizes { table: self.one(ctx, &ITEMS, table.number)?, indexes, vectors })
    }

    fn one(&self, ctx: &Ctx, stored: &RawTable, number: u64) -> Result<Count, Error> {
        let started = ctx.elapsed();
        let known = self.lock().get(&number).copied();
        if let Some(known) = known
            && started.saturating_sub(known.at) < known.took * KEPT_FOR
        {
            return Ok(known.count);
        }
        let count = count(ctx, stored, number)?;
        let at = ctx.elapsed();
        let took = at.saturating_sub(started);
        self.lock().insert(number, Counted { count, at, took });
        Ok(count)
    }

    /// Forgets a table that is gone.
    pub fn forget(&self, table: &TableRecord) {
        let mut counts = self.lock();
        counts.remove(&table.number);
        for index in &table.indexes {
            counts.remove(&index.number);
        }
        for index in &table.vectors {
            counts.remove(&index.number);
        }
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Counted>> {
        // A panic elsewhere leaves the map as it was: every change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what lies under a number, items or entries of an index alike.
fn count(ctx: &Ctx, stored: &RawTable, number: u64) -> Result<Count, Error> {
    let mut count = Count::default();
    let all = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(BATCH);
    // A vector index is as large as what it keeps.
    let is_vectors = stored.name() == VECTORS.name();
    let size = |value: &[u8]| {
        if is_vectors { sse::cipher::vector_bytes(value) } else { sse::size_bytes(value) }
    };
    ctx.store().read(|tx| -> Result<(), Error> {
        let mut next = Some(all.clone());
        while let Some(scan) = next.take() {
            let mut found = 0;
            let mut problem = None;
            tx.scan_raw(stored, &scan, &mut |key, value| match size(&value) {
                Ok(bytes) => {
                    count.items += 1;
                    count.bytes += bytes as u64;
                    found += 1;
                    if found == BATCH {
                        next = Some(all.clone().after(Key::from_bytes(key)));
                    }
                    ControlFlow::Continue(())
                }
                Err(corrupt) => {
                    problem = Some(corrupt);
                    ControlFlow::Break(())
                }
            })?;
            problem.map_or(Ok(()), Err)?;
        }
        Ok(())
    })?;
    Ok(count)
}
