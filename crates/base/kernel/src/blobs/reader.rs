//! Reading ranges of blobs, one behind the other, as a stream.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use shape::{ByteStream, Fault, Source};
use store::ReadTx;
use tokio::task::{JoinHandle, spawn_blocking};

use super::refs::{SMALL, split};
use super::segment::{EXTRA_BYTES, SEGMENT_BYTES, SegmentKey, segments, stored_bytes};
use super::{Blob, BlobError, BlobFile, BlobSecret, Blobs, failed};

/// Segments read at once.
const SEGMENTS_AT_ONCE: u64 = 4;
/// Buffers kept for the next readers.
const POOL_MAX: usize = 32;

/// A range of a blob, in bytes of its plain text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The blob.
    pub blob: Blob,
    /// Within its size.
    pub range: Range<u64>,
}

/// Buffers of the size of a read, to be used again.
#[derive(Clone, Default)]
pub(super) struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

struct Pooled {
    buffer: Vec<u8>,
    pool: Pool,
}

impl Pool {
    fn take(&self, length: usize) -> Pooled {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        // Only what grows is filled with zeros; what shrinks would have to grow again.
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        Pooled { buffer, pool: self.clone() }
    }
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut kept = self.pool.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < POOL_MAX {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

/// Keeps files from being deleted while they are read.
struct Lease {
    blobs: Blobs,
    ids: Vec<String>,
}

impl Lease {
    fn new(blobs: &Blobs, parts: &[Part]) -> Self {
        let ids: Vec<String> =
            parts.iter().filter(|part| !part.blob.small).map(|part| part.blob.id.clone()).collect();
        let mut leased = blobs.leased();
        for id in &ids {
            *leased.entry(id.clone()).or_default() += 1;
        }
        drop(leased);
        Lease { blobs: blobs.clone(), ids }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leased = self.blobs.leased();
        for id in &self.ids {
            if let Some(count) = leased.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    leased.remove(id);
                }
            }
        }
        drop(leased);
        self.blobs.inner.released.notify_one();
    }
}

/// Where the bytes of a part are.
enum From {
    /// The stored form of a small one.
    Bytes(Bytes),
    File,
}

/// An open part.
#[derive(Clone)]
struct Open {
    file: Arc<dyn BlobFile>,
    key: Arc<SegmentKey>,
    blob: Blob,
    range: Range<u64>,
    /// The next segment to read.
    segment: u64,
}

type Read = Result<(Option<Open>, Vec<Bytes>), BlobError>;

struct Reader {
    blobs: Blobs,
    secret: BlobSecret,
    left: VecDeque<(Part, From)>,
    open: Option<Open>,
    job: Option<JoinHandle<Read>>,
    ready: VecDeque<Bytes>,
    _lease: Lease,
}

/// Ranges of blobs that will be read: nothing of them is deleted any more.
pub struct Prepared {
    blobs: Blobs,
    left: VecDeque<(Part, From)>,
    length: u64,
    lease: Lease,
}

impl Blobs {
    /// Prepares to read ranges of blobs that a record of this snapshot refers to.
    pub fn prepare(&self, tx: &ReadTx, parts: Vec<Part>) -> Result<Prepared, BlobError> {
        let length = parts.iter().map(|part| part.range.end - part.range.start).sum();
        let lease = Lease::new(self, &parts);
        let mut left = VecDeque::with_capacity(parts.len());
        for part in parts {
            let from = match part.blob.small {
                true => From::Bytes(small(tx, &part.blob)?),
                false => From::File,
            };
            left.push_back((part, from));
        }
        Ok(Prepared { blobs: self.clone(), left, length, lease })
    }
}

impl Prepared {
    /// A stream of the ranges, of blobs that share a secret. The first file is opened at once, so
    /// that what is gone is known now; `Missing` means that the record read is not true any more.
    pub async fn open(self, secret: &BlobSecret) -> Result<ByteStream, BlobError> {
        let Prepared { blobs, left, length, lease } = self;
        let is_small = left.len() <= 1 && left.iter().all(|(part, _)| part.blob.small);
        let mut reader = Reader {
            blobs,
            secret: *secret,
            left,
            open: None,
            job: None,
            ready: VecDeque::new(),
            _lease: lease,
        };
        reader.advance()?;
        // Small objects are one piece, and there already.
        if is_small {
            return Ok(reader.ready.pop_front().unwrap_or_default().into());
        }
        if let Some(job) = reader.job.take() {
            reader.finished(job.await.map_err(panicked)?)?;
        }
        Ok(ByteStream::new(reader, Some(length)))
    }
}

fn small(tx: &ReadTx, blob: &Blob) -> Result<Bytes, BlobError> {
    let missing = || BlobError::Missing(blob.id.clone());
    let record = tx.get_raw(&SMALL, blob.id.as_str())?.ok_or_else(missing)?;
    split(&record).map(|(_, stored)| stored).ok_or_else(|| BlobError::Damaged(blob.id.clone()))
}

