//! Deletes the items of deleted tables, a few at a time.
//!
//! Nothing can see them any more: a table made again under the same name has another number.

use std::ops::ControlFlow;

use kernel::{BoxFuture, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, Timer};

use crate::table::ITEMS;

/// The task's kind.
pub(crate) const KIND: &str = "dynamodb/sweep";
/// Items deleted in one commit; they are read as well, each perhaps 400 KB large.
const BATCH: usize = 100;

/// Which items to delete.
#[derive(Serialize, Deserialize)]
pub(crate) struct Payload {
    /// The deleted table's number.
    pub number: u64,
}

/// Runs the task.
pub(crate) struct Sweeper;

impl TaskHandler for Sweeper {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Payload { number } = timer.payload().map_err(Fault::internal)?;
            let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(BATCH);
            while !kernel.is_stopping() {
                // The keys are looked for apart from the deletion, which then conflicts with
                // nothing: no one else touches them.
                let mut keys = Vec::new();
                let found = kernel.store().read(|tx| {
                    tx.scan_raw(&ITEMS, &scan, &mut |key, _| {
                        keys.push(Key::from_bytes(key));
                        ControlFlow::Continue(())
                    })
                });
                found.map_err(Fault::internal)?;
                let deleted = kernel.store().write(|tx| -> Result<(), StoreError> {
                    keys.iter().try_for_each(|key| tx.delete(&ITEMS, key))
                });
                deleted.await.map_err(Fault::internal)?;
                if keys.len() < BATCH {
                    return Ok(());
                }
            }
            Err(Fault::internal("stopping: the rest is deleted after the next start"))
        })
    }
}
