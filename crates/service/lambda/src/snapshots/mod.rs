//! Snapshots of versions: a program's memory and `/tmp`. On disk they are sealed; those in use lie
//! open in memory, where they go with the server.
//!
//! ```text
//! sandbox at restore/next ──criu──→ image in memory ──→ FUNCTION/VERSION-ID.snapshot, sealed
//!                                     └──criu──→ copies, as many as are wanted
//! ```
//!
//! `ID` is the hash of all that a snapshot depends on, so a stale one is never found: the version,
//! its runtime's files, this server, criu and the kernel since its start. The files are a cache: what
//! is missing is made again by initialising.

mod may;
mod sealed;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Sealer;
use sandbox::snapshot::Folder;

pub(crate) use may::{Name, lacks, may_keep, sweep};

/// Beside the program's memory and `/tmp`, a snapshot takes so much.
pub(crate) const ROOM_BYTES: u64 = 256 << 20;
/// All snapshots on disk; beyond, the oldest go.
const ALL_BYTES_MAX: u64 = 8 << 30;
/// Open ones take this part of the memory that idle sandboxes may take.
const OPEN_SHARE: u64 = 4;
/// A version that failed so often is not tried again by this server.
const FAILURES_MAX: u32 = 2;
/// Names of files that are being written begin so.
const STAGING: &str = ".new-";
/// What asks for credentials, in an image's folder.
const TOKEN: &str = "token";

/// A snapshot, open in memory.
pub(crate) struct Image {
    pub folder: Folder,
    /// What asks for credentials.
    pub token: Option<String>,
}

impl Image {
    /// A folder that criu has filled.
    pub fn new(folder: Folder, token: Option<String>) -> Image {
        Image { folder, token }
    }

    fn bytes(&self) -> u64 {
        bytes_in(&self.folder.path())
    }
}

/// All snapshots.
pub(crate) struct Snapshots {
    folder: PathBuf,
    sealer: Sealer,
    open_bytes_max: u64,
    state: Mutex<State>,
    /// One is opened at a time: whoever comes second finds it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// In memory with their sizes, the longest unused first.
    open: VecDeque<(Name, Arc<Image>, u64)>,
    /// Versions of which a snapshot or a copy could not be made, and how often.
    failures: HashMap<Name, u32>,
}

