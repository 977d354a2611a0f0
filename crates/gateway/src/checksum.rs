//! The checksums a stream's trailer may carry (`x-amz-checksum-*`), base64 of big-endian bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// What is wrong with a checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChecksumError {
    /// Another value than the data's.
    Wrong(&'static str),
    /// A trailing header that is no checksum known here. It is refused: data nobody checked must
    /// not pass for checked.
    Unknown(String),
}

impl std::fmt::Display for ChecksumError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Wrong(name) => {
                write!(f, "The {name} you specified did not match the calculated checksum.")
            }
            Self::Unknown(name) => write!(f, "The trailing header {name} is not supported."),
        }
    }
}

impl std::error::Error for ChecksumError {}

/// Compares one trailing header with the data it follows.
pub fn check(header: &str, value: &str, data: &[u8]) -> Result<(), ChecksumError> {
    let (name, computed) = match header {
        "x-amz-checksum-crc32" => ("CRC32", crc(data, 0xedb8_8320, 32)),
        "x-amz-checksum-crc32c" => ("CRC32C", crc(data, 0x82f6_3b78, 32)),
        "x-amz-checksum-crc64nvme" => ("CRC64NVME", crc(data, 0x9a6c_9329_ac4b_c9b5, 64)),
        "x-amz-checksum-sha1" => {
            let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, data);
            ("SHA1", digest.as_ref().to_vec())
        }
        "x-amz-checksum-sha256" => ("SHA256", Sha256::digest(data).to_vec()),
        other => return Err(ChecksumError::Unknown(other.to_owned())),
    };
    match BASE64.decode(value).is_ok_and(|given| given == computed) {
        true => Ok(()),
        false => Err(ChecksumError::Wrong(name)),
    }
}

/// A reflected CRC with all ones at the start and at the end, `bits` wide, `polynomial` reflected.
fn crc(data: &[u8], polynomial: u64, bits: u32) -> Vec<u8> {
    let ones = u64::MAX >> (64 - bits);
    let mut table = [0_u64; 256];
    for (index, entry) in table.iter_mut().enumerate() {
        *entry = (0..8).fold(index as u64, |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 }
        });
    }
    let sum =
        data.iter().fold(ones, |crc, &byte| (crc >> 8) ^ table[usize::from((crc as u8) ^ byte)])
            ^ ones;
    sum.to_be_bytes()[8 - bits as usize / 8..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue, and FIPS 180's of "abc".
    #[test]
    fn published_values() {
        let hex = |bytes: Vec<u8>| crate::sigv4::hex(&bytes);
        assert_eq!(hex(crc(b"123456789", 0xedb8_8320, 32)), "cbf43926");
        assert_eq!(hex(crc(b"123456789", 0x82f6_3b78, 32)), "e3069283");
        assert_eq!(hex(crc(b"123456789", 0x9a6c_9329_ac4b_c9b5, 64)), "ae8b14860a799888");
        assert_eq!(check("x-amz-checksum-sha1", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=", b"abc"), Ok(()));
        assert_eq!(
            check("x-amz-checksum-crc32", "AAAAAA==", b"abc"),
            Err(ChecksumError::Wrong("CRC32"))
        );
        assert!(matches!(check("x-amz-checksum-md9", "", b""), Err(ChecksumError::Unknown(_))));
    }
}
