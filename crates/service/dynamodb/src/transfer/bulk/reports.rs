//! What a bulk operation tells of records that it did not put.
//!
//! ```text
//! {"itemS3Pointer": {"bucket": "in", "key": "a.json", "itemIndex": 7},
//!  "errorMessages": ["One or more parameter values were invalid: …"], "Item": {…}}
//! {"itemS3Pointer": {"bucket": "in", "key": "a.json", "itemIndex": 8},
//!  "Item": {…}, "ExistingItem": {…}}
//! ```
//!
//! Until it is in a file it is a row, under the data key of the table if that has one. AWS's form of
//! these lines is not published; the pointer is that of what imports tell CloudWatch Logs.

use std::io::Write as _;
use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::{Fault, StoreError};
use serde_json::json;
use store::{Key, RawTable, ReadTx, Scan, WriteTx};

use super::{BulkRecord, Reported};
use crate::item::{Corrupt, StoredItem, encode};
use crate::sse;
use crate::table::TableRecord;
use crate::value::{Item, Value};

/// By the operation's number, the kind and the line's number.
const ROWS: RawTable = RawTable::new("dynamodb/bulk-report");
/// A file is written when so many lines wait for it, or rows of so many bytes.
const FILE_LINES: u64 = 4_096;
const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Attributes of a row.
const OBJECT: &str = "object";
const INDEX: &str = "index";
const WHY: &str = "why";
const ITEM: &str = "item";
const EXISTING: &str = "existing";

/// A kind of report, as OutputType names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Error,
    Condition,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::Error, Kind::Condition];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Error => "ERROR",
            Kind::Condition => "CONDITION_CHECK_FAILURE",
        }
    }

    pub fn of(self, bulk: &BulkRecord) -> &Reported {
        match self {
            Kind::Error => &bulk.errors,
            Kind::Condition => &bulk.conditions,
        }
    }

    pub fn of_mut(self, bulk: &mut BulkRecord) -> &mut Reported {
        match self {
            Kind::Error => &mut bulk.errors,
            Kind::Condition => &mut bulk.conditions,
        }
    }
}

/// A line to be.
pub(super) struct Report<'a> {
    pub kind: Kind,
    /// The key of the input's object.
    pub object: &'a str,
    /// The record's number in it, from zero; none if it is about the object itself.
    pub index: Option<u64>,
    pub why: Option<&'a str>,
    /// What was to be put, and what was there, in stored form.
    pub item: Option<&'a Bytes>,
    pub existing: Option<&'a Bytes>,
}

/// Notes a line; answers the bytes of its row.
pub(super) fn add(
    tx: &mut WriteTx,
    table: &TableRecord,
    bulk: &mut BulkRecord,
    report: &Report<'_>,
) -> Result<usize, Error> {
    let number = bulk.number;
    let reported = report.kind.of_mut(bulk);
    let line = reported.lines;
    reported.lines += 1;
    if !reported.is_wanted {
        return Ok(0);
    }
    let text = |name: &str, text: &str| (name.to_owned(), Value::S(text.to_owned()));
    let mut row = vec![text(OBJECT, report.object)];
    row.extend(report.index.map(|index| text(INDEX, &index.to_string())));
    row.extend(report.why.map(|why| text(WHY, why)));
    for (name, item) in [(ITEM, report.item), (EXISTING, report.existing)] {
        row.extend(item.map(|item| (name.to_owned(), Value::B(item.to_vec()))));
    }
    let key = Key::of((number, report.kind as u32, line));
    let row = encode(&Item::from_unsorted(row)).into();
    let row = sse::item(table, key.as_bytes(), &row)?;
    let bytes = row.len();
    reported.waiting += 1;
    reported.waiting_bytes += bytes as u64;
    tx.put_raw(&ROWS, key, row)?;
    Ok(bytes)
}

/// Whether there is enough for a file.
pub(super) fn fills_file(reported: &Reported) -> bool {
    reported.waiting >= FILE_LINES || reported.waiting_bytes >= FILE_BYTES
}

/// The rows that are in no file yet, in their order.
pub(super) fn waiting(
    tx: &ReadTx,
    number: u64,
    kind: Kind,
) -> Result<Vec<(Key, Bytes)>, StoreError> {
    let mut rows = Vec::new();
    let scan = Scan::prefix((number, kind as u32));
    tx.scan_raw(&ROWS, &scan, &mut |key, row| {
        rows.push((Key::from_bytes(key), row));
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// Forgets rows.
pub(super) fn forget(tx: &mut WriteTx, rows: &[(Key, Bytes)]) -> Result<(), StoreError> {
    rows.iter().try_for_each(|(key, _)| tx.delete(&ROWS, key))
}

/// A file of rows.
///
/// # Errors
/// If their data key is not open.
pub(super) fn pack(bulk: &BulkRecord, rows: &[(Key, Bytes)]) -> Result<Vec<u8>, Fault> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    for (key, row) in rows {
        let row = sse::open_item(key.as_bytes(), row.clone())?;
        let line = line(&bulk.input.name, &row).map_err(Fault::internal)?;
        out.write_all(line.as_bytes()).map_err(Fault::internal)?;
    }
    out.finish().map_err(Fault::internal)
}

fn line(bucket: &str, row: &Bytes) -> Result<String, Corrupt> {
    let row = StoredItem::new(row)?.decode()?;
    let text = |name: &str| match row.get(name) {
        Some(Value::S(text)) => Some(text.as_str()),
        _ => None,
    };
    let mut pointer = json!({"bucket": bucket, "key": text(OBJECT)});
    if let Some(index) = text(INDEX).and_then(|index| index.parse::<u64>().ok()) {
        pointer["itemIndex"] = json!(index);
    }
    let mut line = format!("{{\"itemS3Pointer\":{pointer}");
    if let Some(why) = text(WHY) {
        line.push_str(&format!(",\"errorMessages\":{}", json!([why])));
    }
    for (name, title) in [(ITEM, "Item"), (EXISTING, "ExistingItem")] {
        if let Some(Value::B(item)) = row.get(name) {
            line.push_str(&format!(",\"{title}\":{}", StoredItem::new(item)?.to_json()?));
        }
    }
    line.push_str("}\n");
    Ok(line)
}
