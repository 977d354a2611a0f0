//! Inventories at work: a durable timer for each, at midnight UTC.
//!
//! ```text
//! mod.rs       when a report is due, and how far it is
//! rows.rs      a version as a line of the list
//! deliver.rs   lists and manifests on their way into their bucket
//! ```
//!
//! A report is made file by file: each is a run of the timer, in which at most one file's rows are
//! in memory, and begins where the last one ended.

mod deliver;
mod rows;

use api_s3::Error;
use kernel::{BoxFuture, Fault, Kernel, Level, TaskHandler, Timestamp};
use serde::{Deserialize, Serialize};
use store::{ReadTx, StoreError, Timer, WriteTx};

use crate::records::{BUCKETS, Bucket, CONFIGS};
use crate::settings::inventory::Inventory;
use deliver::File;

/// The timer's kind.
pub(crate) const KIND: &str = "s3.inventory";
/// The second part of an inventory's key in [`CONFIGS`]; the third is its id.
pub(crate) const PLACE: &str = "inventory";
const DAY_MS: i64 = 86_400_000;
/// The first Sunday after 1970 began: its day.
const SUNDAY: i64 = 3;
/// A report that cannot be delivered is left out after so many attempts.
const ATTEMPTS_MAX: u32 = 5;

/// A report that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    bucket: String,
    id: String,
    run: u64,
    /// When it was due, milliseconds since 1970: its name.
    at_ms: i64,
    phase: Phase,
    /// The last key looked at, encoded.
    after: Vec<u8>,
    /// What is delivered of it.
    files: Vec<File>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Current,
    Others,
    Manifest,
}

/// An inventory by its id.
pub(crate) fn get(tx: &ReadTx, bucket: &str, id: &str) -> Result<Option<Inventory>, Fault> {
    let stored = tx.get_raw(&CONFIGS, (bucket, PLACE, id)).map_err(kernel::store_fault)?;
    stored.map(|bytes| serde_json::from_slice(&bytes).map_err(Fault::internal)).transpose()
}

/// Keeps an inventory. Its first report is due at the next midnight, whatever its schedule.
pub(crate) fn put(
    tx: &mut WriteTx,
    bucket: &str,
    inventory: &Inventory,
    now: Timestamp,
) -> Result<(), Error> {
    let bytes = serde_json::to_vec(inventory).map_err(Fault::internal)?;
    tx.put_raw(&CONFIGS, (bucket, PLACE, inventory.id.as_str()), bytes)?;
    match inventory.enabled {
        true => Ok(schedule(tx, bucket, inventory, next_midnight(now.epoch_ms))?),
        false => Ok(()),
    }
}

fn schedule(
    tx: &mut WriteTx,
    bucket: &str,
    inventory: &Inventory,
    at_ms: i64,
) -> Result<(), StoreError> {
    let due = Due {
        bucket: bucket.to_owned(),
        id: inventory.id.clone(),
        run: inventory.run,
        at_ms,
        phase: Phase::Current,
        after: Vec::new(),
        files: Vec::new(),
    };
    tx.schedule(at_ms.unsigned_abs(), KIND, &due).map(drop)
}

fn next_midnight(now_ms: i64) -> i64 {
    (now_ms.div_euclid(DAY_MS) + 1) * DAY_MS
}

/// When the report after the one of now is due.
fn next(inventory: &Inventory, now_ms: i64) -> i64 {
    let midnight = next_midnight(now_ms);
    match inventory.weekly {
        false => midnight,
        true => {
            let days = (SUNDAY - midnight.div_euclid(DAY_MS)).rem_euclid(7);
            midnight + days * DAY_MS
        }
    }
}

/// Runs the timer.
pub(crate) struct Maker;

impl TaskHandler for Maker {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let due: Due = timer.payload().map_err(Fault::internal)?;
            let Some((bucket, inventory)) = kernel.store().read(|tx| job(tx, &due))? else {
                return Ok(());
            };
            let step = match due.phase {
                Phase::Manifest => {
                    deliver::manifest(kernel, &bucket, &inventory, &due).await.map(|()| None)
                }
                _ => deliver::file(kernel, &bucket, &inventory, &due).await.map(Some),
            };
            let step = match step {
                Ok(step) => step,
                Err(fault) if fault.status >= 500 && timer.attempts < ATTEMPTS_MAX => {
                    return Err(fault);
                }
                // Whoever keeps it out may let the next one in.
                Err(fault) => {
                    let (id, name) = (&inventory.id, &bucket.name);
                    let line = format_args!("s3: inventory {id} of {name} not delivered: {fault}");
                    kernel.log(Level::Warn, line);
                    None
                }
            };
            let done = kernel.store().write(|tx| -> Result<(), StoreError> {
                tx.ack_timer(timer.id)?;
                let now_ms = kernel.clock().now().epoch_ms;
                match &step {
                    Some(step) => tx.schedule(now_ms.unsigned_abs(), KIND, step).map(drop),
                    None => schedule(tx, &bucket.name, &inventory, next(&inventory, now_ms)),
                }
            });
            done.await.map_err(kernel::store_fault)
        })
    }
}

/// The inventory of a report, if it is still wanted.
fn job(tx: &ReadTx, due: &Due) -> Result<Option<(Bucket, Inventory)>, Fault> {
    let bucket = tx.get(&BUCKETS, due.bucket.as_str()).map_err(kernel::store_fault)?;
    let inventory = get(tx, &due.bucket, &due.id)?;
    Ok(bucket.zip(inventory.filter(|it| it.run == due.run && it.enabled)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_due_at_midnight_or_on_sundays() {
        let mut inventory = Inventory {
            id: "i".into(),
            enabled: true,
            all: false,
            prefix: None,
            fields: Vec::new(),
            weekly: false,
            target: "t".into(),
            account: None,
            target_prefix: None,
            encryption: None,
            run: 1,
        };
        // Thursday, the first of January 1970.
        assert_eq!(next(&inventory, 0), DAY_MS);
        assert_eq!(next(&inventory, DAY_MS), 2 * DAY_MS);
        inventory.weekly = true;
        for (now_ms, day) in [(0, 3), (2 * DAY_MS, 3), (3 * DAY_MS, 10), (3 * DAY_MS + 1, 10)] {
            assert_eq!(next(&inventory, now_ms), day * DAY_MS, "{now_ms}");
        }
    }
}
