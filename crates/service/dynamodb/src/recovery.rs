//! Point-in-time recovery: what to undo to get back to an earlier moment.
//!
//! While it is on, every change of an item also writes, in its own commit, what was there before
//! and when. The log is in the order of the commits. So the items of now, with the entries later
//! than a moment undone from the last one back, are the items of that moment: a state that really
//! was, between two commits.
//!
//! The log is trimmed every hour to the days that the table keeps.

use std::time::Duration;

use api_dynamodb::{Error, PointInTimeRecoveryUnavailableException};
use bytes::Bytes;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Durability, Key, RawTable, Timer, TimerId, WriteTx};

use crate::change::Change;
use crate::in_use;
use crate::jobs::{self, End, Job};
use crate::rows::{Rows, Sweep, place};
use crate::sse::{self, cipher::is_sealed};
use crate::table::{RecoveryRecord, TABLES, TableRecord};

/// The entries by log number, commit and order within it.
pub(crate) const LOG: RawTable = RawTable::new("dynamodb/recovery");

/// The kind of the timer that trims.
pub(crate) const KIND: &str = "dynamodb/recovery-trim";
const TRIM_EVERY: Duration = Duration::from_secs(60 * 60);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Days kept if none are given.
pub(crate) const DAYS_DEFAULT: i64 = 35;

/// An entry of the log.
pub(crate) struct Undo {
    /// When the change was asked for.
    pub at_ms: i64,
    /// The key of the item, without the number of the table.
    pub place: Vec<u8>,
    /// What was there before, as it is stored: sealed, if its table is.
    pub old: Option<Bytes>,
}

impl Undo {
    /// `time, 8 bytes | length of the place, 4 bytes | place | old item, nothing if none`.
    fn encode(at_ms: i64, place: &[u8], old: Option<&Bytes>) -> Vec<u8> {
        let mut bytes = at_ms.to_be_bytes().to_vec();
        bytes.extend((place.len() as u32).to_be_bytes());
        bytes.extend(place);
        bytes.extend(old.into_iter().flatten());
        bytes
    }

    /// Reads an entry.
    pub fn decode(entry: &Bytes) -> Result<Undo, Fault> {
        let corrupt = || Fault::internal("an entry of the recovery log is damaged");
        let (at_ms, rest) = entry.split_first_chunk::<8>().ok_or_else(corrupt)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let length = u32::from_be_bytes(*length) as usize;
        let place = rest.get(..length).ok_or_else(corrupt)?.to_vec();
        let old = entry.slice(12 + length..);
        let old = (!old.is_empty()).then_some(old);
        Ok(Undo { at_ms: i64::from_be_bytes(*at_ms), place, old })
    }
}

/// Writes the entry of a change.
pub(crate) fn log(
    tx: &mut WriteTx,
    table: &TableRecord,
    recovery: &RecoveryRecord,
    change: &Change<'_>,
) -> Result<(), Error> {
    let place = place(change.place);
    let old = change.old.map(|old| sse::item(table, place, old)).transpose()?;
    let entry = Undo::encode(change.now_ms, place, old.as_ref());
    Ok(tx.put_stamped_raw(&LOG, recovery.number, entry)?)
}

/// An entry with its item sealed, unless it is, or has none.
pub(crate) fn sealed(table: &TableRecord, entry: &Bytes) -> Result<Option<Vec<u8>>, Error> {
    let Undo { at_ms, place, old } = Undo::decode(entry)?;
    let Some(old) = old.filter(|old| !is_sealed(old)) else { return Ok(None) };
    Ok(Some(Undo::encode(at_ms, &place, Some(&sse::item(table, &place, &old)?))))
}

impl RecoveryRecord {
    /// The earliest moment that can be gone back to, to the second as clients have it.
    pub fn earliest_ms(&self, now_ms: i64) -> i64 {
        let earliest_ms = self.since_ms.max(now_ms - self.days * DAY_MS);
        earliest_ms.div_euclid(1000) * 1000
    }

    /// A moment that a parameter gives, in milliseconds, if it can be gone back to.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_time(&self, name: &str, at: Timestamp, now_ms: i64) -> Result<i64, String> {
        let earliest_ms = self.earliest_ms(now_ms);
        if (earliest_ms..=now_ms).contains(&at.epoch_ms) {
            return Ok(at.epoch_ms);
        }
        let text = |ms| Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%SZ");
        Err(format!(
            "{name} '{}' must be within EarliestRestorableDateTime '{}' and \
             LatestRestorableDateTime '{}'",
            text(at.epoch_ms),
            text(earliest_ms),
            text(now_ms)
        ))
    }
}

/// Recovery of a table where it is on.
pub(crate) fn enabled<'a>(table: &'a TableRecord, name: &str) -> Result<&'a RecoveryRecord, Error> {
    table.recovery.as_ref().filter(|recovery| !recovery.ending).ok_or_else(|| {
        let message = Some(format!("Point in time recovery is not enabled for table '{name}'"));
        PointInTimeRecoveryUnavailableException { message }.into()
    })
}

