//! Class archives of Java functions (class data sharing): what a cold start need not load again.
//!
//! ```text
//! first sandbox ── notes the classes it loads ──(its /tmp)──→ list
//! a sandbox of its own ── java -Xshare:dump, runs no code of the function ──→ archive
//! every later sandbox ── mounts the archive
//! ```
//!
//! Archives are a cache in files: `FUNCTION/ID.jsa`, and its checksum beside it. The function is part
//! of the name, since whoever writes an archive decides what runs: nobody gets another's. `ID` is
//! the hash of all that went into it, so a stale one is never found. One that broke a start is
//! removed, and no other is made until the server starts again.

mod make;
mod usage;

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

pub(crate) use make::{LIST_BYTES_MAX, make};
pub(crate) use usage::{Archive, WithMount, broke};

/// Archives that one function may have: `$LATEST`, and versions with other code.
const ARCHIVES_PER_FUNCTION_MAX: usize = 4;
/// All archives together; beyond, the oldest go.
const ALL_BYTES_MAX: u64 = 4 << 30;
/// Names of files that are being written begin so.
const STAGING: &str = ".new-";

/// Which archive is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Hash of the function's account, region and name.
    pub function: String,
    /// Hash of what the archive depends on.
    pub id: String,
}

/// What is known of an archive in this process. Of the others, the files tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Read, and found whole.
    Ready,
    /// A sandbox notes its classes, or the archive is being made.
    Begun,
    /// Not tried again.
    GivenUp,
}

/// All archives.
pub(crate) struct Archives {
    folder: PathBuf,
    states: Mutex<HashMap<Key, State>>,
    /// One is made at a time.
    turn: Semaphore,
}

/// What a new sandbox does about its archive.
pub(crate) enum Found {
    /// It uses this file.
    Ready(PathBuf),
    /// It notes its classes.
    Note(Noting),
    /// Neither.
    Nothing,
}

/// The right to make an archive; who drops it without having made it leaves it to others.
pub(crate) struct Noting {
    archives: Arc<Archives>,
    pub key: Key,
}

impl Drop for Noting {
    fn drop(&mut self) {
        let mut states = self.archives.lock();
        if states.get(&self.key) == Some(&State::Begun) {
            states.remove(&self.key);
        }
    }
}

impl Noting {
    /// Whether the function is still there.
    fn is_wanted(&self) -> bool {
        self.archives.lock().get(&self.key) == Some(&State::Begun)
    }

    /// Not to be tried again: what failed once fails again.
    fn give_up(self) {
        self.archives.lock().insert(self.key.clone(), State::GivenUp);
    }
}

impl Archives {
    pub fn new(cache: &Path) -> Archives {
        let folder = cache.join("lambda-classes");
        // What a killed server had begun. A leftover is only disk space.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Archives { folder, states: Mutex::default(), turn: Semaphore::new(1) }
    }

    /// The archive, or what to do for the want of it. It reads files.
    pub fn find(self: &Arc<Self>, key: &Key) -> Found {
        let file = self.file(key);
        let state = self.lock().get(key).copied();
        match state {
            Some(State::Ready) if file.is_file() => return Found::Ready(file),
            Some(State::Begun | State::GivenUp) => return Found::Nothing,
            Some(State::Ready) | None => {}
        }
        let is_whole = is_whole(&file);
        let mut states = self.lock();
        if is_whole {
            states.insert(key.clone(), State::Ready);
            return Found::Ready(file);
        }
        if matches!(states.get(key), Some(State::Begun | State::GivenUp)) {
            return Found::Nothing;
        }
        states.insert(key.clone(), State::Begun);
        drop(states);
        remove(&file);
        Found::Note(Noting { archives: self.clone(), key: key.clone() })
    }

    /// An empty folder to work in.
    fn staging(&self) -> io::Result<PathBuf> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{STAGING}{}-{number}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Takes a finished archive over. It reads the file.
    fn put(&self, noting: Noting, made: &Path) -> io::Result<()> {
        let file = self.file(&noting.key);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        let checksum = digest(made)?;
        // Whoever sees the file finds it ready: the state changes with it.
        let mut states = self.lock();
        // Who has deleted the function meanwhile wants no archive.
        if states.get(&noting.key) != Some(&State::Begun) {
            drop(states);
            let _ = fs::remove_dir(self.folder.join(&noting.key.function));
            return Ok(());
        }
        fs::write(checksum_of(&file), checksum)?;
        fs::rename(made, &file)?;
        states.insert(noting.key.clone(), State::Ready);
        drop(states);
        self.bound(&noting.key.function);
        Ok(())
    }

