//! Deletes data keys that nothing can need any more, every hour.
//!
//! A data key outlives its table: backups, the stream (for a day), restores, exports and reports of
//! bulk operations still need it. Rather than count who does, which one forgotten place would make
//! wrong for ever, each pass asks of each key everyone who could, in the transaction that deletes
//! it: whoever begins to need it in between makes that transaction fail.

use std::time::Duration;

use kernel::{Fault, Kernel, Level, StoreError};
use store::{Key, Part, ReadTx, Scan, WriteTx};

use super::keys::{DATA_KEYS, DataKey, forget};
use crate::backup::{BACKUPS, BackupRecord, BackupState};
use crate::in_use;
use crate::pause::pause;
use crate::streams;
use crate::table::TABLES;
use crate::transfer::bulk;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Records read at once.
const BATCH: usize = 100;

/// Looks now and every hour, until the kernel stops.
pub(crate) async fn run(kernel: Kernel) {
    while !kernel.is_stopping() {
        if let Err(fault) = pass(&kernel).await {
            kernel.log(Level::Error, format_args!("data keys of deleted tables: {fault:?}"));
        }
        pause(&kernel, EVERY).await;
    }
}

async fn pass(kernel: &Kernel) -> Result<(), Fault> {
    let mut after: Option<Key> = None;
    while !kernel.is_stopping() {
        let batch = kernel.store().read(|tx| tx.scan(&DATA_KEYS, scan(Scan::all(), &after)));
        let batch = batch.map_err(Fault::internal)?;
        let Some((last, _)) = batch.last() else { return Ok(()) };
        after = Some(last.clone());
        for (place, _) in batch {
            if !kernel.store().read(|tx| is_idle(tx, &place)).map_err(Fault::internal)? {
                continue;
            }
            let delete = |tx: &mut WriteTx| -> Result<bool, StoreError> {
                let is_idle = is_idle(tx, &place)?;
                if is_idle {
                    tx.delete(&DATA_KEYS, place.clone())?;
                }
                Ok(is_idle)
            };
            if kernel.store().write(delete).await.map_err(Fault::internal)?
                && let Some(number) = number_of(&place)
            {
                forget(number);
            }
        }
    }
    Ok(())
}

fn scan(scan: Scan, after: &Option<Key>) -> Scan {
    match after {
        Some(after) => scan.limit(BATCH).after(after),
        None => scan.limit(BATCH),
    }
}

fn number_of(place: &Key) -> Option<u64> {
    match place.parts()?.pop()? {
        Part::U64(number) => Some(number),
        _ => None,
    }
}

/// Whether a data key is there that nobody needs.
fn is_idle(tx: &ReadTx, place: &Key) -> Result<bool, StoreError> {
    let (Some(number), Some(key)) = (number_of(place), tx.get(&DATA_KEYS, place.clone())?) else {
        return Ok(false);
    };
    let needed = table_or_stream_needs(tx, number, &key)?
        || work_needs(tx, key.table_number)?
        || backup_needs(tx, number, &key)?;
    Ok(!needed)
}

/// Whether its table is there, or a stream that is no other table's. Which of the disabled streams
/// of a name were its own is not known; they are gone after a day.
fn table_or_stream_needs(tx: &ReadTx, number: u64, key: &DataKey) -> Result<bool, StoreError> {
    let place = (&*key.account, &*key.region, &*key.table);
    let table = tx.get(&TABLES, place)?;
    let sse = table.as_ref().and_then(|table| table.sse.as_ref());
    if sse.is_some_and(|sse| sse.number == number) {
        return Ok(true);
    }
    let others = table.and_then(|table| table.stream).map(|stream| stream.number);
    streams::any_but(tx, place, others)
}

/// Whether a backup is made of the table, another one restored from it or from the backup that its
/// deletion left, an export or a bulk operation under way. Older keys do not say of which table they
/// are: then any work counts.
fn work_needs(tx: &ReadTx, table_number: Option<u64>) -> Result<bool, StoreError> {
    match table_number {
        Some(number) => Ok(in_use::is_held(tx, number)? || bulk::is_active(tx, number)?),
        None => Ok(in_use::is_any_held(tx)? || bulk::is_any_active(tx)?),
    }
}

fn backup_needs(tx: &ReadTx, number: u64, key: &DataKey) -> Result<bool, StoreError> {
    let mut after: Option<Key> = None;
    loop {
        let backups = Scan::prefix((&*key.account, &*key.region, &*key.table));
        let batch = tx.scan(&BACKUPS, scan(backups, &after))?;
        let Some((last, _)) = batch.last() else { return Ok(false) };
        after = Some(last.clone());
        if batch.iter().any(|(_, backup)| holds(backup, number)) {
            return Ok(true);
        }
    }
}

fn holds(backup: &BackupRecord, number: u64) -> bool {
    let sse = backup.table.sse.as_ref();
    backup.state == BackupState::Creating
        || backup.data_key == Some(number)
        || sse.is_some_and(|sse| sse.number == number)
}