/// Turns recovery on, or changes the days it keeps.
pub(crate) fn enable(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    days: Option<i64>,
) -> Result<(), StoreError> {
    let now_ms = ctx.now().epoch_ms;
    match &mut table.recovery {
        Some(recovery) => {
            if recovery.ending {
                (recovery.ending, recovery.since_ms) = (false, now_ms);
            }
            // What is trimmed does not come back.
            recovery.since_ms = recovery.since_ms.max(now_ms - recovery.days * DAY_MS);
            recovery.days = days.unwrap_or(recovery.days);
        }
        None => {
            let number = ctx.random().u64();
            let days = days.unwrap_or(DAYS_DEFAULT);
            table.recovery = Some(RecoveryRecord { number, since_ms: now_ms, days, ending: false });
            let payload = Trim {
                account: ctx.account().to_owned(),
                region: ctx.region().to_owned(),
                name: name.to_owned(),
                number,
            };
            payload.schedule(tx, now_ms)?;
        }
    }
    Ok(())
}

/// Turns recovery off. A table that is being restored from this one still needs the log: then it
/// goes on until that is done.
pub(crate) fn disable(
    tx: &mut WriteTx,
    table: &mut TableRecord,
    now_ms: i64,
) -> Result<Option<(Sweep, TimerId)>, StoreError> {
    match &mut table.recovery {
        Some(recovery) if in_use::is_held(tx, table.number)? => {
            recovery.ending = true;
            Ok(None)
        }
        _ => end(tx, table, now_ms),
    }
}

/// Ends recovery of a table, or of a table that is deleted: the log is swept away as soon as
/// nobody reads it. The caller starts the job, or leaves it to its watch.
pub(crate) fn end(
    tx: &mut WriteTx,
    table: &mut TableRecord,
    now_ms: i64,
) -> Result<Option<(Sweep, TimerId)>, StoreError> {
    let Some(recovery) = table.recovery.take() else { return Ok(None) };
    let sweep = Sweep { rows: Rows::Log, number: recovery.number, held_as: table.number };
    let watch = jobs::watch(tx, now_ms, &sweep)?;
    Ok(Some((sweep, watch)))
}

/// Trims the log of a table: the payload of the hourly timer, and the job it wants.
#[derive(Serialize, Deserialize)]
pub(crate) struct Trim {
    account: String,
    region: String,
    name: String,
    /// The log's number: if the table has another one now, this one is gone.
    number: u64,
}

impl Trim {
    fn schedule(&self, tx: &mut WriteTx, now_ms: i64) -> Result<(), StoreError> {
        let at_ms = now_ms.unsigned_abs() + TRIM_EVERY.as_millis() as u64;
        tx.schedule(at_ms, KIND, self).map(drop)
    }

    fn key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.name))
    }

    /// Removes the entries at the beginning that are too old; true if there may be more.
    async fn batch(&self, kernel: &Kernel, until_ms: i64) -> Result<bool, Fault> {
        let rows = kernel.store().read(|tx| Rows::Log.batch(tx, self.number, None));
        let mut old = Vec::new();
        for (key, entry) in rows.map_err(Fault::internal)? {
            if Undo::decode(&entry)?.at_ms >= until_ms {
                break;
            }
            old.push(key);
        }
        let deleted = kernel.store().write(|tx| -> Result<(), StoreError> {
            tx.durability(Durability::Buffered);
            old.iter().try_for_each(|key| tx.delete(&LOG, key))
        });
        deleted.await.map_err(Fault::internal)?;
        Ok(!old.is_empty())
    }
}

impl Job for Trim {
    const KIND: &'static str = "dynamodb/recovery-trim-job";

    fn id(&self) -> String {
        self.number.to_string()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let now_ms = kernel.clock().now().epoch_ms;
            let table = kernel.store().read(|tx| tx.get(&TABLES, self.key()));
            let table = table.map_err(Fault::internal)?;
            let recovery = table.as_ref().and_then(|table| table.recovery.as_ref());
            let Some(recovery) = recovery.filter(|known| known.number == self.number) else {
                return Ok(End::Done);
            };
            let until_ms = now_ms - recovery.days * DAY_MS;
            while self.batch(kernel, until_ms).await? {
                if kernel.is_stopping() {
                    return Ok(End::Later);
                }
            }
            Ok(End::Done)
        })
    }
}

/// Receives the hourly timers.
pub(crate) struct Trimmer;

impl TaskHandler for Trimmer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let trim: Trim = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms;
            let next = |tx: &mut WriteTx| -> Result<(), StoreError> {
                if !tx.ack_timer(timer.id)? {
                    return Ok(());
                }
                let Some(mut table) = tx.get(&TABLES, trim.key())? else { return Ok(()) };
                let Some(recovery) = table.recovery.clone() else { return Ok(()) };
                if recovery.number != trim.number {
                    return Ok(());
                }
                // A restore may need the oldest entries, and then all of them.
                if !in_use::is_held(tx, table.number)? {
                    if recovery.ending {
                        end(tx, &mut table, now_ms)?;
                        return tx.put(&TABLES, trim.key(), &table);
                    }
                    jobs::watch(tx, now_ms, &trim)?;
                }
                trim.schedule(tx, now_ms)
            };
            kernel.store().write(next).await.map_err(Fault::internal)
        })
    }
}
