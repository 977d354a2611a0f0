//! A second pair of eyes on the engine's journals.
//!
//! fjall replays its journal up to the first entry it cannot read and silently cuts the rest: right
//! for a commit torn by a crash, wrong for a flipped bit in front of acknowledged ones; and the
//! header of a batch is not part of its checksum at all. So the committer reads back what each
//! commit appended and keeps, per journal file, its length and the CRC-32 of all of it; these go to
//! the [watermark](crate::watermark). At the next opening, before fjall touches anything, every
//! journal must still begin with exactly those bytes.
//!
//! Behind those bytes may lie commits that were never acknowledged, torn by a power failure. fjall
//! cuts most of them, but refuses to open when a torn batch still has its end: [`check`] cuts those,
//! too.
//!
//! This knows the outline of fjall's journal format, whose version is pinned; a test would notice.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// Tags of entries.
const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
/// Ends every batch.
const MAGIC: [u8; 4] = *b"FJL\x03";

/// How far a journal file reaches, and what it contains up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub id: u64,
    pub bytes: u64,
    pub crc: u32,
    /// The engine's number of the last batch.
    pub seqno: u64,
}

/// The engine numbers its own doings as well, but never so many between two batches.
const SEQNO_STEP_MAX: u64 = 1 << 32;

const BLOCK_BYTES: usize = 16 * 1024;

/// Follows one journal file as it grows.
struct Tail {
    id: u64,
    file: File,
    bytes: u64,
    crc: crc32fast::Hasher,
    seqno: u64,
    /// Zeros were written up to here, behind what is used.
    zeroed: u64,
}

/// Zeros are written so far ahead, whenever less than [`LEFT_BYTES`] of them are left.
const AHEAD_BYTES: u64 = 1024 * 1024;
const LEFT_BYTES: u64 = 128 * 1024;
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Follows all journals of an engine directory.
pub(crate) struct Journals {
    dir: PathBuf,
    tails: Vec<Tail>,
}

impl Journals {
    /// Reads all journals to their ends.
    pub fn follow(dir: &Path) -> io::Result<Self> {
        let mut journals = Self { dir: dir.into(), tails: Vec::new() };
        for id in list(dir)? {
            journals.tails.push(Tail::open(dir, id)?);
        }
        journals.advance()?;
        Ok(journals)
    }

    /// Reads what was appended since, into new files as well, and drops deleted files.
    pub fn advance(&mut self) -> io::Result<()> {
        let Some(mut last) = self.tails.last_mut() else { return Ok(()) };
        let mut rotated = false;
        loop {
            last.advance()?;
            let next = last.id + 1;
            if !path(&self.dir, next).try_exists()? {
                break;
            }
            // Appended to between our reading and the rotation; then never again.
            last.advance()?;
            rotated = true;
            self.tails.push(Tail::open(&self.dir, next)?);
            last = match self.tails.last_mut() {
                Some(last) => last,
                None => return Ok(()),
            };
        }
        if rotated || self.tails.len() > 1 {
            let dir = &self.dir;
            self.tails.retain(|tail| path(dir, tail.id).exists());
        }
        Ok(())
    }

    /// Writes zeros where the engine will write next. A journal is a file with a hole: whoever syncs
    /// what is in newly found room waits for the file system's journal as well, about twice as long
    /// as for bytes that only replace others. Must be called right after [`Self::advance`], by
    /// whoever alone commits: what lies behind the last batch is nothing then, and that is looked at
    /// before.
    pub fn fill_ahead(&mut self) {
        if let Some(last) = self.tails.last_mut()
            && last.fill_ahead(&self.dir).is_err()
        {
            // Nothing was promised; and the engine will meet the same disk.
            last.zeroed = u64::MAX;
        }
    }

    pub fn extents(&self) -> Vec<Extent> {
        self.tails
            .iter()
            .map(|tail| Extent {
                id: tail.id,
                bytes: tail.bytes,
                crc: tail.crc.clone().finalize(),
                seqno: tail.seqno,
            })
            .collect()
    }
}

impl Tail {
    fn open(dir: &Path, id: u64) -> io::Result<Self> {
        let file = File::open(path(dir, id))?;
        Ok(Self { id, file, bytes: 0, crc: crc32fast::Hasher::new(), seqno: 0, zeroed: 0 })
    }

