//! Archives: what came to a bus, kept sealed for a while, in the order of the events' times.

use api_events::Error;
use kernel::{BoxFuture, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, ReadTx, Scan, StoreError, Table, Timer, TimerId, WriteTx};

use crate::Events;
use crate::name::BusName;
use crate::record::{name_in, now_ms};
use crate::route::Sealed;

/// Archives by (account, region, name).
pub(crate) const ARCHIVES: Table<Archive> = Table::new("events/archive");
/// Events by (archive's id, time, number).
pub(crate) const ARCHIVED: Table<Archived> = Table::new("events/archived");
/// How much there is, by (archive's id, one of [`COUNTS`]): several rows, so that events that come
/// at once do not wait for each other.
const COUNTED: Table<Count> = Table::new("events/archive-count");
const COUNTS: u64 = 16;
/// Of timers that remove what is too old, and what was of archives that are gone.
pub(crate) const KIND: &str = "events.archive-trim";
/// Events that one commit removes.
const STEP: usize = 500;
const HOUR_MS: u64 = 3_600_000;

/// An archive of a bus.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Archive {
    /// Random, never reused.
    pub id: u64,
    /// ARN of the bus.
    pub bus: String,
    pub description: Option<String>,
    pub pattern: Option<String>,
    /// Zero is for ever.
    pub retention_days: i32,
    pub created_ms: u64,
    /// What removes events that are too old.
    pub timer: Option<TimerId>,
}

/// An event in an archive.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Archived {
    /// As in deliveries.
    pub sealed: String,
    /// Of the event's text.
    pub bytes: u64,
}

/// How much an archive has.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub events: i64,
    pub bytes: i64,
}

/// What a timer trims.
#[derive(Serialize, Deserialize)]
struct Trim {
    id: u64,
    /// Account, region and name, unless the archive is gone.
    archive: Option<(String, String, String)>,
}

/// The archives of an account and region whose names begin with `prefix`.
pub(crate) fn archives(
    tx: &ReadTx,
    account: &str,
    region: &str,
    prefix: &str,
) -> Result<Vec<(String, Archive)>, StoreError> {
    let scan = Scan::prefix(Key::of((account, region)).text_beginning(prefix));
    let found = tx.scan(&ARCHIVES, scan)?;
    Ok(found.into_iter().map(|(key, archive)| (name_in(&key), archive)).collect())
}

/// Keeps an event that has come to the bus in all archives that want it.
pub(crate) fn keep(
    tx: &mut WriteTx,
    events: &Events,
    bus: &BusName,
    event: &Sealed,
    now_ms: u64,
) -> Result<(), Error> {
    // What is replayed is in the archive already.
    if event.is_replayed {
        return Ok(());
    }
    let arn = bus.arn();
    for (_, archive) in archives(tx, &bus.account, &bus.region, "")? {
        let wants = |pattern: &str| events.patterns.wants(pattern, &event.json);
        if archive.bus != arn || !archive.pattern.as_deref().is_none_or(wants) {
            continue;
        }
        let mut number = events.next(now_ms);
        let at_ms = event.at_ms.max(0) as u64;
        while tx.contains(&ARCHIVED, (archive.id, at_ms, number))? {
            number = events.next(now_ms);
        }
        let kept = Archived { sealed: event.text.clone(), bytes: event.bytes };
        tx.put(&ARCHIVED, (archive.id, at_ms, number), &kept)?;
        add(tx, archive.id, number, 1, event.bytes as i64)?;
    }
    Ok(())
}

fn add(tx: &mut WriteTx, id: u64, number: u64, events: i64, bytes: i64) -> Result<(), StoreError> {
    let key = (id, number % COUNTS);
    let mut count = tx.get(&COUNTED, key)?.unwrap_or_default();
    count.events += events;
    count.bytes += bytes;
    tx.put(&COUNTED, key, &count)
}

/// How much an archive has.
pub(crate) fn count(tx: &ReadTx, archive: &Archive) -> Result<Count, StoreError> {
    let rows = tx.scan(&COUNTED, Scan::prefix(Key::of((archive.id,))))?;
    Ok(rows.into_iter().fold(Count::default(), |sum, (_, count)| Count {
        events: sum.events + count.events,
        bytes: sum.bytes + count.bytes,
    }))
}

/// Makes the archive's timer fit its retention; the caller writes the archive.
pub(crate) fn wind(
    tx: &mut WriteTx,
    key: (&str, &str, &str),
    archive: &mut Archive,
    now_ms: u64,
) -> Result<(), StoreError> {
    if let Some(timer) = archive.timer.take() {
        tx.cancel(timer)?;
    }
    if archive.retention_days > 0 {
        let (account, region, name) = key;
        let named = Some((account.to_owned(), region.to_owned(), name.to_owned()));
        let trim = Trim { id: archive.id, archive: named };
        archive.timer = Some(tx.schedule(now_ms, KIND, &trim)?);
    }
    Ok(())
}

/// Has the events of an archive removed that goes.
pub(crate) fn clear(tx: &mut WriteTx, archive: &Archive, now_ms: u64) -> Result<(), StoreError> {
    if let Some(timer) = archive.timer {
        tx.cancel(timer)?;
    }
    tx.schedule(now_ms, KIND, &Trim { id: archive.id, archive: None }).map(drop)
}

/// Removes events in short steps.
pub(crate) struct Trimmer;

impl TaskHandler for Trimmer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let trim: Trim =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            let now_ms = now_ms(kernel);
            let trimmed = kernel.store().write(|tx| step(tx, timer.id, &trim, now_ms));
            trimmed.await.map_err(Fault::from)
        })
    }
}

fn step(tx: &mut WriteTx, timer: TimerId, trim: &Trim, now_ms: u64) -> Result<(), Error> {
    tx.ack_timer(timer)?;
    let events = Key::of((trim.id,));
    let mut scan = Scan::prefix(events).limit(STEP);
    let mut archive = None;
    if let Some((account, region, name)) = &trim.archive {
        let key = (account.as_str(), region.as_str(), name.as_str());
        // An archive that is gone is cleared by a timer of its own.
        let found = tx.get(&ARCHIVES, key)?.filter(|found| found.timer == Some(timer));
        let Some(found) = found else { return Ok(()) };
        let age_ms = found.retention_days.max(0) as u64 * 24 * HOUR_MS;
        scan = scan.lt((trim.id, now_ms.saturating_sub(age_ms)));
        archive = Some((key, found));
    }
    let gone = tx.scan(&ARCHIVED, scan)?;
    for (number, (key, event)) in gone.iter().enumerate() {
        tx.delete(&ARCHIVED, key)?;
        if archive.is_some() {
            add(tx, trim.id, number as u64, -1, -(event.bytes as i64))?;
        }
    }
    let more = gone.len() == STEP;
    match archive {
        Some((key, mut found)) => {
            let next_ms = if more { now_ms } else { now_ms + HOUR_MS };
            found.timer = Some(tx.schedule(next_ms, KIND, trim)?);
            Ok(tx.put(&ARCHIVES, key, &found)?)
        }
        None if more => Ok(tx.schedule(now_ms, KIND, trim).map(drop)?),
        None => {
            for (key, _) in tx.scan(&COUNTED, Scan::prefix(Key::of((trim.id,))))? {
                tx.delete(&COUNTED, &key)?;
            }
            Ok(())
        }
    }
}
