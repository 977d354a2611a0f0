//! The recent past: which keys the last commits wrote.
//!
//! It answers most validations without reading the engine, and is what `changes` is served from.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use bytes::Bytes;

use crate::StoreError;
use crate::engine::{Changed, Commit, Limit, RangeSeen, Snapshot};
use crate::recent::Hash;
use crate::table::successor;

/// Keys remembered; older commits are forgotten beyond that. About 2 MiB with keys of 64 bytes.
const KEYS_MAX: usize = 16_384;
/// Rows of a range looked at together.
const ROWS_AT_ONCE: usize = 256;

pub(crate) struct Window {
    /// Every commit after this sequence number is remembered.
    floor: u64,
    commits: VecDeque<Changed>,
    latest: HashMap<Bytes, u64, Hash>,
    keys: usize,
}

impl Window {
    pub fn new(seq: u64) -> Self {
        // Nobody outside can foresee where a key falls.
        let latest = HashMap::with_hasher(Hash(RandomState::new().hash_one(0)));
        Self { floor: seq, commits: VecDeque::new(), latest, keys: 0 }
    }

    /// Does what the transaction saw still hold? `published` is the state without the commits
    /// that are in this window but not yet visible; those are found in the window itself.
    pub fn holds(&self, commit: &Commit, published: &dyn Snapshot) -> Result<bool, StoreError> {
        let changed = |key: &Bytes| self.latest.get(key).is_some_and(|&seq| seq > commit.snapshot);
        if commit.expect.iter().any(|(key, _)| changed(key)) {
            return Ok(false);
        }
        if !commit.ranges.is_empty() && self.wrote_into(&commit.ranges, commit.snapshot) {
            return Ok(false);
        }
        if commit.snapshot >= self.floor {
            return Ok(true);
        }
        still_same(commit, published)
    }

    /// Whether a commit after `snapshot` wrote a key of one of the ranges. Mostly there are few: a
    /// snapshot is hardly older than the commits that wait together.
    fn wrote_into(&self, ranges: &[RangeSeen], snapshot: u64) -> bool {
        let start = self.commits.partition_point(|changed| changed.seq <= snapshot);
        let commits = self.commits.range(start..);
        let mut keys: Vec<&Bytes> = commits.flat_map(|changed| &changed.keys).collect();
        keys.sort_unstable();
        ranges.iter().any(|RangeSeen { range, .. }| {
            let at = keys.partition_point(|key| **key < range.lo);
            keys.get(at).is_some_and(|key| **key < range.hi)
        })
    }

    /// Remembers a commit. Call [`Self::trim`] only when it is visible.
    pub fn push(&mut self, seq: u64, keys: Vec<Bytes>) {
        self.keys += keys.len();
        for key in &keys {
            self.latest.insert(key.clone(), seq);
        }
        self.commits.push_back(Changed { seq, keys });
    }

    /// Forgets what is beyond the bound.
    pub fn trim(&mut self) {
        while self.keys > KEYS_MAX {
            let Some(old) = self.commits.pop_front() else { break };
            self.floor = old.seq;
            self.keys -= old.keys.len();
            for key in old.keys {
                if self.latest.get(&key) == Some(&old.seq) {
                    self.latest.remove(&key);
                }
            }
        }
    }

    /// Forgets everything: all changed at `seq`.
    pub fn reset(&mut self, seq: u64) {
        *self = Self::new(seq);
    }

    pub fn changes(&self, after: u64) -> Option<Vec<Changed>> {
        if after < self.floor {
            return None;
        }
        let start = self.commits.partition_point(|changed| changed.seq <= after);
        Some(self.commits.range(start..).cloned().collect())
    }
}

/// The definition that the window shortens: compares versions and range fingerprints.
fn still_same(commit: &Commit, published: &dyn Snapshot) -> Result<bool, StoreError> {
    for (key, version) in &commit.expect {
        if published.get(key)?.map(|stored| stored.version) != *version {
            return Ok(false);
        }
    }
    for seen in &commit.ranges {
        if !range_still_same(seen, commit.snapshot, published)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn range_still_same(
    seen: &RangeSeen,
    snapshot: u64,
    published: &dyn Snapshot,
) -> Result<bool, StoreError> {
    let mut rest = seen.range.clone();
    let mut count = 0;
    loop {
        let chunk = published.range(&rest, false, Limit::rows(ROWS_AT_ONCE))?;
        count += chunk.rows.len() as u64;
        let is_new = chunk.rows.iter().any(|row| row.stored.version > snapshot);
        if is_new || count > seen.count {
            return Ok(false);
        }
        match chunk.rows.last().filter(|_| chunk.is_cut) {
            Some(last) => rest.lo = successor(&last.key).into(),
            None => return Ok(count == seen.count),
        }
    }
}
