//! The memory engine: an ordered map that keeps old versions while a snapshot needs them.
//!
//! Taking a snapshot costs one entry in a small map, never a copy. Readers share a lock with the
//! writer for the length of one `get` or one chunk of a range.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use crate::StoreError;
use crate::engine::{
    Changed, Chunk, Commit, CommitError, Engine, Entry, KeyRange, Limit, Pending, Snapshot,
    Versioned,
};
use crate::window::Window;

pub(crate) struct MemoryEngine {
    /// Replaced as a whole by `clear`; old snapshots keep theirs.
    current: RwLock<Arc<Generation>>,
    /// Held during a commit: commits are one after the other.
    committer: Mutex<Committer>,
}

struct Committer {
    window: Window,
    closed: bool,
}

/// All content between two `clear`s.
#[derive(Default)]
struct Generation {
    state: RwLock<State>,
    /// Open snapshots by sequence number.
    readers: Mutex<BTreeMap<u64, usize>>,
}

#[derive(Default)]
struct State {
    seq: u64,
    rows: BTreeMap<Bytes, Chain>,
    /// Keys with versions that nobody needs once all snapshots reach the sequence number.
    garbage: VecDeque<(u64, Bytes)>,
}

/// Versions of one key, newest last; `None` is a deletion. Rarely more than one.
struct Chain {
    newest: Slot,
    older: Vec<Slot>,
}

struct Slot {
    version: u64,
    value: Option<Bytes>,
}

impl Chain {
    fn at(&self, seq: u64) -> Option<Versioned> {
        let slot = std::iter::once(&self.newest)
            .chain(self.older.iter().rev())
            .find(|slot| slot.version <= seq)?;
        slot.value.clone().map(|value| Versioned { version: slot.version, value })
    }
}

impl State {
    fn write(&mut self, key: Bytes, value: Option<Bytes>) {
        let slot = Slot { version: self.seq, value };
        match self.rows.get_mut(&key) {
            Some(chain) if chain.newest.version == self.seq => chain.newest = slot,
            Some(chain) => {
                let old = std::mem::replace(&mut chain.newest, slot);
                chain.older.push(old);
                self.garbage.push_back((self.seq, key));
            }
            None if slot.value.is_none() => {}
            None => {
                self.rows.insert(key, Chain { newest: slot, older: Vec::new() });
            }
        }
    }

    /// Drops versions that no snapshot at or after `oldest` can see.
    fn collect(&mut self, oldest: u64) {
        while self.garbage.front().is_some_and(|(seq, _)| *seq <= oldest) {
            let Some((_, key)) = self.garbage.pop_front() else { break };
            let Some(chain) = self.rows.get_mut(&key) else { continue };
            if chain.newest.version <= oldest {
                if chain.newest.value.is_none() {
                    self.rows.remove(&key);
                } else {
                    chain.older = Vec::new();
                }
            } else if let Some(visible) = chain.older.iter().rposition(|s| s.version <= oldest) {
                chain.older.drain(..visible);
            }
        }
    }
}

struct MemorySnapshot {
    seq: u64,
    generation: Arc<Generation>,
}

impl Snapshot for MemorySnapshot {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        let state = self.generation.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.rows.get(key).and_then(|chain| chain.at(self.seq)))
    }

    fn range(&self, range: &KeyRange, reverse: bool, limit: Limit) -> Result<Chunk, StoreError> {
        if range.is_empty() {
            return Ok(Chunk::default());
        }
        let state = self.generation.state.read().unwrap_or_else(PoisonError::into_inner);
        let rows = state.rows.range(range.lo.clone()..range.hi.clone());
        let visible = |(key, chain): (&Bytes, &Chain)| {
            chain.at(self.seq).map(|stored| Ok(Entry { key: key.clone(), stored }))
        };
        if reverse {
            Chunk::take(rows.rev().filter_map(visible), limit)
        } else {
            Chunk::take(rows.filter_map(visible), limit)
        }
    }
}

