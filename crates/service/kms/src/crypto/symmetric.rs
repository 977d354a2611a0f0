//! Symmetric encryption: AES-256-GCM under a key derived for this one message.
//!
//! The derivation (HKDF-SHA256 over a random salt, as KMS derives with its own function) is what
//! lifts GCM's limit of 2³² messages with random nonces under one key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf;

use super::Refused;

/// Bytes of the derivation's salt.
pub(crate) const SALT_LEN: usize = 16;
/// Bytes of the nonce.
pub(crate) const NONCE_LEN: usize = aws_lc_rs::aead::NONCE_LEN;

/// Encrypts; the result is the ciphertext and 16 bytes of tag.
pub(crate) fn seal(
    key: &[u8],
    salt: &[u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, Refused> {
    let mut text = plain.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    derived(key, salt)?.seal_in_place_append_tag(nonce, Aad::from(aad), &mut text)?;
    Ok(text)
}

/// Decrypts what [`seal`] made.
pub(crate) fn open(
    key: &[u8],
    salt: &[u8; SALT_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, Refused> {
    let mut text = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plain = derived(key, salt)?.open_in_place(nonce, Aad::from(aad), &mut text)?;
    Ok(plain.to_vec())
}

fn derived(key: &[u8], salt: &[u8; SALT_LEN]) -> Result<LessSafeKey, Refused> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, salt);
    let mut bytes = [0; 32];
    salt.extract(key).expand(&[b"kms message key"], hkdf::HKDF_SHA256)?.fill(&mut bytes)?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes)?))
}
