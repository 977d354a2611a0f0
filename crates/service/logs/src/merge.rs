//! Reading several streams as one.
//!
//! Streams are opened only when the reading reaches their first event, so a group with thousands
//! of streams costs what is active at the time that is read.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::ControlFlow;

use store::{Key, ReadTx, StoreError};

use crate::event::{Event, Place, Range};
use crate::table::{EVENTS, Span};

/// Events fetched of a stream at once: few at first, since most reads are short.
const FETCH_FIRST: usize = 16;
const FETCH_MAX: usize = 256;
/// Messages kept of a stream that was not reached yet, in bytes.
const FETCH_BYTES_MAX: usize = 256 * 1024;

/// A stream to be read.
struct Source {
    id: u64,
    name: String,
    ready: VecDeque<Event>,
    /// Key of the last row fetched.
    last: Option<Key>,
    fetch: usize,
    ended: bool,
}

/// Visits the events of one stream in order.
pub(crate) fn visit_stream(
    tx: &ReadTx,
    stream: u64,
    range: &Range,
    visit: &mut dyn FnMut(Event) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    if range.from >= range.to {
        return Ok(());
    }
    tx.scan_raw(&EVENTS, &range.scan(stream), &mut |key, message| match Place::from_key(key) {
        Some(place) => visit(Event { place, message }),
        None => unreachable!("only this crate writes keys of events"),
    })
}

/// Visits the events of many streams (id, name, span) in one order; the visitor also gets the
/// stream's name.
pub(crate) fn visit_streams(
    tx: &ReadTx,
    streams: Vec<(u64, String, Span)>,
    range: &Range,
    visit: &mut dyn FnMut(&str, Event) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let mut sources = Vec::new();
    let mut next = BinaryHeap::new();
    for (id, name, span) in streams {
        let (first, last) = (Place::at(span.first_ms), Place::at(span.last_ms.saturating_add(1)));
        if first >= range.to || last <= range.from {
            continue;
        }
        let nearest = if range.reverse { last.min(range.to) } else { first.max(range.from) };
        next.push(Reverse((rank(nearest, range), sources.len())));
        let (ready, fetch) = (VecDeque::new(), FETCH_FIRST);
        sources.push(Source { id, name, ready, last: None, fetch, ended: false });
    }
    while let Some(Reverse((_, index))) = next.pop() {
        let source = &mut sources[index];
        // At first a stream stands in the queue by its span, then by its next event.
        if let Some(event) = source.ready.pop_front()
            && visit(&source.name, event).is_break()
        {
            return Ok(());
        }
        if source.ready.is_empty() && !source.ended {
            source.fetch(tx, range)?;
        }
        if let Some(event) = source.ready.front() {
            next.push(Reverse((rank(event.place, range), index)));
        }
    }
    Ok(())
}

/// Smaller means earlier in the direction of the reading.
fn rank(place: Place, range: &Range) -> Place {
    if !range.reverse {
        return place;
    }
    Place {
        timestamp_ms: !place.timestamp_ms,
        ingested_ms: !place.ingested_ms,
        stream: !place.stream,
        number: !place.number,
    }
}

impl Source {
    fn fetch(&mut self, tx: &ReadTx, range: &Range) -> Result<(), StoreError> {
        let mut scan = range.scan(self.id).limit(self.fetch);
        if let Some(last) = &self.last {
            scan = scan.after(last);
        }
        let (mut rows, mut bytes) = (0, 0);
        tx.scan_raw(&EVENTS, &scan, &mut |key, message| {
            rows += 1;
            bytes += message.len();
            self.last = Some(Key::from_bytes(key));
            self.ready.extend(Place::from_key(key).map(|place| Event { place, message }));
            if bytes < FETCH_BYTES_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        self.ended = rows < self.fetch && bytes < FETCH_BYTES_MAX;
        self.fetch = (self.fetch * 4).min(FETCH_MAX);
        Ok(())
    }
}
