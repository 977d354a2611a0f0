//! Records: one for each change of an item, in the order of the commits.
//!
//! A stored record is `version · event · cause · time`, then which of keys, old and new item
//! follow, and those, each with its length: only what the stream's view needs.

use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use kernel::{Ctx, StoreError};
use store::{AnyTable, Key, RawTable, ReadTx, Scan, WriteTx};

use super::position::Position;
use crate::change::{Cause, Change};
use crate::item::{Corrupt, StoredItem, encode};
use crate::sse::{self, Unread, cipher::is_sealed};
use crate::table::{StreamView, TableRecord, TableStream};
use crate::value::Item;

/// Records by the stream's number, stamped.
pub(crate) const RECORDS: RawTable = RawTable::new("dynamodb/stream-record");

const VERSION: u8 = 1;
const KEYS: u8 = 1;
const OLD: u8 = 2;
const NEW: u8 = 4;

/// By how much a record's time may be earlier than that of one before it.
const COMMIT_MS_MAX: i64 = 10_000;

/// What happened to an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Insert,
    Modify,
    Remove,
}

/// A record.
pub(crate) struct Entry {
    pub position: Position,
    pub event: Event,
    /// Whether time to live did it.
    pub expired: bool,
    pub at_ms: i64,
    /// The key attributes, if neither image is there to take them from.
    pub keys: Option<Bytes>,
    pub old: Option<Bytes>,
    pub new: Option<Bytes>,
}

/// Writes the record of a change, if it changes anything.
pub(crate) fn write(
    tx: &mut WriteTx,
    table: &TableRecord,
    stream: &TableStream,
    change: &Change<'_>,
) -> Result<(), Error> {
    let (event, any) = match (change.old, change.new) {
        (None, Some(new)) => (Event::Insert, new),
        // Stored items are canonical: equal items are equal bytes.
        (Some(old), Some(new)) if old != new => (Event::Modify, new),
        (Some(old), None) => (Event::Remove, old),
        _ => return Ok(()),
    };
    let has_old = matches!(stream.view, StreamView::OldImage | StreamView::NewAndOldImages);
    let has_new = matches!(stream.view, StreamView::NewImage | StreamView::NewAndOldImages);
    let (old, new) = (change.old.filter(|_| has_old), change.new.filter(|_| has_new));
    let keys = if old.or(new).is_some() { None } else { Some(encode(&keys_of(table, any)?)) };

    let parts = [keys.map(Bytes::from), old.cloned(), new.cloned()];
    let record = encode_record(table, event, change.cause == Cause::Expiry, change.now_ms, parts)?;
    Ok(tx.put_stamped_raw(&RECORDS, stream.number, record)?)
}

fn encode_record(
    table: &TableRecord,
    event: Event,
    expired: bool,
    at_ms: i64,
    parts: [Option<Bytes>; 3],
) -> Result<Vec<u8>, Unread> {
    let [keys, old, new] = parts.map(|part| part.map(|part| sse::part(table, part)).transpose());
    let parts = [keys?, old?, new?];
    let length: usize = parts.iter().flatten().map(|part| 4 + part.len()).sum();
    let mut record = Vec::with_capacity(12 + length);
    record.extend([VERSION, event as u8, u8::from(expired)]);
    record.extend(at_ms.to_be_bytes());
    let flags = parts.iter().zip([KEYS, OLD, NEW]).filter(|(part, _)| part.is_some());
    record.push(flags.map(|(_, flag)| flag).sum());
    for part in parts.into_iter().flatten() {
        record.extend((part.len() as u32).to_be_bytes());
        record.extend_from_slice(&part);
    }
    Ok(record)
}

/// A record with its items sealed, unless they are.
pub(crate) fn sealed(table: &TableRecord, record: &Bytes) -> Result<Option<Vec<u8>>, Error> {
    let nowhere = Position { seq: 0, index: 0 };
    let entry = Entry::decode(nowhere, record).ok_or(Corrupt)?;
    let parts = [entry.keys, entry.old, entry.new];
    if parts.iter().flatten().all(|part| is_sealed(part)) {
        return Ok(None);
    }
    Ok(Some(encode_record(table, entry.event, entry.expired, entry.at_ms, parts)?))
}

fn keys_of(table: &TableRecord, stored: &Bytes) -> Result<Item, Corrupt> {
    key_attributes(table.keys().map(|key| key.name.as_str()), stored)
}

fn key_attributes<'a>(
    names: impl Iterator<Item = &'a str>,
    stored: &Bytes,
) -> Result<Item, Corrupt> {
    let item = StoredItem::new(stored)?;
    let value = |name: &str| {
        let value = item.get(name)?.ok_or(Corrupt)?;
        Ok((name.to_owned(), value.decode()?))
    };
    names.map(value).collect()
}

