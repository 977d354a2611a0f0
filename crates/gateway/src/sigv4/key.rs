//! Signing keys, and a small cache of them: deriving one is four HMACs.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

/// Thirty-two bytes: a digest, or a key made of one.
pub type Bytes32 = [u8; 32];

/// Kept signing keys; more than the services times regions one installation sees in a day.
const CACHE_KEYS_MAX: usize = 256;

/// HMAC-SHA256.
pub fn hmac(key: &[u8], data: &[u8]) -> Bytes32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    // Arithmetic, no table: so the compiler does many digits at once.
    let digit = |nibble: u8| nibble + b'0' + u8::from(nibble > 9) * (b'a' - b'0' - 10);
    let mut out = vec![0; bytes.len() * 2];
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    String::from_utf8(out).expect("digits are ASCII")
}

/// Lower-case hex of the SHA-256 of `data`.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

/// The signing key of one secret, date, region and service.
pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Bytes32 {
    let mut seed = Vec::with_capacity(4 + secret.len());
    seed.extend_from_slice(b"AWS4");
    seed.extend_from_slice(secret.as_bytes());
    let date_key = hmac(&seed, date.as_bytes());
    let region_key = hmac(&date_key, region.as_bytes());
    let service_key = hmac(&region_key, service.as_bytes());
    hmac(&service_key, super::claim::TERMINATOR.as_bytes())
}

/// Signing keys already derived. Looked up by a digest over the secret too, so that a changed
/// secret finds nothing, and no secret is kept.
#[derive(Default)]
pub struct KeyCache {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    keys: HashMap<Bytes32, Bytes32>,
    order: VecDeque<Bytes32>,
}

/// A signing key, and under which name the cache keeps it.
pub struct CachedKey {
    /// The signing key.
    pub key: Bytes32,
    name: Bytes32,
    fresh: bool,
}

impl KeyCache {
    /// Finds or derives a key. A derived one is kept only by [`KeyCache::keep`], which is called
    /// once a signature proved right: guessed scopes must not push out good keys.
    pub fn find(&self, secret: &str, date: &str, region: &str, service: &str) -> CachedKey {
        let mut parts = Vec::with_capacity(128);
        for part in [secret, date, region, service] {
            parts.extend_from_slice(&(part.len() as u64).to_be_bytes());
            parts.extend_from_slice(part.as_bytes());
        }
        let name: Bytes32 = Sha256::digest(&parts).into();
        if let Some(key) = self.lock().keys.get(&name) {
            return CachedKey { key: *key, name, fresh: false };
        }
        CachedKey { key: derive(secret, date, region, service), name, fresh: true }
    }

    /// Keeps a key that proved right, forgetting the oldest if there are too many.
    pub fn keep(&self, cached: &CachedKey) {
        if !cached.fresh {
            return;
        }
        let mut inner = self.lock();
        if inner.keys.insert(cached.name, cached.key).is_some() {
            return;
        }
        inner.order.push_back(cached.name);
        if inner.order.len() > CACHE_KEYS_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.keys.remove(&oldest);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic elsewhere cannot leave these maps half written in a way that matters.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The derivation example of AWS's documentation of Signature V4.
    #[test]
    fn derives_the_published_key() {
        let key =
            derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn the_cache_is_bounded_and_knows_secrets_apart() {
        let cache = KeyCache::default();
        for day in 0..CACHE_KEYS_MAX + 10 {
            cache.keep(&cache.find("secret", &day.to_string(), "r", "s"));
        }
        assert_eq!(cache.lock().keys.len(), CACHE_KEYS_MAX);
        assert!(cache.find("secret", "0", "r", "s").fresh);
        assert!(!cache.find("secret", "20", "r", "s").fresh);
        assert!(cache.find("other", "20", "r", "s").fresh);
    }
}
