//! Sealing: secrets at rest, and tokens that only we can have made.
//!
//! AES-256-GCM under an installation key. The purpose is bound as associated data: what was sealed
//! as one thing never opens as another. There may be several versions of the key: the newest seals,
//! all open. [`crate::Reseal`] brings what is kept under the newest.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::hkdf;

use crate::keyring::{KeyFile, Version, Versions, aead};
use crate::{Passphrase, Random};

/// What a sealed text begins with; then the key's version, four bytes, big endian. Texts of before
/// there were versions begin with their nonce, and are of version 1.
const BEGINNING: [u8; 4] = *b"GKR\x01";
const HEADER_LEN: usize = BEGINNING.len() + 4;
/// The version that seals, and derives, without a header.
const FIRST: u32 = 1;

/// Seals and opens under one installation's keys. Clones share them.
#[derive(Clone)]
pub struct Sealer {
    keys: Arc<RwLock<Arc<Keys>>>,
    /// `None`: the keys are lost with the process. Locked while the keys change.
    file: Arc<Mutex<Option<KeyFile>>>,
    random: Arc<dyn Random>,
}

struct Keys {
    versions: Versions,
    open: BTreeMap<u32, LessSafeKey>,
}

/// Why something did not open or the keys could not be read.
#[derive(Debug)]
pub enum SealError {
    /// Not sealed by this installation for this purpose, or damaged.
    Forged,
    /// The key file cannot be read or written; the text says which and why.
    KeyFile(String),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::Forged => f.write_str("not sealed by this installation, or damaged"),
            SealError::KeyFile(why) => write!(f, "installation key: {why}"),
        }
    }
}

impl std::error::Error for SealError {}

/// A version of the installation key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVersion {
    /// From 1.
    pub version: u32,
    /// Milliseconds since 1970; 0: unknown.
    pub created_ms: i64,
    /// It seals.
    pub current: bool,
    /// Nothing at rest is sealed with it any more.
    pub replaced: bool,
}

