//! Ranges that were read lately, beside [`Recent`](crate::recent::Recent) for single rows.
//!
//! A range that is merged from memory and several files takes longer to read than all that is then
//! done with its rows. Short ones that are asked for again are kept, with the sequence number they
//! were read at.
//!
//! Keys fall into groups by what they begin with, so that all keys of a range that is kept are of one
//! group. Of each group the last commit is known that wrote one of its keys: a range holds from there
//! on until the next one. The committer names it before the commit is visible. Groups share numbers
//! by chance, so a range may be read again for nothing, but never be kept too long.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::engine::{Chunk, Entry, KeyRange, Limit, Versioned};
use crate::memory::lock;
use crate::recent::Hash;

const SHARDS: usize = 16;
const GROUPS: usize = 4096;
const ASKED: usize = 32 * 1024;
/// Bytes behind a table's name that make a group: with numbers and hashes in front, a partition.
const GROUP_BYTES: usize = 16;
/// Longer ones are not kept.
const ROWS_MAX: usize = 128;
const RANGE_BYTES_MAX: usize = 32 * 1024;
/// What a range, and each of its rows, takes besides its bytes, about.
const RANGE_BYTES_MORE: usize = 256;
const ROW_BYTES_MORE: usize = 96;

pub(crate) struct Ranges {
    shards: [Mutex<Shard>; SHARDS],
    /// By group: the last commit that wrote to it.
    written: Box<[AtomicU64]>,
    /// By range: the one that was asked for last. Only what is asked for again is kept.
    asked: Box<[AtomicU32]>,
    hasher: Hash,
    /// Bytes that a shard's newer ranges may take, after which they become the older ones.
    half_bytes: usize,
}

struct Shard {
    newer: HashMap<u64, Held, Hash>,
    older: HashMap<u64, Held, Hash>,
    bytes: usize,
}

struct Held {
    range: KeyRange,
    reverse: bool,
    rows_max: usize,
    /// Snapshots from this one on see it.
    from: u64,
    /// When it was read.
    seq: u64,
    rows: Vec<Entry>,
    is_cut: bool,
    bytes: usize,
}

/// Where a range would be kept.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    hash: u64,
    group: usize,
}

