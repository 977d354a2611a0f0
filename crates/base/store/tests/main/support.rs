//! Temporary directories, both engines, and random numbers that can be repeated.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Options, Store};

/// A directory that goes when dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gureum-store-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A data directory in it.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

pub fn open(dir: &TempDir) -> Store {
    Store::open(dir.data(), &Options::default()).unwrap()
}

/// One empty store per engine.
pub fn stores() -> Vec<(Store, TempDir)> {
    let dir = TempDir::new();
    vec![(Store::memory(), TempDir::new()), (open(&dir), dir)]
}
