//! What a deleted group or stream leaves behind, cleared away in bounded steps: nobody finds it any
//! more, since its record went in the commit that was acknowledged.

use std::ops::ControlFlow;

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler, store_fault};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, StoreError, Timer, WriteTx};

use crate::table::{EVENTS, STREAMS, StreamRecord};

/// The task's kind.
pub(crate) const KIND: &str = "logs/clear";
/// Rows that one commit deletes.
const STEP_ROWS: usize = 1000;
/// Bytes that are read for them.
const STEP_BYTES: usize = 4 * 1024 * 1024;

#[derive(Serialize, Deserialize)]
enum Clear {
    /// The streams of a group, by (account, region, rows), and their events.
    Group(String, String, String),
    /// The events of a stream.
    Stream(u64),
}

/// Leaves the streams of a deleted group to be cleared away.
pub(crate) fn group(
    tx: &mut WriteTx,
    ctx: &Ctx,
    rows: &str,
    now_ms: u64,
) -> Result<(), StoreError> {
    let work = Clear::Group(ctx.account().into(), ctx.region().into(), rows.into());
    tx.schedule(now_ms, KIND, &work).map(drop)
}

/// Leaves the events of a deleted stream to be cleared away.
pub(crate) fn stream(tx: &mut WriteTx, stream: u64, now_ms: u64) -> Result<(), StoreError> {
    tx.schedule(now_ms, KIND, &Clear::Stream(stream)).map(drop)
}

/// Run by the kernel.
pub(crate) struct Clearer;

impl TaskHandler for Clearer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let now_ms = kernel.clock().now().epoch_ms.max(0) as u64;
            let work: Clear = timer.payload().map_err(Fault::internal)?;
            let step = |tx: &mut WriteTx| {
                // A step and the timer of the next one are one commit, and other timers have
                // their turn between them.
                if tx.ack_timer(timer.id)? && step(tx, &work)? {
                    tx.schedule(now_ms, KIND, &work)?;
                }
                Ok(())
            };
            kernel.store().write(step).await.map_err(store_fault)
        })
    }
}

/// Deletes some rows; whether there may be more.
fn step(tx: &mut WriteTx, work: &Clear) -> Result<bool, StoreError> {
    let mut room = Room::new();
    match work {
        Clear::Stream(id) => events(tx, Scan::prefix(*id), &mut room).map(|gone| !gone.all),
        Clear::Group(account, region, rows) => {
            let of_group = (account.as_str(), region.as_str(), rows.as_str());
            let found: Vec<(Key, StreamRecord)> =
                tx.scan(&STREAMS, Scan::prefix(of_group).limit(STEP_ROWS))?;
            let full = found.len() == STEP_ROWS;
            for (key, stream) in found {
                if !events(tx, Scan::prefix(stream.id), &mut room)?.all {
                    return Ok(true);
                }
                tx.delete(&STREAMS, key)?;
                room.rows = room.rows.saturating_sub(1);
            }
            Ok(full)
        }
    }
}

/// What one commit may still do.
pub(crate) struct Room {
    pub rows: usize,
    pub bytes: usize,
}

impl Room {
    /// That of one commit.
    pub fn new() -> Self {
        Room { rows: STEP_ROWS, bytes: STEP_BYTES }
    }
}

/// What was deleted of a stream.
pub(crate) struct Gone {
    pub rows: u64,
    /// Of their messages.
    pub bytes: u64,
    /// There is nothing left of what was to go.
    pub all: bool,
}

/// Deletes events of a stream that a scan finds, as far as there is room.
pub(crate) fn events(tx: &mut WriteTx, scan: Scan, room: &mut Room) -> Result<Gone, StoreError> {
    let mut gone = Gone { rows: 0, bytes: 0, all: true };
    if room.rows == 0 || room.bytes == 0 {
        return Ok(Gone { all: false, ..gone });
    }
    let mut keys = Vec::new();
    tx.scan_raw(&EVENTS, &scan.limit(room.rows), &mut |key, message| {
        keys.push(Key::from_bytes(key));
        gone.bytes += message.len() as u64;
        room.bytes = room.bytes.saturating_sub(message.len());
        room.rows -= 1;
        gone.all = room.rows > 0 && room.bytes > 0;
        if gone.all { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    gone.rows = keys.len() as u64;
    for key in keys {
        tx.delete(&EVENTS, key)?;
    }
    Ok(gone)
}
