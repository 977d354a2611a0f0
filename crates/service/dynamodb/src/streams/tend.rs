//! The task that tends a stream, every hour: closes shards and opens their successors, deletes
//! records that are too old, then shards without records, and in the end the stream.

use std::ops::ControlFlow;

use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{ReadTx, Timer, WriteTx};

use super::log::{self, Span};
use super::position::Position;
use super::stream::{STREAMS, StreamName, StreamRecord};
use super::{KEPT_MS, SHARD_OPEN_MS, shard};
use crate::sweep::Budget;

/// The task's kind.
pub(crate) const KIND: &str = "dynamodb/stream";
/// How often a stream is looked after.
const EVERY_MS: i64 = 60 * 60 * 1000;
/// Records deleted in one commit.
const BATCH: usize = 100;

#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    table: String,
    label: String,
}

/// Runs the task.
pub(crate) struct Tender;

/// Has a new stream looked after in an hour.
pub(super) fn begin(
    ctx: &Ctx,
    tx: &mut WriteTx,
    stream: &StreamName,
    now_ms: i64,
) -> Result<(), StoreError> {
    schedule(ctx, tx, stream, now_ms + EVERY_MS)
}

fn schedule(
    ctx: &Ctx,
    tx: &mut WriteTx,
    stream: &StreamName,
    at_ms: i64,
) -> Result<(), StoreError> {
    let payload = Payload {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table: stream.table.clone(),
        label: stream.label.clone(),
    };
    tx.schedule(at_ms.unsigned_abs(), KIND, &payload).map(drop)
}

impl TaskHandler for Tender {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Payload { account, region, table, label } =
                timer.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx("dynamodb", &account, &region);
            let stream = StreamName { table, label };
            let now_ms = ctx.now().epoch_ms;
            let budget = Budget::new(kernel);
            let mut is_done = false;
            while !is_done && !budget.is_spent() {
                is_done = !trim(&ctx, &stream, now_ms).await.map_err(Fault::internal)?;
            }
            let finish = |tx: &mut WriteTx| -> Result<(), StoreError> {
                if !tx.ack_timer(timer.id)? {
                    return Ok(());
                }
                if is_done {
                    return finish(&ctx, tx, &stream, now_ms);
                }
                // The rest is for another run, behind what others have to do.
                schedule(&ctx, tx, &stream, now_ms)
            };
            ctx.store().write(finish).await.map_err(Fault::internal)
        })
    }
}

/// Deletes some records that are too old; whether there may be more.
async fn trim(ctx: &Ctx, stream: &StreamName, now_ms: i64) -> Result<bool, StoreError> {
    let old = ctx.store().read(|tx| match stream.find(ctx, tx)? {
        Some(record) => too_old(tx, &record, now_ms),
        None => Ok(Vec::new()),
    })?;
    let Some(&last) = old.last() else { return Ok(false) };
    let write = |tx: &mut WriteTx| -> Result<(), StoreError> {
        let Some(mut record) = stream.find(ctx, tx)? else { return Ok(()) };
        old.iter().try_for_each(|&at| log::delete(tx, record.number, at))?;
        record.trimmed = record.trimmed.max(Some(last));
        tx.put(&STREAMS, stream.key(ctx), &record)
    };
    ctx.store().write(write).await?;
    Ok(old.len() == BATCH)
}

fn too_old(tx: &ReadTx, record: &StreamRecord, now_ms: i64) -> Result<Vec<Position>, StoreError> {
    let mut old = Vec::new();
    let after = Position { seq: 0, index: 0 };
    let span = Span { stream: record.number, after, before: None };
    log::visit(tx, span, &mut |entry| {
        if entry.at_ms >= now_ms - KEPT_MS {
            return ControlFlow::Break(());
        }
        old.push(entry.position);
        if old.len() < BATCH { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok(old)
}

/// Looks after the shards once the records are done.
fn finish(ctx: &Ctx, tx: &mut WriteTx, stream: &StreamName, now_ms: i64) -> Result<(), StoreError> {
    let Some(record) = stream.find(ctx, tx)? else { return Ok(()) };
    let everything = Position::end_of(u64::MAX);
    if record.disabled_ms.is_some_and(|at_ms| at_ms < now_ms - KEPT_MS)
        && log::last_before(tx, record.number, everything)?.is_none()
    {
        shard::delete_all(tx, record.number)?;
        return tx.delete(&STREAMS, stream.key(ctx));
    }
    let shards = shard::list(tx, record.number)?;
    for old in &shards {
        if old.closed_ms.is_some_and(|at_ms| at_ms < now_ms - KEPT_MS) {
            shard::delete(tx, record.number, old)?;
        }
    }
    if let Some(last) = shards.last()
        && last.end.is_none()
        && last.opened_ms <= now_ms - SHARD_OPEN_MS
    {
        shard::open(tx, record.number, now_ms, Some(last))?;
    }
    schedule(ctx, tx, stream, now_ms + EVERY_MS)
}
