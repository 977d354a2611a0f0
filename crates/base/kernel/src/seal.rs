//! Sealing: secrets at rest, and tokens that only we can have made.
//!
//! AES-256-GCM under the installation key, a file of mode 0600 in the data directory. The purpose
//! is bound as associated data: what was sealed as one thing never opens as another.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;

use crate::Random;

/// Seals and opens under one installation's key.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    secret: Arc<[u8; 32]>,
    random: Arc<dyn Random>,
}

/// Why something did not open or the key could not be read.
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

impl Sealer {
    /// A sealer whose key is lost with it.
    pub fn ephemeral(random: Arc<dyn Random>) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Sealer::from_secret(secret, random)
    }

    /// Reads `dir/installation.key`, or makes it on the first start.
    pub fn open(dir: &Path, random: Arc<dyn Random>) -> Result<Self, SealError> {
        let path = dir.join("installation.key");
        let failed = |e: &dyn fmt::Display| SealError::KeyFile(format!("{}: {e}", path.display()));
        match std::fs::read(&path) {
            Ok(bytes) => {
                let secret = bytes.try_into().map_err(|_| failed(&"it must hold 32 bytes"))?;
                Ok(Sealer::from_secret(secret, random))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                random.fill(&mut secret);
                let mut file = std::fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)
                    .map_err(|e| failed(&e))?;
                file.write_all(&secret).and_then(|()| file.sync_all()).map_err(|e| failed(&e))?;
                let dir = std::fs::File::open(dir).map_err(|e| failed(&e))?;
                dir.sync_all().map_err(|e| failed(&e))?;
                Ok(Sealer::from_secret(secret, random))
            }
            Err(e) => Err(failed(&e)),
        }
    }

    fn from_secret(secret: [u8; 32], random: Arc<dyn Random>) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, &secret).expect("32 bytes are a key");
        Sealer { key: Arc::new(LessSafeKey::new(key)), secret: Arc::new(secret), random }
    }

    /// Seals `plain` for `purpose`: nonce, ciphertext, tag (28 bytes longer than `plain`).
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce);
        let mut sealed = plain.to_vec();
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .expect("the text is not of a length that AES-GCM refuses");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`Sealer::seal`] made for the same purpose.
    pub fn open_sealed(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Forged)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Forged)?;
        let mut text = text.to_vec();
        let plain = self
            .key
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut text)
            .map_err(|_| SealError::Forged)?;
        Ok(plain.to_vec())
    }

    /// 32 bytes that depend on the installation key, `purpose` and `input`, and on nothing else
    /// (HKDF-SHA256, RFC 5869).
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, purpose.as_bytes());
        let mut out = [0; 32];
        salt.extract(&self.secret[..])
            .expand(&[input], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut out))
            .expect("32 bytes are one block");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    #[test]
    fn opens_only_what_it_sealed_for_that_purpose() {
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let sealed = sealer.seal("a", b"secret");
        assert_eq!(sealer.open_sealed("a", &sealed).unwrap(), b"secret");
        assert!(sealer.open_sealed("b", &sealed).is_err());
        for i in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[i] ^= 1;
            assert!(sealer.open_sealed("a", &damaged).is_err(), "byte {i}");
            assert!(sealer.open_sealed("a", &sealed[..i]).is_err(), "cut at {i}");
        }
        let other = Sealer::ephemeral(Arc::new(SeededRandom::new(2)));
        assert!(other.open_sealed("a", &sealed).is_err());
    }
}
