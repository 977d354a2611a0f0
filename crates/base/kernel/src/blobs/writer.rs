//! Writing a blob of any size in little memory.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use store::{Store, StoreError, WriteTx};
use tokio::task::{JoinHandle, spawn_blocking};

use super::refs::{REFS, Reference, SMALL, join};
use super::segment::{EXTRA_BYTES, SEGMENT_BYTES, STORED_BYTES, SegmentKey};
use super::{Blob, BlobEngine, BlobError, BlobSecret, BlobSink, Blobs, SMALL_BYTES, failed};
use crate::Random;
use crate::digest::{Algorithm, Digests};

/// Bytes collected before they are digested, encrypted and written in one go: whole segments, but
/// for what the last one takes besides.
const BATCH_BYTES: usize = 4 * STORED_BYTES - EXTRA_BYTES;

/// A blob that is being written; dropped before it is finished, it leaves nothing.
pub struct BlobWriter {
    flight: Flight,
    engine: Arc<dyn BlobEngine>,
    /// Plain text not yet handed to `work`, in segments with room for what each takes besides, so
    /// that they are sealed where they are.
    batch: Vec<u8>,
    size: u64,
    state: State,
}

enum State {
    Idle(Box<Work>),
    /// A thread has it; at most one batch is under way while the next is collected.
    Busy(JoinHandle<Result<Box<Work>, BlobError>>),
    /// It failed.
    Gone,
}

/// What the blocking half needs.
struct Work {
    id: String,
    key: SegmentKey,
    digests: Digests,
    sink: Option<Box<dyn BlobSink>>,
    segment: u64,
    /// An emptied batch, to be filled again.
    spare: Vec<u8>,
}

/// Keeps an id from the sweep as long as no record may refer to it.
struct Flight {
    blobs: Blobs,
    id: String,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.blobs.in_flight().remove(&self.id);
    }
}

/// A blob on disk that no record refers to yet. Dropped, it is deleted.
pub struct Written {
    flight: Flight,
    blob: Blob,
    /// The stored form of a small one.
    stored: Bytes,
    digests: Vec<(Algorithm, Vec<u8>)>,
    /// A transaction that refers to it may have been committed.
    offered: AtomicBool,
}

impl Blobs {
    /// Begins a blob, encrypted with `secret`; the digests are computed of the plain bytes.
    pub fn writer(
        &self,
        random: &dyn Random,
        secret: &BlobSecret,
        digests: impl IntoIterator<Item = Algorithm>,
    ) -> BlobWriter {
        let id = random.hex(16);
        self.in_flight().insert(id.clone());
        let work = Work {
            key: SegmentKey::new(secret, &id),
            id: id.clone(),
            digests: Digests::new(digests),
            sink: None,
            segment: 0,
            spare: Vec::new(),
        };
        BlobWriter {
            flight: Flight { blobs: self.clone(), id },
            engine: self.inner.engine.clone(),
            batch: Vec::new(),
            size: 0,
            state: State::Idle(Box::new(work)),
        }
    }
}

