//! Writing a blob of any size in little memory.

use std::io;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use store::{Store, StoreError, WriteTx};
use tokio::task::{JoinHandle, spawn_blocking};

use super::refs::{REFS, Reference, SMALL, join};
use super::segment::{EXTRA_BYTES, SEGMENT_BYTES, STORED_BYTES, SegmentKey};
use super::{Blob, BlobEngine, BlobError, BlobSecret, BlobSink, Blobs, SMALL_BYTES, failed};
use crate::Random;
use crate::digest::{Algorithm, Digests, Md5Stream};

/// Bytes collected before they are digested, encrypted and written in one go: whole segments, but
/// for what the last one takes besides.
const BATCH_BYTES: usize = 4 * STORED_BYTES - EXTRA_BYTES;

/// A blob that is being written; dropped before it is finished, it leaves nothing.
pub struct BlobWriter {
    flight: Flight,
    engine: Arc<dyn BlobEngine>,
    batches: Batches,
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
    /// From the first batch to the last.
    stream: Option<Md5Stream>,
    batches: Batches,
}

/// Emptied batches, to be filled again by whoever writes next: memory that is new has to be cleared
/// by the kernel first.
#[derive(Clone, Default)]
pub(super) struct Batches(Arc<Mutex<Vec<Vec<u8>>>>);

/// Batches kept.
const BATCHES_MAX: usize = 16;

impl Batches {
    fn take(&self) -> Vec<u8> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| Vec::with_capacity(4 * STORED_BYTES))
    }

    fn give(&self, mut batch: Vec<u8>) {
        batch.clear();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BATCHES_MAX {
            kept.push(batch);
        }
    }
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
            stream: None,
            batches: self.inner.batches.clone(),
        };
        BlobWriter {
            flight: Flight { blobs: self.clone(), id },
            engine: self.inner.engine.clone(),
            batches: self.inner.batches.clone(),
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
            let length = self.batch.len() + now.len();
            if length > SMALL_BYTES && self.batch.capacity() < 4 * STORED_BYTES {
                let mut batch = self.batches.take();
                batch.extend_from_slice(&self.batch);
                self.batch = batch;
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
        let work = self.work().await?;
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
        let batch = mem::take(&mut self.batch);
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
        let length = batch.len();
        let pieces: Vec<Range<usize>> = (0..length)
            .step_by(STORED_BYTES)
            .map(|from| from..length.min(from + STORED_BYTES) - EXTRA_BYTES)
            .collect();
        let stream = self.stream.take().unwrap_or_default();
        let together = self.digests.update_md5(&stream, batch, &pieces);
        let mut batch = together.map_err(|error| failed(&self.id, io::Error::other(error)))?;
        self.stream = Some(stream).filter(|_| !last);
        let mut segments = batch.chunks_mut(STORED_BYTES).peekable();
        while let Some(segment) = segments.next() {
            // One after the other, as a segment stays in the processor's cache meanwhile.
            let plain = &segment[..segment.len() - EXTRA_BYTES];
            self.digests.update_all_but(Some(Algorithm::Md5), plain);
            let is_last = last && segments.peek().is_none();
            self.key.seal(self.segment, is_last, segment);
            self.segment += 1;
        }
        let failed = |error| failed(&self.id, error);
        let mut sink = match self.sink.take() {
            Some(sink) => sink,
            None => engine.create(&self.id).map_err(failed)?,
        };
        sink.write(&batch).map_err(failed)?;
        match last {
            true => sink.finish().map_err(failed)?,
            false => self.sink = Some(sink),
        }
        self.batches.give(batch);
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
    BlobError::Io("blob writer".into(), io::Error::other(error))
}
