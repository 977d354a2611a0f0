//! Folders of code: which state they are in, and several layers as one.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::Failure;

/// More files than any package may have.
const FILES_MAX: usize = 200_000;
const DEPTH_MAX: usize = 64;
/// Folders of a source that are nobody's code.
pub const LEFT_OUT: &[&str] =
    &[".aws-sam", ".git", "node_modules", "__pycache__", ".gradle", "target", "build"];

/// A text that changes whenever a file below changes: names, sizes, times.
pub fn state(folder: &Path) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    let mut left = FILES_MAX;
    add(folder, &mut hasher, (&mut left, &[]), 0).map_err(|e| Failure::of(folder.display(), e))?;
    Ok(format!("{:016x}", hasher.finish()))
}

/// The same of a source: folders that belong to tools do not count.
pub fn sources_state(path: &Path) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    let mut left = FILES_MAX;
    add(path, &mut hasher, (&mut left, LEFT_OUT), 0).map_err(|e| Failure::of(path.display(), e))?;
    Ok(format!("{:016x}", hasher.finish()))
}

fn add(
    path: &Path,
    hasher: &mut DefaultHasher,
    (left, skipped): (&mut usize, &[&str]),
    depth: usize,
) -> std::io::Result<()> {
    if depth > DEPTH_MAX || *left == 0 {
        return Err(std::io::Error::other("too many files"));
    }
    *left -= 1;
    let facts = fs::symlink_metadata(path)?;
    (facts.ino(), facts.mode()).hash(hasher);
    if facts.is_dir() {
        let mut names: Vec<_> =
            fs::read_dir(path)?.flatten().map(|entry| entry.file_name()).collect();
        names.retain(|name| !skipped.iter().any(|skipped| name == *skipped));
        names.sort();
        for name in names {
            name.hash(hasher);
            add(&path.join(name), hasher, (&mut *left, skipped), depth + 1)?;
        }
    } else {
        (facts.len(), facts.mtime(), facts.mtime_nsec()).hash(hasher);
    }
    Ok(())
}

/// Copies what is in `from` into `to`; files of a later layer replace those of an earlier one.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    copy_within(from, to, 0).map_err(|e| Failure::of(from.display(), e))
}

fn copy_within(from: &Path, to: &Path, depth: usize) -> std::io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(std::io::Error::other("too many levels"));
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_within(&entry.path(), &target, depth + 1)?;
            continue;
        }
        if fs::symlink_metadata(&target).is_ok() {
            fs::remove_file(&target)?;
        }
        if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
