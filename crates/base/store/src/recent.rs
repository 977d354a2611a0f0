//! Rows that were read lately, so that what is read again and again is not searched for again.
//!
//! A row found by a snapshot is kept with the sequence number from which on it has this value. It
//! holds for every later snapshot until a commit writes its key: the committer removes it before
//! the commit is visible. A reader with an older snapshot must not put back what was removed: each
//! shard knows the last commit that wrote one of its keys, and takes nothing from before that.
//!
//! The bound is on bytes. What was not looked at since half of them were replaced is forgotten.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::Versioned;
use crate::memory::lock;

const SHARDS: usize = 16;
/// Greater rows are not kept: reading one costs little beside what is then done with it.
const ROW_BYTES_MAX: usize = 16 * 1024;
/// What a row takes besides its bytes, about.
const ROW_BYTES_MORE: usize = 128;

pub(crate) struct Recent {
    shards: [Mutex<Shard>; SHARDS],
    hasher: Hash,
    /// Bytes that a shard's newer rows may take, after which they become the older ones.
    half_bytes: usize,
}

struct Shard {
    newer: HashMap<Bytes, Row, Hash>,
    older: HashMap<Bytes, Row, Hash>,
    /// Bytes of the newer ones.
    bytes: usize,
    /// The last commit that wrote to a key of this shard.
    written: u64,
}

#[derive(Clone)]
struct Row {
    /// Snapshots from this one on see it.
    from: u64,
    stored: Option<Versioned>,
}

impl Recent {
    /// One that takes so many bytes at most.
    pub fn new(bytes_max: u64) -> Self {
        let half_bytes = usize::try_from(bytes_max).unwrap_or(usize::MAX) / SHARDS / 2;
        // Nobody outside can foresee where a key falls.
        let hasher = Hash(RandomState::new().hash_one(0));
        let shards = std::array::from_fn(|_| Mutex::new(Shard::empty(hasher, 0)));
        Self { shards, hasher, half_bytes }
    }

    /// What a snapshot of commit `seq` finds under a key, if that is known.
    pub fn get(&self, key: &[u8], seq: u64) -> Option<Option<Versioned>> {
        let mut shard = lock(self.shard(key));
        if let Some(row) = shard.newer.get(key) {
            return (seq >= row.from).then(|| row.stored.clone());
        }
        let (key, row) = shard.older.remove_entry(key)?;
        let found = (seq >= row.from).then(|| row.stored.clone());
        shard.keep(key, row, self.half_bytes);
        found
    }

    /// Keeps what a snapshot of commit `seq` found under a key.
    pub fn keep(&self, key: &[u8], seq: u64, stored: Option<&Versioned>) {
        let value_bytes = stored.map_or(0, |stored| stored.value.len());
        if key.len() + value_bytes > ROW_BYTES_MAX.min(self.half_bytes) {
            return;
        }
        // A copy: the engine's own bytes are a part of something greater.
        let stored = stored.map(|stored| Versioned {
            version: stored.version,
            value: Bytes::copy_from_slice(&stored.value),
        });
        let from = stored.as_ref().map_or(seq, |stored| stored.version);
        let mut shard = lock(self.shard(key));
        if shard.written <= seq {
            shard.keep(Bytes::copy_from_slice(key), Row { from, stored }, self.half_bytes);
        }
    }

    /// Forgets a key that commit `seq` writes, before anybody sees the commit.
    pub fn forget(&self, key: &[u8], seq: u64) {
        let mut shard = lock(self.shard(key));
        shard.written = shard.written.max(seq);
        if let Some((key, row)) = shard.newer.remove_entry(key) {
            shard.bytes -= bytes(&key, &row);
        } else {
            shard.older.remove(key);
        }
    }

    /// Forgets all rows, and takes none from snapshots before commit `seq`.
    pub fn clear(&self, seq: u64) {
        for shard in &self.shards {
            *lock(shard) = Shard::empty(self.hasher, seq);
        }
    }

    fn shard(&self, key: &[u8]) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(key) as usize % SHARDS]
    }
}

impl Shard {
    fn empty(hasher: Hash, written: u64) -> Self {
        let rows = || HashMap::with_hasher(hasher);
        Self { newer: rows(), older: rows(), bytes: 0, written }
    }

    fn keep(&mut self, key: Bytes, row: Row, half_bytes: usize) {
        self.older.remove(&key);
        self.bytes += bytes(&key, &row);
        if let Some(old) = self.newer.insert(key.clone(), row) {
            self.bytes -= bytes(&key, &old);
        }
        if self.bytes > half_bytes {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
            self.bytes = 0;
        }
    }
}

/// The hash of keys; the standard one takes longer than finding the row.
#[derive(Clone, Copy)]
pub(crate) struct Hash(pub u64);

impl BuildHasher for Hash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Hash {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// What precedes the bytes: how many they are. That is part of their hash anyway.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

fn bytes(key: &[u8], row: &Row) -> usize {
    ROW_BYTES_MORE + key.len() + row.stored.as_ref().map_or(0, |stored| stored.value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(version: u64, text: &str) -> Option<Versioned> {
        Some(Versioned { version, value: Bytes::copy_from_slice(text.as_bytes()) })
    }

    #[test]
    fn a_row_holds_from_its_commit_to_the_next() {
        let recent = Recent::new(1 << 20);
        assert_eq!(recent.get(b"k", 5), None);
        recent.keep(b"k", 5, row(3, "three").as_ref());
        assert_eq!(recent.get(b"k", 2), None, "older than the row");
        assert_eq!(recent.get(b"k", 3), Some(row(3, "three")));
        assert_eq!(recent.get(b"k", 9), Some(row(3, "three")));
        recent.forget(b"k", 10);
        assert_eq!(recent.get(b"k", 10), None);
        recent.keep(b"k", 9, row(3, "three").as_ref());
        assert_eq!(recent.get(b"k", 10), None, "a late reader brings nothing back");
        recent.keep(b"k", 10, None);
        assert_eq!(recent.get(b"k", 10), Some(None), "that there is none is known, too");
        assert_eq!(recent.get(b"k", 9), None, "but not of before");
        recent.clear(20);
        recent.keep(b"k", 19, None);
        assert_eq!(recent.get(b"k", 20), None);
    }

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let recent = Recent::new(1 << 20);
        let text = "x".repeat(1000);
        recent.keep(b"used", 1, row(1, "used").as_ref());
        for n in 0..10_000_u32 {
            recent.keep(&n.to_be_bytes(), 1, row(1, &text).as_ref());
            assert_eq!(recent.get(b"used", 1), Some(row(1, "used")));
        }
        let held = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.newer.iter().chain(&shard.older).map(|(key, row)| bytes(key, row)).sum::<usize>()
        };
        let all: usize = recent.shards.iter().map(held).sum();
        assert!((1 << 18..=1 << 20).contains(&all), "{all}");
        recent.keep(b"great", 1, row(1, &"x".repeat(ROW_BYTES_MAX)).as_ref());
        assert_eq!(recent.get(b"great", 1), None);
    }
}
