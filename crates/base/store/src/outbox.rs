//! Events that leave a transaction, delivered after it at least once.
//!
//! An event commits with the state that caused it and stays until a transaction acknowledges it.
//! Events are totally ordered by commit. Delivery is the kernel's: take [`ReadTx::events`], run the
//! handlers, and let the handler's own transaction call [`WriteTx::ack_event`], so that its effect
//! and the acknowledgement are one commit. A topic with several subscribers fans out in a first
//! transaction that acknowledges the event and emits one per subscriber.

use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::{Key, Part};
use crate::memory::lock;
use crate::table::{Scan, Table};
use crate::tx::{ReadTx, WriteTx};
use crate::{AnyTable, StoreError};

const EVENTS: Table<EventRecord> = Table::new("store/event");

/// Place of an event in the order of all events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventId {
    seq: u64,
    index: u64,
}

/// A pending event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the order.
    pub id: EventId,
    /// What happened, as named by the emitter.
    pub topic: String,
    /// Events of a topic with the same ordering key must be delivered one after the other.
    pub ordering_key: String,
    /// The emitter's payload.
    pub payload: Value,
    /// Deliveries that failed so far.
    pub attempts: u32,
    /// Not to be delivered before this time (milliseconds since 1970); 0 at first.
    pub not_before_ms: u64,
    /// Why the last delivery failed.
    pub last_error: Option<String>,
}

impl Event {
    /// The payload as a type.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        T::deserialize(&self.payload).map_err(|error| StoreError::Corrupt {
            table: EVENTS.name().into(),
            key: format!("{:?} of topic {}", self.id, self.topic),
            detail: error.to_string(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct EventRecord {
    topic: String,
    ordering_key: String,
    payload: Value,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    not_before_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl EventId {
    fn key(self) -> Key {
        Key::of((self.seq, self.index))
    }
}

/// Below which sequence number all events are gone. Acknowledged events leave deletion marks that
/// the disk engine would step over, ever more of them, each time the first event is looked for.
#[derive(Default)]
pub(crate) struct EventFloor(Mutex<Floor>);

#[derive(Clone, Copy, Default)]
struct Floor {
    /// No event has a lower sequence number...
    seq: u64,
    /// ...in a snapshot of this sequence number, nor in later ones: new events have higher ones.
    since: u64,
}

impl EventFloor {
    fn at(&self, snapshot: u64) -> u64 {
        let floor = *lock(&self.0);
        if snapshot >= floor.since { floor.seq } else { 0 }
    }

    fn raise(&self, seq: u64, snapshot: u64) {
        let mut floor = lock(&self.0);
        if seq > floor.seq {
            *floor = Floor { seq, since: floor.since.max(snapshot) };
        }
    }
}

impl ReadTx {
    /// Pending events in order, after the given one.
    pub fn events(&self, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        let mut scan = Scan::all().ge(self.event_floor().at(self.seq())).limit(limit);
        if let Some(id) = after {
            scan = scan.after(id.key());
        }
        let found = self.scan(&EVENTS, scan)?;
        let events: Vec<Event> = found
            .into_iter()
            .map(|(key, record)| event(&key, record))
            .collect::<Result<_, StoreError>>()?;
        if after.is_none() && limit > 0 && !self.has_writes() {
            let first = events.first().map_or(self.seq() + 1, |event| event.id.seq);
            self.event_floor().raise(first, self.seq());
        }
        Ok(events)
    }
}

impl WriteTx {
    /// Adds an event. Within one transaction events keep the order of the calls.
    pub fn emit<P: Serialize + ?Sized>(
        &mut self,
        topic: &str,
        ordering_key: &str,
        payload: &P,
    ) -> Result<(), StoreError> {
        let payload = to_value(&EVENTS, topic, payload)?;
        self.put_stamped(
            &EVENTS,
            &EventRecord {
                topic: topic.into(),
                ordering_key: ordering_key.into(),
                payload,
                attempts: 0,
                not_before_ms: 0,
                last_error: None,
            },
        )
    }

    /// Removes a delivered event. False: it is gone already (delivered by someone else, or the
    /// store was cleared), so the caller must not commit the effect.
    pub fn ack_event(&mut self, id: EventId) -> Result<bool, StoreError> {
        let pending = self.contains(&EVENTS, id.key())?;
        if pending {
            self.delete(&EVENTS, id.key())?;
        }
        Ok(pending)
    }

    /// Notes a failed delivery; the event keeps its place. False: it is gone already.
    pub fn retry_event(
        &mut self,
        id: EventId,
        not_before_ms: u64,
        error: &str,
    ) -> Result<bool, StoreError> {
        let Some(mut record) = self.get(&EVENTS, id.key())? else { return Ok(false) };
        record.attempts = record.attempts.saturating_add(1);
        record.not_before_ms = not_before_ms;
        record.last_error = Some(error.into());
        self.put(&EVENTS, id.key(), &record)?;
        Ok(true)
    }
}

fn event(key: &Key, record: EventRecord) -> Result<Event, StoreError> {
    let id = match key.parts().as_deref() {
        Some([Part::U64(seq), Part::U64(index)]) => EventId { seq: *seq, index: *index },
        _ => {
            return Err(StoreError::Corrupt {
                table: EVENTS.name().into(),
                key: format!("{key:?}"),
                detail: "key is not (sequence, index)".into(),
            });
        }
    };
    let EventRecord { topic, ordering_key, payload, attempts, not_before_ms, last_error } = record;
    Ok(Event { id, topic, ordering_key, payload, attempts, not_before_ms, last_error })
}

pub(crate) fn to_value<P: Serialize + ?Sized>(
    table: &dyn AnyTable,
    what: &str,
    payload: &P,
) -> Result<Value, StoreError> {
    serde_json::to_value(payload).map_err(|error| StoreError::Encode {
        table: table.name().into(),
        key: what.into(),
        detail: error.to_string(),
    })
}
