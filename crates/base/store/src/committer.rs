//! The one thread that writes to disk.
//!
//! It takes whatever is queued, validates each commit against those before it, writes all accepted
//! ones as one engine batch with one `fdatasync`, notes the promise in the watermark, shows the new
//! state to readers, and only then answers. So nobody ever reads what could still be lost.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fjall::{AbstractTree, Database, Keyspace, PersistMode};
use tokio::sync::oneshot;

use crate::StoreError;
use crate::directory::Directory;
use crate::disk::{DiskSnapshot, Head, Rows, Shared, Spaces, engine_error};
use crate::engine::{Commit, CommitError, Durability, Entry};
use crate::journal::{self, Journals};
use crate::memory::lock;
use crate::record;
use crate::room::Room;
use crate::watermark::{IDLE_MS, Mark, Watermark};

/// At most so many commits, or payload bytes, share one sync.
const BATCH_COMMITS_MAX: usize = 1024;
const BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;
/// For batches of fewer payload bytes, room in the journal is made ready.
const FILLED_BYTES_MAX: usize = 128 * 1024;
/// How long closing waits for memtables to reach their files; 5 ms each.
const FLUSH_POLLS_MAX: u32 = 2000;

pub(crate) type Done = oneshot::Sender<Result<u64, CommitError>>;

pub(crate) enum Job {
    Commit(Commit, Done),
    Clear(Vec<(Bytes, Bytes)>, Done),
    Load(Vec<Entry>, u64, Done),
    Close,
}

pub(crate) struct Committer {
    pub shared: Arc<Shared>,
    pub head: Head,
    pub spaces: Spaces,
    pub journals: Journals,
    pub watermark: Watermark,
    pub directory: Directory,
    pub room: Room,
    /// After a failed write nothing more is accepted: what reached the disk is unknown.
    pub failed: Option<StoreError>,
}

impl Committer {
    pub fn run(mut self, queue: &Receiver<Job>) -> Result<(), StoreError> {
        let mut put_back = None;
        while let Some(job) = put_back.take().or_else(|| self.next_job(queue)) {
            match job {
                Job::Commit(commit, done) => {
                    let mut bytes = commit.bytes();
                    let mut batch = vec![(commit, done)];
                    while batch.len() < BATCH_COMMITS_MAX && bytes < BATCH_BYTES_MAX {
                        match queue.try_recv() {
                            Ok(Job::Commit(commit, done)) => {
                                bytes += commit.bytes();
                                batch.push((commit, done));
                            }
                            Ok(other) => {
                                put_back = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    self.commit(batch, bytes);
                }
                Job::Clear(seed, done) => {
                    let outcome = self.clear(seed);
                    self.answer(done, outcome);
                }
                Job::Load(rows, seq, done) => {
                    let outcome = self.load(rows, seq);
                    self.answer(done, outcome);
                }
                Job::Close => break,
            }
        }
        self.close()
    }

    /// Waits for work; without any, syncs the watermark. None: all handles are gone.
    fn next_job(&mut self, queue: &Receiver<Job>) -> Option<Job> {
        if self.watermark.is_unsynced() {
            match queue.recv_timeout(Duration::from_millis(IDLE_MS)) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(error) = self.watermark.sync() {
                        self.failed = Some(StoreError::io("writing the watermark", error));
                    }
                }
            }
        }
        queue.recv().ok()
    }

    /// Commits what arrived together, so many bytes of it.
    fn commit(&mut self, batch: Vec<(Commit, Done)>, bytes: usize) {
        if let Err(full) = self.room.check(bytes as u64) {
            for (_, done) in batch {
                drop(done.send(Err(CommitError::Failed(full.clone()))));
            }
            return;
        }
        let mut rows = BTreeMap::new();
        let mut accepted = Vec::new();
        let mut sync = false;
        let mut seq = self.head.seq;
        for (mut commit, done) in batch {
            let wake = std::mem::take(&mut commit.wake);
            match self.accept(commit, seq + 1, &mut rows) {
                Ok(durability) => {
                    seq += 1;
                    sync |= durability == Durability::Sync;
                    accepted.push((seq, wake, done));
                }
                // The caller may have stopped waiting, here and below.
                Err(error) => drop(done.send(Err(error))),
            }
        }
        if accepted.is_empty() {
            return;
        }
        let space = self.published().rows.clone();
        let head = Head { seq, ..self.head };
        let outcome = self.write(&space, rows.into_iter().collect(), head, sync);
        for (seq, wake, done) in accepted {
            let answer = match &outcome {
                Ok(()) => {
                    wake.iter().for_each(|waiter| waiter.notify_one());
                    Ok(seq)
                }
                Err(error) => Err(CommitError::Failed(error.clone())),
            };
            drop(done.send(answer));
        }
        // Great batches find their room for themselves: it costs them little.
        if sync && outcome.is_ok() && bytes < FILLED_BYTES_MAX {
            self.journals.fill_ahead();
        }
        lock(&self.shared.window).trim();
    }

    /// Validates one commit and, if it holds, adds its rows.
    fn accept(
        &self,
        mut commit: Commit,
        seq: u64,
        rows: &mut BTreeMap<Bytes, Option<Vec<u8>>>,
    ) -> Result<Durability, CommitError> {
        if let Some(error) = &self.failed {
            return Err(CommitError::Failed(error.clone()));
        }
        let mut window = lock(&self.shared.window);
        if !window.holds(&commit, &*self.published()).map_err(CommitError::Failed)? {
            return Err(CommitError::Conflict);
        }
        commit.stamp(seq);
        window.push(seq, commit.keys().cloned().collect());
        drop(window);
        for (key, value) in commit.puts {
            let stored = record::encode(&key, seq, &value);
            rows.insert(key, Some(stored));
        }
        for key in commit.deletes {
            rows.insert(key, None);
        }
        Ok(commit.durability)
    }

    /// Writes, promises, publishes. On failure nothing more will be accepted.
    fn write(
        &mut self,
        space: &Keyspace,
        rows: Rows,
        head: Head,
        sync: bool,
    ) -> Result<(), StoreError> {
        let (recent, ranges) = (self.shared.recent.clone(), self.shared.ranges.clone());
        for (key, _) in &rows {
            recent.forget(key, head.seq);
            ranges.forget(key, head.seq);
        }
        let written = self
            .spaces
            .write(space, rows, head.seq, sync)
            .and_then(|()| if sync { self.promise(head.seq) } else { Ok(()) });
        if let Err(error) = written {
            self.failed = Some(error.clone());
            return Err(error);
        }
        self.head = head;
        let view = self.spaces.db.snapshot();
        let rows = space.clone();
        let snapshot = Arc::new(DiskSnapshot { seq: head.seq, view, rows, recent, ranges });
        *self.shared.published.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    fn promise(&mut self, seq: u64) -> Result<(), StoreError> {
        let mut promise = || {
            self.journals.advance()?;
            self.watermark.write(&Mark { seq, journals: self.journals.extents() })
        };
        promise().map_err(|error| StoreError::io("writing the watermark", error))
    }

    fn clear(&mut self, seed: Vec<(Bytes, Bytes)>) -> Result<u64, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let old = self.published().rows.clone();
        let head = Head { seq: self.head.seq + 1, generation: self.head.generation + 1 };
        let space = self.spaces.open(head.generation)?;
        let rows = seed.into_iter().map(|(key, value)| {
            let stored = record::encode(&key, head.seq, &value);
            (key, Some(stored))
        });
        // What is there now will not be there; only what follows may be kept.
        self.shared.recent.clear(head.seq);
        self.shared.ranges.clear(head.seq);
        self.write(&space, rows.collect(), head, true)?;
        lock(&self.shared.window).reset(head.seq);
        // Its files go when the last reader lets go. Should this fail, the next opening does it.
        drop(self.spaces.db.delete_keyspace(old));
        Ok(head.seq)
    }

    fn load(&mut self, rows: Vec<Entry>, seq: u64) -> Result<u64, StoreError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let space = self.published().rows.clone();
        let head = Head { seq: self.head.seq.max(seq), ..self.head };
        let rows = rows.into_iter().map(|Entry { key, stored }| {
            let stored = record::encode(&key, stored.version, &stored.value);
            (key, Some(stored))
        });
        // The number of the last commit may stay what it is, so even readers of now come too late.
        self.shared.recent.clear(head.seq + 1);
        self.shared.ranges.clear(head.seq + 1);
        self.write(&space, rows.collect(), head, true)?;
        lock(&self.shared.window).reset(head.seq);
        Ok(head.seq)
    }