    fn fill_ahead(&mut self, dir: &Path) -> io::Result<()> {
        let begin = self.zeroed.max(self.bytes);
        if begin - self.bytes >= LEFT_BYTES {
            return Ok(());
        }
        // The file gets no longer: one that the engine has opened again is appended to.
        let end = (self.bytes + AHEAD_BYTES).min(self.file.metadata()?.len());
        if begin >= end {
            return Ok(());
        }
        let file = File::options().write(true).open(path(dir, self.id))?;
        let mut found = vec![0; ZEROS.len()];
        let mut at = begin;
        while at < end {
            let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(ZEROS.len());
            let (found, zeros) = (&mut found[..length], &ZEROS[..length]);
            self.file.read_exact_at(found, at)?;
            if found != zeros {
                return Err(io::ErrorKind::InvalidData.into());
            }
            file.write_all_at(zeros, at)?;
            at += length as u64;
        }
        self.zeroed = end;
        Ok(())
    }

    /// Moves behind the last complete batch.
    fn advance(&mut self) -> io::Result<()> {
        let mut cursor = Cursor::new(&self.file, self.bytes, self.crc.clone());
        while let Some(batch) = cursor.pass_batch()? {
            self.seqno = batch.seqno;
            self.bytes = cursor.at;
            self.crc = cursor.crc.clone();
        }
        Ok(())
    }
}

impl Tail {
    /// From where it stands, keeps whole batches in ascending order and cuts the rest.
    fn cut_torn(&self, path: &Path) -> io::Result<()> {
        let mut cursor = Cursor::new(&self.file, self.bytes, crc32fast::Hasher::new()).comparing();
        let (mut keep, mut last) = (self.bytes, self.seqno);
        while let Some(batch) = cursor.pass_batch()? {
            // The number is not covered by the engine's checksum.
            let least = if keep == 0 { 0 } else { last + 1 };
            let plausible = least..last.saturating_add(SEQNO_STEP_MAX);
            if !batch.sound || !plausible.contains(&batch.seqno) {
                break;
            }
            (keep, last) = (cursor.at, batch.seqno);
        }
        if self.file.metadata()?.len() > keep {
            let file = File::options().write(true).open(path)?;
            file.set_len(keep)?;
            file.sync_all()?;
        }
        Ok(())
    }
}

/// A complete batch that was passed.
struct Batch {
    /// The engine's sequence number.
    seqno: u64,
    /// Do the items have the checksum that the end names? True if that was not compared.
    sound: bool,
}

/// Reads forward, checksumming what it passes.
struct Cursor<'a> {
    file: &'a File,
    at: u64,
    crc: crc32fast::Hasher,
    /// The engine's own checksum, of the items of the present batch; if it is to be compared.
    items: Option<Box<xxhash_rust::xxh3::Xxh3>>,
    block: Vec<u8>,
    used: usize,
    ended: bool,
}

impl<'a> Cursor<'a> {
    fn new(file: &'a File, at: u64, crc: crc32fast::Hasher) -> Self {
        Self { file, at, crc, items: None, block: Vec::new(), used: 0, ended: false }
    }

    fn comparing(mut self) -> Self {
        self.items = Some(Box::default());
        self
    }

    /// Passes one batch, if there is a complete one.
    fn pass_batch(&mut self) -> io::Result<Option<Batch>> {
        let Some(head) = self.take::<13>()? else { return Ok(None) };
        let [START, count @ .., _, _, _, _, _, _, _, _] = head else { return Ok(None) };
        let seqno = u64::from_le_bytes([
            head[5], head[6], head[7], head[8], head[9], head[10], head[11], head[12],
        ]);
        if let Some(items) = &mut self.items {
            items.reset();
        }
        for _ in 0..u32::from_le_bytes(count) {
            if !self.pass_item()? {
                return Ok(None);
            }
        }
        let computed = self.items.as_ref().map(|items| items.digest().to_le_bytes());
        match self.take::<13>()? {
            Some([END, checksum @ .., a, b, c, d]) if [a, b, c, d] == MAGIC => {
                let sound = computed.is_none_or(|computed| checksum == computed);
                Ok(Some(Batch { seqno, sound }))
            }
            _ => Ok(None),
        }
    }

    fn pass_item(&mut self) -> io::Result<bool> {
        match self.take::<1>()? {
            // Type, compression, keyspace, lengths of key, value and stored value; key; value.
            Some([ITEM]) => match self.take::<20>()? {
                None => Ok(false),
                Some(head) => {
                    let key = u64::from(u16::from_le_bytes([head[10], head[11]]));
                    let value = u32::from_le_bytes([head[16], head[17], head[18], head[19]]);
                    self.skip(key + u64::from(value))
                }
            },
            // Keyspace.
            Some([CLEAR]) => self.skip(8),
            _ => Ok(false),
        }
    }

