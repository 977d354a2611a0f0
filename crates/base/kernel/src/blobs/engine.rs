//! Where the bytes of blobs are kept: the seam for other places than a folder of this machine.
//!
//! An engine knows names and bytes, nothing of encryption, digests or who refers to what. Its
//! calls block; they come from threads that may.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// A place for blobs.
pub trait BlobEngine: Send + Sync {
    /// Begins a blob. It is there for [`BlobEngine::open`] at [`BlobSink::finish`], or never.
    fn create(&self, id: &str) -> io::Result<Box<dyn BlobSink>>;
    /// Opens a blob. What is open can be read to its end though it is deleted meanwhile.
    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>>;
    /// As [`BlobEngine::open`], but without waiting for anything; nothing if it would have to.
    fn open_at_once(&self, _id: &str) -> io::Result<Option<Box<dyn BlobFile>>> {
        Ok(None)
    }
    /// Deletes a blob; a missing one is no error.
    fn delete(&self, id: &str) -> io::Result<()>;
    /// Calls `visit` with the id of every blob, those not finished included if they take room.
    fn list(&self, visit: &mut dyn FnMut(&str)) -> io::Result<()>;
}

/// A blob that is being written. Dropped before its end, it is gone.
pub trait BlobSink: Send {
    /// Appends.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Ends it; afterwards it survives a crash of the machine.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A blob that is read.
pub trait BlobFile: Send + Sync {
    /// Fills the buffer from an offset; shorter blobs are an error.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    /// As [`BlobFile::read_at`], but without waiting for a disk or a network; false if it would
    /// have to, then the buffer holds anything.
    fn read_at_once(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<bool> {
        Ok(false)
    }
    /// Bytes of it.
    fn length(&self) -> io::Result<u64>;
}

/// Files in 256 folders.
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// Makes what is missing.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        for first in 0..=255_u8 {
            let inner = folder.join(format!("{first:02x}"));
            match fs::create_dir(&inner) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        File::open(folder)?.sync_all()?;
        Ok(Directory(folder.to_owned()))
    }

    /// Ids are ours, and of hexadecimal digits; anything else finds nothing.
    fn path(&self, id: &str) -> PathBuf {
        match id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => self.0.join(&id[..2]).join(&id[2..]),
            false => self.0.join("no-such-blob"),
        }
    }
}

impl BlobEngine for Directory {
    fn create(&self, id: &str) -> io::Result<Box<dyn BlobSink>> {
        let path = self.path(id);
        let file = File::create_new(&path)?;
        Ok(Box::new(FileSink { file, path: Some(path), unsynced: 0, syncing: None }))
    }

    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>> {
        Ok(Box::new(File::open(self.path(id))?))
    }

    #[cfg(target_os = "linux")]
    fn open_at_once(&self, id: &str) -> io::Result<Option<Box<dyn BlobFile>>> {
        use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        match openat2(CWD, self.path(id), flags, Mode::empty(), ResolveFlags::CACHED) {
            Ok(file) => Ok(Some(Box::new(File::from(file)))),
            // Not in memory, or a kernel that does not know this.
            Err(_) => Ok(None),
        }
    }

    fn delete(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) -> io::Result<()> {
        for folder in fs::read_dir(&self.0)? {
            let folder = folder?;
            let first = folder.file_name().into_string().unwrap_or_default();
            if first.len() != 2 || !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let rest = file?.file_name().into_string().unwrap_or_default();
                visit(&format!("{first}{rest}"));
            }
        }
        Ok(())
    }
}

/// Bytes after which a file that is written is synced, while more is written. Else all of a large
/// one would go to disk at its end, when its client has long sent everything and waits.
const SYNC_BYTES: usize = if cfg!(test) { 256 * 1024 } else { 32 * 1024 * 1024 };

struct FileSink {
    file: File,
    /// Nothing once it is finished.
    path: Option<PathBuf>,
    /// Bytes written since the last sync was begun.
    unsynced: usize,
    /// At most one sync is under way.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl FileSink {
    /// Waits for the sync under way. Its failure is the file's: the kernel tells it only once.
    fn synced(&mut self) -> io::Result<()> {
        let panicked = |_| Err(io::Error::other("a sync panicked"));
        self.syncing.take().map_or(Ok(()), |sync| sync.join().unwrap_or_else(panicked))
    }
}

impl BlobSink for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.unsynced += bytes.len();
        if self.unsynced >= SYNC_BYTES {
            self.synced()?;
            let file = self.file.try_clone()?;
            self.unsynced = 0;
            let sync = move || file.sync_data();
            self.syncing = Some(thread::Builder::new().name("blob-sync".into()).spawn(sync)?);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.synced()?;
        self.file.sync_data()?;
        if let Some(folder) = self.path.as_ref().and_then(|path| path.parent()) {
            File::open(folder)?.sync_all()?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays is found by the next sweep.
            let _ = fs::remove_file(path);
        }
    }
}

impl BlobFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    #[cfg(target_os = "linux")]
    fn read_at_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        use rustix::io::{ReadWriteFlags, preadv2};
        let length = buffer.len();
        let mut buffers = [io::IoSliceMut::new(buffer)];
        let read = preadv2(self, &mut buffers, offset, ReadWriteFlags::NOWAIT);
        // What fails here fails again where it may take its time, and is told there.
        Ok(read.is_ok_and(|read| read == length))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// Lost with the process.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<HashMap<String, Arc<Vec<u8>>>>>);

struct MemorySink {
    memory: Memory,
    id: String,
    bytes: Vec<u8>,
}

impl BlobEngine for Memory {
    fn create(&self, id: &str) -> io::Result<Box<dyn BlobSink>> {
        Ok(Box::new(MemorySink { memory: self.clone(), id: id.to_owned(), bytes: Vec::new() }))
    }

    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>> {
        let blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = blobs.get(id).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(bytes))
    }

    fn open_at_once(&self, id: &str) -> io::Result<Option<Box<dyn BlobFile>>> {
        self.open(id).map(Some)
    }

    fn delete(&self, id: &str) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        Ok(())
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) -> io::Result<()> {
        let ids: Vec<String> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        ids.iter().for_each(|id| visit(id));
        Ok(())
    }
}

impl BlobSink for MemorySink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let MemorySink { memory, id, bytes } = *self;
        memory.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Arc::new(bytes));
        Ok(())
    }
}

impl BlobFile for Arc<Vec<u8>> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = from.checked_add(buffer.len()).and_then(|to| self.get(from..to));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn read_at_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
        self.read_at(buffer, offset).map(|()| true)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}
