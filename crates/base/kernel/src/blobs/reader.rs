//! Reading ranges of blobs, one behind the other, as a stream.
//!
//! What is in the page cache is read at once, a segment at a time, where it is sent: no thread has
//! to be woken for it, and the segment is still in the processor's cache. For the disk there are
//! threads, which read several segments ahead.

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
use super::segment::{SEGMENT_BYTES, STORED_BYTES, SegmentKey, segments, stored_bytes};
use super::{Blob, BlobError, BlobFile, BlobSecret, Blobs, failed};

/// Segments that a thread reads at once.
const SEGMENTS_AHEAD: u64 = 4;
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

/// Whether a read may wait for the disk.
#[derive(Clone, Copy)]
enum Haste {
    Waits,
    AtOnce,
}

/// An open part.
struct Open {
    file: Box<dyn BlobFile>,
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
    /// Reads what comes next, or begins to, if nothing is under way.
    fn advance(&mut self) -> Result<(), BlobError> {
        if self.job.is_some() {
            return Ok(());
        }
        if let Some(open) = self.open.take() {
            return self.read(open);
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
                let (blobs, key) = (self.blobs.clone(), Arc::new(key));
                let engine = &blobs.inner.engine;
                match engine.open_at_once(&part.blob.id).map_err(|e| failed(&part.blob.id, e))? {
                    Some(file) => self.read(Open::new(file, key, part)?)?,
                    None => {
                        self.job = Some(spawn_blocking(move || {
                            let id = &part.blob.id;
                            let file = blobs.inner.engine.open(id).map_err(|e| failed(id, e))?;
                            Open::new(file, key, part)?.read(&blobs)
                        }));
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a segment if it is at hand, else lets a thread read.
    fn read(&mut self, mut open: Open) -> Result<(), BlobError> {
        if open.range.is_empty() {
            return Ok(());
        }
        match open.read_segments(&self.blobs.inner.segments, 1, Haste::AtOnce)? {
            Some(pieces) => {
                self.ready.extend(pieces);
                self.open = open.is_left().then_some(open);
            }
            None => self.read_ahead(open),
        }
        Ok(())
    }

    fn read_ahead(&mut self, open: Open) {
        let blobs = self.blobs.clone();
        self.job = Some(spawn_blocking(move || open.read(&blobs)));
    }

    fn finished(&mut self, read: Read) -> Result<(), BlobError> {
        let (open, pieces) = read?;
        self.ready.extend(pieces);
        // The next pieces are read while these are sent; they will not be at hand either.
        match open {
            Some(open) => self.read_ahead(open),
            None => self.advance()?,
        }
        Ok(())
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
    fn new(file: Box<dyn BlobFile>, key: Arc<SegmentKey>, part: Part) -> Result<Self, BlobError> {
        let Part { blob, range } = part;
        if file.length().map_err(|error| failed(&blob.id, error))? != stored_bytes(blob.size)
            || range.end > blob.size
        {
            return Err(damaged(&blob));
        }
        let segment = range.start / SEGMENT_BYTES as u64;
        Ok(Open { file, key, blob, range, segment })
    }

    /// Whether segments of the range are still to be read.
    fn is_left(&self) -> bool {
        self.segment < self.range.end.div_ceil(SEGMENT_BYTES as u64)
    }

    /// Reads the next segments of the range; without `Open` when it is at its end.
    fn read(mut self, blobs: &Blobs) -> Read {
        if self.range.is_empty() {
            return Ok((None, Vec::new()));
        }
        let pieces = self.read_segments(&blobs.inner.pool, SEGMENTS_AHEAD, Haste::Waits)?;
        Ok((self.is_left().then_some(self), pieces.unwrap_or_default()))
    }

    /// Reads at most so many segments; nothing if they are not at hand.
    fn read_segments(
        &mut self,
        pool: &Pool,
        count: u64,
        haste: Haste,
    ) -> Result<Option<Vec<Bytes>>, BlobError> {
        const STORED: u64 = STORED_BYTES as u64;
        let all = segments(self.blob.size);
        let end = self.range.end.div_ceil(SEGMENT_BYTES as u64);
        let to = end.min(self.segment + count);
        let from_byte = self.segment * STORED;
        let to_byte = (to * STORED).min(stored_bytes(self.blob.size));
        let length = (to_byte - from_byte) as usize;
        let mut pooled = pool.take(length);
        let buffer = &mut pooled.buffer[..length];
        let read = match haste {
            Haste::Waits => self.file.read_at(buffer, from_byte).map(|()| true),
            Haste::AtOnce => self.file.read_at_once(buffer, from_byte),
        };
        if !read.map_err(|error| failed(&self.blob.id, error))? {
            return Ok(None);
        }
        let mut slices = Vec::new();
        for (index, stored) in buffer.chunks_mut(STORED_BYTES).enumerate() {
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
        self.segment = to;
        Ok(Some(pieces.collect()))
    }
}

fn damaged(blob: &Blob) -> BlobError {
    BlobError::Damaged(blob.id.clone())
}

fn panicked(error: tokio::task::JoinError) -> BlobError {
    BlobError::Io("blob reader".into(), std::io::Error::other(error))
}