impl Drop for MemorySnapshot {
    fn drop(&mut self) {
        let mut readers = lock(&self.generation.readers);
        if let Some(count) = readers.get_mut(&self.seq) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.seq);
            }
        }
    }
}

impl MemoryEngine {
    pub fn new() -> Self {
        Self {
            current: RwLock::default(),
            committer: Mutex::new(Committer { window: Window::new(0), closed: false }),
        }
    }

    fn generation(&self) -> Arc<Generation> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open_snapshot(&self) -> MemorySnapshot {
        let generation = self.generation();
        // The reader is registered under the state lock, so that no commit can discard what it
        // needs between reading the number and registering it.
        let state = generation.state.read().unwrap_or_else(PoisonError::into_inner);
        let seq = state.seq;
        *lock(&generation.readers).entry(seq).or_default() += 1;
        drop(state);
        MemorySnapshot { seq, generation }
    }

    fn commit_now(&self, mut commit: Commit) -> Result<u64, CommitError> {
        let mut committer = lock(&self.committer);
        if committer.closed {
            return Err(CommitError::Failed(StoreError::Closed));
        }
        let now = self.open_snapshot();
        if !committer.window.holds(&commit, &now).map_err(CommitError::Failed)? {
            return Err(CommitError::Conflict);
        }
        drop(now);
        let generation = self.generation();
        let mut state = generation.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seq += 1;
        let seq = state.seq;
        commit.stamp(seq);
        committer.window.push(seq, commit.keys().cloned().collect());
        for (key, value) in commit.puts {
            state.write(key, Some(value));
        }
        for key in commit.deletes {
            state.write(key, None);
        }
        let oldest = lock(&generation.readers).keys().next().copied().unwrap_or(seq);
        state.collect(oldest);
        committer.window.trim();
        drop(state);
        commit.wake.iter().for_each(|waiter| waiter.notify_one());
        Ok(seq)
    }
}

impl Engine for MemoryEngine {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        Arc::new(self.open_snapshot())
    }

    fn commit(&self, commit: Commit) -> Pending {
        Pending::Ready(self.commit_now(commit))
    }

    fn changes(&self, after: u64) -> Option<Vec<Changed>> {
        lock(&self.committer).window.changes(after)
    }

    fn clear(&self, seed: Vec<(Bytes, Bytes)>) -> Pending {
        let mut committer = lock(&self.committer);
        if committer.closed {
            return Pending::Ready(Err(CommitError::Failed(StoreError::Closed)));
        }
        let seq = self.open_snapshot().seq + 1;
        let rows = seed
            .into_iter()
            .map(|(key, value)| row(Entry { key, stored: Versioned { version: seq, value } }));
        let state = State { seq, rows: rows.collect(), garbage: VecDeque::new() };
        let fresh = Generation { state: RwLock::new(state), readers: Mutex::default() };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *current, Arc::new(fresh));
        drop(current);
        committer.window.reset(seq);
        drop(committer);
        // Freeing millions of rows takes a while: nobody should wait for it.
        drop(std::thread::Builder::new().spawn(move || drop(old)));
        Pending::Ready(Ok(seq))
    }

    fn close(&self) -> Result<(), StoreError> {
        lock(&self.committer).closed = true;
        Ok(())
    }

    fn load(&self, rows: Vec<Entry>, seq: u64) -> Pending {
        let mut committer = lock(&self.committer);
        let generation = self.generation();
        let mut state = generation.state.write().unwrap_or_else(PoisonError::into_inner);
        state.seq = state.seq.max(seq);
        let seq = state.seq;
        state.rows.extend(rows.into_iter().map(row));
        committer.window.reset(seq);
        Pending::Ready(Ok(seq))
    }
}

fn row(Entry { key, stored }: Entry) -> (Bytes, Chain) {
    let newest = Slot { version: stored.version, value: Some(stored.value) };
    (key, Chain { newest, older: Vec::new() })
}

/// A panic in a closure never happens under these locks; if one did, the data is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
