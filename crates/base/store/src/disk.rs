//! The disk engine: fjall, written to by one thread of ours.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use bytes::Bytes;
use fjall::config::PartitioningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use tokio::sync::oneshot;

use crate::committer::{Committer, Job};
use crate::directory::Directory;
use crate::engine::{
    Changed, Chunk, Commit, CommitError, Engine, Entry, KeyRange, Limit, Pending, Snapshot,
    Versioned,
};
use crate::journal::{self, Journals};
use crate::manifest;
use crate::memory::lock;
use crate::ranges::Ranges;
use crate::recent::Recent;
use crate::record;
use crate::room::Room;
use crate::watermark::{Mark, Watermark};
use crate::window::Window;
use crate::{Options, StoreError};

/// Keyspaces: `rows-0`, and after each clearing the next number.
const ROWS_SPACE: &str = "rows-";
/// Where [`Head`] lies in its keyspace: below all table names.
const HEAD_KEY: &[u8] = b"\0head";

pub(crate) struct DiskEngine {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<Result<(), StoreError>>>>,
}

/// Keys and what to store there; `None` deletes.
pub(crate) type Rows = Vec<(Bytes, Option<Vec<u8>>)>;

/// What the committer shows to readers.
pub(crate) struct Shared {
    pub published: RwLock<Arc<DiskSnapshot>>,
    pub recent: Arc<Recent>,
    pub ranges: Arc<Ranges>,
    pub window: Mutex<Window>,
}

pub(crate) struct DiskSnapshot {
    pub seq: u64,
    pub view: fjall::Snapshot,
    pub rows: Keyspace,
    pub recent: Arc<Recent>,
    pub ranges: Arc<Ranges>,
}

/// The last commit, written with every batch, and the number of the keyspace that has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub seq: u64,
    pub generation: u64,
}

impl Snapshot for DiskSnapshot {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn get(&self, key: &[u8]) -> Result<Option<Versioned>, StoreError> {
        if let Some(known) = self.recent.get(key, self.seq) {
            return Ok(known);
        }
        let stored = self.view.get(&self.rows, key).map_err(engine_error)?;
        let stored = stored.map(|stored| record::decode(key, stored.into())).transpose()?;
        self.recent.keep(key, self.seq, stored.as_ref());
        Ok(stored)
    }

    fn range(&self, range: &KeyRange, reverse: bool, limit: Limit) -> Result<Chunk, StoreError> {
        if range.is_empty() {
            return Ok(Chunk::default());
        }
        let Some(place) = self.ranges.place(range, reverse, limit) else {
            return self.read_range(range, reverse, limit);
        };
        if let Some(known) = self.ranges.get(place, range, reverse, limit, self.seq) {
            return Ok(known);
        }
        let found = self.read_range(range, reverse, limit)?;
        self.ranges.keep(place, range, reverse, limit, self.seq, &found);
        Ok(found)
    }
}

impl DiskSnapshot {
    fn read_range(
        &self,
        range: &KeyRange,
        reverse: bool,
        limit: Limit,
    ) -> Result<Chunk, StoreError> {
        let rows = self.view.range(&self.rows, range.lo.as_ref()..range.hi.as_ref());
        let entry = |guard: fjall::Guard| {
            let (key, stored) = guard.into_inner().map_err(engine_error)?;
            let key = Bytes::from(key);
            let stored = record::decode(&key, stored.into())?;
            Ok(Entry { key, stored })
        };
        if reverse {
            Chunk::take(rows.rev().map(entry), limit)
        } else {
            Chunk::take(rows.map(entry), limit)
        }
    }
}

impl DiskEngine {
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let directory = Directory::take(path, options.salvage)?;
        let (watermark, mark) = Watermark::open(&directory.watermark())?;
        let fresh = !directory.engine().exists();
        if !options.salvage && !fresh {
            manifest::check(&directory.engine())?;
            journal::check(&directory.engine(), &mark.journals)?;
        }
        let db = Database::builder(directory.engine())
            .cache_size(options.cache_bytes)
            .worker_threads(2)
            .journal_compression(fjall::CompressionType::None)
            .manual_journal_persist(true)
            .open()
            .map_err(engine_error)?;
        if fresh {
            directory.sync()?;
        }
        let spaces = Spaces { db, memtable_bytes: options.memtable_bytes };
        let head = spaces.head()?;
        check_head(head, &mark, options.salvage)?;
        spaces.remove_except(head.generation)?;
        let rows = spaces.open(head.generation)?;
        let journals = Journals::follow(&directory.engine())
            .map_err(|error| StoreError::io("reading the journals", error))?;
        // The engine has brought the journals to stable storage; salvage starts a new promise.
        let (mut watermark, seq) = (watermark, head.seq);
        watermark
            .write(&Mark { seq, journals: journals.extents() })
            .map_err(|error| StoreError::io("writing the watermark", error))?;
        let recent = Arc::new(Recent::new(options.recent_bytes));
        let ranges = Arc::new(Ranges::new(options.ranges_bytes));
        let view = spaces.db.snapshot();
        let (recent_, ranges_) = (recent.clone(), ranges.clone());
        let snapshot = DiskSnapshot { seq, view, rows, recent: recent_, ranges: ranges_ };
        let shared = Arc::new(Shared {
            recent,
            ranges,
            published: RwLock::new(Arc::new(snapshot)),
            window: Mutex::new(Window::new(head.seq)),
        });
        let (jobs, queue) = channel();
        let committer = Committer {
            shared: shared.clone(),
            head,
            spaces,
            journals,
            watermark,
            room: Room::new(path.to_owned(), options.reserve_bytes),
            directory,
            failed: None,
        };
        let thread = std::thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || committer.run(&queue))
            .map_err(|error| StoreError::io("starting the committer", error))?;
        Ok(Self { jobs, shared, thread: Mutex::new(Some(thread)) })
    }

    fn send(&self, job: impl FnOnce(oneshot::Sender<Result<u64, CommitError>>) -> Job) -> Pending {
        let (done, outcome) = oneshot::channel();
        match self.jobs.send(job(done)) {
            Ok(()) => Pending::Later(outcome),
            Err(_) => Pending::Ready(Err(CommitError::Failed(StoreError::Closed))),
        }
    }
}

