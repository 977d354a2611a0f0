//! Shards: what lies between two markers in a stream.
//!
//! A marker says that a shard begins, or that none does; either ends the one before. Markers are
//! stamped as records are, so their place among the records is that of their commit.

use std::ops::ControlFlow;

use kernel::StoreError;
use store::{AnyTable, Key, RawTable, ReadTx, Scan, WriteTx};

use super::position::Position;

/// Markers, by the stream's number, stamped.
const MARKERS: RawTable = RawTable::new("dynamodb/stream-shard");

const OPEN: u8 = 1;
const CLOSE: u8 = 2;

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    pub id: String,
    pub parent_id: Option<String>,
    /// Its marker: all its records come after it.
    pub start: Position,
    /// The marker that ended it: all its records come before it.
    pub end: Option<Position>,
    pub opened_ms: i64,
    pub closed_ms: Option<i64>,
}

/// Begins a shard after `previous`, which must be the last one.
pub(crate) fn open(
    tx: &mut WriteTx,
    stream: u64,
    now_ms: i64,
    previous: Option<&Shard>,
) -> Result<(), StoreError> {
    // Identifiers contain the time, and must be in order whatever the clock does.
    let opened_ms = previous.map_or(now_ms, |shard| now_ms.max(shard.opened_ms + 1));
    mark(tx, stream, OPEN, opened_ms, previous.map_or(0, |shard| shard.opened_ms))
}

/// Ends the open shard, and the stream with it.
pub(crate) fn close(tx: &mut WriteTx, stream: u64, now_ms: i64) -> Result<(), StoreError> {
    mark(tx, stream, CLOSE, now_ms, 0)
}

fn mark(
    tx: &mut WriteTx,
    stream: u64,
    kind: u8,
    at_ms: i64,
    parent_ms: i64,
) -> Result<(), StoreError> {
    let marker = [&[kind][..], &at_ms.to_be_bytes(), &parent_ms.to_be_bytes()].concat();
    tx.put_stamped_raw(&MARKERS, stream, marker)
}

/// The shards of a stream, in order.
pub(crate) fn list(tx: &ReadTx, stream: u64) -> Result<Vec<Shard>, StoreError> {
    let mut shards: Vec<Shard> = Vec::new();
    let mut problem = None;
    tx.scan_raw(&MARKERS, &Scan::prefix(stream), &mut |key, value| {
        let Some((position, kind, at_ms, parent_ms)) = decode(key, &value) else {
            problem = Some(StoreError::Corrupt {
                table: MARKERS.name().into(),
                key: format!("{:?}", Key::from_bytes(key)),
                detail: "not a marker of a shard".into(),
            });
            return ControlFlow::Break(());
        };
        if let Some(last) = shards.last_mut().filter(|last| last.end.is_none()) {
            last.end = Some(position);
            last.closed_ms = Some(at_ms);
        }
        if kind == OPEN {
            shards.push(Shard {
                id: id(stream, at_ms),
                parent_id: (parent_ms != 0).then(|| id(stream, parent_ms)),
                start: position,
                end: None,
                opened_ms: at_ms,
                closed_ms: None,
            });
        }
        ControlFlow::Continue(())
    })?;
    problem.map_or(Ok(shards), Err)
}

/// Deletes the marker of a shard that is without records.
pub(crate) fn delete(tx: &mut WriteTx, stream: u64, shard: &Shard) -> Result<(), StoreError> {
    tx.delete(&MARKERS, (stream, shard.start.seq, shard.start.index))
}

/// Deletes the markers of a stream that is going away.
pub(crate) fn delete_all(tx: &mut WriteTx, stream: u64) -> Result<(), StoreError> {
    let mut keys = Vec::new();
    tx.scan_raw(&MARKERS, &Scan::prefix(stream), &mut |key, _| {
        keys.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    keys.iter().try_for_each(|key| tx.delete(&MARKERS, key))
}

fn decode(key: &[u8], value: &[u8]) -> Option<(Position, u8, i64, i64)> {
    let (&kind, rest) = value.split_first()?;
    let (at_ms, rest) = rest.split_first_chunk::<8>()?;
    let (parent_ms, rest) = rest.split_first_chunk::<8>()?;
    let is_marker = matches!(kind, OPEN | CLOSE) && rest.is_empty();
    let position = Position::of_key(key).filter(|_| is_marker)?;
    Some((position, kind, i64::from_be_bytes(*at_ms), i64::from_be_bytes(*parent_ms)))
}

/// As AWS's: they sort by time.
fn id(stream: u64, opened_ms: i64) -> String {
    format!("shardId-{opened_ms:020}-{:08x}", (stream >> 32) as u32 ^ stream as u32)
}