    fn take<const N: usize>(&mut self) -> io::Result<Option<[u8; N]>> {
        let mut bytes = [0; N];
        let mut filled = 0;
        while filled < N {
            let chunk = self.chunk(N - filled)?;
            if chunk.is_empty() {
                return Ok(None);
            }
            bytes[filled..filled + chunk.len()].copy_from_slice(chunk);
            filled += chunk.len();
        }
        Ok(Some(bytes))
    }

    fn skip(&mut self, mut bytes: u64) -> io::Result<bool> {
        while bytes > 0 {
            let chunk = self.chunk(usize::try_from(bytes).unwrap_or(usize::MAX))?;
            if chunk.is_empty() {
                return Ok(false);
            }
            bytes -= chunk.len() as u64;
        }
        Ok(true)
    }

    /// Passes up to `max` bytes, at least one unless the file ends.
    fn chunk(&mut self, max: usize) -> io::Result<&[u8]> {
        if self.used == self.block.len() && !self.ended {
            self.block.resize(BLOCK_BYTES, 0);
            let got = self.file.read_at(&mut self.block, self.at)?;
            self.block.truncate(got);
            self.used = 0;
            self.ended = got == 0;
        }
        let chunk = &self.block[self.used..];
        let chunk = &chunk[..chunk.len().min(max)];
        self.used += chunk.len();
        self.at += chunk.len() as u64;
        self.crc.update(chunk);
        if let Some(items) = &mut self.items {
            items.update(chunk);
        }
        Ok(chunk)
    }
}

/// Compares the journals with what the watermark says about them, and cuts what is torn behind
/// that. A journal that is gone was flushed to tables and deleted by the engine; whether its commits
/// are there, the caller finds out by the sequence number.
pub(crate) fn check(dir: &Path, expected: &[Extent]) -> Result<(), StoreError> {
    let failed =
        |error: io::Error| StoreError::io(format!("reading journals in {}", dir.display()), error);
    for id in list(dir).map_err(failed)? {
        let path = path(dir, id);
        let mut tail = Tail::open(dir, id).map_err(failed)?;
        if let Some(extent) = expected.iter().find(|extent| extent.id == id) {
            let mut cursor = Cursor::new(&tail.file, 0, crc32fast::Hasher::new());
            let whole = cursor.skip(extent.bytes).map_err(failed)?;
            let detail = if !whole {
                "is shorter than what was acknowledged"
            } else if cursor.crc.finalize() != extent.crc {
                "does not contain what was acknowledged"
            } else {
                (tail.bytes, tail.seqno) = (extent.bytes, extent.seqno);
                ""
            };
            if !detail.is_empty() {
                let detail =
                    format!("journal {} {detail} ({} bytes)", path.display(), extent.bytes);
                return Err(StoreError::Damaged { detail });
            }
        }
        tail.cut_torn(&path).map_err(failed)?;
    }
    Ok(())
}

/// Discards all journals of a closed engine whose content is in tables. The newest stays, empty:
/// the engine takes its presence as the sign that this is no new database.
pub(crate) fn discard(dir: &Path) -> io::Result<()> {
    let mut ids = list(dir)?;
    let Some(newest) = ids.pop() else { return Ok(()) };
    for id in ids {
        std::fs::remove_file(path(dir, id))?;
    }
    let file = File::options().write(true).open(path(dir, newest))?;
    file.set_len(0)?;
    file.sync_all()
}

fn list(dir: &Path) -> io::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".jnl"));
        ids.extend(id.and_then(|id| id.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id}.jnl"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_ready_only_where_nothing_is() {
        let dir = std::env::temp_dir().join(format!("gureum-journal-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a folder");
        let journal = path(&dir, 0);
        let file = File::create(&journal).expect("a file");
        let length = 3 * AHEAD_BYTES / 2;
        file.set_len(length).expect("a hole");
        let mut journals = Journals::follow(&dir).expect("a journal");
        journals.fill_ahead();
        assert_eq!(journals.tails[0].zeroed, AHEAD_BYTES);
        // Nothing to do as long as enough is left; then up to the file's end and not beyond it.
        journals.fill_ahead();
        assert_eq!(journals.tails[0].zeroed, AHEAD_BYTES);
        journals.tails[0].bytes = AHEAD_BYTES - LEFT_BYTES / 2;
        journals.fill_ahead();
        assert_eq!(journals.tails[0].zeroed, length);
        assert_eq!(file.metadata().expect("metadata").len(), length);
        // Something is there: it stays, and nothing is written ever after.
        file.write_all_at(b"x", 5000).expect("a byte");
        journals.tails[0].zeroed = 0;
        journals.tails[0].bytes = 0;
        journals.fill_ahead();
        assert_eq!(journals.tails[0].zeroed, u64::MAX);
        assert_eq!(std::fs::read(&journal).expect("the journal")[5000], b'x');
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