impl Engine for DiskEngine {
    fn snapshot(&self) -> Arc<dyn Snapshot> {
        self.shared.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn commit(&self, commit: Commit) -> Pending {
        self.send(|done| Job::Commit(commit, done))
    }

    fn changes(&self, after: u64) -> Option<Vec<Changed>> {
        let visible = self.snapshot().seq();
        let mut changes = lock(&self.shared.window).changes(after)?;
        changes.retain(|changed| changed.seq <= visible);
        Some(changes)
    }

    fn clear(&self, seed: Vec<(Bytes, Bytes)>) -> Pending {
        self.send(|done| Job::Clear(seed, done))
    }

    fn load(&self, rows: Vec<Entry>, seq: u64) -> Pending {
        self.send(|done| Job::Load(rows, seq, done))
    }

    fn close(&self) -> Result<(), StoreError> {
        // A second caller waits here for the first, and then finds nothing to do.
        let mut thread = lock(&self.thread);
        let Some(committer) = thread.take() else { return Ok(()) };
        // Fails only when the thread has ended; joining tells why.
        let _ = self.jobs.send(Job::Close);
        committer.join().unwrap_or_else(|_| Err(StoreError::io("committer", "panicked")))
    }
}

impl Drop for DiskEngine {
    fn drop(&mut self) {
        // Nobody is left to tell; whatever was acknowledged is in the journal.
        let _ = self.close();
    }
}

/// The engine's keyspaces.
pub(crate) struct Spaces {
    pub db: Database,
    memtable_bytes: u64,
}

impl Spaces {
    /// Opens a keyspace, making it if there is none.
    pub fn open(&self, generation: u64) -> Result<Keyspace, StoreError> {
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(self.memtable_bytes)
                .manual_journal_persist(true)
                .index_block_partitioning_policy(in_parts())
                .filter_block_partitioning_policy(in_parts())
        };
        self.db.keyspace(&format!("{ROWS_SPACE}{generation}"), options).map_err(engine_error)
    }

    fn generations(&self) -> Vec<u64> {
        let names = self.db.list_keyspace_names();
        let numbers = names.iter().filter_map(|name| name.strip_prefix(ROWS_SPACE)?.parse().ok());
        let mut generations: Vec<u64> = numbers.collect();
        generations.sort_unstable();
        generations
    }

    /// The newest keyspace with a head is the current one: clearing makes the next keyspace first,
    /// and writes its head together with its first rows.
    fn head(&self) -> Result<Head, StoreError> {
        for generation in self.generations().into_iter().rev() {
            let space = self.open(generation)?;
            if let Some(stored) = space.get(HEAD_KEY).map_err(engine_error)? {
                let head = record::decode(HEAD_KEY, stored.into())
                    .map_err(|error| StoreError::Damaged { detail: format!("head: {error}") })?;
                return Ok(Head { seq: head.version, generation });
            }
        }
        Ok(Head::default())
    }

    /// Removes what an interrupted clearing left.
    fn remove_except(&self, current: u64) -> Result<(), StoreError> {
        for generation in self.generations() {
            if generation != current {
                let space = self.open(generation)?;
                self.db.delete_keyspace(space).map_err(engine_error)?;
            }
        }
        Ok(())
    }

    /// Writes rows and head as one batch, durable as asked. Visible afterwards.
    pub fn write(
        &self,
        space: &Keyspace,
        rows: Rows,
        seq: u64,
        sync: bool,
    ) -> Result<(), StoreError> {
        let mode = if sync { PersistMode::SyncData } else { PersistMode::Buffer };
        let mut batch = self.db.batch().durability(Some(mode));
        for (key, value) in rows {
            match value {
                Some(value) => batch.insert(space, key, value),
                None => batch.remove(space, key),
            }
        }
        batch.insert(space, HEAD_KEY, record::encode(HEAD_KEY, seq, &[]));
        batch.commit().map_err(engine_error)
    }
}

/// Index and filter of a great file are read in parts: as a whole they are megabytes, which would
/// push each other out of the cache, and each be read again for a single row. Those of the newest
/// files are small, and stay in memory.
fn in_parts() -> PartitioningPolicy {
    PartitioningPolicy::new([false, true])
}

fn check_head(head: Head, mark: &Mark, salvage: bool) -> Result<(), StoreError> {
    if head.seq >= mark.seq || salvage {
        return Ok(());
    }
    let lost = mark.seq - head.seq;
    let detail = format!(
        "{lost} acknowledged commits are missing (found up to {}, acknowledged up to {})",
        head.seq, mark.seq
    );
    Err(StoreError::Damaged { detail })
}

pub(crate) fn engine_error(error: fjall::Error) -> StoreError {
    StoreError::io("storage engine", error)
}
