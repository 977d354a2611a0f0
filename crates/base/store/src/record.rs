//! How a value lies on disk: version, checksum, payload.
//!
//! The checksum covers the key as well, so a value that turns up under another key is found.

use bytes::Bytes;

use crate::StoreError;
use crate::engine::Versioned;
use crate::tx::corrupt;

const HEAD_BYTES: usize = 8 + 4;

pub(crate) fn encode(key: &[u8], version: u64, payload: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEAD_BYTES + payload.len());
    stored.extend_from_slice(&version.to_be_bytes());
    stored.extend_from_slice(&checksum(key, &version.to_be_bytes(), payload).to_be_bytes());
    stored.extend_from_slice(payload);
    stored
}

pub(crate) fn decode(key: &[u8], stored: Bytes) -> Result<Versioned, StoreError> {
    let head = stored.split_first_chunk::<8>();
    let Some((version, (crc, payload))) =
        head.and_then(|(version, rest)| Some((version, rest.split_first_chunk::<4>()?)))
    else {
        return Err(corrupt(key, format!("{} bytes are too few", stored.len())));
    };
    if checksum(key, version, payload) != u32::from_be_bytes(*crc) {
        return Err(corrupt(key, "checksum mismatch"));
    }
    let version = u64::from_be_bytes(*version);
    Ok(Versioned { version, value: stored.slice(HEAD_BYTES..) })
}

fn checksum(key: &[u8], version: &[u8; 8], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(version);
    crc.update(payload);
    crc.finalize()
}
