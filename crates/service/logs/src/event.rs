//! Events and their order.

use bytes::Bytes;
use kernel::Fault;
use store::{Key, Part, Scan};

/// Where an event stands in its group: by its time, then by when it came, then by stream, then by
/// number. Also used for the gap before an event, so that a page can end and go on anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub timestamp_ms: u64,
    pub ingested_ms: u64,
    pub stream: u64,
    pub number: u64,
}

/// A stored event.
pub(crate) struct Event {
    pub place: Place,
    pub message: Bytes,
}

impl Place {
    /// The gap before everything of a time.
    pub fn at(timestamp_ms: u64) -> Self {
        Place { timestamp_ms, ingested_ms: 0, stream: 0, number: 0 }
    }

    /// The gap after this event.
    pub fn after(self) -> Self {
        Place { number: self.number.saturating_add(1), ..self }
    }

    /// The key of the event: (stream, time, arrival, number).
    pub fn key(self) -> (u64, u64, u64, u64) {
        (self.stream, self.timestamp_ms, self.ingested_ms, self.number)
    }

    /// This gap as seen by one stream, whose keys leave the stream out of the order.
    pub fn within(self, stream: u64) -> Self {
        match stream.cmp(&self.stream) {
            std::cmp::Ordering::Equal => self,
            std::cmp::Ordering::Greater => Place { stream, number: 0, ..self },
            std::cmp::Ordering::Less => {
                let ingested_ms = self.ingested_ms.saturating_add(1);
                Place { stream, ingested_ms, number: 0, ..self }
            }
        }
    }

    /// The place in an encoded key.
    pub fn from_key(key: &[u8]) -> Option<Self> {
        match Key::from_bytes(key).parts()?.as_slice() {
            &[
                Part::U64(stream),
                Part::U64(timestamp_ms),
                Part::U64(ingested_ms),
                Part::U64(number),
            ] => Some(Place { timestamp_ms, ingested_ms, stream, number }),
            _ => None,
        }
    }

    /// 32 bytes, for tokens.
    pub fn to_bytes(self) -> Vec<u8> {
        let parts = [self.timestamp_ms, self.ingested_ms, self.stream, self.number];
        parts.iter().flat_map(|part| part.to_be_bytes()).collect()
    }

    /// Reads [`Place::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (parts, rest) = bytes.as_chunks::<8>();
        match (parts, rest) {
            (&[timestamp, ingested, stream, number], []) => Some(Place {
                timestamp_ms: u64::from_be_bytes(timestamp),
                ingested_ms: u64::from_be_bytes(ingested),
                stream: u64::from_be_bytes(stream),
                number: u64::from_be_bytes(number),
            }),
            _ => None,
        }
    }

    /// 56 digits as AWS's event ids have.
    pub fn event_id(self) -> String {
        format!("3{:015}{:020}{:020}", self.timestamp_ms, self.stream, self.number)
    }
}

impl Event {
    /// The message; it was text when it was written.
    pub fn text(&self) -> Result<&str, Fault> {
        std::str::from_utf8(&self.message)
            .map_err(|_| Fault::internal(format_args!("damaged event {:?}", self.place)))
    }
}

/// Which events to read: from one gap to another, in which direction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub from: Place,
    pub to: Place,
    pub reverse: bool,
}

impl Range {
    /// Everything at or after `start_ms` and before `end_ms`.
    pub fn of_time(start_ms: Option<i64>, end_ms: Option<u64>, reverse: bool) -> Self {
        let from = Place::at(start_ms.unwrap_or(0).max(0) as u64);
        Range { from, to: Place::at(end_ms.unwrap_or(u64::MAX)), reverse }
    }

    /// Without what is before a time.
    pub fn since(self, time_ms: u64) -> Self {
        Range { from: self.from.max(Place::at(time_ms)), ..self }
    }

    /// Goes on at a gap where another page ended.
    pub fn resume(self, gap: Place) -> Self {
        if self.reverse {
            Range { to: self.to.min(gap), ..self }
        } else {
            Range { from: self.from.max(gap), ..self }
        }
    }

    /// The rows of one stream.
    pub fn scan(&self, stream: u64) -> Scan {
        let (from, to) = (self.from.within(stream).key(), self.to.within(stream).key());
        let scan = Scan::prefix((stream,)).ge(from).lt(to);
        if self.reverse { scan.reverse() } else { scan }
    }
}
