//! The form a blob is stored in: segments of 128 KiB, each sealed by itself, so that any range can
//! be read and every byte read has been checked.
//!
//! ```text
//! segment   ciphertext (AES-256-GCM), tag (16 bytes), xxh3 of both (8 bytes, little endian)
//! nonce     number of the segment (8 bytes, big endian), 0 or (the last one) 1 (4 bytes)
//! key       HKDF-SHA256 of the blob's secret and its id
//! ```
//!
//! The tag says to whoever has the key that nothing was changed; the plain hash says to a scrub,
//! which has no keys, that nothing rotted.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of plain text in a segment; the last one may have fewer.
pub(crate) const SEGMENT_BYTES: usize = 128 * 1024;
/// Bytes of a whole segment as it is stored.
pub(crate) const STORED_BYTES: usize = SEGMENT_BYTES + EXTRA_BYTES;
/// Bytes a segment takes besides.
pub(crate) const EXTRA_BYTES: usize = TAG_BYTES + HASH_BYTES;
const TAG_BYTES: usize = 16;
const HASH_BYTES: usize = 8;

/// The key of one blob.
pub(crate) struct SegmentKey(LessSafeKey);

/// What a segment holds is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// Segments of a blob of `size` bytes: at least one.
pub(crate) fn segments(size: u64) -> u64 {
    size.div_ceil(SEGMENT_BYTES as u64).max(1)
}

/// Bytes that a blob of `size` bytes is stored in.
pub(crate) fn stored_bytes(size: u64) -> u64 {
    size + segments(size) * EXTRA_BYTES as u64
}

impl SegmentKey {
    pub fn new(secret: &[u8; 32], id: &str) -> Self {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"gureum blob");
        let mut key = [0; 32];
        salt.extract(secret)
            .expand(&[id.as_bytes()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(&mut key))
            .expect("32 bytes are one block");
        let key = UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes are a key");
        SegmentKey(LessSafeKey::new(key))
    }

    /// Makes the stored form of a segment in place: the plain text at the beginning becomes the
    /// ciphertext, and the last [`EXTRA_BYTES`] what checks it.
    pub fn seal(&self, number: u64, last: bool, segment: &mut [u8]) {
        let end = segment.len() - HASH_BYTES;
        let (sealed, hash) = segment.split_at_mut(end);
        let (text, tag) = sealed.split_at_mut(end - TAG_BYTES);
        let computed = self
            .0
            .seal_in_place_separate_tag(nonce(number, last), Aad::empty(), text)
            .expect("a segment is far shorter than AES-GCM allows");
        tag.copy_from_slice(computed.as_ref());
        hash.copy_from_slice(&xxh3_64(sealed).to_le_bytes());
    }

    /// Opens the stored form of a segment in place; the plain text is at its beginning.
    pub fn open(&self, number: u64, last: bool, stored: &mut [u8]) -> Result<usize, Damaged> {
        let end = stored.len().checked_sub(HASH_BYTES).ok_or(Damaged)?;
        let sealed = &mut stored[..end];
        let plain = self.0.open_in_place(nonce(number, last), Aad::empty(), sealed);
        plain.map(|plain| plain.len()).map_err(|_| Damaged)
    }
}

/// Whether a stored segment is as it was written, without its key.
pub(crate) fn is_whole(stored: &[u8]) -> bool {
    let Some(end) = stored.len().checked_sub(HASH_BYTES) else { return false };
    let (sealed, hash) = stored.split_at(end);
    end >= TAG_BYTES && xxh3_64(sealed).to_le_bytes() == hash
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce[NONCE_LEN - 1] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_opens_only_as_what_it_is() {
        let key = SegmentKey::new(&[7; 32], "a");
        let mut sealed = [&b"hello"[..], &[0; EXTRA_BYTES]].concat();
        key.seal(3, true, &mut sealed);
        assert!(is_whole(&sealed));
        let open = |key: &SegmentKey, number, last, mut bytes: Vec<u8>| {
            key.open(number, last, &mut bytes).map(|length| bytes[..length].to_vec())
        };
        assert_eq!(open(&key, 3, true, sealed.clone()), Ok(b"hello".to_vec()));
        assert_eq!(open(&key, 3, false, sealed.clone()), Err(Damaged));
        assert_eq!(open(&key, 2, true, sealed.clone()), Err(Damaged));
        assert_eq!(open(&SegmentKey::new(&[7; 32], "b"), 3, true, sealed.clone()), Err(Damaged));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(!is_whole(&damaged), "byte {at}");
            assert!(!is_whole(&sealed[..at]), "cut at {at}");
            assert_eq!(open(&key, 3, true, sealed[..at].to_vec()), Err(Damaged), "cut at {at}");
        }
    }

    #[test]
    fn sizes() {
        for (size, segments_, stored) in
            [(0, 1, 24), (1, 1, 25), (131_072, 1, 131_096), (131_073, 2, 131_121)]
        {
            assert_eq!((segments(size), stored_bytes(size)), (segments_, stored), "{size}");
        }
    }
}
