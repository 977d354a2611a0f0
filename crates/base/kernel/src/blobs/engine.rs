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

/// A place for blobs.
pub trait BlobEngine: Send + Sync {
    /// Begins a blob. It is there for [`BlobEngine::open`] at [`BlobSink::finish`], or never.
    fn create(&self, id: &str) -> io::Result<Box<dyn BlobSink>>;
    /// Opens a blob. What is open can be read to its end though it is deleted meanwhile.
    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>>;
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
        Ok(Box::new(FileSink { file, path: Some(path) }))
    }

    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>> {
        Ok(Box::new(File::open(self.path(id))?))
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

struct FileSink {
    file: File,
    /// Nothing once it is finished.
    path: Option<PathBuf>,
}

impl BlobSink for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
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

    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}
