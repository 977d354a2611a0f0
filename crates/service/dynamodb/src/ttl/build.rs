//! Fills the index of a table whose time to live is enabled, and empties that of one whose is
//! disabled, a few items at a time.

use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, Scan, Timer, WriteTx};

use super::{EXPIRIES, entry_key, expiry_s, is_sensible};
use crate::sse;
use crate::sweep::Budget;
use crate::table::{self, ITEMS, TableRecord, TtlRecord};

/// The kind of the task that fills.
pub(crate) const BUILD: &str = "dynamodb/expiry-build";
/// The kind of the task that empties.
pub(crate) const CLEAR: &str = "dynamodb/expiry-clear";

/// Items looked at in one commit, each perhaps 400 KB large.
const BATCH: usize = 100;

#[derive(Clone, Serialize, Deserialize)]
struct Build {
    account: String,
    region: String,
    name: String,
    /// The number of the time to live.
    number: u64,
    /// The last item looked at.
    after: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Clear {
    number: u64,
}

/// Fills the index of a small table at once; begins to fill that of another.
pub(super) fn begin(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &TableRecord,
    ttl: &mut TtlRecord,
) -> Result<(), Error> {
    let now_ms = ctx.now().epoch_ms;
    let Some(after) = batch(tx, table, ttl, None, now_ms)? else { return Ok(()) };
    ttl.building = true;
    let build = Build {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: name.to_owned(),
        number: ttl.number,
        after: after.as_bytes().to_vec(),
    };
    tx.schedule(now_ms.unsigned_abs(), BUILD, &build)?;
    Ok(())
}

/// Has an index emptied.
pub(super) fn schedule_clearing(
    ctx: &Ctx,
    tx: &mut WriteTx,
    number: u64,
) -> Result<(), StoreError> {
    tx.schedule(ctx.now().epoch_ms.unsigned_abs(), CLEAR, &Clear { number }).map(drop)
}

/// Writes the entries of some items; the last of those if there may be more.
fn batch(
    tx: &mut WriteTx,
    table: &TableRecord,
    ttl: &TtlRecord,
    after: Option<&Key>,
    now_ms: i64,
) -> Result<Option<Key>, Error> {
    let mut scan = Scan::prefix(Key::from_bytes(table.prefix())).limit(BATCH);
    if let Some(after) = after {
        scan = scan.after(after);
    }
    let (mut last, mut seen, mut entries, mut problem) = (None, 0, Vec::new(), None);
    tx.scan_raw(&ITEMS, &scan, &mut |key, item| {
        seen += 1;
        let place = Key::from_bytes(key);
        let item = sse::open(&ITEMS, key, item).map_err(Error::from);
        let expiry = item.and_then(|item| Ok(expiry_s(&item, &ttl.attribute)?));
        match expiry {
            Ok(Some(second)) if is_sensible(second, now_ms) => {
                entries.push(entry_key(ttl.number, second, &place));
            }
            Ok(_) => {}
            Err(corrupt) => problem = Some(corrupt),
        }
        last = Some(place);
        if problem.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    problem.map_or(Ok(()), Err)?;
    for entry in entries {
        tx.put_raw(&EXPIRIES, entry, Bytes::new())?;
    }
    Ok(last.filter(|_| seen == BATCH))
}

/// Runs the task that fills.
pub(crate) struct Builder;

impl TaskHandler for Builder {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let mut build: Build = timer.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx("dynamodb", &build.account, &build.region);
            let budget = Budget::new(kernel);
            loop {
                let step = |tx: &mut WriteTx| step(&ctx, tx, &build);
                match sse::work(kernel, step).await? {
                    Some(after) => build.after = after.as_bytes().to_vec(),
                    None => return Ok(()),
                }
                if budget.is_spent() {
                    // The rest is for another run, behind what others have to do.
                    let again = ctx.store().write(|tx| -> Result<(), StoreError> {
                        tx.ack_timer(timer.id)?;
                        tx.schedule(ctx.now().epoch_ms.unsigned_abs(), BUILD, &build).map(drop)
                    });
                    return again.await.map_err(Fault::internal);
                }
            }
        })
    }
}

/// One batch; the last item of it, unless all is done.
fn step(ctx: &Ctx, tx: &mut WriteTx, build: &Build) -> Result<Option<Key>, Error> {
    let Some(mut table) = table::find(ctx, tx, &build.name)? else { return Ok(None) };
    let Some(mut ttl) = table.ttl.clone().filter(|ttl| ttl.number == build.number) else {
        return Ok(None);
    };
    let after = Key::from_bytes(build.after.clone());
    let last = batch(tx, &table, &ttl, Some(&after), ctx.now().epoch_ms)?;
    if last.is_none() {
        ttl.building = false;
        table.ttl = Some(ttl);
        let key = (ctx.account(), ctx.region(), build.name.as_str());
        tx.put(&table::TABLES, key, &table)?;
    }
    Ok(last)
}

/// Runs the task that empties.
pub(crate) struct Clearer;

impl TaskHandler for Clearer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let clear: Clear = timer.payload().map_err(Fault::internal)?;
            if Budget::new(kernel).delete(&EXPIRIES, clear.number).await? {
                return Ok(());
            }
            let again = kernel.store().write(|tx| -> Result<(), StoreError> {
                tx.ack_timer(timer.id)?;
                let now_ms = kernel.clock().now().epoch_ms.unsigned_abs();
                tx.schedule(now_ms, CLEAR, &clear).map(drop)
            });
            again.await.map_err(Fault::internal)
        })
    }
}
