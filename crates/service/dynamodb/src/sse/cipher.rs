//! Rows under the data key of a table.
//!
//! ```text
//! mark, 4 bytes · size · number of the data key, 8 bytes · salt, 16 bytes · count, 8 bytes
//!     · ciphertext · tag, 16 bytes
//! ```
//!
//! The mark begins no other row: items begin with 1, and vectors with no number that is infinite or
//! none. The size is that of the plain row as DynamoDB counts it, so that tables can be measured
//! without their key; it is authenticated, as are the kind of row and its place.
//!
//! AES-256-GCM allows a key few random nonces for the number of rows that a table may write in its
//! life. So each time a data key is opened, a salt is drawn and a key derived with it
//! (HKDF-SHA256), whose nonces are counted: no pair ever comes twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;

use crate::item::{Corrupt, StoredItem, read_length, write_length};

/// What a sealed row begins with: as a number of 32 bits, little end first, it is not one.
const MARK: [u8; 4] = [2, 0, 0xc0, 0xff];
const SALT_BYTES: usize = 16;
const COUNT_BYTES: usize = 8;
/// Derived keys that are kept for reading.
const DERIVED_MAX: usize = 256;
const PURPOSE: &[u8] = b"dynamodb row";

type Salt = [u8; SALT_BYTES];

/// What a row is, which is bound to it: none opens as another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// An item, wherever it lies: in its table, a backup, the log of point-in-time recovery.
    Item,
    /// An entry of a secondary index.
    Entry,
    /// An entry of a vector index.
    Vector,
    /// A part of a stream's record.
    Record,
}

/// An open data key.
pub(crate) struct Cipher {
    number: u64,
    secret: [u8; 32],
    salt: Salt,
    count: AtomicU64,
    own: LessSafeKey,
    derived: RwLock<HashMap<Salt, Arc<LessSafeKey>>>,
}

/// A sealed row, taken apart.
struct Sealed<'a> {
    size: usize,
    number: u64,
    salt: Salt,
    count: [u8; COUNT_BYTES],
    text: &'a [u8],
}

/// Whether these bytes are sealed.
pub(crate) fn is_sealed(row: &[u8]) -> bool {
    row.starts_with(&MARK)
}

/// By what number the data key is known that a row is sealed with.
pub(crate) fn number_of(row: &[u8]) -> Result<u64, Corrupt> {
    split(row).map(|sealed| sealed.number)
}

/// The size of an item as DynamoDB counts it, or of what else a row holds in bytes, open or sealed.
pub(crate) fn size_bytes(row: &[u8]) -> Result<usize, Corrupt> {
    if is_sealed(row) {
        return split(row).map(|sealed| sealed.size);
    }
    StoredItem::new(row).map(StoredItem::size_bytes)
}

/// The same of an entry of a vector index, which is as large as what it keeps.
pub(crate) fn vector_bytes(row: &[u8]) -> Result<usize, Corrupt> {
    if is_sealed(row) { split(row).map(|sealed| sealed.size) } else { Ok(row.len()) }
}

fn split(row: &[u8]) -> Result<Sealed<'_>, Corrupt> {
    let (size, rest) = read_length(row.strip_prefix(&MARK).ok_or(Corrupt)?)?;
    let (number, rest) = rest.split_first_chunk::<8>().ok_or(Corrupt)?;
    let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>().ok_or(Corrupt)?;
    let (count, text) = rest.split_first_chunk::<COUNT_BYTES>().ok_or(Corrupt)?;
    Ok(Sealed { size, number: u64::from_be_bytes(*number), salt: *salt, count: *count, text })
}

fn derive(secret: &[u8; 32], salt: &Salt) -> LessSafeKey {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let info = [PURPOSE];
    let derived = prk.expand(&info, &AES_256_GCM).expect("a key is as long as a hash");
    LessSafeKey::new(UnboundKey::from(derived))
}

fn nonce(count: [u8; COUNT_BYTES]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[NONCE_LEN - COUNT_BYTES..].copy_from_slice(&count);
    Nonce::assume_unique_for_key(nonce)
}

/// What is bound to a row beside its text.
fn bound(kind: Kind, size: usize, place: &[u8]) -> Vec<u8> {
    let mut bound = Vec::with_capacity(place.len() + 6);
    bound.push(kind as u8);
    write_length(size, &mut bound);
    bound.extend_from_slice(place);
    bound
}

