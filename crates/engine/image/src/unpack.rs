//! Layers laid over each other in a folder.
//!
//! Whiteouts are OCI's: `.wh.NAME` takes NAME of the layers below away, `.wh..wh..opq` all that is
//! in its folder. Entries are placed through links as a program inside would see them, so that a
//! layer may write `bin/x` where a lower one made `bin` a link to `usr/bin`.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use tar::{Entry, EntryType};

use crate::compression::plain;
use crate::{Digest, Error, Image, Source, inside, io, shown};

const OPAQUE: &[u8] = b".wh..wh..opq";
const WHITEOUT: &[u8] = b".wh.";
const PATH_BYTES_MAX: usize = 4096;
const DEPTH_MAX: usize = 256;

/// What an image may have once it is unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of all layers' files.
    pub bytes_max: u64,
    /// Files, folders and links of all layers.
    pub entries_max: u64,
}

/// What is left of the limits.
struct Left {
    bytes: u64,
    entries: u64,
    limits: Limits,
}

/// Unpacks all layers of an image into an empty folder, and checks each against its digests.
pub fn unpack(
    image: &Image,
    source: &dyn Source,
    root: &Path,
    limits: Limits,
) -> Result<(), Error> {
    let mut left = Left { bytes: limits.bytes_max, entries: limits.entries_max, limits };
    for layer in &image.layers {
        let stored = image.layer(source, layer)?;
        let mut reader = Hashed { inner: plain(&stored), hash: Sha256::new() };
        apply(&mut reader, root, &mut left)?;
        // What follows the archive's end belongs to the digest.
        let mut rest = (&mut reader).take(left.bytes.saturating_add(1 << 20));
        std::io::copy(&mut rest, &mut std::io::sink()).map_err(broken)?;
        let found = Digest::from_hash(&reader.hash.finalize());
        if found != layer.plain {
            return Err(Error::Damaged(format!("the layer {} unpacks to {found}", layer.digest)));
        }
    }
    prepare_mount_points(root)
}

/// Makes what a sandbox mounts over: folders and files that are really those, not links.
pub fn prepare_mount_points(root: &Path) -> Result<(), Error> {
    for folder in ["dev", "etc", "proc", "tmp"] {
        let path = root.join(folder);
        if !is_folder(&path) {
            remove(&path)?;
            fs::create_dir(&path).map_err(io(folder))?;
        }
    }
    for file in ["etc/hosts", "etc/resolv.conf"] {
        let path = root.join(file);
        if !fs::symlink_metadata(&path).is_ok_and(|facts| facts.is_file()) {
            remove(&path)?;
            File::create(&path).map_err(io(file))?;
        }
    }
    Ok(())
}

fn apply(layer: &mut dyn Read, root: &Path, left: &mut Left) -> Result<(), Error> {
    let mut archive = tar::Archive::new(layer);
    let mut made = HashSet::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        left.entries = left.entries.checked_sub(1).ok_or_else(|| {
            Error::TooLarge(format!("it has more than {} files", left.limits.entries_max))
        })?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = safe(&entry.path_bytes())?;
        let Some(name) = path.file_name().map(OsStr::to_owned) else { continue };
        let folder = folder(root, path.parent().unwrap_or(Path::new("")))?;
        if name.as_bytes() == OPAQUE {
            clear(&folder, &made)?;
        } else if let Some(gone) = name.as_bytes().strip_prefix(WHITEOUT) {
            let gone = Path::new(OsStr::from_bytes(gone));
            // The rest of a name is a name, or ill-meant.
            if !matches!(gone.components().next(), Some(Component::Normal(_))) {
                return Err(escapes(&path));
            }
            let gone = folder.join(gone);
            if !made.contains(&gone) {
                remove(&gone)?;
            }
        } else {
            let target = folder.join(name);
            if place(&mut entry, kind, root, &target, left)? {
                made.insert(target);
            }
        }
    }
    Ok(())
}

