//! What time does to queues: messages grow too old, and what was deleted is cleared away.

use std::ops::ControlFlow;
use std::sync::Arc;

use kernel::{BoxFuture, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, Scan, StoreError, Timer, WriteTx};

use crate::line;
use crate::live::Lives;
use crate::name::QueueName;
use crate::record::{QUEUES, Queue, STATES};

/// Removes messages that are too old.
const RETAIN: &str = "sqs/retain";
/// Clears away what a deleted or purged queue held.
const CLEAR: &str = "sqs/clear";
/// Messages or rows handled in one commit.
const STEP: usize = 500;

/// Everything whose keys begin with a queue's rows.
const OF_ROWS: [RawTable; 6] = [
    RawTable::new("sqs/line"),
    RawTable::new("sqs/head"),
    RawTable::new("sqs/group"),
    RawTable::new("sqs/in-group"),
    RawTable::new("sqs/state"),
    RawTable::new("sqs/body"),
];
/// Everything whose keys begin with a queue's id.
const OF_ID: [RawTable; 5] = [
    RawTable::new("sqs/sequence"),
    RawTable::new("sqs/sent"),
    RawTable::new("sqs/sent-until"),
    RawTable::new("sqs/attempt"),
    RawTable::new("sqs/attempt-until"),
];

#[derive(Serialize, Deserialize)]
struct Retain {
    account: String,
    region: String,
    name: String,
    id: u64,
    run: u64,
}

#[derive(Serialize, Deserialize)]
struct Clear {
    rows: u64,
    /// The queue's id when it is gone itself.
    id: Option<u64>,
}

/// The handlers for the kernel.
pub(crate) fn tasks(lives: &Arc<Lives>) -> Vec<(&'static str, Arc<dyn TaskHandler>)> {
    vec![(RETAIN, Arc::new(Retainer { lives: lives.clone() })), (CLEAR, Arc::new(Clearer))]
}

/// Starts to watch over the age of a queue's messages; the timers of earlier runs end.
pub(crate) fn watch_age(
    tx: &mut WriteTx,
    name: &QueueName,
    queue: &mut Queue,
    now_ms: u64,
) -> Result<(), StoreError> {
    queue.retention_run += 1;
    schedule(tx, name, queue, now_ms)
}

/// Sets the next timer. A message that comes later is younger than what is looked at here, so
/// nothing can grow too old before.
fn schedule(
    tx: &mut WriteTx,
    name: &QueueName,
    queue: &Queue,
    now_ms: u64,
) -> Result<(), StoreError> {
    let retention_ms = u64::from(queue.settings.retention_s) * 1000;
    let oldest = tx.scan(&STATES, Scan::prefix(queue.rows).limit(1))?;
    let from_ms = oldest.first().map_or(now_ms, |(_, state)| state.sent_ms);
    let payload = Retain {
        account: name.account.clone(),
        region: name.region.clone(),
        name: name.name.clone(),
        id: queue.id,
        run: queue.retention_run,
    };
    tx.schedule((from_ms + retention_ms + 1).max(now_ms), RETAIN, &payload).map(drop)
}

/// Leaves the rows of a queue to be cleared away; with `id`, the queue is gone.
pub(crate) fn clear(
    tx: &mut WriteTx,
    rows: u64,
    id: Option<u64>,
    now_ms: u64,
) -> Result<(), StoreError> {
    tx.schedule(now_ms, CLEAR, &Clear { rows, id }).map(drop)
}

struct Retainer {
    lives: Arc<Lives>,
}

impl TaskHandler for Retainer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let now_ms = kernel.clock().now().epoch_ms.max(0) as u64;
            let work: Retain = timer.payload().map_err(Fault::internal)?;
            let step = |tx: &mut WriteTx| retain(tx, timer, &work, now_ms);
            kernel.store().write(step).await.map_err(Fault::internal)?;
            // Groups may be free now.
            self.lives.wake(work.id, 1);
            Ok(())
        })
    }
}

fn retain(tx: &mut WriteTx, timer: &Timer, work: &Retain, now_ms: u64) -> Result<(), StoreError> {
    let name = QueueName {
        account: work.account.clone(),
        region: work.region.clone(),
        name: work.name.clone(),
    };
    if !tx.ack_timer(timer.id)? {
        return Ok(());
    }
    let same = |queue: &Queue| queue.id == work.id && queue.retention_run == work.run;
    let Some(queue) = tx.get(&QUEUES, name.key())?.filter(same) else { return Ok(()) };
    let retention_ms = u64::from(queue.settings.retention_s) * 1000;
    for (key, state) in tx.scan(&STATES, Scan::prefix(queue.rows).limit(STEP))? {
        if state.sent_ms + retention_ms >= now_ms {
            break;
        }
        let Some(sequence) = line::second_number(key.as_bytes()) else { continue };
        line::remove(tx, &queue, sequence, &state, now_ms)?;
    }
    schedule(tx, &name, &queue, now_ms)
}

struct Clearer;

impl TaskHandler for Clearer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let work: Clear = timer.payload().map_err(Fault::internal)?;
            while kernel.store().write(|tx| clear_step(tx, &work)).await.map_err(Fault::internal)? {
                if kernel.is_stopping() {
                    return Err(Fault::internal("stopping; the rest is cleared at the next start"));
                }
            }
            Ok(())
        })
    }
}

/// Deletes some rows; false when there are none left.
fn clear_step(tx: &mut WriteTx, work: &Clear) -> Result<bool, StoreError> {
    let of_rows = OF_ROWS.iter().map(|table| (table, work.rows));
    let of_id = OF_ID.iter().filter_map(|table| Some((table, work.id?)));
    for (table, first) in of_rows.chain(of_id) {
        let mut keys = Vec::new();
        tx.scan_raw(table, &Scan::prefix(first).limit(STEP), &mut |key, _| {
            keys.push(Key::from_bytes(key));
            ControlFlow::Continue(())
        })?;
        if !keys.is_empty() {
            for key in keys {
                tx.delete(table, key)?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}
