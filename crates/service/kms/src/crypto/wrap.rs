//! The ways in which key material arrives: under a one-time RSA key, alone or with AES key wrap
//! (RFC 5649) in between.

use api_kms::{AlgorithmSpec, EncryptionAlgorithmSpec, WrappingKeySpec};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use aws_lc_rs::rsa::{KeySize, PrivateDecryptingKey};

use super::{Refused, rsa};

/// A one-time RSA key.
pub(crate) struct WrappingKey {
    /// PKCS #8.
    pub(crate) private: Vec<u8>,
    /// `SubjectPublicKeyInfo`.
    pub(crate) public: Vec<u8>,
}

impl WrappingKey {
    /// Makes one. Takes up to seconds.
    pub(crate) fn generate(spec: &WrappingKeySpec) -> Result<Self, Refused> {
        let size = match spec {
            WrappingKeySpec::Rsa2048 => KeySize::Rsa2048,
            WrappingKeySpec::Rsa3072 => KeySize::Rsa3072,
            WrappingKeySpec::Rsa4096 => KeySize::Rsa4096,
            _ => return Err(Refused),
        };
        let key = PrivateDecryptingKey::generate(size)?;
        Ok(WrappingKey {
            private: key.as_der()?.as_ref().to_vec(),
            public: key.public_key().as_der()?.as_ref().to_vec(),
        })
    }
}

/// Takes the material out.
pub(crate) fn unwrap(
    algorithm: &AlgorithmSpec,
    private: &[u8],
    wrapped: &[u8],
) -> Result<Vec<u8>, Refused> {
    let sha1 = EncryptionAlgorithmSpec::RsaesOaepSha1;
    let sha256 = EncryptionAlgorithmSpec::RsaesOaepSha256;
    match algorithm {
        AlgorithmSpec::RsaesOaepSha1 => rsa::decrypt(&sha1, private, wrapped),
        AlgorithmSpec::RsaesOaepSha256 => rsa::decrypt(&sha256, private, wrapped),
        AlgorithmSpec::RsaAesKeyWrapSha1 => unwrap_twice(&sha1, private, wrapped),
        AlgorithmSpec::RsaAesKeyWrapSha256 => unwrap_twice(&sha256, private, wrapped),
        _ => Err(Refused),
    }
}

/// First an AES-256 key under RSA, as long as the modulus, then the material under that key.
fn unwrap_twice(
    algorithm: &EncryptionAlgorithmSpec,
    private: &[u8],
    wrapped: &[u8],
) -> Result<Vec<u8>, Refused> {
    let modulus = PrivateDecryptingKey::from_pkcs8(private)?.key_size_bytes();
    let (key, text) = wrapped.split_at_checked(modulus).ok_or(Refused)?;
    let key = rsa::decrypt(algorithm, private, key)?;
    let kek = AesKek::new(&AES_256, &key)?;
    let mut out = vec![0; text.len()];
    Ok(kek.unwrap_with_padding(text, &mut out)?.to_vec())
}
