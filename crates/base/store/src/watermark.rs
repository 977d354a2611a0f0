//! What was promised: a small file beside the engine that says how far the acknowledged commits go.
//!
//! It is written after the journal is on stable storage and before anyone is told. So it never
//! claims too much. Its own sync comes later, once for many commits ([`BATCHES_PER_SYNC`]) or when
//! there is nothing to do ([`IDLE_MS`]); under load a thread of its own does it, so that no commit
//! waits for it. So it is exact after the death of the process, and after a power failure lags by
//! that much at most (twice as many batches, if a sync takes as long as so many): a journal end
//! that is not only torn but *damaged* within that lag, by a second fault at the same time, is the
//! one loss that can go unnoticed.
//!
//! Two slots are written in turn, so that a torn write leaves the older one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::StoreError;
use crate::journal::Extent;

/// Under load, every so many batches the promise is synced.
pub(crate) const BATCHES_PER_SYNC: u32 = 32;
/// Without load, after so long.
pub(crate) const IDLE_MS: u64 = 200;

const SLOT_BYTES: usize = 512;
const MAGIC: [u8; 8] = *b"GUREUMWM";
/// Magic, turn, sequence number, count of extents; then the extents; then the checksum.
const HEAD_BYTES: usize = 8 + 8 + 8 + 4;
const EXTENT_BYTES: usize = 8 + 8 + 4 + 8;
const EXTENTS_MAX: usize = (SLOT_BYTES - HEAD_BYTES - 4) / EXTENT_BYTES;

/// The promise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Every commit up to this one was acknowledged as durable.
    pub seq: u64,
    /// What the journals contain at least.
    pub journals: Vec<Extent>,
}

pub(crate) struct Watermark {
    file: File,
    turn: u64,
    /// Promises written since the last sync, or since one was begun beside.
    unsynced: u32,
    beside: Option<Beside>,
}

/// A thread that syncs the file while the committer goes on.
struct Beside {
    begin: Sender<()>,
    ended: Receiver<io::Result<()>>,
    under_way: bool,
}

