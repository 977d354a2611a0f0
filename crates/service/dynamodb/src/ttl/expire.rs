//! Deletes items whose time has come.
//!
//! AWS takes up to some days for it; here it takes a second or two. Such a deletion is like any
//! other but for its cause, which streams tell.

use std::ops::ControlFlow;
use std::time::Duration;

use api_dynamodb::Error;
use kernel::{Ctx, Fault, Kernel, Level, StoreError};
use store::{Key, ReadTx, Scan, WriteTx};

use super::{EXPIRIES, ExpiringTable, TABLES, expiry_s, is_sensible, place_of};
use crate::change::{Cause, Change, apply};
use crate::pause::pause;
use crate::sse;
use crate::table::{self, ITEMS};

/// How often the indexes are looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Items deleted in one commit, each perhaps 400 KB large and in several indexes.
const BATCH: usize = 50;

/// Deletes what expires, until the kernel stops.
pub(crate) async fn run(kernel: Kernel) {
    while !kernel.is_stopping() {
        if let Err(fault) = pass(&kernel).await {
            kernel.log(Level::Error, format_args!("time to live: {fault:?}"));
        }
        pause(&kernel, EVERY).await;
    }
}

/// Deletes what has expired by now, in all tables.
async fn pass(kernel: &Kernel) -> Result<(), Fault> {
    let tables = kernel.store().read(|tx| tx.scan(&TABLES, Scan::all()));
    for (_, expiring) in tables.map_err(Fault::internal)? {
        let ctx = kernel.service_ctx("dynamodb", &expiring.account, &expiring.region);
        while !kernel.is_stopping() {
            let now_ms = ctx.now().epoch_ms;
            let due =
                ctx.store().read(|tx| due(tx, expiring.number, now_ms)).map_err(Fault::internal)?;
            let delete = |tx: &mut WriteTx| delete(&ctx, tx, &expiring, &due, now_ms);
            match sse::work(kernel, delete).await.map_err(Fault::from) {
                Err(fault) if fault.status >= 500 => return Err(fault),
                // The table's key cannot be used now: others go on.
                Err(_) => break,
                Ok(()) => {}
            }
            if due.len() < BATCH {
                break;
            }
        }
    }
    Ok(())
}

/// Entries of some items that have expired, the first ones first.
fn due(tx: &ReadTx, number: u64, now_ms: i64) -> Result<Vec<Key>, StoreError> {
    let now_s = now_ms.div_euclid(1000).max(0).unsigned_abs();
    let end = [number.to_be_bytes(), now_s.to_be_bytes()].concat();
    let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes()));
    let mut due = Vec::new();
    tx.scan_raw(&EXPIRIES, &scan.lt(Key::from_bytes(end)).limit(BATCH), &mut |key, _| {
        due.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    Ok(due)
}

/// Deletes the items of entries, those that are still as the entries say.
fn delete(
    ctx: &Ctx,
    tx: &mut WriteTx,
    expiring: &ExpiringTable,
    due: &[Key],
    now_ms: i64,
) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let Some(table) = table::find(ctx, tx, &expiring.name)? else { return Ok(()) };
    let Some(ttl) = table.ttl.as_ref().filter(|ttl| ttl.number == expiring.number) else {
        return Ok(());
    };
    for entry in due {
        let Some((second, place)) = place_of(entry, table.number) else { continue };
        let old = sse::get(tx, &ITEMS, &place)?;
        let expiry = match &old {
            Some(old) => expiry_s(old, &ttl.attribute)?,
            None => None,
        };
        if expiry == Some(second) && is_sensible(second, now_ms) {
            let change = Change {
                place: &place,
                old: old.as_ref(),
                new: None,
                cause: Cause::Expiry,
                now_ms,
            };
            apply(tx, &table, &change)?;
        } else {
            // Only an item that was not deleted for years after its time has such an entry.
            tx.delete(&EXPIRIES, entry)?;
        }
    }
    Ok(())
}
