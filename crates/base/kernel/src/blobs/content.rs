//! Bytes by content: their name is their SHA-256. For what is small, shared and never deleted by
//! halves, such as the code of functions.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{BlobError, Blobs};
use crate::digest::hex;

pub(super) enum Content {
    Memory(Mutex<HashMap<String, Bytes>>),
    Directory(PathBuf),
}

impl Blobs {
    /// Stores bytes durably and returns their id, the SHA-256 in hexadecimal. Storing the same
    /// bytes again costs one look. Blocking: call it from `spawn_blocking` for large bytes.
    pub fn put(&self, bytes: Bytes) -> Result<String, BlobError> {
        let id = hex_sha256(&bytes);
        match &self.inner.content {
            Content::Memory(map) => {
                map.lock().unwrap_or_else(|e| e.into_inner()).insert(id.clone(), bytes);
            }
            Content::Directory(dir) => {
                let path = path_of(dir, &id);
                if !path.exists() {
                    write_durably(&path, &bytes).map_err(|e| BlobError::Io(path, e))?;
                }
            }
        }
        Ok(id)
    }

    /// Reads a blob and checks it against its name.
    pub fn get(&self, id: &str) -> Result<Bytes, BlobError> {
        let bytes = match &self.inner.content {
            Content::Memory(map) => map.lock().unwrap_or_else(|e| e.into_inner()).get(id).cloned(),
            Content::Directory(dir) => {
                let path = path_of(dir, id);
                match std::fs::read(&path) {
                    Ok(bytes) => Some(bytes.into()),
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
                    Err(e) => return Err(BlobError::Io(path, e)),
                }
            }
        };
        let bytes = bytes.ok_or_else(|| BlobError::Missing(id.to_owned()))?;
        if hex_sha256(&bytes) != id {
            return Err(BlobError::Damaged(id.to_owned()));
        }
        Ok(bytes)
    }

    /// Removes a blob; a missing one is no error.
    pub fn delete(&self, id: &str) -> Result<(), BlobError> {
        match &self.inner.content {
            Content::Memory(map) => {
                map.lock().unwrap_or_else(|e| e.into_inner()).remove(id);
                Ok(())
            }
            Content::Directory(dir) => {
                let path = path_of(dir, id);
                match std::fs::remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        Err(BlobError::Io(path, e))
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two levels, so that no directory grows without bound. Ids that are not ours find nothing.
fn path_of(dir: &Path, id: &str) -> PathBuf {
    let safe = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if safe { dir.join(&id[..2]).join(&id[2..]) } else { dir.join("no-such-blob") }
}

/// Temporary file, sync, rename, sync of both folders.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    std::fs::File::open(folder)?.sync_all()?;
    folder.parent().map_or(Ok(()), |above| std::fs::File::open(above)?.sync_all())
}
