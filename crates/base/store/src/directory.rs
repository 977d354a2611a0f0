//! The data directory: whose it is, and what lies where.
//!
//! ```text
//! gureum-store   marker with the layout version, written once
//! lock           locked while in use; contains the process id
//! watermark      what was acknowledged (crate::watermark)
//! engine/        fjall
//! ```

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::StoreError;
use crate::watermark::Watermark;

const MARKER: &str = "gureum-store";
const MARKER_TITLE: &str = "gureum-store layout ";
const LAYOUT: u64 = 1;

const LOCK_ATTEMPTS_MAX: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// A data directory that this process owns until dropped.
pub(crate) struct Directory {
    path: PathBuf,
    /// Held, not read: the lock ends with the file handle.
    _lock: File,
}

impl Directory {
    /// Takes a directory, making it if there is none. With `salvage`, a lost watermark is no reason
    /// to refuse.
    pub fn take(path: &Path, salvage: bool) -> Result<Self, StoreError> {
        let io = |error: io::Error| StoreError::io(path.display().to_string(), error);
        std::fs::create_dir_all(path).map_err(io)?;
        let marker = path.join(MARKER);
        if !marker.try_exists().map_err(io)? {
            refuse_foreign(path)?;
        }
        let directory = Self { path: path.into(), _lock: lock(path)? };
        if marker.try_exists().map_err(io)? {
            check_marker(path, &marker)?;
        } else {
            write_durably(&marker, &format!("{MARKER_TITLE}{LAYOUT}\n")).map_err(io)?;
            sync_dir(path).map_err(io)?;
        }
        if salvage && Watermark::open(&directory.watermark()).is_err() {
            directory.create_watermark().map_err(io)?;
        }
        directory.prepare(salvage)?;
        Ok(directory)
    }

    fn create_watermark(&self) -> io::Result<()> {
        // Under a temporary name first, so that it never exists half.
        let new = self.path.join("watermark.new");
        Watermark::create(&new)?;
        std::fs::rename(&new, self.watermark())?;
        sync_dir(&self.path)
    }

    /// Makes what a crash during the first opening may have left out.
    fn prepare(&self, salvage: bool) -> Result<(), StoreError> {
        let io = |error: io::Error| StoreError::io(self.path.display().to_string(), error);
        let engine = self.engine();
        let has_engine = engine.try_exists().map_err(io)?;
        if !self.watermark().try_exists().map_err(io)? {
            if has_engine {
                let detail = format!("{} is missing", self.watermark().display());
                return Err(StoreError::Damaged { detail });
            }
            self.create_watermark().map_err(io)?;
        } else if !engine.join("version").try_exists().map_err(io)? {
            let (_, mark) = Watermark::open(&self.watermark())?;
            if mark.seq > 0 {
                let detail = format!("{} is missing or incomplete", engine.display());
                return Err(StoreError::Damaged { detail });
            }
            // Without trust in the watermark nothing is deleted.
            if has_engine && !salvage {
                std::fs::remove_dir_all(&engine).map_err(io)?;
            }
        }
        Ok(())
    }

    /// Makes the names of files in it durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        sync_dir(&self.path).map_err(|error| StoreError::io(self.path.display().to_string(), error))
    }

    pub fn engine(&self) -> PathBuf {
        self.path.join("engine")
    }

    pub fn watermark(&self) -> PathBuf {
        self.path.join("watermark")
    }
}

/// Refuses to move into a directory with somebody else's files.
fn refuse_foreign(path: &Path) -> Result<(), StoreError> {
    let io = |error: io::Error| StoreError::io(path.display().to_string(), error);
    for entry in std::fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        // Another process may be at this same point.
        if name != "lock" && name != MARKER {
            let detail = format!("it contains {}", name.display());
            return Err(StoreError::NotADataDirectory { dir: path.into(), detail });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = path.join("lock");
    let io = |error: io::Error| StoreError::io(file.display().to_string(), error);
    let mut lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&file)
        .map_err(io)?;
    for attempt in 1.. {
        match lock.try_lock() {
            Ok(()) => break,
            // The last holder may be about to end, or may have a child between fork and exec,
            // which shares the lock for that moment.
            Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS_MAX => {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "at start-up, before there is a Ctx"
                )]
                std::thread::sleep(LOCK_PAUSE);
            }
            Err(TryLockError::WouldBlock) => return Err(locked(path, &mut lock)),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
    }
    lock.set_len(0).map_err(io)?;
    lock.rewind().map_err(io)?;
    writeln!(lock, "{}", std::process::id()).map_err(io)?;
    Ok(lock)
}

fn locked(path: &Path, lock: &mut File) -> StoreError {
    let mut holder = String::new();
    let known = lock.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
    let holder =
        if known { format!("process {}", holder.trim()) } else { "another process".to_owned() };
    StoreError::Locked { dir: path.into(), holder }
}

fn check_marker(path: &Path, marker: &Path) -> Result<(), StoreError> {
    let text = std::fs::read_to_string(marker)
        .map_err(|error| StoreError::io(marker.display().to_string(), error))?;
    let layout = text.strip_prefix(MARKER_TITLE).and_then(|text| text.trim().parse::<u64>().ok());
    match layout {
        Some(found) if found > LAYOUT => {
            Err(StoreError::NewerFormat { what: "layout", found, supported: LAYOUT })
        }
        Some(_) => Ok(()),
        // A crash while it was written for the first time: then there is nothing else yet.
        None if !path.join("watermark").exists() && !path.join("engine").exists() => {
            write_durably(marker, &format!("{MARKER_TITLE}{LAYOUT}\n"))
                .map_err(|error| StoreError::io(marker.display().to_string(), error))
        }
        None => {
            let detail = format!("{MARKER} is unreadable");
            Err(StoreError::NotADataDirectory { dir: path.into(), detail })
        }
    }
}

fn write_durably(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
