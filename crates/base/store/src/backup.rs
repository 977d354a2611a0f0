//! Copies of a whole store as one stream, taken while it is in use.
//!
//! ```text
//! "GUREUM BACKUP 1\n"
//! frame*   length of body (4 bytes, big endian), CRC-32 (4 bytes), body
//! ```
//!
//! A body is rows (`R`, then per row: key length, value length, version, key, value) or, as the
//! last frame, the end (`E`, sequence number, number of rows). The checksum of a frame starts from
//! the checksum of the frame before, so that frames cannot be exchanged, dropped or repeated.

use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;

use crate::directory::sync_dir;
use crate::engine::{CommitError, Engine, Entry, KeyRange, Limit, Versioned};
use crate::table::successor;
use crate::wait::block_on;
use crate::{KEY_BYTES_MAX, Options, Store, StoreError, VALUE_BYTES_MAX, disk};

const TITLE: &[u8] = b"GUREUM BACKUP 1\n";
/// Rows are collected up to about this size; a frame is at most this and one row more.
const FRAME_BYTES: usize = 256 * 1024;
const FRAME_BYTES_MAX: usize = FRAME_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX + 64;
const ROWS_AT_ONCE: usize = 64;

/// What a backup contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// Sequence number of the last commit in it.
    pub seq: u64,
    /// Number of keys.
    pub rows: u64,
}

/// Writes all content of one moment. Writers go on meanwhile.
pub fn backup(store: &Store, to: &mut dyn Write) -> Result<BackupSummary, StoreError> {
    let snapshot = store.engine().snapshot();
    let written = |error: io::Error| StoreError::io("writing the backup", error);
    to.write_all(TITLE).map_err(written)?;
    let mut frames = FrameWriter { to, crc: 0 };
    let mut summary = BackupSummary { seq: snapshot.seq(), rows: 0 };
    let mut rest = everything();
    loop {
        let mut body = vec![b'R'];
        while body.len() < FRAME_BYTES {
            let rows = snapshot.range(&rest, false, Limit::rows(ROWS_AT_ONCE))?.rows;
            let Some(last) = rows.last() else { break };
            rest.lo = successor(&last.key).into();
            summary.rows += rows.len() as u64;
            rows.iter().for_each(|row| push_row(&mut body, row));
        }
        if body.len() == 1 {
            break;
        }
        frames.write(&body).map_err(written)?;
    }
    let mut end = vec![b'E'];
    end.extend_from_slice(&summary.seq.to_be_bytes());
    end.extend_from_slice(&summary.rows.to_be_bytes());
    frames.write(&end).map_err(written)?;
    frames.to.flush().map_err(written)?;
    Ok(summary)
}

/// Makes a data directory from a backup. The directory must not exist; it appears only when the
/// whole stream proved sound, so a refused backup leaves nothing behind.
pub fn restore(dir: &Path, from: &mut dyn Read) -> Result<BackupSummary, StoreError> {
    let io = |error: io::Error| StoreError::io(dir.display().to_string(), error);
    if dir.try_exists().map_err(io)? {
        let detail = "a backup is restored into a new directory only".into();
        return Err(StoreError::NotADataDirectory { dir: dir.into(), detail });
    }
    let mut name = dir.file_name().unwrap_or_default().to_owned();
    name.push(format!(".restoring-{}", std::process::id()));
    let new = dir.with_file_name(name);
    let restored = (|| {
        let engine = disk::DiskEngine::open(&new, &Options::default())?;
        let summary = load(&engine, from)?;
        engine.close()?;
        Ok(summary)
    })();
    let settled = restored.and_then(|summary| {
        std::fs::rename(&new, dir).map_err(io)?;
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_dir(parent.unwrap_or(Path::new("."))).map_err(io)?;
        Ok(summary)
    });
    if settled.is_err() {
        // The first error says more than one about cleaning up.
        drop(std::fs::remove_dir_all(&new));
    }
    settled
}

/// Reads a backup to its end without restoring it.
pub fn check_backup(from: &mut dyn Read) -> Result<BackupSummary, StoreError> {
    unpack(from, &mut |_, _| Ok(()))
}

fn load(engine: &dyn Engine, from: &mut dyn Read) -> Result<BackupSummary, StoreError> {
    unpack(from, &mut |rows, seq| match block_on(engine.load(rows, seq).wait()) {
        Ok(_) => Ok(()),
        Err(CommitError::Failed(error)) => Err(error),
        Err(CommitError::Conflict) => Err(StoreError::Contention { attempts: 1 }),
    })
}