impl Sealer {
    /// A sealer whose key is lost with it.
    pub fn ephemeral(random: Arc<dyn Random>) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Sealer::of(Versions::first(secret, 0), None, random)
    }

    /// Reads the installation's keys in `dir`, or makes the first one. With a passphrase the file
    /// is, or becomes, protected by it. `now_ms`: milliseconds since 1970.
    ///
    /// # Errors
    /// The file cannot be read or written, is damaged, or is protected by another passphrase.
    pub fn open(
        dir: &Path,
        passphrase: Option<&Passphrase>,
        random: Arc<dyn Random>,
        now_ms: i64,
    ) -> Result<Self, SealError> {
        let (file, versions) = KeyFile::open(dir, passphrase, &*random, now_ms)?;
        Ok(Sealer::of(versions, Some(file), random))
    }

    fn of(versions: Versions, file: Option<KeyFile>, random: Arc<dyn Random>) -> Self {
        let keys = Arc::new(RwLock::new(Arc::new(Keys::new(versions))));
        Sealer { keys, file: Arc::new(Mutex::new(file)), random }
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// By how much a sealed text is longer than the plain one: header, nonce and tag, bytes.
    pub const OVERHEAD_BYTES: usize = HEADER_LEN + NONCE_LEN + 16;

    /// Seals `plain` for `purpose`: header, nonce, ciphertext, tag.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let keys = self.keys();
        let current = keys.versions.current;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut text = plain.to_vec();
        keys.open[&current]
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut text,
            )
            .expect("the text is not of a length that AES-GCM refuses");
        [&BEGINNING[..], &current.to_be_bytes(), &nonce, &text].concat()
    }

    /// Opens what [`Sealer::seal`] made for the same purpose.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let keys = self.keys();
        let versioned = header(sealed)
            .and_then(|(version, rest)| open(keys.open.get(&version)?, purpose, rest));
        // A text without a header begins with random bytes: by chance they may look like one.
        versioned.or_else(|| open(keys.open.get(&FIRST)?, purpose, sealed)).ok_or(SealError::Forged)
    }

    /// Whether this is sealed with the newest key.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        header(sealed).is_some_and(|(version, _)| version == self.keys().versions.current)
    }

    /// Seals again with the newest key; `None`: it is already.
    ///
    /// # Errors
    /// It does not open for this purpose.
    pub fn resealed(&self, purpose: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        if self.is_current(sealed) {
            return Ok(None);
        }
        let plain = self.open_sealed(purpose, sealed)?;
        Ok(Some(self.seal(purpose, &plain)))
    }

    /// 32 bytes that depend on the installation's first key, `purpose` and `input`, and on nothing
    /// else (HKDF-SHA256, RFC 5869): they stay the same when the key is rotated. For secrets that
    /// belong to something sealed, see [`Sealer::derive_with`].
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        derive(&self.keys().versions.all[&FIRST].secret, purpose, input)
    }

    /// As [`Sealer::derive`], of something sealed, with the key it is sealed with: who knows only
    /// an older key cannot derive it.
    pub fn derive_with(&self, purpose: &str, sealed: &[u8]) -> [u8; 32] {
        let keys = self.keys();
        let version = header(sealed).and_then(|(version, _)| keys.versions.all.get(&version));
        let version = version.unwrap_or(&keys.versions.all[&FIRST]);
        derive(&version.secret, purpose, sealed)
    }

    /// All versions of the installation key, oldest first.
    pub fn key_versions(&self) -> Vec<KeyVersion> {
        let versions = &self.keys().versions;
        let all = versions.all.iter().map(|(version, key)| KeyVersion {
            version: *version,
            created_ms: key.created_ms,
            current: *version == versions.current,
            replaced: key.replaced,
        });
        all.collect()
    }

    /// Makes a new version the current one, durably, and returns its number. What is sealed under
    /// older ones still opens.
    ///
    /// # Errors
    /// The key file cannot be written: then nothing changed.
    pub fn rotate(&self, now_ms: i64) -> Result<u32, SealError> {
        self.change(|versions| {
            let mut secret = [0; 32];
            self.random.fill(&mut secret);
            let new = versions.all.keys().next_back().map_or(FIRST, |last| last + 1);
            let version = Version { secret, created_ms: now_ms, replaced: false };
            versions.all.insert(new, version);
            versions.current = new;
            new
        })
    }

    /// Notes that nothing at rest is sealed under a version before `current` any more.
    pub(crate) fn all_resealed(&self, current: u32) -> Result<(), SealError> {
        self.change(|versions| {
            for (version, key) in &mut versions.all {
                key.replaced |= *version < current;
            }
        })
    }

    /// Changes the keys: first on disk, then here.
    fn change<R>(&self, change: impl FnOnce(&mut Versions) -> R) -> Result<R, SealError> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut versions = self.keys().versions.clone();
        let result = change(&mut versions);
        if let Some(file) = &*file {
            file.write(&versions, &*self.random)?;
        }
        let keys = Arc::new(Keys::new(versions));
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(result)
    }

    /// The version that seals, if older ones may still be in use at rest.
    pub(crate) fn to_reseal(&self) -> Option<u32> {
        let versions = &self.keys().versions;
        let old = |(version, key): (&u32, &Version)| *version != versions.current && !key.replaced;
        versions.all.iter().any(old).then_some(versions.current)
    }
}

impl Keys {
    fn new(versions: Versions) -> Self {
        let open = versions.all.iter().map(|(version, key)| (*version, aead(&key.secret)));
        Keys { open: open.collect(), versions }
    }
}

fn header(sealed: &[u8]) -> Option<(u32, &[u8])> {
    let (header, rest) = sealed.split_first_chunk::<HEADER_LEN>()?;
    let version = header.strip_prefix(&BEGINNING)?.try_into().ok()?;
    Some((u32::from_be_bytes(version), rest))
}

fn open(key: &LessSafeKey, purpose: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = bytes.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    Some(key.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text).ok()?.to_vec())
}

fn derive(secret: &[u8; 32], purpose: &str, input: &[u8]) -> [u8; 32] {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, purpose.as_bytes());
    let mut out = [0; 32];
    salt.extract(secret)
        .expand(&[input], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut out))
        .expect("32 bytes are one block");
    out
}

#[cfg(test)]
mod tests;
