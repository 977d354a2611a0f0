//! The seam between transactions and what keeps the bytes.
//!
//! An engine stores `key -> (version, value)`, where the version is the sequence number of the
//! commit that wrote the value. One commit is one statement: "if all these expectations still
//! hold, write all this under the next sequence number". A SQL engine does it with one common table
//! expression over `kv(key bytea primary key, version bigint, value bytea)`; nothing here assumes
//! more. Nothing of an engine leaves this crate.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::StoreError;

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Handed to the operating system: survives the death of the process, not of the machine.
    Buffered,
    /// On stable storage (shared `fdatasync`): survives power loss.
    #[default]
    Sync,
}

/// Keys from `lo` (inclusive) to `hi` (exclusive).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub lo: Bytes,
    pub hi: Bytes,
}

impl KeyRange {
    pub fn is_empty(&self) -> bool {
        self.lo >= self.hi
    }
}

/// A stored value and the sequence number of the commit that wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versioned {
    pub version: u64,
    pub value: Bytes,
}

/// One row of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: Bytes,
    pub stored: Versioned,
}

/// How much to fetch at once: so many rows, but no more once they have so many bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub rows: usize,
    pub bytes: usize,
}

impl Limit {
    /// Bytes that suffice for few calls, and cost little memory.
    pub const BYTES: usize = 1024 * 1024;

    /// So many rows, or as many as have [`Limit::BYTES`].
    pub fn rows(rows: usize) -> Self {
        Self { rows, bytes: Self::BYTES }
    }
}

/// The first rows of a range.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub rows: Vec<Entry>,
    /// Whether the limit ended it, so that there may be more.
    pub is_cut: bool,
}

impl Chunk {
    /// Takes entries until the limit: at least one, if there is one.
    pub fn take(
        entries: impl Iterator<Item = Result<Entry, StoreError>>,
        limit: Limit,
    ) -> Result<Self, StoreError> {
        let mut chunk = Self::default();
        let mut bytes = 0;
        for entry in entries {
            let entry = entry?;
            bytes += entry.key.len() + entry.stored.value.len();
            chunk.rows.push(entry);
            if chunk.rows.len() >= limit.rows || bytes >= limit.bytes {
                chunk.is_cut = true;
                break;
            }
        }
        Ok(chunk)
    }
}

/// A range as a transaction saw it: it held exactly `count` keys at the snapshot.
///
/// It is unchanged if and only if it still holds `count` keys and none has a version above the
/// snapshot: every key now present with an old version was present then, with the same value;
/// an equal count leaves no room for a deleted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeSeen {
    pub range: KeyRange,
    pub count: u64,
}

/// A put whose key contains the sequence number the commit will get:
/// `prefix + sequence (8 bytes, big endian) + suffix`. Gives a total order without contention.
#[derive(Debug, Clone)]
pub(crate) struct StampedPut {
    pub prefix: Bytes,
    pub suffix: Bytes,
    pub value: Bytes,
}

/// One atomic commit.
#[derive(Default)]
pub(crate) struct Commit {
    /// Sequence number of the snapshot that the expectations were read from.
    pub snapshot: u64,
    /// Keys that must still have this version, or still be absent.
    pub expect: Vec<(Bytes, Option<u64>)>,
    /// Ranges that must be unchanged.
    pub ranges: Vec<RangeSeen>,
    pub puts: Vec<(Bytes, Bytes)>,
    pub deletes: Vec<Bytes>,
    pub stamped: Vec<StampedPut>,
    pub durability: Durability,
    /// Whom to wake when it is visible. The engine does it: the caller may have stopped waiting.
    pub wake: Vec<Arc<Notify>>,
}

impl Commit {
    /// Bytes of what is to be written.
    pub fn bytes(&self) -> usize {
        let puts = self.puts.iter().map(|(key, value)| key.len() + value.len());
        let stamped = self.stamped.iter().map(|put| put.prefix.len() + put.value.len());
        puts.chain(stamped).chain(self.deletes.iter().map(Bytes::len)).sum()
    }

    /// The stamped puts as plain ones, once the sequence number is known.
    pub fn stamp(&mut self, seq: u64) {
        for StampedPut { prefix, suffix, value } in self.stamped.drain(..) {
            let key = [&prefix[..], &seq.to_be_bytes(), &suffix].concat();
            self.puts.push((key.into(), value));
        }
    }

    /// All keys written.
    pub fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.puts.iter().map(|(key, _)| key).chain(&self.deletes)
    }
}

/// Why a commit did not happen.
#[derive(Debug, Clone)]
pub(crate) enum CommitError {
    /// An expectation no longer holds: read again.
    Conflict,
    /// Everything else.
    Failed(StoreError),
}

/// The outcome of a commit: there, or to come.
pub(crate) enum Pending {
    Ready(Result<u64, CommitError>),
    Later(tokio::sync::oneshot::Receiver<Result<u64, CommitError>>),
}

impl Pending {
    pub async fn wait(self) -> Result<u64, CommitError> {
        match self {
            Self::Ready(outcome) => outcome,
            Self::Later(outcome) => {
                outcome.await.unwrap_or(Err(CommitError::Failed(StoreError::Closed)))
            }
        }
    }
}

/// Keys written by one commit.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub seq: u64,
    pub keys: Vec<Bytes>,
}

/// Consistent view of one moment.
pub(crate) trait Snapshot: Send + Sync {
    /// Sequence number of the last commit seen.
    fn seq(&self) -> u64;

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError>;

    fn multi_get(&self, keys: &[Bytes]) -> Result<Vec<Option<Versioned>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// The first rows of a range, or the last if `reverse`, in that direction.
    fn range(&self, range: &KeyRange, reverse: bool, limit: Limit) -> Result<Chunk, StoreError>;
}

/// What keeps the bytes.
pub(crate) trait Engine: Send + Sync {
    fn snapshot(&self) -> Arc<dyn Snapshot>;

    /// Queues a commit; commits are atomic and totally ordered. Wakes as the commit says.
    fn commit(&self, commit: Commit) -> Pending;

    /// Commits after `after`, oldest first; `None` when so old ones are no longer known.
    fn changes(&self, after: u64) -> Option<Vec<Changed>>;

    /// Deletes everything and puts these rows instead, as one commit.
    fn clear(&self, seed: Vec<(Bytes, Bytes)>) -> Pending;

    /// Brings everything to disk and ends background work. Later commits fail.
    fn close(&self) -> Result<(), StoreError>;

    /// Adds rows with the versions they have, and raises the sequence number to at least `seq`
    /// (restore). Only before anything else reads or writes.
    fn load(&self, rows: Vec<Entry>, seq: u64) -> Pending;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_by_rows_or_bytes() {
        for (sizes, rows, bytes, taken, is_cut) in [
            (&[1, 1, 1][..], 10, 100, 3, false),
            (&[1, 1, 1], 2, 100, 2, true),
            (&[1, 1, 1], 3, 100, 3, true),
            (&[60, 60, 60], 10, 100, 2, true),
            (&[500, 1], 10, 100, 1, true),
            (&[], 10, 100, 0, false),
        ] {
            let entries = sizes.iter().map(|&size| {
                let stored = Versioned { version: 1, value: vec![0; size].into() };
                Ok(Entry { key: Bytes::new(), stored })
            });
            let chunk = Chunk::take(entries, Limit { rows, bytes }).unwrap();
            assert_eq!((chunk.rows.len(), chunk.is_cut), (taken, is_cut), "{sizes:?}");
        }
    }
}
