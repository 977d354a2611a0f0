//! Timers: work to be done at a time, committed with the state that wants it.
//!
//! The store has no clock; the kernel asks [`ReadTx::due`] with its own time. A timer stays until a
//! transaction acknowledges or cancels it, so a task runs at least once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::{Key, Part};
use crate::outbox::to_value;
use crate::table::{Scan, Table};
use crate::tx::{ReadTx, WriteTx};
use crate::{AnyTable, StoreError};

const TIMERS: Table<TimerRecord> = Table::new("store/timer");
/// Index by time: `(at_ms, id)`.
const DUE: Table<()> = Table::new("store/timer-due");

/// Names a timer for ever: no other timer of this store ever gets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerId {
    /// Sequence number of the commit with which this run of the process began.
    run: u64,
    number: u64,
}

/// A timer that has not been acknowledged.
#[derive(Debug, Clone)]
pub struct Timer {
    /// Its name.
    pub id: TimerId,
    /// When it is due, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which task it starts, as named by the scheduler.
    pub kind: String,
    /// The scheduler's payload.
    pub payload: Value,
    /// Runs that failed so far.
    pub attempts: u32,
    /// Why the last run failed.
    pub last_error: Option<String>,
}

impl Timer {
    /// The payload as a type.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        T::deserialize(&self.payload).map_err(|error| StoreError::Corrupt {
            table: TIMERS.name().into(),
            key: format!("{} of kind {}", self.id, self.kind),
            detail: error.to_string(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct TimerRecord {
    at_ms: u64,
    kind: String,
    payload: Value,
    #[serde(default)]
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl fmt::Display for TimerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.run, self.number)
    }
}

impl TimerId {
    fn key(self) -> Key {
        Key::of((self.run, self.number))
    }

    fn due_key(self, at_ms: u64) -> Key {
        Key::of((at_ms, self.run, self.number))
    }
}

/// Hands out [`TimerId`]s, also to transactions that never commit.
pub(crate) struct TimerIds {
    run: u64,
    next: AtomicU64,
}

impl TimerIds {
    pub fn new(run: u64) -> Self {
        Self { run, next: AtomicU64::new(0) }
    }

    fn take(&self) -> TimerId {
        TimerId { run: self.run, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

impl ReadTx {
    /// Timers due at `now_ms`, earliest first.
    pub fn due(&self, now_ms: u64, limit: usize) -> Result<Vec<Timer>, StoreError> {
        let keys = self.scan(&DUE, Scan::all().le(now_ms).limit(limit))?;
        keys.into_iter().map(|(key, ())| self.due_timer(&key)).collect()
    }

    /// When the next timer is due, in milliseconds since 1970.
    pub fn next_due_ms(&self) -> Result<Option<u64>, StoreError> {
        let first = self.scan(&DUE, Scan::all().limit(1))?.into_iter().next();
        first.map(|(key, ())| due_parts(&key).map(|(at_ms, _)| at_ms)).transpose()
    }

    /// One timer, if it has been neither acknowledged nor cancelled.
    pub fn timer(&self, id: TimerId) -> Result<Option<Timer>, StoreError> {
        let record = self.get(&TIMERS, id.key())?;
        Ok(record.map(|TimerRecord { at_ms, kind, payload, attempts, last_error }| Timer {
            id,
            at_ms,
            kind,
            payload,
            attempts,
            last_error,
        }))
    }

    fn due_timer(&self, key: &Key) -> Result<Timer, StoreError> {
        let (_, id) = due_parts(key)?;
        self.timer(id)?.ok_or_else(|| bad_due(key, "no such timer"))
    }
}

impl WriteTx {
    /// Starts task `kind` at `at_ms` (milliseconds since 1970) or as soon as possible after.
    pub fn schedule<P: Serialize + ?Sized>(
        &mut self,
        at_ms: u64,
        kind: &str,
        payload: &P,
    ) -> Result<TimerId, StoreError> {
        let payload = to_value(&TIMERS, kind, payload)?;
        let id = self.timer_ids().take();
        let record =
            TimerRecord { at_ms, kind: kind.into(), payload, attempts: 0, last_error: None };
        self.put(&TIMERS, id.key(), &record)?;
        self.put(&DUE, id.due_key(at_ms), &())?;
        self.scheduled = true;
        Ok(id)
    }

    /// Removes a timer. False: it has run or was cancelled already.
    pub fn cancel(&mut self, id: TimerId) -> Result<bool, StoreError> {
        let Some(record) = self.get(&TIMERS, id.key())? else { return Ok(false) };
        self.delete(&TIMERS, id.key())?;
        self.delete(&DUE, id.due_key(record.at_ms))?;
        Ok(true)
    }

    /// Removes a timer whose task is done in this transaction. False: it was cancelled or done
    /// meanwhile, so the caller must not commit the effect.
    pub fn ack_timer(&mut self, id: TimerId) -> Result<bool, StoreError> {
        self.cancel(id)
    }

    /// Notes a failed run and moves the timer. False: it was cancelled or done meanwhile.
    pub fn retry_timer(
        &mut self,
        id: TimerId,
        at_ms: u64,
        error: &str,
    ) -> Result<bool, StoreError> {
        let Some(mut record) = self.get(&TIMERS, id.key())? else { return Ok(false) };
        self.delete(&DUE, id.due_key(record.at_ms))?;
        record.at_ms = at_ms;
        record.attempts = record.attempts.saturating_add(1);
        record.last_error = Some(error.into());
        self.put(&TIMERS, id.key(), &record)?;
        self.put(&DUE, id.due_key(at_ms), &())?;
        self.scheduled = true;
        Ok(true)
    }
}

fn due_parts(key: &Key) -> Result<(u64, TimerId), StoreError> {
    match key.parts().as_deref() {
        Some([Part::U64(at_ms), Part::U64(run), Part::U64(number)]) => {
            Ok((*at_ms, TimerId { run: *run, number: *number }))
        }
        _ => Err(bad_due(key, "key is not (time, run, number)")),
    }
}

fn bad_due(key: &Key, detail: &str) -> StoreError {
    StoreError::Corrupt { table: DUE.name().into(), key: format!("{key:?}"), detail: detail.into() }
}
