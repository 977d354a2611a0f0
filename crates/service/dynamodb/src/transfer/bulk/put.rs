//! Puts items, and notes what is to be said of those that are not put.

use api_dynamodb::Error;
use kernel::{Ctx, StoreError};
use store::{Durability, ReadTx, WriteTx};

use super::reports::{self, Kind, Report};
use super::{BULKS, BulkRecord, State, Usage};
use crate::change::Units;
use crate::index::IndexKind;
use crate::sse;
use crate::table::{ITEMS, TABLES, TableRecord};
use crate::transfer::TransferId;
use crate::write::{Action, ItemWrite};

/// Bytes of rows to be reported after which a commit has enough.
const REPORT_BYTES: usize = 4 * 1024 * 1024;

/// A record as it was read.
pub(super) enum Entry {
    Put {
        index: u64,
        write: ItemWrite,
    },
    /// Without an index it is the object itself that cannot be read on.
    Bad {
        index: Option<u64>,
        why: String,
    },
}

/// What a commit did.
pub(super) struct Committed {
    pub bulk: BulkRecord,
    /// So many of the entries.
    pub done: usize,
    /// Write units.
    pub units: f64,
}

/// Why nothing was done.
pub(super) enum Halt {
    Cancelled,
    NoTable,
    /// The operation is known no more, or has ended.
    Ended,
}

/// The operation, if it goes on.
pub(super) fn active(tx: &ReadTx, id: &TransferId) -> Result<Option<BulkRecord>, StoreError> {
    let bulk = tx.get(&BULKS, super::key(id))?;
    Ok(bulk.filter(BulkRecord::is_active))
}

/// Entries of one object that are to be committed, and how far it has been read.
pub(super) struct Part<'a> {
    pub object: &'a str,
    pub entries: &'a [Entry],
    /// Bytes of the object.
    pub position: u64,
}

/// Puts as many of the entries as one commit takes.
pub(super) async fn commit(
    ctx: &Ctx,
    id: &TransferId,
    part: &Part<'_>,
) -> Result<Result<Committed, Halt>, Error> {
    let now_ms = ctx.now().epoch_ms;
    let write = |tx: &mut WriteTx| -> Result<Result<Committed, Halt>, Error> {
        let (mut bulk, table) = match begin(tx, id)? {
            Ok(found) => found,
            Err(halt) => return Ok(Err(halt)),
        };
        // It goes on from wherever the disk has it.
        tx.durability(Durability::Buffered);
        let (mut done, mut units, mut reported) = (0, 0.0, 0);
        for entry in part.entries {
            if reported >= REPORT_BYTES {
                break;
            }
            let (used, bytes) = one(tx, &table, &mut bulk, part.object, entry, now_ms)?;
            (done, units, reported) = (done + 1, units + used, reported + bytes);
        }
        bulk.records += done as u64;
        bulk.processed += done as u64;
        bulk.bytes_of_object = part.position;
        tx.put(&BULKS, super::key(id), &bulk)?;
        Ok(Ok(Committed { bulk, done, units }))
    };
    sse::work(ctx.kernel(), write).await
}

/// The operation and its table.
fn begin(
    tx: &ReadTx,
    id: &TransferId,
) -> Result<Result<(BulkRecord, TableRecord), Halt>, StoreError> {
    let Some(bulk) = active(tx, id)? else { return Ok(Err(Halt::Ended)) };
    if bulk.state == State::Cancelling {
        return Ok(Err(Halt::Cancelled));
    }
    let key = (id.account.as_str(), id.region.as_str(), bulk.table_name.as_str());
    let table = tx.get(&TABLES, key)?.filter(|table| table.number == bulk.table_number);
    Ok(table.map(|table| (bulk, table)).ok_or(Halt::NoTable))
}

/// Does one entry; answers the write units, and the bytes of what is to be reported.
fn one(
    tx: &mut WriteTx,
    table: &TableRecord,
    bulk: &mut BulkRecord,
    object: &str,
    entry: &Entry,
    now_ms: i64,
) -> Result<(f64, usize), Error> {
    let bad = |tx: &mut WriteTx, bulk: &mut BulkRecord, index, why: &str, item| {
        bulk.failed += 1;
        let kind = Kind::Error;
        let report = Report { kind, object, index, why: Some(why), item, existing: None };
        Ok((0.0, reports::add(tx, table, bulk, &report)?))
    };
    let (index, write) = match entry {
        Entry::Put { index, write } => (Some(*index), write),
        Entry::Bad { index, why } => return bad(tx, bulk, *index, why, None),
    };
    let item = match &write.action {
        Action::Put { bytes, .. } => Some(bytes),
        _ => None,
    };
    let place = match write.place(table) {
        Ok(place) => place,
        Err(invalid) => return bad(tx, bulk, index, &invalid.0, item),
    };
    match write.run(tx, table, &place, false, now_ms) {
        Ok(written) => {
            bulk.usage.add(table, &written.units);
            Ok((written.units.total(), 0))
        }
        Err(Error::ConditionalCheckFailedException(_)) => {
            let existing = sse::get(tx, &ITEMS, &place)?;
            let (kind, existing) = (Kind::Condition, existing.as_ref());
            let report = Report { kind, object, index, why: None, item, existing };
            Ok((0.0, reports::add(tx, table, bulk, &report)?))
        }
        // Of the condition, when it met the item that is there: nothing was written yet.
        Err(Error::Fault(fault)) if fault.code == "ValidationException" => {
            bad(tx, bulk, index, &fault.message, item)
        }
        Err(error) => Err(error),
    }
}

impl Usage {
    fn add(&mut self, table: &TableRecord, units: &Units) {
        self.table += units.item_bytes as u64;
        for (index, bytes) in table.indexes.iter().zip(&units.index_bytes) {
            let sums = match index.kind {
                IndexKind::Local => &mut self.local,
                IndexKind::Global => &mut self.global,
            };
            *sums.entry(index.name.clone()).or_default() += *bytes as u64;
        }
        for (index, bytes) in table.vectors.iter().zip(&units.vector_bytes) {
            *self.vectors.entry(index.name.clone()).or_default() += *bytes as u64;
        }
    }
}
