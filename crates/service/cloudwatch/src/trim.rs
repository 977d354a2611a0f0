//! Ageing: what is kept for how long.
//!
//! Seconds live for three hours beside their minutes. Minutes become five minutes after 15 days,
//! these become hours after 63, and hours end after 455. Samples come at most two weeks late, so
//! only minutes are ever written to by clients. A metric ends with its last cell.

use std::ops::ControlFlow;

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, StoreError, Timer, WriteTx};

use crate::cell::Cell;
use crate::metric::ID_BYTES;
use crate::table::{
    self, CELLS, Grain, METRICS, TENDED, cell_key, has_cells, named, place, read_cell,
};

/// The task's kind.
pub(crate) const KIND: &str = "cloudwatch/trim";
/// How long samples of high resolution can be read by the second.
pub(crate) const FINE_MS: u64 = 3 * HOUR_MS;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_S: u64 = 24 * 60 * 60;
const PAUSE_MS: u64 = HOUR_MS;
/// Metrics that one step looks at.
const METRICS_MAX: usize = 100;
/// Cells that one step moves or deletes: tasks of all services wait for each other.
const CELLS_MAX: usize = 1000;

/// Whose metrics, and where to go on among them.
#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    /// Key of the last metric that is done.
    #[serde(default)]
    after: Option<Vec<u8>>,
}

/// Begins to look after the metrics of an account and region.
pub(crate) fn begin(ctx: &Ctx, tx: &mut WriteTx) -> Result<(), StoreError> {
    let (account, region) = (ctx.account().to_owned(), ctx.region().to_owned());
    tx.put(&TENDED, (&account, &region), &())?;
    let at_ms = ctx.now().epoch_ms.max(0) as u64 + PAUSE_MS;
    tx.schedule(at_ms, KIND, &Payload { account, region, after: None }).map(drop)
}

/// Runs the task.
pub(crate) struct Trimmer;

impl TaskHandler for Trimmer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let payload: Payload = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms.max(0) as u64;
            let step = kernel.store().write(|tx| step(tx, timer, &payload, now_ms));
            step.await.map_err(kernel::store_fault)
        })
    }
}

/// Ages some metrics, and schedules the next step.
fn step(tx: &mut WriteTx, timer: &Timer, payload: &Payload, now_ms: u64) -> Result<(), StoreError> {
    if !tx.ack_timer(timer.id)? {
        return Ok(());
    }
    let Payload { account, region, after } = payload;
    let whose = (account.as_str(), region.as_str());
    let mut scan = Scan::prefix(whose).limit(METRICS_MAX);
    if let Some(after) = after {
        scan = scan.after(Key::from_bytes(after.clone()));
    }
    let metrics = tx.scan(&METRICS, scan)?;
    let mut left = CELLS_MAX;
    let mut last = after.clone();
    for (key, _) in &metrics {
        let (_, _, id) = named(key)?;
        age(tx, &id, now_ms / 1000, &mut left)?;
        if left == 0 {
            break;
        }
        if !has_cells(tx, &id)? {
            tx.delete(&METRICS, key)?;
        }
        last = Some(key.as_bytes().to_vec());
    }
    let is_done = left > 0 && metrics.len() < METRICS_MAX;
    if is_done && tx.scan(&METRICS, Scan::prefix(whose).limit(1))?.is_empty() {
        return tx.delete(&TENDED, whose);
    }
    let (at_ms, after) = if is_done { (now_ms + PAUSE_MS, None) } else { (now_ms, last) };
    let next = Payload { account: account.clone(), region: region.clone(), after };
    tx.schedule(at_ms, KIND, &next).map(drop)
}

/// Ages the cells of one metric, at most `left` of them.
fn age(
    tx: &mut WriteTx,
    id: &[u8; ID_BYTES],
    now_s: u64,
    left: &mut usize,
) -> Result<(), StoreError> {
    for (grain, kept_s, next) in [
        (Grain::Second, FINE_MS / 1000, None),
        (Grain::Minute, 15 * DAY_S, Some(Grain::FiveMinutes)),
        (Grain::FiveMinutes, 63 * DAY_S, Some(Grain::Hour)),
        (Grain::Hour, 455 * DAY_S, None),
    ] {
        // Whole cells of the next grain, so that none is made twice.
        let unit_s = next.unwrap_or(grain).seconds();
        let until_s = now_s.saturating_sub(kept_s) / unit_s * unit_s;
        for (key, cell) in old(tx, id, grain, until_s, *left)? {
            if let Some(next) = next {
                let (at_s, unit) = place(key.as_bytes())?;
                let at_s = at_s / next.seconds() * next.seconds();
                table::add(tx, &cell_key(id, next, at_s, &unit), &cell)?;
            }
            tx.delete(&CELLS, &key)?;
            *left -= 1;
        }
        if *left == 0 {
            return Ok(());
        }
    }
    Ok(())
}

fn old(
    tx: &WriteTx,
    id: &[u8; ID_BYTES],
    grain: Grain,
    until_s: u64,
    limit: usize,
) -> Result<Vec<(Key, Cell)>, StoreError> {
    let scan = Scan::prefix((id, grain.seconds())).lt((id, grain.seconds(), until_s)).limit(limit);
    let mut found = Vec::new();
    let mut problem = None;
    tx.scan_raw(&CELLS, &scan, &mut |key, value| match read_cell(key, &value) {
        Ok(cell) => {
            found.push((Key::from_bytes(key), cell));
            ControlFlow::Continue(())
        }
        Err(error) => {
            problem = Some(error);
            ControlFlow::Break(())
        }
    })?;
    problem.map_or(Ok(found), Err)
}
