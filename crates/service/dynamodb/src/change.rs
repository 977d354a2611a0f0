//! The one way an item changes: with all that follows from it, in the same transaction.
//!
//! PutItem, UpdateItem, DeleteItem, batches, transactions, PartiQL, expiry, restores, imports and
//! replication all end here, so none can forget an index or a stream.

use api_dynamodb::Error;
use bytes::Bytes;
use store::{Key, WriteTx};

use crate::capacity::write_units;
use crate::heat::{self, Access};
use crate::index::{ENTRIES, IndexKind, IndexState};
use crate::recovery;
use crate::replica;
use crate::sse;
use crate::streams;
use crate::table::{ITEMS, TableRecord};
use crate::throttle;
use crate::ttl;
use crate::write::stored;

/// Who changes an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// A request.
    Request,
    /// Time to live.
    Expiry,
    /// A write to another replica.
    Replication,
}

/// A change of one item.
pub(crate) struct Change<'a> {
    /// Where it lies in `ITEMS`.
    pub place: &'a Key,
    /// What is stored; must have been read in this transaction if the table
    /// [needs it](TableRecord::needs_old), and may be left out otherwise.
    pub old: Option<&'a Bytes>,
    /// What is to be stored.
    pub new: Option<&'a Bytes>,
    pub cause: Cause,
    /// The time of the request.
    pub now_ms: i64,
}

/// Write units of a change.
#[derive(Clone, Default)]
pub(crate) struct Units {
    pub table: f64,
    /// For each index of the table, in its order.
    pub indexes: Vec<f64>,
    /// Bytes written to each vector index of the table, in its order.
    pub vector_bytes: Vec<f64>,
    /// How much larger the item collection became, if the table has such. Of one change.
    pub collection_bytes: i64,
    /// Bytes of the item, and of what changed in each index of the table. Of one change.
    pub item_bytes: usize,
    pub index_bytes: Vec<usize>,
}

impl Units {
    /// Of the table and all indexes.
    pub fn total(&self) -> f64 {
        self.table + self.indexes.iter().sum::<f64>()
    }

    /// Adds another change of the same table.
    pub fn add(&mut self, other: &Units) {
        self.table += other.table;
        add(&mut self.indexes, &other.indexes);
        add(&mut self.vector_bytes, &other.vector_bytes);
    }
}

fn add(sums: &mut Vec<f64>, more: &[f64]) {
    sums.resize(sums.len().max(more.len()), 0.0);
    sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

/// Makes a change.
pub(crate) fn apply(
    tx: &mut WriteTx,
    table: &TableRecord,
    change: &Change<'_>,
) -> Result<Units, Error> {
    let (old, new) = (change.old, change.new);
    match new {
        Some(new) => sse::put(tx, table, &ITEMS, change.place, new.clone())?,
        // Without having looked, there may be something.
        None if old.is_some() || !table.needs_old() => tx.delete(&ITEMS, change.place)?,
        None => {}
    }
    let size = |bytes: Option<&Bytes>| stored(bytes).map(|item| item.map(|i| i.size_bytes()));
    let (old_bytes, new_bytes) = (size(old)?, size(new)?);
    let mut units = Units { table: write_units(old_bytes, new_bytes), ..Units::default() };
    units.item_bytes = new_bytes.or(old_bytes).unwrap_or(0);
    units.collection_bytes = new_bytes.unwrap_or(0) as i64 - old_bytes.unwrap_or(0) as i64;
    for index in &table.indexes {
        if index.state == IndexState::Deleting {
            units.indexes.push(0.0);
            units.index_bytes.push(0);
            continue;
        }
        let entries = index.change(table, change.place, old, new)?;
        if let Some(key) = &entries.delete {
            tx.delete(&ENTRIES, key)?;
        }
        if let Some(entry) = entries.put {
            sse::put(tx, table, &ENTRIES, &entry.key, entry.value)?;
        }
        units.indexes.push(entries.units);
        units.index_bytes.push(entries.bytes);
        if index.kind == IndexKind::Local {
            units.collection_bytes += entries.grown_bytes;
        }
    }
    if let Some(stream) = &table.stream {
        streams::write(tx, table, stream, change)?;
    }
    if let Some(ttl) = &table.ttl {
        ttl::write(tx, ttl, change)?;
    }
    if let Some(recovery) = &table.recovery
        && old != new
    {
        recovery::log(tx, table, recovery, change)?;
    }
    replica::replicate(tx, table, change)?;
    for index in &table.vectors {
        units.vector_bytes.push(index.change(tx, table, change.place, old, new)? as f64);
    }
    if change.cause == Cause::Request {
        throttle::charge_writes(table, &units);
        heat::count(table, change.place.as_bytes(), Access::Write, units.table);
    }
    Ok(units)
}
