//! Events end with the retention of their group. Nobody reads them from that moment on; a timer for
//! each group with a retention takes them away later, in bounded steps.

use std::ops::ControlFlow;

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler, store_fault};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, StoreError, Timer, WriteTx};

use crate::clear::{self, Room};
use crate::event::{Place, Range};
use crate::table::{
    DAY_MS, EVENT_OVERHEAD_BYTES, EVENTS, GROUPS, GroupRecord, STREAMS, StreamRecord, name_in,
};

/// The task's kind.
pub(crate) const KIND: &str = "logs/retain";
/// Streams that one commit looks at.
const STEP_STREAMS: usize = 500;
/// A group is swept at most once in this time...
const PAUSE_MS_MIN: u64 = 60 * 60 * 1000;
/// ...and at least once in this, so that nothing stays much longer than it should.
const PAUSE_MS_MAX: u64 = DAY_MS as u64;

#[derive(Serialize, Deserialize, Clone)]
struct Sweep {
    account: String,
    region: String,
    group: String,
    /// Of the group's retention when this began.
    run: u64,
    rows: String,
    /// The last stream that was looked at in this pass.
    after: Option<String>,
    /// When the first event that this pass left behind expires.
    next_ms: Option<u64>,
}

/// Begins to sweep a group whose retention was set; the timers of earlier ones end.
pub(crate) fn begin(
    tx: &mut WriteTx,
    ctx: &Ctx,
    group: &str,
    record: &GroupRecord,
) -> Result<(), StoreError> {
    let sweep = Sweep {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        group: group.to_owned(),
        run: record.retention_run,
        rows: record.rows(group).to_owned(),
        after: None,
        next_ms: None,
    };
    tx.schedule(ctx.now().epoch_ms.max(0) as u64, KIND, &sweep).map(drop)
}

/// Run by the kernel.
pub(crate) struct Sweeper;

impl TaskHandler for Sweeper {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let now_ms = kernel.clock().now().epoch_ms;
            let sweep: Sweep = timer.payload().map_err(Fault::internal)?;
            let step = |tx: &mut WriteTx| match tx.ack_timer(timer.id)? {
                true => step(tx, &sweep, now_ms),
                false => Ok(()),
            };
            kernel.store().write(step).await.map_err(store_fault)
        })
    }
}

/// Sweeps some streams and leaves the timer of the next step or pass.
fn step(tx: &mut WriteTx, sweep: &Sweep, now_ms: i64) -> Result<(), StoreError> {
    let key = (sweep.account.as_str(), sweep.region.as_str(), sweep.group.as_str());
    let Some(group) = tx.get(&GROUPS, key)? else { return Ok(()) };
    let is_same = group.rows(&sweep.group) == sweep.rows && group.retention_run == sweep.run;
    let Some(days) = group.retention_days.filter(|_| is_same) else { return Ok(()) };
    let expired_before_ms = group.expired_before_ms(now_ms);
    let of_group = Key::of((sweep.account.as_str(), sweep.region.as_str(), sweep.rows.as_str()));
    let mut scan = Scan::prefix(&of_group).limit(STEP_STREAMS);
    if let Some(after) = &sweep.after {
        scan = scan.after(of_group.text(after));
    }
    let streams: Vec<(Key, StreamRecord)> = tx.scan(&STREAMS, scan)?;
    let mut next = sweep.clone();
    let ended = streams.len() < STEP_STREAMS;
    let mut room = Room::new();
    for (key, mut stream) in streams {
        if stream.span.is_some_and(|span| span.first_ms < expired_before_ms) {
            let left = expire(tx, &mut stream, expired_before_ms, &mut room)?;
            tx.put(&STREAMS, &key, &stream)?;
            if left {
                // The same stream again, in the next commit.
                tx.schedule(now_ms.max(0) as u64, KIND, &next)?;
                return Ok(());
            }
        }
        let expires_ms = |first_ms: u64| first_ms + u64::from(days) * DAY_MS as u64 + 1;
        if let Some(at_ms) = stream.span.map(|span| expires_ms(span.first_ms)) {
            next.next_ms = Some(next.next_ms.map_or(at_ms, |next_ms| next_ms.min(at_ms)));
        }
        next.after = Some(name_in(&key));
    }
    let now_ms = now_ms.max(0) as u64;
    if !ended {
        return tx.schedule(now_ms, KIND, &next).map(drop);
    }
    let (earliest_ms, latest_ms) = (now_ms + PAUSE_MS_MIN, now_ms + PAUSE_MS_MAX);
    let at_ms = next.next_ms.unwrap_or(latest_ms).clamp(earliest_ms, latest_ms);
    tx.schedule(at_ms, KIND, &Sweep { after: None, next_ms: None, ..next }).map(drop)
}

/// Takes expired events from a stream and its sums; whether some are left.
fn expire(
    tx: &mut WriteTx,
    stream: &mut StreamRecord,
    before_ms: u64,
    room: &mut Room,
) -> Result<bool, StoreError> {
    let range = Range { from: Place::at(0), to: Place::at(before_ms), reverse: false };
    let gone = clear::events(tx, range.scan(stream.id), room)?;
    stream.bytes = stream.bytes.saturating_sub(gone.bytes + gone.rows * EVENT_OVERHEAD_BYTES);
    if !gone.all {
        return Ok(true);
    }
    let mut first_ms = None;
    tx.scan_raw(&EVENTS, &Scan::prefix(stream.id).limit(1), &mut |key, _| {
        first_ms = Place::from_key(key).map(|place| place.timestamp_ms);
        ControlFlow::Break(())
    })?;
    stream.span = match (stream.span, first_ms) {
        (Some(mut span), Some(first_ms)) => {
            span.first_ms = first_ms;
            Some(span)
        }
        _ => None,
    };
    Ok(false)
}