    fn answer(&self, done: Done, outcome: Result<u64, StoreError>) {
        drop(done.send(outcome.map_err(CommitError::Failed)));
    }

    fn published(&self) -> Arc<DiskSnapshot> {
        self.shared.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves everything from journals into tables, so that the next opening replays nothing.
    fn close(mut self) -> Result<(), StoreError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let rows = self.published().rows.clone();
        let db = &self.spaces.db;
        let flushed = flush(db, &rows)?;
        let Self { spaces, directory, mut watermark, head, journals, .. } = self;
        let engine: PathBuf = directory.engine();
        drop((rows, journals));
        // Ends the engine's threads; after this nobody writes to the journals.
        drop(spaces);
        if !flushed {
            return Ok(());
        }
        let mut discard = || {
            // First take back the promise about the journals, then discard them. Twice, so that
            // neither slot speaks of journals.
            watermark.write(&Mark { seq: head.seq, journals: Vec::new() })?;
            watermark.write(&Mark { seq: head.seq, journals: Vec::new() })?;
            watermark.sync()?;
            journal::discard(&engine)
        };
        discard().map_err(|error| StoreError::io("closing the journals", error))
    }
}

/// Writes a memtable to its file. False if that takes unreasonably long; the journal has it anyway.
fn flush(db: &Database, space: &Keyspace) -> Result<bool, StoreError> {
    space.rotate_memtable().map_err(engine_error)?;
    for _ in 0..FLUSH_POLLS_MAX {
        if space.tree.sealed_memtable_count() == 0 {
            return Ok(space.tree.active_memtable().is_empty());
        }
        // Fails when the engine's thread, for which we wait, has failed.
        db.persist(PersistMode::Buffer).map_err(engine_error)?;
        #[expect(clippy::disallowed_methods, reason = "own thread, at shutdown, no Ctx here")]
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(false)
}