impl Reader {
    /// Begins to read what comes next, if nothing is under way.
    fn advance(&mut self) -> Result<(), BlobError> {
        if self.job.is_some() {
            return Ok(());
        }
        let blobs = self.blobs.clone();
        if let Some(open) = self.open.take() {
            self.job = Some(spawn_blocking(move || open.read(&blobs)));
            return Ok(());
        }
        let Some((part, from)) = self.left.pop_front() else { return Ok(()) };
        let key = SegmentKey::new(&self.secret, &part.blob.id);
        match from {
            From::Bytes(stored) => {
                let (mut stored, damaged) = (stored.to_vec(), || damaged(&part.blob));
                let length = key.open(0, true, &mut stored).map_err(|_| damaged())?;
                let Part { blob, range } = part;
                if length as u64 != blob.size || range.end > blob.size {
                    return Err(BlobError::Damaged(blob.id));
                }
                let plain = Bytes::from(stored).slice(range.start as usize..range.end as usize);
                if !plain.is_empty() {
                    self.ready.push_back(plain);
                }
            }
            From::File => {
                self.job = Some(spawn_blocking(move || {
                    Open::new(&blobs, Arc::new(key), part)?.read(&blobs)
                }));
            }
        }
        Ok(())
    }

    fn finished(&mut self, read: Read) -> Result<(), BlobError> {
        let (open, pieces) = read?;
        self.open = open;
        self.ready.extend(pieces);
        // The next pieces are read while these are sent.
        self.advance()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BlobError>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            let Some(job) = &mut self.job else {
                if self.left.is_empty() && self.open.is_none() {
                    return Poll::Ready(None);
                }
                if let Err(error) = self.advance() {
                    return Poll::Ready(Some(Err(error)));
                }
                continue;
            };
            let read = ready!(Pin::new(job).poll(cx));
            self.job = None;
            if let Err(error) = read.map_err(panicked).and_then(|read| self.finished(read)) {
                self.left.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

impl Source for Reader {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        self.poll(cx).map(|piece| piece.map(|piece| piece.map_err(Fault::internal)))
    }
}

impl Open {
    fn new(blobs: &Blobs, key: Arc<SegmentKey>, part: Part) -> Result<Self, BlobError> {
        let Part { blob, range } = part;
        let io = |error| failed(&blob.id, error);
        let file: Arc<dyn BlobFile> = blobs.inner.engine.open(&blob.id).map_err(io)?.into();
        if file.length().map_err(io)? != stored_bytes(blob.size) || range.end > blob.size {
            return Err(damaged(&blob));
        }
        let segment = range.start / SEGMENT_BYTES as u64;
        Ok(Open { file, key, blob, range, segment })
    }

    /// Reads the next segments of the range; without `Open` when it is at its end.
    fn read(mut self, blobs: &Blobs) -> Read {
        if self.range.is_empty() {
            return Ok((None, Vec::new()));
        }
        const STORED: u64 = (SEGMENT_BYTES + EXTRA_BYTES) as u64;
        let all = segments(self.blob.size);
        let end = self.range.end.div_ceil(SEGMENT_BYTES as u64);
        let to = end.min(self.segment + SEGMENTS_AT_ONCE);
        let from_byte = self.segment * STORED;
        let to_byte = (to * STORED).min(stored_bytes(self.blob.size));
        let length = (to_byte - from_byte) as usize;
        let mut pooled = blobs.inner.pool.take(length);
        let buffer = &mut pooled.buffer[..length];
        self.file.read_at(buffer, from_byte).map_err(|error| failed(&self.blob.id, error))?;
        let mut slices = Vec::new();
        for (index, stored) in buffer.chunks_mut(STORED as usize).enumerate() {
            let number = self.segment + index as u64;
            let plain = self.key.open(number, number + 1 == all, stored);
            let plain = plain.map_err(|_| damaged(&self.blob))? as u64;
            let begins = number * SEGMENT_BYTES as u64;
            let from = self.range.start.saturating_sub(begins).min(plain);
            let to = self.range.end.saturating_sub(begins).min(plain);
            let at = index as u64 * STORED;
            slices.push((at + from) as usize..(at + to) as usize);
        }
        let bytes = Bytes::from_owner(pooled);
        let pieces = slices.into_iter().map(|slice| bytes.slice(slice)).filter(|p| !p.is_empty());
        let pieces = pieces.collect();
        self.segment = to;
        Ok(((to < end).then_some(self), pieces))
    }
}

fn damaged(blob: &Blob) -> BlobError {
    BlobError::Damaged(blob.id.clone())
}

fn panicked(error: tokio::task::JoinError) -> BlobError {
    BlobError::Io("blob reader".into(), std::io::Error::other(error))
}