impl Beside {
    fn of(file: &File) -> io::Result<Self> {
        let file = file.try_clone()?;
        let (begin, begun) = channel::<()>();
        let (end, ended) = channel();
        let sync = move || {
            while begun.recv().is_ok() {
                if end.send(file.sync_data()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("store-mark".into()).spawn(sync)?;
        Ok(Self { begin, ended, under_way: false })
    }

    /// Waits for the sync that is under way, if one is.
    fn wait(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.under_way) {
            return Ok(());
        }
        self.ended.recv().unwrap_or_else(|_| Err(io::Error::other("the thread has ended")))
    }

    fn begin(&mut self) -> io::Result<()> {
        self.wait()?;
        self.begin.send(()).map_err(|_| io::Error::other("the thread has ended"))?;
        self.under_way = true;
        Ok(())
    }
}

impl Watermark {
    /// Makes the file, promising nothing.
    pub fn create(path: &Path) -> io::Result<()> {
        let file = File::create(path)?;
        file.set_len(2 * SLOT_BYTES as u64)?;
        let mut watermark = Self { file, turn: 0, unsynced: 0, beside: None };
        watermark.write(&Mark::default())?;
        watermark.write(&Mark::default())?;
        watermark.file.sync_all()
    }

    /// Opens the file and reads the promise.
    pub fn open(path: &Path) -> Result<(Self, Mark), StoreError> {
        let io = |error| StoreError::io(path.display().to_string(), error);
        let file = File::options().read(true).write(true).open(path).map_err(io)?;
        let mut newest = None;
        for slot in 0..2 {
            let mut bytes = [0; SLOT_BYTES];
            if file.read_exact_at(&mut bytes, slot * SLOT_BYTES as u64).is_ok()
                && let Some((turn, mark)) = decode(&bytes)
                && newest.as_ref().is_none_or(|(newest, _)| turn > *newest)
            {
                newest = Some((turn, mark));
            }
        }
        let Some((turn, mark)) = newest else {
            let detail = format!("{} is unreadable", path.display());
            return Err(StoreError::Damaged { detail });
        };
        let beside = Some(Beside::of(&file).map_err(io)?);
        Ok((Self { file, turn, unsynced: 0, beside }, mark))
    }

    /// Writes the promise, which then survives the process, and at times syncs it.
    pub fn write(&mut self, mark: &Mark) -> io::Result<()> {
        self.turn += 1;
        let slot = (self.turn % 2) * SLOT_BYTES as u64;
        self.file.write_all_at(&encode(self.turn, mark), slot)?;
        self.unsynced += 1;
        if self.unsynced < BATCHES_PER_SYNC {
            return Ok(());
        }
        match &mut self.beside {
            Some(beside) => beside.begin()?,
            None => self.file.sync_data()?,
        }
        self.unsynced = 0;
        Ok(())
    }

    /// Brings the promise to stable storage, if it is not there.
    pub fn sync(&mut self) -> io::Result<()> {
        self.beside.as_mut().map_or(Ok(()), Beside::wait)?;
        if self.unsynced > 0 {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }

    /// Is there a promise that is not on stable storage?
    pub fn is_unsynced(&self) -> bool {
        self.unsynced > 0
    }
}

fn encode(turn: u64, mark: &Mark) -> [u8; SLOT_BYTES] {
    // Older journals than fit are about to be deleted; promising less is always safe.
    let journals = &mark.journals[mark.journals.len().saturating_sub(EXTENTS_MAX)..];
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&turn.to_be_bytes());
    bytes.extend_from_slice(&mark.seq.to_be_bytes());
    bytes.extend_from_slice(&(journals.len() as u32).to_be_bytes());
    for extent in journals {
        bytes.extend_from_slice(&extent.id.to_be_bytes());
        bytes.extend_from_slice(&extent.bytes.to_be_bytes());
        bytes.extend_from_slice(&extent.crc.to_be_bytes());
        bytes.extend_from_slice(&extent.seqno.to_be_bytes());
    }
    let mut slot = [0; SLOT_BYTES];
    slot[..bytes.len()].copy_from_slice(&bytes);
    let crc = crc32fast::hash(&slot[..SLOT_BYTES - 4]);
    slot[SLOT_BYTES - 4..].copy_from_slice(&crc.to_be_bytes());
    slot
}

fn decode(slot: &[u8; SLOT_BYTES]) -> Option<(u64, Mark)> {
    let (body, crc) = slot.split_last_chunk::<4>()?;
    if crc32fast::hash(body) != u32::from_be_bytes(*crc) {
        return None;
    }
    let body = body.strip_prefix(&MAGIC)?;
    let (turn, body) = body.split_first_chunk::<8>()?;
    let (seq, body) = body.split_first_chunk::<8>()?;
    let (count, mut body) = body.split_first_chunk::<4>()?;
    let mut journals = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (id, rest) = body.split_first_chunk::<8>()?;
        let (bytes, rest) = rest.split_first_chunk::<8>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (seqno, rest) = rest.split_first_chunk::<8>()?;
        body = rest;
        journals.push(Extent {
            id: u64::from_be_bytes(*id),
            bytes: u64::from_be_bytes(*bytes),
            crc: u32::from_be_bytes(*crc),
            seqno: u64::from_be_bytes(*seqno),
        });
    }
    Some((u64::from_be_bytes(*turn), Mark { seq: u64::from_be_bytes(*seq), journals }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(journals: u64) -> Mark {
        let extent = |id| Extent { id, bytes: id * 7, crc: id as u32, seqno: id * 3 };
        Mark { seq: journals, journals: (0..journals).map(extent).collect() }
    }

    #[test]
    fn slots_come_back_and_notice_every_flipped_bit() {
        for journals in [0, 1, EXTENTS_MAX as u64] {
            let slot = encode(9, &mark(journals));
            assert_eq!(decode(&slot), Some((9, mark(journals))));
            for bit in 0..SLOT_BYTES * 8 {
                let mut flipped = slot;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(decode(&flipped), None, "bit {bit}");
            }
        }
    }

    #[test]
    fn too_many_journals_keep_the_newest() {
        let newest =
            decode(&encode(1, &mark(EXTENTS_MAX as u64 + 5))).map(|(_, mark)| mark.journals);
        assert_eq!(newest.as_deref().map(<[Extent]>::len), Some(EXTENTS_MAX));
        assert_eq!(
            newest.and_then(|all| all.last().copied()),
            mark(EXTENTS_MAX as u64 + 5).journals.last().copied()
        );
    }
}