impl Snapshots {
    /// Those in `cache`; open ones may take so much memory as follows from what idle sandboxes may.
    pub fn new(cache: &Path, sealer: Sealer, idle_bytes_max: u64) -> Snapshots {
        let folder = cache.join("lambda-snapshots");
        let (state, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        let open_bytes_max = idle_bytes_max / OPEN_SHARE;
        Snapshots { folder, sealer, open_bytes_max, state, turn }
    }

    /// The image of that name, if there is one. What is on disk and damaged goes; the error says so.
    pub async fn find(self: &Arc<Self>, name: &Name) -> Result<Option<Arc<Image>>, String> {
        if let Some(image) = self.opened(name) {
            return Ok(Some(image));
        }
        let _turn = self.turn.lock().await;
        if let Some(image) = self.opened(name) {
            return Ok(Some(image));
        }
        let (this, name) = (self.clone(), name.clone());
        let opening = tokio::task::spawn_blocking(move || this.open(&name));
        opening.await.map_err(|error| error.to_string())?
    }

    fn opened(&self, name: &Name) -> Option<Arc<Image>> {
        let mut state = self.lock();
        let at = state.open.iter().position(|(open, ..)| open == name)?;
        let found = state.open.remove(at)?;
        let image = found.1.clone();
        state.open.push_back(found);
        Some(image)
    }

    /// Opens one from disk. Blocking.
    fn open(&self, name: &Name) -> Result<Option<Arc<Image>>, String> {
        let path = self.path(name);
        let size_bytes = match fs::metadata(&path) {
            Ok(facts) => facts.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        let opened = Folder::new(size_bytes + ROOM_BYTES).and_then(|folder| {
            sealed::read(&self.sealer, &name.purpose(), &path, &folder.path())?;
            let token = fs::read_to_string(folder.path().join(TOKEN)).ok();
            Ok(Image::new(folder, token))
        });
        match opened {
            Ok(image) => Ok(Some(self.keep_open(name, image))),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(format!("{}: {error}", path.display()))
            }
        }
    }

    fn keep_open(&self, name: &Name, image: Image) -> Arc<Image> {
        let bytes = image.bytes();
        let image = Arc::new(image);
        let mut state = self.lock();
        state.open.retain(|(open, ..)| open != name);
        state.open.push_back((name.clone(), image.clone(), bytes));
        let mut total: u64 = state.open.iter().map(|(.., bytes)| bytes).sum();
        while total > self.open_bytes_max && state.open.len() > 1 {
            total -= state.open.pop_front().map_or(0, |(.., bytes)| bytes);
        }
        image
    }

    /// Takes a new image over and seals it to disk. An error means that it is lost at the latest
    /// when the server stops.
    pub async fn put(self: &Arc<Self>, name: &Name, image: Image) -> io::Result<()> {
        let (this, name) = (self.clone(), name.clone());
        let writing = tokio::task::spawn_blocking(move || {
            if let Some(token) = &image.token {
                fs::write(image.folder.path().join(TOKEN), token)?;
            }
            let image = this.keep_open(&name, image);
            this.write(&name, &image)
        });
        writing.await.map_err(io::Error::other)?
    }

    /// Writes an image to disk. Blocking.
    fn write(&self, name: &Name, image: &Image) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = self.path(name);
        let parent = path.parent().unwrap_or(&self.folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let staging = parent.join(format!("{STAGING}{}-{number}", std::process::id()));
        let written = sealed::write(&self.sealer, &name.purpose(), &image.folder.path(), &staging)
            .and_then(|()| fs::rename(&staging, &path));
        if written.is_err() {
            let _ = fs::remove_file(&staging);
        }
        self.bound();
        written
    }

    /// Removes the oldest files as far as all are too many.
    fn bound(&self) {
        let mut files = self.files();
        files.sort_by_key(|(_, facts)| facts.modified().ok());
        let mut bytes: u64 = files.iter().map(|(_, facts)| facts.len()).sum();
        for (path, facts) in files {
            if bytes <= ALL_BYTES_MAX {
                break;
            }
            let _ = fs::remove_file(path);
            bytes -= facts.len();
        }
    }

    fn files(&self) -> Vec<(PathBuf, fs::Metadata)> {
        let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries(&self.folder).flat_map(|folder| entries(&folder.path()));
        files.filter_map(|file| Some((file.path(), file.metadata().ok()?))).collect()
    }

    /// Whether any file is there.
    pub fn is_empty(&self) -> bool {
        self.files().is_empty()
    }

    /// Removes all files but those of these names.
    pub fn retain(&self, names: &[Name]) {
        let wanted: HashSet<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        for (path, _) in self.files() {
            if !wanted.contains(&path) {
                let _ = fs::remove_file(&path);
                // One that is empty now.
                let _ = path.parent().map(fs::remove_dir);
            }
        }
    }

    /// Removes those that are not sealed with the newest key, to be made again: how many. Blocking.
    pub fn retain_current(&self) -> u64 {
        let mut removed = 0;
        for (path, _) in self.files() {
            if !sealed::is_current(&self.sealer, &path) {
                let _ = fs::remove_file(&path);
                removed += 1;
            }
        }
        removed
    }

    /// A snapshot or a copy could not be made: the image goes.
    pub fn failed(&self, name: &Name) {
        let mut state = self.lock();
        state.open.retain(|(open, ..)| open != name);
        *state.failures.entry(name.clone()).or_default() += 1;
        drop(state);
        let _ = fs::remove_file(self.path(name));
    }

    /// Whether that happened too often.
    pub fn is_given_up(&self, name: &Name) -> bool {
        self.lock().failures.get(name).is_some_and(|count| *count >= FAILURES_MAX)
    }

    /// A function, or a version of it, is no more.
    pub fn forget(&self, function: &str, version: Option<&str>) {
        let gone = |name: &Name| {
            name.function == function && version.is_none_or(|version| name.version == version)
        };
        let mut state = self.lock();
        state.open.retain(|(name, ..)| !gone(name));
        state.failures.retain(|name, _| !gone(name));
        drop(state);
        let folder = self.folder.join(function);
        let Some(version) = version else {
            // A leftover is swept at the next start.
            let _ = fs::remove_dir_all(folder);
            return;
        };
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&format!("{version}-")) {
                let _ = fs::remove_file(entry.path());
            }
        }
        // One that is empty now.
        let _ = fs::remove_dir(folder);
    }

    /// No function is any more.
    pub fn clear(&self) {
        *self.lock() = State::default();
        let _ = fs::remove_dir_all(&self.folder);
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.folder.join(&name.function).join(format!("{}-{}.snapshot", name.version, name.id))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let facts = entry.metadata().ok()?;
        Some(if facts.is_dir() { bytes_in(&entry.path()) } else { facts.len() })
    });
    sizes.sum()
}