impl Cipher {
    /// The data key with that number; `salt` must be fresh.
    pub fn new(number: u64, secret: [u8; 32], salt: Salt) -> Cipher {
        let own = derive(&secret, &salt);
        Cipher { number, secret, salt, count: AtomicU64::new(0), own, derived: RwLock::default() }
    }

    /// Whether it is this key.
    pub fn is(&self, secret: &[u8; 32]) -> bool {
        self.secret == *secret
    }

    /// Seals a row. `size`: see [`size_bytes`]; `place`: its key without the number in front.
    pub fn seal(&self, kind: Kind, place: &[u8], size: usize, plain: &[u8]) -> Bytes {
        let count = self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut row = Vec::with_capacity(plain.len() + 60);
        row.extend_from_slice(&MARK);
        write_length(size, &mut row);
        row.extend_from_slice(&self.number.to_be_bytes());
        row.extend_from_slice(&self.salt);
        row.extend_from_slice(&count);
        let head = row.len();
        row.extend_from_slice(plain);
        let aad = Aad::from(bound(kind, size, place));
        let tag = self.own.seal_in_place_separate_tag(nonce(count), aad, &mut row[head..]);
        let tag = tag.expect("a row is shorter than AES-GCM's longest text");
        row.extend_from_slice(tag.as_ref());
        row.into()
    }

    /// Opens a row.
    ///
    /// # Errors
    /// If it was not sealed with this key, as this kind of row, for this place.
    pub fn open(&self, kind: Kind, place: &[u8], row: &[u8]) -> Result<Bytes, Corrupt> {
        let sealed = split(row)?;
        let mut text = sealed.text.to_vec();
        let key = self.reading(&sealed.salt);
        let aad = Aad::from(bound(kind, sealed.size, place));
        let key = key.as_deref().unwrap_or(&self.own);
        let length =
            key.open_in_place(nonce(sealed.count), aad, &mut text).map_err(|_| Corrupt)?.len();
        text.truncate(length);
        Ok(text.into())
    }

    /// The key for rows with that salt; `None` is the one that seals.
    fn reading(&self, salt: &Salt) -> Option<Arc<LessSafeKey>> {
        if *salt == self.salt {
            return None;
        }
        let known = self.derived.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(salt) {
            return Some(key.clone());
        }
        drop(known);
        let key = Arc::new(derive(&self.secret, salt));
        let mut known = self.derived.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= DERIVED_MAX {
            known.clear();
        }
        known.insert(*salt, key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(secret: u8, salt: u8) -> Cipher {
        Cipher::new(7, [secret; 32], [salt; SALT_BYTES])
    }

    #[test]
    fn a_row_opens_only_as_what_it_was_sealed_as() {
        let cipher_1 = cipher(1, 1);
        let row = cipher_1.seal(Kind::Item, b"place", 300, b"secret words");
        assert!(is_sealed(&row));
        assert!(!row.windows(6).any(|part| part == b"secret"));
        assert_eq!(
            (number_of(&row), size_bytes(&row), vector_bytes(&row)),
            (Ok(7), Ok(300), Ok(300))
        );
        let open = |cipher: &Cipher, kind, place: &[u8], row: &[u8]| cipher.open(kind, place, row);
        let good = Ok(Bytes::from_static(b"secret words"));
        assert_eq!(open(&cipher_1, Kind::Item, b"place", &row), good);
        // After a restart, with another salt.
        assert_eq!(open(&cipher(1, 2), Kind::Item, b"place", &row), good);
        assert_eq!(open(&cipher(2, 1), Kind::Item, b"place", &row), Err(Corrupt));
        assert_eq!(open(&cipher_1, Kind::Entry, b"place", &row), Err(Corrupt));
        assert_eq!(open(&cipher_1, Kind::Item, b"other", &row), Err(Corrupt));
        for at in 0..row.len() {
            let mut damaged = row.to_vec();
            damaged[at] ^= 1;
            let is_number = (6..14).contains(&at);
            // The number only says which key to look for.
            assert_eq!(
                open(&cipher_1, Kind::Item, b"place", &damaged).is_err(),
                !is_number,
                "{at}"
            );
            assert_eq!(open(&cipher_1, Kind::Item, b"place", &row[..at]), Err(Corrupt), "{at}");
        }
    }

    #[test]
    fn equal_rows_are_not_sealed_alike() {
        let cipher = cipher(1, 1);
        let seal = || cipher.seal(Kind::Item, b"", 1, b"same");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn no_open_row_looks_sealed() {
        assert!(f32::from_le_bytes(MARK).is_nan());
        assert!(!is_sealed(&crate::item::encode(&crate::value::Item::new())));
    }
}
