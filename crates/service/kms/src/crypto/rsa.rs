//! RSAES-OAEP, RFC 8017 §7.1, with MGF1 over the same hash and no label.

use api_kms::EncryptionAlgorithmSpec;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey,
};

use super::Refused;

/// The longest plaintext for a modulus of so many bits, in bytes.
pub(crate) fn plaintext_max(algorithm: &EncryptionAlgorithmSpec, modulus_bits: usize) -> usize {
    let hash = match algorithm {
        EncryptionAlgorithmSpec::RsaesOaepSha1 => 20,
        _ => 32,
    };
    modulus_bits / 8 - 2 * hash - 2
}

/// Encrypts under the public half of a PKCS #8 key.
pub(crate) fn encrypt(
    algorithm: &EncryptionAlgorithmSpec,
    pkcs8: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, Refused> {
    let public = PrivateDecryptingKey::from_pkcs8(pkcs8)?.public_key();
    let key = OaepPublicEncryptingKey::new(public)?;
    let mut out = vec![0; key.ciphertext_size()];
    let len = key.encrypt(oaep(algorithm), plain, &mut out, None)?.len();
    out.truncate(len);
    Ok(out)
}

/// Decrypts with a PKCS #8 key.
pub(crate) fn decrypt(
    algorithm: &EncryptionAlgorithmSpec,
    pkcs8: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, Refused> {
    let key = OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(pkcs8)?)?;
    let mut out = vec![0; key.min_output_size()];
    let len = key.decrypt(oaep(algorithm), ciphertext, &mut out, None)?.len();
    out.truncate(len);
    Ok(out)
}

fn oaep(algorithm: &EncryptionAlgorithmSpec) -> &'static OaepAlgorithm {
    match algorithm {
        EncryptionAlgorithmSpec::RsaesOaepSha1 => &OAEP_SHA1_MGF1SHA1,
        _ => &OAEP_SHA256_MGF1SHA256,
    }
}