/// Takes the stream apart; `add` gets rows and, at last, none and the sequence number.
fn unpack(
    from: &mut dyn Read,
    add: &mut dyn FnMut(Vec<Entry>, u64) -> Result<(), StoreError>,
) -> Result<BackupSummary, StoreError> {
    let mut frames = FrameReader::begin(from)?;
    let mut rows = 0;
    loop {
        let body = frames.next()?;
        let mut body = Body { bytes: Bytes::from(body), frame: frames.number };
        match body.take(1)?[0] {
            b'R' => {
                let mut batch = Vec::new();
                while !body.bytes.is_empty() {
                    batch.push(body.row()?);
                }
                rows += batch.len() as u64;
                add(batch, 0)?;
            }
            b'E' => {
                let summary = BackupSummary { seq: body.u64()?, rows: body.u64()? };
                if summary.rows != rows {
                    return Err(bad(format!("{rows} rows, but {} promised", summary.rows)));
                }
                if !body.bytes.is_empty() || frames.more()? {
                    return Err(bad("something follows the end"));
                }
                add(Vec::new(), summary.seq)?;
                return Ok(summary);
            }
            kind => return Err(bad(format!("frame {} has unknown kind {kind}", frames.number))),
        }
    }
}

/// All stored keys: they begin with a table name.
pub(crate) fn everything() -> KeyRange {
    KeyRange { lo: Bytes::from_static(b"-"), hi: Bytes::from_static(&[0xFF]) }
}

fn push_row(body: &mut Vec<u8>, Entry { key, stored }: &Entry) {
    body.extend_from_slice(&(key.len() as u32).to_be_bytes());
    body.extend_from_slice(&(stored.value.len() as u32).to_be_bytes());
    body.extend_from_slice(&stored.version.to_be_bytes());
    body.extend_from_slice(key);
    body.extend_from_slice(&stored.value);
}

fn bad(detail: impl Into<String>) -> StoreError {
    StoreError::BadBackup { detail: detail.into() }
}

struct FrameWriter<'a> {
    to: &'a mut dyn Write,
    crc: u32,
}

impl FrameWriter<'_> {
    fn write(&mut self, body: &[u8]) -> io::Result<()> {
        let length = (body.len() as u32).to_be_bytes();
        self.crc = chain(self.crc, length, body);
        self.to.write_all(&length)?;
        self.to.write_all(&self.crc.to_be_bytes())?;
        self.to.write_all(body)
    }
}

struct FrameReader<'a> {
    from: &'a mut dyn Read,
    crc: u32,
    number: u64,
}

impl<'a> FrameReader<'a> {
    fn begin(from: &'a mut dyn Read) -> Result<Self, StoreError> {
        let mut reader = Self { from, crc: 0, number: 0 };
        let mut title = [0; TITLE.len()];
        reader.fill(&mut title)?;
        if title != TITLE {
            return Err(bad("it does not begin like a backup of this version"));
        }
        Ok(reader)
    }

    fn next(&mut self) -> Result<Vec<u8>, StoreError> {
        self.number += 1;
        let (mut length, mut crc) = ([0; 4], [0; 4]);
        self.fill(&mut length)?;
        self.fill(&mut crc)?;
        let bytes = u32::from_be_bytes(length) as usize;
        if bytes == 0 || bytes > FRAME_BYTES_MAX {
            return Err(bad(format!("frame {} has impossible length {bytes}", self.number)));
        }
        // Grows with what really arrives, whatever the length claims.
        let mut body = Vec::new();
        (&mut *self.from)
            .take(bytes as u64)
            .read_to_end(&mut body)
            .map_err(|error| StoreError::io("reading the backup", error))?;
        if body.len() < bytes {
            return Err(bad(format!("it is cut off in frame {}", self.number)));
        }
        self.crc = chain(self.crc, length, &body);
        if self.crc != u32::from_be_bytes(crc) {
            return Err(bad(format!("frame {} has a wrong checksum", self.number)));
        }
        Ok(body)
    }

    fn more(&mut self) -> Result<bool, StoreError> {
        let got = self.from.read(&mut [0]);
        got.map(|got| got > 0).map_err(|error| StoreError::io("reading the backup", error))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.from.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                bad(format!("it is cut off before frame {} ends", self.number))
            }
            _ => StoreError::io("reading the backup", error),
        })
    }
}

fn chain(before: u32, length: [u8; 4], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&before.to_be_bytes());
    crc.update(&length);
    crc.update(body);
    crc.finalize()
}

/// Takes a frame apart; what does not fit is an error even though the checksum did.
struct Body {
    bytes: Bytes,
    frame: u64,
}

impl Body {
    fn take(&mut self, bytes: usize) -> Result<Bytes, StoreError> {
        if bytes > self.bytes.len() {
            return Err(bad(format!("frame {} ends inside a row", self.frame)));
        }
        Ok(self.bytes.split_to(bytes))
    }

    fn u32(&mut self) -> Result<usize, StoreError> {
        let bytes = self.take(4)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    fn u64(&mut self) -> Result<u64, StoreError> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn row(&mut self) -> Result<Entry, StoreError> {
        let (key_bytes, value_bytes, version) = (self.u32()?, self.u32()?, self.u64()?);
        if key_bytes > KEY_BYTES_MAX || value_bytes > VALUE_BYTES_MAX {
            return Err(bad(format!("frame {} holds an oversized row", self.frame)));
        }
        // Copies, so that one row does not keep a whole frame in memory.
        let key = Bytes::copy_from_slice(&self.take(key_bytes)?);
        let value = Bytes::copy_from_slice(&self.take(value_bytes)?);
        Ok(Entry { key, stored: Versioned { version, value } })
    }
}