impl BlobWriter {
    /// Appends. Waits while the disk is slower than the bytes come.
    pub async fn write(&mut self, mut piece: &[u8]) -> Result<(), BlobError> {
        self.size += piece.len() as u64;
        while !piece.is_empty() {
            // A batch is only handed on when more follows: the last segment is marked as such.
            if self.batch.len() == BATCH_BYTES {
                self.flush(false).await?;
            }
            let mut at = self.batch.len() % STORED_BYTES;
            if at == SEGMENT_BYTES {
                self.batch.extend_from_slice(&[0; EXTRA_BYTES]);
                at = 0;
            }
            let (now, rest) = piece.split_at(piece.len().min(SEGMENT_BYTES - at));
            if self.batch.len() + now.len() > SMALL_BYTES {
                self.batch.reserve_exact(4 * STORED_BYTES - self.batch.len());
            }
            self.batch.extend_from_slice(now);
            piece = rest;
        }
        Ok(())
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the blob and brings it to disk.
    pub async fn finish(mut self) -> Result<Written, BlobError> {
        let id = self.flight.id.clone();
        if self.size <= SMALL_BYTES as u64 {
            let mut work = self.work().await?;
            work.digests.update(&self.batch);
            let mut stored = mem::take(&mut self.batch);
            stored.extend_from_slice(&[0; EXTRA_BYTES]);
            work.key.seal(0, true, &mut stored);
            let blob = Blob { id, size: self.size, small: true };
            return Ok(self.written(blob, stored.into(), *work));
        }
        self.flush(true).await?;
        let mut work = self.work().await?;
        if let Some(sink) = work.sink.take() {
            let finished = spawn_blocking(move || sink.finish()).await;
            finished.map_err(panicked)?.map_err(|error| failed(&id, error))?;
        }
        let blob = Blob { id, size: self.size, small: false };
        Ok(self.written(blob, Bytes::new(), *work))
    }

    fn written(self, blob: Blob, stored: Bytes, work: Work) -> Written {
        let digests = work.digests.finish();
        Written { flight: self.flight, blob, stored, digests, offered: AtomicBool::new(false) }
    }

    /// Hands the batch to a thread.
    async fn flush(&mut self, last: bool) -> Result<(), BlobError> {
        let mut work = self.work().await?;
        let batch = mem::replace(&mut self.batch, mem::take(&mut work.spare));
        let engine = self.engine.clone();
        self.state = State::Busy(spawn_blocking(move || {
            work.batch(&*engine, batch, last)?;
            Ok(work)
        }));
        Ok(())
    }

    /// The blocking half, once no thread has it.
    async fn work(&mut self) -> Result<Box<Work>, BlobError> {
        match mem::replace(&mut self.state, State::Gone) {
            State::Idle(work) => Ok(work),
            State::Busy(job) => job.await.map_err(panicked)?,
            State::Gone => Err(BlobError::Missing(self.flight.id.clone())),
        }
    }
}

impl Work {
    fn batch(
        &mut self,
        engine: &dyn BlobEngine,
        mut batch: Vec<u8>,
        last: bool,
    ) -> Result<(), BlobError> {
        batch.extend_from_slice(&[0; EXTRA_BYTES]);
        let mut segments = batch.chunks_mut(STORED_BYTES).peekable();
        while let Some(segment) = segments.next() {
            // One after the other, as a segment stays in the processor's cache meanwhile.
            self.digests.update(&segment[..segment.len() - EXTRA_BYTES]);
            let is_last = last && segments.peek().is_none();
            self.key.seal(self.segment, is_last, segment);
            self.segment += 1;
        }
        let io = |error| failed(&self.id, error);
        let sink = match &mut self.sink {
            Some(sink) => sink,
            none => none.insert(engine.create(&self.id).map_err(io)?),
        };
        sink.write(&batch).map_err(|error| failed(&self.id, error))?;
        batch.clear();
        self.spare = batch;
        Ok(())
    }
}

impl Written {
    /// The blob, as a record will refer to it.
    pub fn blob(&self) -> &Blob {
        &self.blob
    }

    /// The digests asked for.
    pub fn digests(&self) -> &[(Algorithm, Vec<u8>)] {
        &self.digests
    }

    /// The digest by one algorithm; empty if it was not asked for.
    pub fn digest(&self, algorithm: Algorithm) -> &[u8] {
        let found = self.digests.iter().find(|(have, _)| *have == algorithm);
        found.map_or(&[], |(_, digest)| digest)
    }

    /// Makes the record that refers to the blob, and the blob's first reference, in one
    /// transaction. If the closure refuses, or the commit fails, the blob is gone.
    pub async fn commit<R: Send, E: From<StoreError>>(
        self,
        store: &Store,
        mut f: impl FnMut(&mut WriteTx, &Blob) -> Result<R, E> + Send,
    ) -> Result<R, E> {
        let committed = store
            .write(|tx| {
                self.offered.store(false, Ordering::Relaxed);
                let output = f(tx, &self.blob)?;
                match self.blob.small {
                    true => tx.put_raw(&SMALL, self.blob.id.as_str(), join(1, &self.stored))?,
                    false => {
                        let reference = Reference { count: 1, size: self.blob.size };
                        tx.put(&REFS, self.blob.id.as_str(), &reference)?;
                    }
                }
                self.offered.store(true, Ordering::Relaxed);
                Ok(output)
            })
            .await;
        // After a failed commit (not a refusal) nobody knows: the sweep will.
        drop(self);
        committed
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.blob.small && !self.offered.load(Ordering::Relaxed) {
            let (engine, id) = (self.flight.blobs.inner.engine.clone(), self.blob.id.clone());
            let delete = move || engine.delete(&id);
            // What cannot be deleted now is swept later.
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(delete)),
                Err(_) => drop(delete()),
            }
        }
    }
}

fn panicked(error: tokio::task::JoinError) -> BlobError {
    BlobError::Io("blob writer".into(), std::io::Error::other(error))
}