impl Ranges {
    /// One that takes so many bytes at most.
    pub fn new(bytes_max: u64) -> Self {
        // Nobody outside can foresee where a key falls.
        let hasher = Hash(std::collections::hash_map::RandomState::new().hash_one(0));
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::empty(hasher))),
            written: (0..GROUPS).map(|_| AtomicU64::new(0)).collect(),
            asked: (0..ASKED).map(|_| AtomicU32::new(0)).collect(),
            hasher,
            half_bytes: usize::try_from(bytes_max).unwrap_or(usize::MAX) / SHARDS / 2,
        }
    }

    /// Where a range would be; nothing for one that is never kept.
    pub fn place(&self, range: &KeyRange, reverse: bool, limit: Limit) -> Option<Place> {
        if limit.rows > ROWS_MAX || limit.bytes < Limit::BYTES {
            return None;
        }
        let group = group(&range.lo)?;
        if !range.hi.starts_with(group) {
            return None;
        }
        let ends = xxh3_64_with_seed(&range.lo, self.hasher.0) ^ u64::from(reverse);
        let hash = xxh3_64_with_seed(&range.hi, ends ^ (limit.rows as u64) << 1);
        Some(Place { hash, group: self.group_number(group) })
    }

    /// What a snapshot of commit `seq` finds there, if that is known.
    pub fn get(
        &self,
        place: Place,
        range: &KeyRange,
        reverse: bool,
        limit: Limit,
        seq: u64,
    ) -> Option<Chunk> {
        let written = self.written[place.group].load(Ordering::Acquire);
        let mut shard = lock(self.shard(place));
        let held = shard.find(place.hash, self.half_bytes)?;
        let asked = (&held.range, held.reverse, held.rows_max) == (range, reverse, limit.rows);
        if !asked || written > held.seq || seq < held.from {
            return None;
        }
        Some(Chunk { rows: held.rows.clone(), is_cut: held.is_cut })
    }

    /// Keeps what a snapshot of commit `seq` found there, if it was asked for before.
    pub fn keep(
        &self,
        place: Place,
        range: &KeyRange,
        reverse: bool,
        limit: Limit,
        seq: u64,
        found: &Chunk,
    ) {
        // Of the hash what the slot's number does not say.
        let print = (place.hash >> 32) as u32 | 1;
        if self.asked[place.hash as usize % ASKED].swap(print, Ordering::Relaxed) != print {
            return;
        }
        let from = self.written[place.group].load(Ordering::Acquire);
        let text: usize = found.rows.iter().map(|row| row.key.len() + row.stored.value.len()).sum();
        let ends = range.lo.len() + range.hi.len();
        let bytes = RANGE_BYTES_MORE + ends + text + found.rows.len() * ROW_BYTES_MORE;
        if from > seq || bytes > RANGE_BYTES_MAX.min(self.half_bytes) {
            return;
        }
        let held = Held {
            range: range.clone(),
            reverse,
            rows_max: limit.rows,
            from,
            seq,
            rows: copied(&found.rows, text),
            is_cut: found.is_cut,
            bytes,
        };
        lock(self.shard(place)).keep(place.hash, held, self.half_bytes);
    }

    /// Ends what is kept of a key's group: commit `seq` writes the key, and nobody sees it yet.
    pub fn forget(&self, key: &[u8], seq: u64) {
        if let Some(group) = group(key) {
            // One thread commits.
            self.written[self.group_number(group)].store(seq, Ordering::Release);
        }
    }

    /// Forgets all ranges, and takes none from snapshots before commit `seq`.
    pub fn clear(&self, seq: u64) {
        self.written.iter().for_each(|written| written.store(seq, Ordering::Release));
        self.shards.iter().for_each(|shard| *lock(shard) = Shard::empty(self.hasher));
    }

    fn group_number(&self, group: &[u8]) -> usize {
        xxh3_64_with_seed(group, self.hasher.0) as usize % GROUPS
    }

    fn shard(&self, place: Place) -> &Mutex<Shard> {
        &self.shards[(place.hash >> 48) as usize % SHARDS]
    }
}

impl Shard {
    fn empty(hasher: Hash) -> Self {
        let ranges = || HashMap::with_hasher(hasher);
        Self { newer: ranges(), older: ranges(), bytes: 0 }
    }

    fn find(&mut self, hash: u64, half_bytes: usize) -> Option<&Held> {
        if let Some(held) = self.older.remove(&hash) {
            self.keep(hash, held, half_bytes);
        }
        // Perhaps it was what was one too many.
        self.newer.get(&hash).or_else(|| self.older.get(&hash))
    }

    fn keep(&mut self, hash: u64, held: Held, half_bytes: usize) {
        self.older.remove(&hash);
        self.bytes += held.bytes;
        if let Some(old) = self.newer.insert(hash, held) {
            self.bytes -= old.bytes;
        }
        if self.bytes > half_bytes {
            std::mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
            self.bytes = 0;
        }
    }
}

/// What a key's group begins with: the table's name and so many bytes. Nothing for shorter keys.
fn group(key: &[u8]) -> Option<&[u8]> {
    let name = key.iter().position(|byte| *byte == 0)?;
    key.get(..name + 1 + GROUP_BYTES)
}

