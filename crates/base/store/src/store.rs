//! The handle everyone holds.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, Notify};

use crate::engine::{Commit, CommitError, Engine};
use crate::key::Key;
use crate::open::META;
use crate::outbox::EventFloor;
use crate::table::{full_key, split_key};
use crate::timer::TimerIds;
use crate::tx::{ReadTx, WriteTx};
use crate::wait::block_on;
use crate::{AnyTable, StoreError};

/// A transaction that lost this often waits for its turn among those that lost as well.
const ATTEMPTS_FREE: u32 = 3;
/// A transaction that lost this often gives up.
const ATTEMPTS_MAX: u32 = 100;

/// A shared handle to one store; cloning is cheap.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Box<dyn Engine>,
    timer_ids: Arc<TimerIds>,
    /// Serializes transactions that conflicted repeatedly.
    contended: Mutex<()>,
    event_floor: Arc<EventFloor>,
    emitted: Arc<Notify>,
    scheduled: Arc<Notify>,
}

/// A key that a commit wrote or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Sequence number of the commit.
    pub seq: u64,
    /// Table name.
    pub table: String,
    /// The key.
    pub key: Key,
}

impl Store {
    pub(crate) fn on(engine: Box<dyn Engine>, run: u64) -> Self {
        let shared = Shared {
            engine,
            timer_ids: Arc::new(TimerIds::new(run)),
            contended: Mutex::new(()),
            event_floor: Arc::default(),
            emitted: Arc::default(),
            scheduled: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.shared.engine
    }

    /// Gives timer identifiers the number of this run. Before the handle is shared.
    pub(crate) fn set_run(&mut self, run: u64) {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.timer_ids = Arc::new(TimerIds::new(run));
        }
    }

    /// Reads one moment.
    pub fn read<R>(&self, f: impl FnOnce(&ReadTx) -> R) -> R {
        f(&self.fresh_read())
    }

    /// One moment to read from for longer than a closure lasts. What it sees is kept until it is
    /// dropped, so it should not last for ever.
    pub fn snapshot(&self) -> ReadTx {
        self.fresh_read()
    }

    /// Runs a serializable transaction; the closure runs again after a conflict (see the crate's
    /// documentation) and its error aborts. Waits for the commit without blocking the thread; with
    /// [`crate::Durability::Sync`] the data is then on stable storage.
    ///
    /// Dropping the future leaves open whether the transaction commits.
    pub async fn write<R, E: From<StoreError>>(
        &self,
        mut f: impl FnMut(&mut WriteTx) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        let mut turn = None;
        for attempt in 1..=ATTEMPTS_MAX {
            if attempt > ATTEMPTS_FREE && turn.is_none() {
                turn = Some(self.shared.contended.lock().await);
            }
            let (output, commit) = {
                let mut tx = WriteTx::new(self.fresh_read(), self.shared.timer_ids.clone());
                let output = f(&mut tx)?;
                (output, self.commit_of(tx))
            };
            let Some(commit) = commit else { return Ok(output) };
            match self.shared.engine.commit(commit).wait().await {
                Ok(_) => return Ok(output),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error.into()),
            }
        }
        Err(StoreError::Contention { attempts: ATTEMPTS_MAX }.into())
    }

    /// [`Store::write`] for threads outside an async runtime (tests, commands, start-up).
    pub fn write_blocking<R, E: From<StoreError>>(
        &self,
        f: impl FnMut(&mut WriteTx) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        block_on(self.write(f))
    }

    /// Sequence number of the last commit.
    pub fn seq(&self) -> u64 {
        self.shared.engine.snapshot().seq()
    }

    /// What changed after commit `after`, in order. `None`: too long ago, or the store was cleared
    /// since; read everything again from a snapshot.
    pub fn changes(&self, after: u64) -> Option<Vec<Change>> {
        let commits = self.shared.engine.changes(after)?;
        let changes = commits.into_iter().flat_map(|commit| {
            commit.keys.into_iter().map(move |full| {
                let (table, key) = split_key(&full);
                Change { seq: commit.seq, table, key }
            })
        });
        Some(changes.collect())
    }

    /// Completes after a commit that emitted events, at once if there was one since the last wait.
    /// For one waiter. Events of earlier runs do not wake: list them first.
    pub async fn emitted(&self) {
        self.shared.emitted.notified().await;
    }

    /// Completes after a commit that scheduled a timer; otherwise as [`Store::emitted`].
    pub async fn scheduled(&self) {
        self.shared.scheduled.notified().await;
    }

    /// Deletes everything, durably, as one commit: a concurrent transaction comes wholly before
    /// (and is gone) or wholly after. Takes milliseconds whatever the size.
    pub async fn clear(&self) -> Result<(), StoreError> {
        let seed = self.read(|tx| tx.scan(&META, crate::Scan::all()))?;
        let seed = seed.into_iter().map(|(key, value)| {
            let full = full_key(META.name(), key.as_bytes());
            (Bytes::from(full), Bytes::from(value.to_string()))
        });
        match self.shared.engine.clear(seed.collect()).wait().await {
            Ok(_) => {
                self.shared.emitted.notify_one();
                self.shared.scheduled.notify_one();
                Ok(())
            }
            Err(CommitError::Conflict) => Err(StoreError::Contention { attempts: 1 }),
            Err(CommitError::Failed(error)) => Err(error),
        }
    }

    /// Brings everything to disk and ends background work; later commits fail with
    /// [`StoreError::Closed`]. The next opening is then fastest. Blocks for milliseconds.
    pub fn close(&self) -> Result<(), StoreError> {
        self.shared.engine.close()
    }

    fn fresh_read(&self) -> ReadTx {
        ReadTx::new(self.shared.engine.snapshot(), self.shared.event_floor.clone())
    }

    fn commit_of(&self, tx: WriteTx) -> Option<Commit> {
        let mut wake = Vec::new();
        if tx.emitted() {
            wake.push(self.shared.emitted.clone());
        }
        if tx.scheduled {
            wake.push(self.shared.scheduled.clone());
        }
        tx.into_commit().map(|commit| Commit { wake, ..commit })
    }
}
