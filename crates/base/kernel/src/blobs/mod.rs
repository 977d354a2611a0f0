//! Bytes too large for the store: beside it, durable before anyone can see them, encrypted, and
//! checked whenever they are read.
//!
//! ```text
//! let mut writer = blobs.writer(random, secret, digests);     a temporary thing
//! writer.write(piece).await?; …                               memory stays flat
//! let written = writer.finish().await?;                       on disk now, and nobody's
//! written.commit(store, |tx, blob| …put a record with blob…)  somebody's, or gone
//! blobs.prepare(tx, parts)?.open(secret).await                any range
//! blobs.release(tx, blob)                                     the last one out deletes it
//! ```
//!
//! A blob of at most [`SMALL_BYTES`] lies in the store itself, so that writing it is one group
//! commit. A larger one is a file, which is on disk before the commit that refers to it. References
//! are counted in the store, in the same transactions as the records that refer: a crash can leave
//! a file nobody refers to, never the opposite, and the [sweep](Blobs::sweep) finds those.

mod content;
mod engine;
mod janitor;
mod reader;
mod refs;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use shape::Fault;
use tokio::sync::Notify;

pub use engine::{BlobEngine, BlobFile, BlobSink};
pub use janitor::{Scrubbed, Swept};
pub use reader::{Part, Prepared};
pub use writer::{BlobWriter, Written};

pub(crate) use janitor::run as run_janitor;

use content::Content;
use engine::{Directory, Memory};

/// Greatest blob that lies in the store.
pub const SMALL_BYTES: usize = 64 * 1024;

/// All blobs of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    inner: Arc<Inner>,
}

struct Inner {
    content: Content,
    engine: Arc<dyn BlobEngine>,
    /// Ids that are being written and that no record refers to yet.
    in_flight: Mutex<HashSet<String>>,
    /// Ids that are being read, and by how many.
    leased: Mutex<HashMap<String, usize>>,
    pool: reader::Pool,
    segments: reader::Pool,
    batches: writer::Batches,
    released: Notify,
    /// How many want nothing to be deleted.
    held: AtomicUsize,
}

/// A blob, as a record refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// Whether it lies in the store.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub small: bool,
}

/// What a blob is encrypted with; who may read it knows this.
pub type BlobSecret = [u8; 32];

/// Why a blob cannot be had.
#[derive(Debug)]
pub enum BlobError {
    /// Nothing of that name.
    Missing(String),
    /// The bytes are not those that were written.
    Damaged(String),
    /// The disk is full.
    Full,
    /// The file system refused.
    Io(PathBuf, io::Error),
    /// The store failed.
    Store(store::StoreError),
    /// The bytes did not come to their end.
    Source(Box<Fault>),
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobError::Missing(id) => write!(f, "blob {id} does not exist"),
            BlobError::Damaged(id) => write!(f, "blob {id} is damaged"),
            BlobError::Full => f.write_str("the disk is full"),
            BlobError::Io(path, error) => write!(f, "{}: {error}", path.display()),
            BlobError::Store(error) => error.fmt(f),
            BlobError::Source(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for BlobError {}

impl From<store::StoreError> for BlobError {
    fn from(error: store::StoreError) -> Self {
        BlobError::Store(error)
    }
}

impl From<BlobError> for Fault {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Source(fault) => *fault,
            BlobError::Full => {
                let text = "There is no room left on this installation's disk.";
                Fault::new("InsufficientStorage", 507, text)
            }
            BlobError::Store(error) => crate::store_fault(error),
            other => Fault::internal(other),
        }
    }
}

/// What an engine says of a blob.
pub(crate) fn failed(id: &str, error: io::Error) -> BlobError {
    match error.kind() {
        io::ErrorKind::NotFound => BlobError::Missing(id.to_owned()),
        io::ErrorKind::UnexpectedEof => BlobError::Damaged(id.to_owned()),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::Full,
        _ => BlobError::Io(PathBuf::from(id), error),
    }
}

/// See [`Blobs::hold`].
pub struct Hold(Blobs);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.inner.held.fetch_sub(1, Ordering::SeqCst);
        self.0.inner.released.notify_one();
    }
}

impl Blobs {
    /// Lost with the process.
    pub fn memory() -> Self {
        Blobs::new(Content::Memory(Mutex::default()), Arc::new(Memory::default()))
    }

    /// Files below `folder`, which is made when missing.
    pub fn open(folder: &Path) -> Result<Self, BlobError> {
        let failed = |error| BlobError::Io(folder.to_owned(), error);
        std::fs::create_dir_all(folder).map_err(failed)?;
        let engine = Directory::open(&folder.join("objects")).map_err(failed)?;
        Ok(Blobs::new(Content::Directory(folder.to_owned()), Arc::new(engine)))
    }

    /// Blobs by content below `folder` as before, all others in `engine`.
    pub fn with_engine(folder: &Path, engine: Arc<dyn BlobEngine>) -> Self {
        Blobs::new(Content::Directory(folder.to_owned()), engine)
    }

    fn new(content: Content, engine: Arc<dyn BlobEngine>) -> Self {
        Blobs {
            inner: Arc::new(Inner {
                content,
                engine,
                in_flight: Mutex::default(),
                leased: Mutex::default(),
                pool: reader::Pool::default(),
                segments: reader::Pool::default(),
                batches: writer::Batches::default(),
                released: Notify::new(),
                held: AtomicUsize::new(0),
            }),
        }
    }

    /// Until this is dropped, no file is deleted that was released meanwhile: for who copies them.
    pub fn hold(&self) -> Hold {
        self.inner.held.fetch_add(1, Ordering::SeqCst);
        Hold(self.clone())
    }

    fn in_flight(&self) -> MutexGuard<'_, HashSet<String>> {
        self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.inner.leased.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
