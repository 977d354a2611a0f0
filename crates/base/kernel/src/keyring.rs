//! The file of the installation keys: all versions, the newest of which seals.
//!
//! ```text
//! {"format": 2, "current": 2, "passphrase": {…}, "keys": [{"version": 1, "key": "…", …}, …]}
//! ```
//!
//! With a passphrase each key is encrypted under what Argon2id makes of it; without one the file's
//! mode (0600) is what protects it. A file of exactly 32 bytes is an installation of before there
//! were versions: its key is version 1.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use argon2::{Algorithm, Argon2, Params};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use crate::{Random, SealError};

const NAME: &str = "installation.key";
const FORMAT: u32 = 2;
/// Longest file that is one; some hundred versions.
const FILE_BYTES_MAX: usize = 64 * 1024;
/// Argon2id with RFC 9106's second recommended choice: 64 MiB, three passes.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// What a file may demand of us, so that a forged one cannot take all memory.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 100;

/// What people protect the installation key with. `Debug` does not show it.
#[derive(Clone)]
pub struct Passphrase(String);

impl Passphrase {
    /// A passphrase; without the line end that a file has.
    pub fn new(text: &str) -> Self {
        Passphrase(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// One installation key.
#[derive(Clone)]
pub(crate) struct Version {
    pub(crate) secret: [u8; 32],
    pub(crate) created_ms: i64,
    /// Nothing at rest is sealed with it any more.
    pub(crate) replaced: bool,
}

/// All installation keys.
#[derive(Clone)]
pub(crate) struct Versions {
    pub(crate) current: u32,
    pub(crate) all: BTreeMap<u32, Version>,
}

/// Where the keys are kept, and how they are protected there.
#[derive(Clone)]
pub(crate) struct KeyFile {
    path: PathBuf,
    passphrase: Option<Passphrase>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    current: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<Derivation>,
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    created_ms: i64,
    replaced: bool,
    /// Base 64 of the key, or of nonce, ciphertext and tag.
    key: String,
}

/// How the key that encrypts the others comes from the passphrase.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Derivation {
    function: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl Versions {
    /// One version.
    pub(crate) fn first(secret: [u8; 32], created_ms: i64) -> Self {
        let version = Version { secret, created_ms, replaced: false };
        Versions { current: 1, all: [(1, version)].into() }
    }
}

impl KeyFile {
    /// Reads the keys in `dir`, or makes the first one. A file that is not protected becomes so
    /// when there is a passphrase.
    pub(crate) fn open(
        dir: &Path,
        passphrase: Option<&Passphrase>,
        random: &dyn Random,
        now_ms: i64,
    ) -> Result<(KeyFile, Versions), SealError> {
        let file = KeyFile { path: dir.join(NAME), passphrase: passphrase.cloned() };
        match std::fs::read(&file.path) {
            Ok(bytes) => {
                let (versions, protected) = file.read(&bytes)?;
                if passphrase.is_some() && !protected {
                    file.write(&versions, random)?;
                }
                Ok((file, versions))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                let versions = Versions::first(secret, now_ms);
                file.write(&versions, random)?;
                Ok((file, versions))
            }
            Err(e) => Err(file.failed(&e)),
        }
    }

    fn failed(&self, why: &dyn fmt::Display) -> SealError {
        SealError::KeyFile(format!("{}: {why}", self.path.display()))
    }

    fn read(&self, bytes: &[u8]) -> Result<(Versions, bool), SealError> {
        if let Ok(secret) = <[u8; 32]>::try_from(bytes) {
            return Ok((Versions::first(secret, 0), false));
        }
        let content = parse(bytes).map_err(|why| self.failed(&why))?;
        let wrapping = match (&content.passphrase, &self.passphrase) {
            (None, _) => None,
            (Some(_), None) => {
                return Err(self
                    .failed(&"it is protected: set GUREUM_PASSPHRASE or GUREUM_PASSPHRASE_FILE"));
            }
            (Some(how), Some(passphrase)) => {
                Some(how.derive(passphrase).map_err(|why| self.failed(&why))?)
            }
        };
        let mut all = BTreeMap::new();
        for entry in &content.keys {
            let bytes = BASE64.decode(&entry.key).map_err(|e| self.failed(&e))?;
            let bytes = match &wrapping {
                None => Some(bytes),
                Some(key) => unwrapped(key, entry.version, &bytes),
            };
            let bytes = bytes.ok_or_else(|| self.failed(&"the passphrase is not the right one"))?;
            let secret = bytes.try_into().map_err(|_| self.failed(&"a key must have 32 bytes"))?;
            let Entry { created_ms, replaced, .. } = *entry;
            all.insert(entry.version, Version { secret, created_ms, replaced });
        }
        Ok((Versions { current: content.current, all }, wrapping.is_some()))
    }

    /// Replaces the file, at once and durably.
    pub(crate) fn write(&self, versions: &Versions, random: &dyn Random) -> Result<(), SealError> {
        let wrapping = match &self.passphrase {
            None => None,
            Some(passphrase) => {
                let how = Derivation::new(random);
                let key = how.derive(passphrase).map_err(|why| self.failed(&why))?;
                Some((how, key))
            }
        };
        let entry = |(version, key): (&u32, &Version)| Entry {
            version: *version,
            created_ms: key.created_ms,
            replaced: key.replaced,
            key: BASE64.encode(match &wrapping {
                None => key.secret.to_vec(),
                Some((_, wrapping)) => wrapped(wrapping, *version, &key.secret, random),
            }),
        };
        let content = Content {
            format: FORMAT,
            current: versions.current,
            keys: versions.all.iter().map(entry).collect(),
            passphrase: wrapping.as_ref().map(|(how, _)| how.clone()),
        };
        let text = serde_json::to_vec_pretty(&content).map_err(|e| self.failed(&e))?;
        self.replace(&text).map_err(|e| self.failed(&e))
    }

    fn replace(&self, text: &[u8]) -> std::io::Result<()> {
        let new = self.path.with_extension("key.new");
        // One that a crash left behind is worth nothing.
        match std::fs::remove_file(&new) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::File::open(dir)?.sync_all()
    }
}

/// Whether bytes are a file of installation keys, protected or not.
pub fn is_key_file(bytes: &[u8]) -> bool {
    bytes.len() == 32 || parse(bytes).is_ok()
}

fn parse(bytes: &[u8]) -> Result<Content, String> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err("it is too long".into());
    }
    let content: Content = serde_json::from_slice(bytes)
        .map_err(|e| format!("it must hold 32 bytes, or JSON with the keys: {e}"))?;
    if content.format != FORMAT {
        return Err(format!("format {} is not known to this release", content.format));
    }
    if !content.keys.iter().any(|key| key.version == content.current) {
        return Err(format!("it has no key of version {}", content.current));
    }
    Ok(content)
}

impl Derivation {
    fn new(random: &dyn Random) -> Self {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        Derivation {
            function: "argon2id".into(),
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: BASE64.encode(salt),
        }
    }

    fn derive(&self, passphrase: &Passphrase) -> Result<LessSafeKey, String> {
        let fits = self.memory_kib <= MEMORY_KIB_MAX && self.passes <= PASSES_MAX;
        if self.function != "argon2id" || !fits {
            return Err("how it is protected is not known to this release".into());
        }
        let salt = BASE64.decode(&self.salt).map_err(|e| e.to_string())?;
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .map_err(|e| e.to_string())?;
        let mut key = [0; 32];
        Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params)
            .hash_password_into(passphrase.0.as_bytes(), &salt, &mut key)
            .map_err(|e| e.to_string())?;
        Ok(aead(&key))
    }
}

pub(crate) fn aead(secret: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).expect("32 bytes are a key"))
}

fn aad(version: u32) -> Aad<String> {
    Aad::from(format!("installation key {version}"))
}

fn wrapped(key: &LessSafeKey, version: u32, secret: &[u8; 32], random: &dyn Random) -> Vec<u8> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce);
    let mut text = secret.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(version), &mut text)
        .expect("32 bytes are not too long");
    [&nonce[..], &text].concat()
}

fn unwrapped(key: &LessSafeKey, version: u32, bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    Some(key.open_in_place(nonce, aad(version), &mut text).ok()?.to_vec())
}