/// A copy in one piece: the engine's own bytes are parts of something greater.
fn copied(rows: &[Entry], text_bytes: usize) -> Vec<Entry> {
    let mut text = BytesMut::with_capacity(text_bytes);
    let mut piece = |bytes: &Bytes| {
        text.extend_from_slice(bytes);
        text.split().freeze()
    };
    let mut entry = |row: &Entry| Entry {
        key: piece(&row.key),
        stored: Versioned { version: row.stored.version, value: piece(&row.stored.value) },
    };
    rows.iter().map(&mut entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { rows: 32, bytes: Limit::BYTES };

    fn range(lo: &str, hi: &str) -> KeyRange {
        let key = |text: &str| Bytes::from(format!("table\0a partition's own{text}"));
        KeyRange { lo: key(lo), hi: key(hi) }
    }

    fn chunk(texts: &[&str]) -> Chunk {
        let row = |text: &&str| Entry {
            key: range(text, "").lo,
            stored: Versioned { version: 1, value: Bytes::copy_from_slice(text.as_bytes()) },
        };
        Chunk { rows: texts.iter().map(row).collect(), is_cut: false }
    }

    /// Asks for a range at a snapshot, and keeps what an engine would have found there.
    fn ask(ranges: &Ranges, range: &KeyRange, seq: u64, engine: &[&str]) -> Option<Vec<Entry>> {
        let place = ranges.place(range, false, LIMIT).expect("a short range");
        let known = ranges.get(place, range, false, LIMIT, seq);
        if known.is_none() {
            ranges.keep(place, range, false, LIMIT, seq, &chunk(engine));
        }
        known.map(|chunk| chunk.rows)
    }

    #[test]
    fn a_range_holds_from_its_commit_to_the_next_of_its_group() {
        let ranges = Ranges::new(1 << 20);
        let asked = range("a", "c");
        ranges.forget(&asked.lo, 4);
        assert_eq!(ask(&ranges, &asked, 7, &["a"]), None);
        assert_eq!(ask(&ranges, &asked, 7, &["a"]), None, "asked for once is not enough");
        assert_eq!(ask(&ranges, &asked, 7, &[]), Some(chunk(&["a"]).rows));
        assert_eq!(ask(&ranges, &asked, 9, &[]), Some(chunk(&["a"]).rows));
        assert_eq!(ask(&ranges, &asked, 4, &[]), Some(chunk(&["a"]).rows));
        assert_eq!(ask(&ranges, &asked, 3, &[]), None, "before the commit it was read after");
        assert_eq!(ask(&ranges, &range("a", "d"), 9, &[]), None, "another end");

        ranges.forget(&range("b", "").lo, 10);
        assert_eq!(ask(&ranges, &asked, 9, &["a"]), None, "a late reader brings nothing back");
        assert_eq!(ask(&ranges, &asked, 10, &["a", "b"]), None);
        assert_eq!(ask(&ranges, &asked, 10, &[]), Some(chunk(&["a", "b"]).rows));

        ranges.clear(20);
        assert_eq!(ask(&ranges, &asked, 19, &[]), None);
        assert_eq!(ask(&ranges, &asked, 19, &[]), None);
        assert_eq!(ask(&ranges, &asked, 20, &[]), None);
        assert_eq!(ask(&ranges, &asked, 20, &["x"]), Some(Vec::new()));
    }

    #[test]
    fn only_short_ranges_of_one_group_have_a_place() {
        let ranges = Ranges::new(1 << 20);
        let has_place = |range: &KeyRange, limit| ranges.place(range, false, limit).is_some();
        assert!(has_place(&range("a", "b"), LIMIT));
        assert!(!has_place(&range("a", "b"), Limit::rows(ROWS_MAX + 1)));
        assert!(!has_place(&range("a", "b"), Limit { rows: 1, bytes: 1000 }));
        let ends = |lo: &'static str, hi: &'static str| KeyRange {
            lo: Bytes::from_static(lo.as_bytes()),
            hi: Bytes::from_static(hi.as_bytes()),
        };
        assert!(!has_place(&ends("table\0short", "table\0shorter"), LIMIT));
        assert!(!has_place(&ends("table\0one partition's a", "table\0two partitions' b"), LIMIT));
        assert!(!has_place(&ends("no table's name at all here", "no table's nbme"), LIMIT));
    }

    #[test]
    fn the_bound_holds() {
        let ranges = Ranges::new(1 << 20);
        let text = "x".repeat(1000);
        for n in 0..10_000 {
            let asked = range(&format!("{n:05}"), "~");
            ask(&ranges, &asked, 1, &[&text]);
            ask(&ranges, &asked, 1, &[&text]);
        }
        let held = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.newer.values().chain(shard.older.values()).map(|held| held.bytes).sum::<usize>()
        };
        let all: usize = ranges.shards.iter().map(held).sum();
        assert!((1 << 18..=1 << 20).contains(&all), "{all}");
        let great = "x".repeat(RANGE_BYTES_MAX);
        for _ in 0..3 {
            assert_eq!(ask(&ranges, &range("a", "b"), 1, &[&great]), None);
        }
    }
}
