//! ECDH on the NIST curves (SP 800-56A, the x coordinate as it is).

use api_kms::KeySpec;
use aws_lc_rs::agreement::{
    Algorithm, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, ParsedPublicKeyFormat, PrivateKey,
    UnparsedPublicKey, agree as compute,
};

use super::Refused;

/// The shared secret with the owner of `public`, a `SubjectPublicKeyInfo` on the same curve.
pub(crate) fn agree(spec: &KeySpec, pkcs8: &[u8], public: &[u8]) -> Result<Vec<u8>, Refused> {
    let algorithm: &'static Algorithm = match spec {
        KeySpec::EccNistP256 => &ECDH_P256,
        KeySpec::EccNistP384 => &ECDH_P384,
        KeySpec::EccNistP521 => &ECDH_P521,
        _ => return Err(Refused),
    };
    let private = PrivateKey::from_private_key_der(algorithm, pkcs8)?;
    let public: ParsedPublicKey = UnparsedPublicKey::new(algorithm, public).try_into()?;
    if public.format() != ParsedPublicKeyFormat::X509 {
        return Err(Refused);
    }
    compute(&private, public, Refused, |secret| Ok(secret.to_vec()))
}