/// Puts one entry where it belongs; false where it is of a kind that is left out.
fn place<R: Read>(
    entry: &mut Entry<'_, R>,
    kind: EntryType,
    root: &Path,
    target: &Path,
    left: &mut Left,
) -> Result<bool, Error> {
    let failed = |error| io(shown(target.as_os_str().as_bytes()))(error);
    let mode = entry.header().mode().unwrap_or(0o644) & 0o777;
    if kind.is_dir() {
        if !is_folder(target) {
            remove(target)?;
            fs::create_dir(target).map_err(failed)?;
        }
        fs::set_permissions(target, Permissions::from_mode(mode | 0o755)).map_err(failed)?;
        return Ok(true);
    }
    if kind.is_file() || kind == EntryType::Continuous || kind == EntryType::GNUSparse {
        remove(target)?;
        write(entry, mode, target, left)?;
        return Ok(true);
    }
    if !kind.is_symlink() && !kind.is_hard_link() {
        // Devices and pipes.
        return Ok(false);
    }
    let Some(link) = entry.link_name_bytes() else {
        return Err(Error::Damaged("a link without a target".into()));
    };
    if link.len() > PATH_BYTES_MAX || link.contains(&0) {
        return Err(Error::Damaged("a link's target is too long".into()));
    }
    let link = Path::new(OsStr::from_bytes(&link)).to_owned();
    if kind.is_symlink() {
        remove(target)?;
        symlink(&link, target).map_err(failed)?;
        return Ok(true);
    }
    let source = inside::resolve(root, &safe(link.as_os_str().as_bytes())?, false);
    let source = source.map_err(failed)?;
    if source != target {
        if is_folder(&source) {
            return Err(Error::Damaged("a hard link to a folder".into()));
        }
        remove(target)?;
        fs::hard_link(&source, target).map_err(failed)?;
    }
    Ok(true)
}

fn write<R: Read>(
    entry: &mut Entry<'_, R>,
    mode: u32,
    target: &Path,
    left: &mut Left,
) -> Result<(), Error> {
    let failed = |error| io(shown(target.as_os_str().as_bytes()))(error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(target).map_err(failed)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = entry.read(&mut buffer).map_err(broken)?;
        if count == 0 {
            break;
        }
        left.bytes = left.bytes.checked_sub(count as u64).ok_or_else(|| {
            Error::TooLarge(format!("it unpacks to more than {} bytes", left.limits.bytes_max))
        })?;
        file.write_all(&buffer[..count]).map_err(failed)?;
    }
    // Whoever runs it is somebody else.
    let executable = if mode & 0o111 != 0 { 0o111 } else { 0 };
    let mode = mode | 0o444 | executable;
    file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
    // Byte code of Python is good for files of a certain age only.
    let seconds = Duration::from_secs(entry.header().mtime().unwrap_or(0).min(u32::MAX.into()));
    file.set_modified(UNIX_EPOCH + seconds).map_err(failed)
}

/// The folder of an entry, made where it is missing, and never outside.
fn folder(root: &Path, path: &Path) -> Result<PathBuf, Error> {
    let failed = |error| io(shown(path.as_os_str().as_bytes()))(error);
    let found = inside::resolve(root, path, true).map_err(failed)?;
    if !is_folder(&found) {
        fs::create_dir_all(&found).map_err(failed)?;
    }
    Ok(found)
}

/// The path of an entry: relative, and only ever downwards.
fn safe(name: &[u8]) -> Result<PathBuf, Error> {
    let path = Path::new(OsStr::from_bytes(name));
    let mut found = PathBuf::new();
    for (depth, part) in path.components().enumerate() {
        match part {
            Component::Normal(part) if depth < DEPTH_MAX => found.push(part),
            // Absolute paths are relative to the image's root.
            Component::CurDir | Component::RootDir => {}
            _ => return Err(escapes(path)),
        }
    }
    if name.len() > PATH_BYTES_MAX || name.contains(&0) {
        return Err(escapes(path));
    }
    Ok(found)
}

fn escapes(path: &Path) -> Error {
    Error::Escapes(shown(path.as_os_str().as_bytes()))
}

/// Takes away what lower layers have in a folder.
fn clear(folder: &Path, made: &HashSet<PathBuf>) -> Result<(), Error> {
    let shown = folder.display();
    for child in fs::read_dir(folder).map_err(io(&shown))? {
        let path = child.map_err(io(&shown))?.path();
        if !made.contains(&path) && !made.iter().any(|one| one.starts_with(&path)) {
            remove(&path)?;
        } else if is_folder(&path) {
            clear(&path, made)?;
        }
    }
    Ok(())
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.is_dir())
}

/// Removes whatever is there, without following a link.
fn remove(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Err(_) => return Ok(()),
        Ok(facts) if facts.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    removed.map_err(io(path.display()))
}

fn broken(error: std::io::Error) -> Error {
    Error::Damaged(format!("a layer: {}", shown(error.to_string().as_bytes())))
}

/// Hashes what passes through.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
