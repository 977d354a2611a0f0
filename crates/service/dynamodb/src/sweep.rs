//! Deletes what is left of deleted tables and indexes, a few records at a time.
//!
//! Nothing can see it any more: a table or index made again under the same name has another
//! number.

use std::ops::ControlFlow;
use std::time::Duration;

use kernel::{BoxFuture, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, Scan, Timer};

use crate::in_use;
use crate::index::ENTRIES;
use crate::table::ITEMS;
use crate::vector::VECTORS;

/// The task's kind.
pub(crate) const KIND: &str = "dynamodb/sweep";
/// Items deleted in one commit; they are read as well, each perhaps 400 KB large.
const BATCH: usize = 100;
/// How long one run takes at most: tasks of all services wait for each other.
const RUN_MAX: Duration = Duration::from_millis(50);

/// When it is looked again whether items that a backup or a restore reads are free.
const HELD_PAUSE_MS: u64 = 2_000;

/// What to delete.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Payload {
    /// The deleted table's number, unless a backup keeps its items.
    pub number: Option<u64>,
    /// The numbers of its indexes.
    #[serde(default)]
    pub indexes: Vec<u64>,
    /// The numbers of its vector indexes.
    #[serde(default)]
    pub vectors: Vec<u64>,
}

/// Runs the task.
pub(crate) struct Sweeper;

impl TaskHandler for Sweeper {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let payload: Payload = timer.payload().map_err(Fault::internal)?;
            let mut budget = Budget::new(kernel);
            let mut all = true;
            if let Some(number) = payload.number {
                if kernel.store().read(|tx| in_use::is_held(tx, number)).map_err(Fault::internal)? {
                    return later(kernel, timer, &payload, HELD_PAUSE_MS).await;
                }
                all = budget.delete(&ITEMS, number).await?;
            }
            for number in &payload.indexes {
                all = all && budget.delete(&ENTRIES, *number).await?;
            }
            for number in &payload.vectors {
                all = all && budget.delete(&VECTORS, *number).await?;
            }
            if all {
                return Ok(());
            }
            // The rest is for another run, behind what others have to do.
            later(kernel, timer, &payload, 0).await
        })
    }
}

/// Puts a task off.
async fn later(
    kernel: &Kernel,
    timer: &Timer,
    payload: &Payload,
    pause_ms: u64,
) -> Result<(), Fault> {
    let again = kernel.store().write(|tx| -> Result<(), StoreError> {
        tx.ack_timer(timer.id)?;
        let now_ms = kernel.clock().now().epoch_ms.unsigned_abs();
        tx.schedule(now_ms + pause_ms, KIND, payload)?;
        Ok(())
    });
    again.await.map_err(Fault::internal)
}

/// The time that one run of a task has.
pub(crate) struct Budget<'a> {
    kernel: &'a Kernel,
    until: Duration,
}

impl<'a> Budget<'a> {
    /// From now on.
    pub fn new(kernel: &'a Kernel) -> Budget<'a> {
        Budget { kernel, until: kernel.clock().elapsed() + RUN_MAX }
    }

    /// Whether it is used up, or the process stops.
    pub fn is_spent(&self) -> bool {
        self.kernel.is_stopping() || self.kernel.clock().elapsed() >= self.until
    }

    /// Deletes all that lies under a number, as far as the time goes; answers whether that is
    /// all.
    pub async fn delete(&mut self, stored: &RawTable, number: u64) -> Result<bool, Fault> {
        let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(BATCH);
        loop {
            // The keys are looked for apart from the deletion, which then conflicts with
            // nothing: no one else touches them.
            let mut keys = Vec::new();
            let found = self.kernel.store().read(|tx| {
                tx.scan_raw(stored, &scan, &mut |key, _| {
                    keys.push(Key::from_bytes(key));
                    ControlFlow::Continue(())
                })
            });
            found.map_err(Fault::internal)?;
            let deleted = self.kernel.store().write(|tx| -> Result<(), StoreError> {
                keys.iter().try_for_each(|key| tx.delete(stored, key))
            });
            deleted.await.map_err(Fault::internal)?;
            if keys.len() < BATCH {
                return Ok(true);
            }
            if self.is_spent() {
                return Ok(false);
            }
        }
    }
}
