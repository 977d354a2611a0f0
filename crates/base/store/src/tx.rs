//! Transactions: one snapshot to read from, and what is to be written.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Deref};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::{
    Chunk, Commit, Durability, Entry, KeyRange, Limit, RangeSeen, Snapshot, StampedPut, Versioned,
};
use crate::key::{Key, KeyParts};
use crate::outbox::EventFloor;
use crate::table::{AnyTable, RawTable, Scan, Table, full_key, split_key, successor};
use crate::timer::TimerIds;
use crate::{KEY_BYTES_MAX, StoreError, TRANSACTION_BYTES_MAX, VALUE_BYTES_MAX};

/// Rows fetched at once by a scan: few at first, since most scans stop early. Large rows end a
/// chunk sooner; see [`Limit`].
const CHUNK_FIRST: usize = 32;
const CHUNK_MAX: usize = 1024;

/// Reads one moment of the store. A [`WriteTx`] is one, too, and then sees its own writes.
pub struct ReadTx {
    snapshot: Arc<dyn Snapshot>,
    /// `None` is a deletion.
    writes: BTreeMap<Bytes, Option<Bytes>>,
    /// What a writer saw, to be validated at commit.
    seen: Option<RefCell<Seen>>,
    event_floor: Arc<EventFloor>,
}

#[derive(Default)]
struct Seen {
    points: BTreeMap<Bytes, Option<u64>>,
    ranges: Vec<RangeSeen>,
}

impl ReadTx {
    pub(crate) fn new(snapshot: Arc<dyn Snapshot>, event_floor: Arc<EventFloor>) -> Self {
        Self { snapshot, writes: BTreeMap::new(), seen: None, event_floor }
    }

    pub(crate) fn event_floor(&self) -> &EventFloor {
        &self.event_floor
    }

    pub(crate) fn has_writes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Sequence number of the last commit this transaction sees.
    pub fn seq(&self) -> u64 {
        self.snapshot.seq()
    }

    /// Reads a record.
    pub fn get<T: DeserializeOwned>(
        &self,
        table: &Table<T>,
        key: impl KeyParts,
    ) -> Result<Option<T>, StoreError> {
        let full = full_key(table.name(), Key::of(key).as_bytes());
        self.get_full(&full)?.map(|value| decode(&full, &value)).transpose()
    }

    /// Reads a raw value.
    pub fn get_raw(
        &self,
        table: &RawTable,
        key: impl KeyParts,
    ) -> Result<Option<Bytes>, StoreError> {
        self.get_full(&full_key(table.name(), Key::of(key).as_bytes()))
    }

    /// Reads many raw values of one table at once, in the order of the keys.
    pub fn get_raw_many(
        &self,
        table: &RawTable,
        keys: &[Key],
    ) -> Result<Vec<Option<Bytes>>, StoreError> {
        let full: Vec<Bytes> =
            keys.iter().map(|key| full_key(table.name(), key.as_bytes()).into()).collect();
        let stored = self.snapshot.multi_get(&full)?;
        let values = full.into_iter().zip(stored).map(|(key, stored)| {
            if let Some(own) = self.writes.get(&key) {
                return own.clone();
            }
            if let Some(seen) = &self.seen {
                let version = stored.as_ref().map(|stored| stored.version);
                seen.borrow_mut().points.insert(key, version);
            }
            stored.map(|stored| stored.value)
        });
        Ok(values.collect())
    }

    /// Is there a value?
    pub fn contains(&self, table: &dyn AnyTable, key: impl KeyParts) -> Result<bool, StoreError> {
        let full = full_key(table.name(), Key::of(key).as_bytes());
        Ok(self.get_full(&full)?.is_some())
    }

