//! Whether the disk has room for more.
//!
//! An engine that runs out of room in the middle of a write does not know what it wrote, and
//! takes no more until it is opened again. So a commit is refused before that: what the engine
//! needs for its own rewriting must stay free.

use std::path::PathBuf;

use nix::sys::statvfs::statvfs;

use crate::StoreError;

const MIB: u64 = 1024 * 1024;

pub(crate) struct Room {
    dir: PathBuf,
    reserve_bytes: u64,
    /// Whether the store has noted that it is open: a few bytes that the reserve bears, so that
    /// what is on a full disk can be read.
    is_open: bool,
}

impl Room {
    /// For a data directory on whose disk so much is to stay free.
    pub fn new(dir: PathBuf, reserve_bytes: u64) -> Self {
        Self { dir, reserve_bytes, is_open: false }
    }

    /// Whether so many bytes can be written: once to the journal, once to a table. A file system
    /// that does not tell what is free is trusted; the call takes about a microsecond.
    pub fn check(&mut self, bytes: u64) -> Result<(), StoreError> {
        if !std::mem::replace(&mut self.is_open, true) {
            return Ok(());
        }
        let Ok(disk) = statvfs(&self.dir) else { return Ok(()) };
        let free = disk.blocks_available().saturating_mul(disk.fragment_size());
        let needed = self.reserve_bytes.saturating_add(bytes.saturating_mul(2));
        if free >= needed {
            return Ok(());
        }
        let (free_mib, needed_mib) = (free / MIB, needed.div_ceil(MIB));
        Err(StoreError::DiskFull { dir: self.dir.clone(), free_mib, needed_mib })
    }
}
