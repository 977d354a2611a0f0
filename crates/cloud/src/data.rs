//! The data directory: one folder with everything a cloud keeps.
//!
//! ```text
//! store/             the store (its own lock makes the folder one process's)
//! blobs/             immutable bytes, by their SHA-256
//! ca/                the local certificate authority
//! cache/             what can be made again: unpacked code
//! installation.key   the keys that everything sealed is sealed with
//! ```

use std::env;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::tls::Ca;
use kernel::{Blobs, Clock, OsRandom, Passphrase, Random, Sealer, Store, SystemClock};
use store::{Options, StoreError};

use crate::Failure;
use crate::elsewhere::{self, Place};

/// The folder that was given, or the usual one.
pub fn folder(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let usual = || {
        let home = || absolute("HOME").map(|home| home.join(".local/share"));
        absolute("XDG_DATA_HOME").or_else(home).map(|data| data.join("gureum"))
    };
    given.or_else(usual).ok_or_else(|| Failure("where to keep the data? --data DIR".into()))
}

/// Everything that is kept, opened.
pub struct Opened {
    pub store: Store,
    pub blobs: Blobs,
    pub sealer: Sealer,
}

/// Opens a data directory, making it when there is none. With a passphrase its installation key is,
/// or becomes, protected by it.
pub fn open(
    folder: &Path,
    passphrase: Option<&Passphrase>,
    random: Arc<dyn Random>,
    elsewhere: Option<Place>,
) -> Result<Opened, Failure> {
    make(folder)?;
    // First the store: whoever holds its lock owns the rest.
    let store = Store::open(store_folder(folder), &Options::default()).map_err(|e| match e {
        StoreError::Locked { .. } => {
            Failure(format!("{e}; stop that one, or choose another with --data"))
        }
        e => e.into(),
    })?;
    let now_ms = SystemClock::default().now().epoch_ms;
    let sealer = Sealer::open(folder, passphrase, random, now_ms)?;
    let blobs = elsewhere::open(&blobs_folder(folder), elsewhere)?;
    Ok(Opened { store, blobs, sealer })
}

fn make(folder: &Path) -> Result<(), Failure> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|e| Failure::of(folder.display(), e))
}

/// A folder for what can be made again; a temporary one goes away when dropped.
pub struct Cache {
    folder: PathBuf,
    temporary: bool,
}

impl Cache {
    /// In the data directory, or a temporary one.
    pub fn new(data: Option<&Path>) -> Result<Cache, Failure> {
        let random: &dyn Random = &OsRandom;
        let temporary = || env::temp_dir().join(format!("gureum-{}", random.hex(8)));
        let folder = data.map_or_else(temporary, |data| data.join("cache"));
        make(&folder)?;
        Ok(Cache { folder, temporary: data.is_none() })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        if self.temporary {
            // Nobody is left to tell that a temporary folder stays.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Where the store is.
pub fn store_folder(folder: &Path) -> PathBuf {
    folder.join("store")
}

/// Where the blobs are.
pub fn blobs_folder(folder: &Path) -> PathBuf {
    folder.join("blobs")
}

/// Where the CA is.
pub fn ca_folder(folder: &Path) -> PathBuf {
    folder.join("ca")
}

/// Where the authority is that functions trust.
pub fn functions_ca_folder(folder: &Path) -> PathBuf {
    ca_folder(folder).join("functions")
}

/// Opens the CA, making it when there is none.
pub fn open_ca(folder: &Path) -> Result<Ca, Failure> {
    make(folder)?;
    let now_s = SystemClock::default().now().epoch_ms.div_euclid(1000);
    Ok(Ca::open(folder, &[], now_s)?)
}