    /// Reads records in key order.
    pub fn scan<T: DeserializeOwned>(
        &self,
        table: &Table<T>,
        scan: Scan,
    ) -> Result<Vec<(Key, T)>, StoreError> {
        let mut records = Vec::new();
        let mut problem = None;
        self.scan_bytes(table, &scan, &mut |key, value| {
            match decode(&full_key(table.name(), key), &value) {
                Ok(record) => records.push((Key::from_bytes(key), record)),
                Err(error) => problem = Some(error),
            }
            if problem.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        problem.map_or(Ok(records), Err)
    }

    /// Visits raw values in key order, fetching them as needed; the visitor gets the encoded key
    /// (see [`Key::from_bytes`]) and may stop. Only what was visited counts as read.
    pub fn scan_raw(
        &self,
        table: &RawTable,
        scan: &Scan,
        visit: &mut dyn FnMut(&[u8], Bytes) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.scan_bytes(table, scan, visit)
    }

    fn scan_bytes(
        &self,
        table: &dyn AnyTable,
        scan: &Scan,
        visit: &mut dyn FnMut(&[u8], Bytes) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let skip = table.name().len() + 1;
        let mut left = scan.limit;
        if left == 0 {
            return Ok(());
        }
        self.visit(scan.range(table.name()), scan.reverse, left, &mut |key, value| {
            left -= 1;
            let flow = visit(&key[skip..], value.clone());
            if left == 0 { ControlFlow::Break(()) } else { flow }
        })
    }

    pub(crate) fn get_full(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        if let Some(own) = self.writes.get(key) {
            return Ok(own.clone());
        }
        let stored = self.snapshot.get(key)?;
        if let Some(seen) = &self.seen {
            let version = stored.as_ref().map(|stored| stored.version);
            seen.borrow_mut().points.insert(Bytes::copy_from_slice(key), version);
        }
        Ok(stored.map(|stored| stored.value))
    }

    /// Walks a range of stored keys, own writes merged in.
    pub(crate) fn visit(
        &self,
        mut rest: KeyRange,
        reverse: bool,
        expected: usize,
        visit: &mut dyn FnMut(&Bytes, &Bytes) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut chunk = expected.clamp(1, CHUNK_FIRST);
        while !rest.is_empty() {
            let Chunk { rows, is_cut } = self.snapshot.range(&rest, reverse, Limit::rows(chunk))?;
            let mut span = rest.clone();
            match rows.last().filter(|_| is_cut) {
                None => rest.hi = rest.lo.clone(),
                Some(last) if reverse => {
                    span.lo = last.key.clone();
                    rest.hi = last.key.clone();
                }
                Some(last) => {
                    span.hi = successor(&last.key).into();
                    rest.lo = span.hi.clone();
                }
            }
            let stopped_at = self.merge(&rows, &span, reverse, visit);
            self.record(&rows, span, reverse, stopped_at.as_ref());
            if stopped_at.is_some() {
                break;
            }
            chunk = (chunk * 4).min(CHUNK_MAX);
        }
        Ok(())
    }

    /// Visits stored rows and own writes in order; returns the key at which the visitor stopped.
    fn merge(
        &self,
        rows: &[Entry],
        span: &KeyRange,
        reverse: bool,
        visit: &mut dyn FnMut(&Bytes, &Bytes) -> ControlFlow<()>,
    ) -> Option<Bytes> {
        let own = self.writes.range(span.lo.clone()..span.hi.clone());
        let mut own: Box<dyn Iterator<Item = (&Bytes, &Option<Bytes>)>> =
            if reverse { Box::new(own.rev()) } else { Box::new(own) };
        let mut rows = rows.iter().peekable();
        let mut next_own = own.next();
        loop {
            let own_first = match (next_own, rows.peek()) {
                (None, None) => return None,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((key, _)), Some(row)) if *key == row.key => {
                    rows.next();
                    true
                }
                (Some((key, _)), Some(row)) => (*key < row.key) != reverse,
            };
            let (key, value) = if own_first {
                let write = next_own.take();
                next_own = own.next();
                match write {
                    Some((key, Some(value))) => (key, value),
                    _ => continue,
                }
            } else {
                match rows.next() {
                    Some(Entry { key, stored: Versioned { value, .. } }) => (key, value),
                    None => continue,
                }
            };
            if visit(key, value).is_break() {
                return Some(key.clone());
            }
        }
    }

    /// Remembers what part of the span was really visited, and how many stored rows it held.
    fn record(&self, rows: &[Entry], span: KeyRange, reverse: bool, stopped_at: Option<&Bytes>) {
        let Some(seen) = &self.seen else { return };
        let mut range = span;
        let count = match stopped_at {
            None => rows.len(),
            Some(key) if reverse => {
                range.lo = key.clone();
                rows.iter().filter(|row| row.key >= *key).count()
            }
            Some(key) => {
                range.hi = successor(key).into();
                rows.iter().filter(|row| row.key <= *key).count()
            }
        };
        seen.borrow_mut().ranges.push(RangeSeen { range, count: count as u64 });
    }
}

/// Reads and writes; nothing is visible to others until it commits, all of it at once.
pub struct WriteTx {
    read: ReadTx,
    stamped: Vec<StampedPut>,
    durability: Durability,
    timer_ids: Arc<TimerIds>,
    pub(crate) scheduled: bool,
    /// Whether any of `stamped` is an event.
    emits: bool,
    /// Bytes written, overwritten ones included.
    bytes: usize,
}

impl Deref for WriteTx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.read
    }
}

impl WriteTx {
    /// `read` must be fresh.
    pub(crate) fn new(read: ReadTx, timer_ids: Arc<TimerIds>) -> Self {
        Self {
            read: ReadTx { seen: Some(RefCell::default()), ..read },
            stamped: Vec::new(),
            durability: Durability::default(),
            timer_ids,
            scheduled: false,
            emits: false,
            bytes: 0,
        }
    }

    /// Chooses when the commit counts as done; [`Durability::Sync`] if not called.
    pub fn durability(&mut self, durability: Durability) {
        self.durability = durability;
    }