impl Entry {
    fn decode(position: Position, record: &Bytes) -> Option<Entry> {
        let (&[VERSION, event, expired], rest) = record.split_first_chunk::<3>()? else {
            return None;
        };
        let (at_ms, rest) = rest.split_first_chunk::<8>()?;
        let (&flags, mut rest) = rest.split_first()?;
        let event = [Event::Insert, Event::Modify, Event::Remove].into_iter().nth(event.into())?;
        let at_ms = i64::from_be_bytes(*at_ms);
        let mut part = |flag| {
            if flags & flag == 0 {
                return Some(None);
            }
            let (length, body) = rest.split_first_chunk::<4>()?;
            let (part, after) = body.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            Some(Some(record.slice_ref(part)))
        };
        let (keys, old, new) = (part(KEYS)?, part(OLD)?, part(NEW)?);
        let expired = expired != 0;
        Some(Entry { position, event, expired, at_ms, keys, old, new })
    }

    /// The same with its parts open; until then they are as they are stored.
    pub fn open(self, ctx: &Ctx) -> Result<Entry, Unread> {
        let open = |part: Option<Bytes>| part.map(|part| sse::open_part(ctx, part)).transpose();
        Ok(Entry { keys: open(self.keys)?, old: open(self.old)?, new: open(self.new)?, ..self })
    }

    /// The key attributes of those names.
    pub fn keys(&self, names: &[String]) -> Result<Item, Corrupt> {
        let any = self.keys.as_ref().or(self.new.as_ref()).or(self.old.as_ref()).ok_or(Corrupt)?;
        key_attributes(names.iter().map(String::as_str), any)
    }

    /// Bytes of keys and images.
    pub fn size_bytes(&self, names: &[String]) -> Result<usize, Corrupt> {
        let images = [self.old.as_ref(), self.new.as_ref()].into_iter().flatten();
        images
            .map(|image| Ok(StoredItem::new(image)?.size_bytes()))
            .sum::<Result<usize, _>>()
            .and_then(|images| Ok(images + self.keys(names)?.size_bytes()))
    }
}

/// A part of a stream to read: after a position, and before one if there is one.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub stream: u64,
    pub after: Position,
    pub before: Option<Position>,
}

/// Visits records in order; the visitor may stop.
pub(crate) fn visit(
    tx: &ReadTx,
    span: Span,
    visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    visit_some(tx, span, usize::MAX, visit)
}

fn visit_some(
    tx: &ReadTx,
    span: Span,
    limit: usize,
    visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let Span { stream, after, before } = span;
    let mut scan = Scan::prefix(stream).gt((stream, after.seq, after.index)).limit(limit);
    if let Some(before) = before {
        scan = scan.lt((stream, before.seq, before.index));
    }
    let mut problem = None;
    tx.scan_raw(&RECORDS, &scan, &mut |key, value| {
        let entry = Position::of_key(key).and_then(|position| Entry::decode(position, &value));
        let Some(entry) = entry else {
            problem = Some(corrupt(key));
            return ControlFlow::Break(());
        };
        visit(entry)
    })?;
    problem.map_or(Ok(()), Err)
}

/// The first record of that time or later, or none in the span.
///
/// Records lie in the order of their commits, and their times are those of the requests: they
/// are in order but for the time a commit takes. So all that is surely earlier is skipped by
/// halving, and the rest is looked at.
pub(crate) fn first_since(
    tx: &ReadTx,
    span: Span,
    since_ms: i64,
) -> Result<Option<Position>, StoreError> {
    let (mut low, mut high) =
        (span.after.seq, span.before.map_or(tx.seq(), |before| before.seq).max(span.after.seq));
    while low < high {
        let middle = low + (high - low) / 2;
        let mut is_early = false;
        let rest = Span { after: Position::end_of(middle), ..span };
        visit_some(tx, rest, 1, &mut |entry| {
            is_early = entry.at_ms < since_ms - COMMIT_MS_MAX;
            ControlFlow::Break(())
        })?;
        if is_early { low = middle + 1 } else { high = middle }
    }
    let after = if low > span.after.seq { Position::end_of(low - 1) } else { span.after };
    let mut first = None;
    visit(tx, Span { after, ..span }, &mut |entry| {
        if entry.at_ms < since_ms {
            return ControlFlow::Continue(());
        }
        first = Some(entry.position);
        ControlFlow::Break(())
    })?;
    Ok(first)
}

fn corrupt(key: &[u8]) -> StoreError {
    StoreError::Corrupt {
        table: RECORDS.name().into(),
        key: format!("{:?}", Key::from_bytes(key)),
        detail: "not a stream record".into(),
    }
}

/// The last record before a position.
pub(crate) fn last_before(
    tx: &ReadTx,
    stream: u64,
    before: Position,
) -> Result<Option<Position>, StoreError> {
    let mut last = None;
    let scan = Scan::prefix(stream).lt((stream, before.seq, before.index)).reverse().limit(1);
    tx.scan_raw(&RECORDS, &scan, &mut |key, _| {
        last = Position::of_key(key);
        ControlFlow::Break(())
    })?;
    Ok(last)
}

/// Deletes a record.
pub(crate) fn delete(tx: &mut WriteTx, stream: u64, at: Position) -> Result<(), StoreError> {
    tx.delete(&RECORDS, (stream, at.seq, at.index))
}