    /// An archive was there when a start failed: it goes, and no other is made.
    pub fn distrust(&self, key: &Key) {
        self.lock().insert(key.clone(), State::GivenUp);
        remove(&self.file(key));
    }

    /// The function is no more.
    pub fn forget(&self, function: &str) {
        self.lock().retain(|key, _| key.function != function);
        // Sandboxes that still run keep their mount; a leftover is only disk space.
        let _ = fs::remove_dir_all(self.folder.join(function));
    }

    /// No function is any more.
    pub fn clear(&self) {
        self.lock().clear();
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Removes the oldest archives of a function, and of all, as far as they are too many.
    fn bound(&self, function: &str) {
        let of_one = list(&self.folder.join(function));
        let too_many = of_one.len().saturating_sub(ARCHIVES_PER_FUNCTION_MAX);
        of_one.iter().take(too_many).for_each(|(_, _, file)| remove(file));
        let folders = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut all: Vec<_> = folders.flat_map(|folder| list(&folder.path())).collect();
        all.sort();
        let mut bytes: u64 = all.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size_bytes, file) in all {
            if bytes <= ALL_BYTES_MAX {
                break;
            }
            remove(&file);
            bytes -= size_bytes;
        }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.folder.join(&key.function).join(&key.id).with_extension("jsa")
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The archives in a folder, the oldest first: when each was made, and its bytes.
fn list(folder: &Path) -> Vec<(std::time::SystemTime, u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let archives = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "jsa"));
    let mut all: Vec<_> = archives
        .filter_map(|entry| {
            let facts = entry.metadata().ok()?;
            Some((facts.modified().ok()?, facts.len(), entry.path()))
        })
        .collect();
    all.sort();
    all
}

fn checksum_of(file: &Path) -> PathBuf {
    file.with_extension("sha256")
}

/// Whether the file is what was written.
fn is_whole(file: &Path) -> bool {
    let Ok(wanted) = fs::read_to_string(checksum_of(file)) else { return false };
    digest(file).is_ok_and(|found| found == wanted)
}

fn digest(file: &Path) -> io::Result<String> {
    let mut file = fs::File::open(file)?;
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(format!("{:x}", digest.finalize())),
            length => digest.update(&buffer[..length]),
        }
    }
}

/// What is not there needs not go.
fn remove(file: &Path) {
    let _ = fs::remove_file(file);
    let _ = fs::remove_file(checksum_of(file));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(function: &str, id: &str) -> Key {
        Key { function: function.into(), id: id.into() }
    }

    fn make(archives: &Arc<Archives>, key: &Key) {
        let Found::Note(noting) = archives.find(key) else { panic!("it is there already") };
        let made = archives.staging().unwrap().join("made");
        fs::write(&made, &key.id).unwrap();
        archives.put(noting, &made).unwrap();
    }

    fn is_ready(archives: &Arc<Archives>, key: &Key) -> bool {
        matches!(archives.find(key), Found::Ready(_))
    }

    #[test]
    fn an_archive_is_found_while_it_is_whole() {
        let cache = std::env::temp_dir().join(format!("lambda-archives-{}", std::process::id()));
        let _ = fs::remove_dir_all(&cache);
        let archives = Arc::new(Archives::new(&cache));
        let one = key("f", "1");
        let noting = archives.find(&one);
        // One sandbox notes, the others start as ever; when it ends without a list, the next notes.
        assert!(matches!(archives.find(&one), Found::Nothing));
        drop(noting);
        make(&archives, &one);
        assert!(is_ready(&archives, &one) && !is_ready(&archives, &key("other", "1")));
        // The next server finds it, unless somebody has touched it.
        assert!(is_ready(&Arc::new(Archives::new(&cache)), &one));
        fs::write(archives.file(&one), "2").unwrap();
        assert!(matches!(Arc::new(Archives::new(&cache)).find(&one), Found::Note(_)));
        assert!(!archives.file(&one).exists());
        // One that broke a start is not made again.
        archives.distrust(&one);
        assert!(matches!(archives.find(&one), Found::Nothing));
        // A function has so many; when it goes, all go.
        for id in 2..8 {
            make(&archives, &key("f", &id.to_string()));
        }
        assert_eq!(list(&cache.join("lambda-classes/f")).len(), ARCHIVES_PER_FUNCTION_MAX);
        archives.forget("f");
        assert!(!cache.join("lambda-classes/f").exists());
        archives.clear();
        fs::remove_dir_all(&cache).unwrap();
    }
}
