//! The records of a table's stream can be read, are in order, and lead to what is stored.

use std::collections::HashMap;
use std::ops::ControlFlow;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use store::{Key, ReadTx, StoreError};

use super::{Checked, Report, hex};
use crate::streams::{Entry, Event, Position, Span, visit};
use crate::table::{ITEMS, StreamView};

/// Memory for the keys of items whose last record is remembered, in bytes; items beyond that
/// are not compared.
const REMEMBERED_BYTES_MAX: usize = 64 << 20;
/// What an item takes in memory beside its key.
const REMEMBERED_ITEM_BYTES: usize = 96;

/// What the last record of an item leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    /// Something; the record does not say what.
    Any,
    /// An item with this digest.
    Image([u8; 16]),
}

/// Checks the stream that a table has now.
pub(super) fn check(tx: &ReadTx, table: &Checked, report: &mut Report) -> Result<(), StoreError> {
    let Some(stream) = &table.record.stream else { return Ok(()) };
    let names: Vec<String> = table.record.keys().map(|key| key.name.clone()).collect();
    let mut last: HashMap<Key, Left> = HashMap::new();
    let mut bytes = 0;
    let mut before = Position { seq: 0, index: 0 };
    let span = Span { stream: stream.number, after: before, before: None };
    visit(tx, span, &mut |entry| {
        report.stream_records += 1;
        let at = format!("commit {}, record {}", entry.position.seq, entry.position.index);
        if entry.position <= before {
            report.problem(format!("table {}: the stream is out of order at {at}", table.name));
        }
        before = entry.position;
        let Ok(keys) = entry.keys(&names) else {
            report.problem(format!("table {}: the stream's {at} has no key", table.name));
            return ControlFlow::Continue(());
        };
        let place = table.record.item_key(&keys);
        if let Some(problem) = last.get(&place).and_then(|known| contradiction(*known, &entry)) {
            report.problem(format!("table {}: the stream's {at} {problem}", table.name));
        }
        let length = place.as_bytes().len() + REMEMBERED_ITEM_BYTES;
        let fits = last.contains_key(&place) || bytes + length <= REMEMBERED_BYTES_MAX;
        if fits && last.insert(place, left(&entry, stream.view)).is_none() {
            bytes += length;
        }
        ControlFlow::Continue(())
    })?;
    compare(tx, table, last, report)
}

/// Why a record cannot follow what was left before it.
fn contradiction(before: Left, entry: &Entry) -> Option<&'static str> {
    match (before, entry.event) {
        (Left::Nothing, Event::Modify | Event::Remove) => Some("changes what is not there"),
        (Left::Any | Left::Image(_), Event::Insert) => Some("inserts what is there"),
        (Left::Image(known), _) => entry
            .old
            .as_ref()
            .filter(|old| digest(old) != known)
            .map(|_| "has an old image that is not the new image before it"),
        _ => None,
    }
}

fn left(entry: &Entry, view: StreamView) -> Left {
    match (entry.event, view, &entry.new) {
        (Event::Remove, _, _) => Left::Nothing,
        (_, StreamView::NewImage | StreamView::NewAndOldImages, Some(new)) => {
            Left::Image(digest(new))
        }
        _ => Left::Any,
    }
}

/// Compares what the stream leaves with the items.
fn compare(
    tx: &ReadTx,
    table: &Checked,
    last: HashMap<Key, Left>,
    report: &mut Report,
) -> Result<(), StoreError> {
    for (place, left) in last {
        report.stream_items += 1;
        let problem = match (left, tx.get_raw(&ITEMS, &place)?) {
            (Left::Nothing, Some(_)) => "is there, though the stream says it was removed",
            (Left::Any | Left::Image(_), None) => "is gone, and the stream does not say so",
            (Left::Image(known), Some(item)) if digest(&item) != known => {
                "is not the last new image of the stream"
            }
            _ => continue,
        };
        let key = hex(place.as_bytes());
        report.problem(format!("table {}: the item at {key} {problem}", table.name));
    }
    Ok(())
}

fn digest(image: &Bytes) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(image)[..16]);
    digest
}
