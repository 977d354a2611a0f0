//! Folders as deployment packages. The same files give the same bytes, so that what has not changed is
//! not sent again.

use std::fs;
use std::io::{Cursor, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::Failure;

/// Lambda's limit for what is unpacked, in bytes.
const BYTES_MAX: u64 = 250 << 20;
const DEPTH_MAX: usize = 64;

/// A package.
pub struct Package {
    /// As the API takes it.
    pub base64: String,
    /// As the API tells it.
    pub sha256: String,
}

/// Packs a folder, or takes an archive as it is.
pub fn package(path: &Path) -> Result<Package, Failure> {
    let at = |e: &dyn std::fmt::Display| Failure::of(path.display(), e);
    let bytes = match path.is_dir() {
        false => fs::read(path).map_err(|e| at(&e))?,
        true => {
            let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
            let mut left = BYTES_MAX;
            add(path, "", &mut archive, &mut left, 0).map_err(|e| at(&e.0))?;
            archive.finish()?.into_inner()
        }
    };
    Ok(packed(bytes))
}

/// Packs one file.
pub fn single(name: &str, text: &str) -> Result<Package, Failure> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, options(0o644))?;
    archive.write_all(text.as_bytes())?;
    Ok(packed(archive.finish()?.into_inner()))
}

fn packed(bytes: Vec<u8>) -> Package {
    let sha256 = BASE64.encode(Sha256::digest(&bytes));
    Package { base64: BASE64.encode(bytes), sha256 }
}

/// Without a time: it would be another package each time it is built.
fn options(mode: u32) -> SimpleFileOptions {
    SimpleFileOptions::default().unix_permissions(mode).last_modified_time(zip::DateTime::default())
}

fn add(
    folder: &Path,
    within: &str,
    archive: &mut ZipWriter<Cursor<Vec<u8>>>,
    left: &mut u64,
    depth: usize,
) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(Failure("too many levels".into()));
    }
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{within}{}", entry.file_name().to_string_lossy());
        // Links are followed: what Lambda gets stands for itself.
        let facts = fs::metadata(entry.path())?;
        if facts.is_dir() {
            add(&entry.path(), &format!("{name}/"), archive, left, depth + 1)?;
            continue;
        }
        *left = left.checked_sub(facts.len()).ok_or_else(|| {
            Failure(format!("more than {} MB, which is Lambda's limit", BYTES_MAX >> 20))
        })?;
        let mode = facts.permissions().mode() & 0o777;
        archive.start_file(name, options(mode))?;
        archive.write_all(&fs::read(entry.path())?)?;
    }
    Ok(())
}