    /// Writes a record.
    pub fn put<T: Serialize>(
        &mut self,
        table: &Table<T>,
        key: impl KeyParts,
        record: &T,
    ) -> Result<(), StoreError> {
        let full = full_key(table.name(), Key::of(key).as_bytes());
        let value = encode(&full, record)?;
        self.put_full(full, value)
    }

    /// Writes a raw value.
    pub fn put_raw(
        &mut self,
        table: &RawTable,
        key: impl KeyParts,
        value: impl Into<Bytes>,
    ) -> Result<(), StoreError> {
        self.put_full(full_key(table.name(), Key::of(key).as_bytes()), value.into())
    }

    /// Deletes a value; deleting what is absent is no error, and is no read either.
    pub fn delete(&mut self, table: &dyn AnyTable, key: impl KeyParts) -> Result<(), StoreError> {
        let full = full_key(table.name(), Key::of(key).as_bytes());
        self.check(&full, &[])?;
        self.read.writes.insert(full.into(), None);
        Ok(())
    }

    fn put_full(&mut self, full: Vec<u8>, value: Bytes) -> Result<(), StoreError> {
        self.check(&full, &value)?;
        self.read.writes.insert(full.into(), Some(value));
        Ok(())
    }

    fn check(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if key.len() > KEY_BYTES_MAX {
            return Err(StoreError::KeyTooLong { bytes: key.len() });
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(StoreError::ValueTooLong { bytes: value.len() });
        }
        self.bytes = self.bytes.saturating_add(key.len() + value.len());
        if self.bytes > TRANSACTION_BYTES_MAX {
            return Err(StoreError::TransactionTooLarge);
        }
        Ok(())
    }

    /// Writes a record under a key that contains the commit's sequence number. It cannot be read
    /// back in this transaction.
    pub(crate) fn put_stamped<T: Serialize>(
        &mut self,
        table: &Table<T>,
        record: &T,
    ) -> Result<(), StoreError> {
        let prefix = stamp_prefix(table, Key::new());
        let value = encode(&prefix, record)?;
        self.emits = true;
        self.stamp(prefix, value)
    }

    /// Writes a raw value under the given parts followed by two more: the sequence number of the
    /// commit, and how many such values the transaction wrote before. So logs are in the order of
    /// the commits without a counter that all writers would contend for. It cannot be read back
    /// in this transaction.
    pub fn put_stamped_raw(
        &mut self,
        table: &RawTable,
        parts: impl KeyParts,
        value: impl Into<Bytes>,
    ) -> Result<(), StoreError> {
        self.stamp(stamp_prefix(table, Key::of(parts)), value.into())
    }

    fn stamp(&mut self, prefix: Vec<u8>, value: Bytes) -> Result<(), StoreError> {
        let suffix = Key::new().u64(self.stamped.len() as u64).as_bytes().to_vec();
        self.stamped.push(StampedPut { prefix: prefix.into(), suffix: suffix.into(), value });
        Ok(())
    }

    pub(crate) fn timer_ids(&self) -> &TimerIds {
        &self.timer_ids
    }

    pub(crate) fn emitted(&self) -> bool {
        self.emits
    }

    /// What to commit, or nothing if only reads happened: those were of one moment anyway.
    pub(crate) fn into_commit(self) -> Option<Commit> {
        let Self { read: ReadTx { snapshot, writes, seen, .. }, stamped, durability, .. } = self;
        if writes.is_empty() && stamped.is_empty() {
            return None;
        }
        let Seen { points, ranges } = seen.map(RefCell::into_inner).unwrap_or_default();
        let mut commit = Commit {
            snapshot: snapshot.seq(),
            expect: points.into_iter().collect(),
            ranges,
            stamped,
            durability,
            ..Commit::default()
        };
        for (key, value) in writes {
            match value {
                Some(value) => commit.puts.push((key, value)),
                None => commit.deletes.push(key),
            }
        }
        Some(commit)
    }
}

/// What is in front of the sequence number: the parts, and the number's tag.
fn stamp_prefix(table: &dyn AnyTable, parts: Key) -> Vec<u8> {
    let mut prefix = full_key(table.name(), parts.u64(0).as_bytes());
    prefix.truncate(prefix.len() - 8);
    prefix
}

fn encode<T: Serialize>(full: &[u8], record: &T) -> Result<Bytes, StoreError> {
    serde_json::to_vec(record).map(Bytes::from).map_err(|error| {
        let (table, key) = split_key(full);
        StoreError::Encode { table, key: format!("{key:?}"), detail: error.to_string() }
    })
}

pub(crate) fn decode<T: DeserializeOwned>(full: &[u8], value: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(value).map_err(|error| {
        // Category and place only: the message itself may quote the value.
        let detail = format!(
            "{:?} error at line {}, column {}",
            error.classify(),
            error.line(),
            error.column()
        );
        corrupt(full, detail)
    })
}

pub(crate) fn corrupt(full: &[u8], detail: impl Into<String>) -> StoreError {
    let (table, key) = split_key(full);
    StoreError::Corrupt { table, key: format!("{key:?}"), detail: detail.into() }
}
