//! ML-KEM, FIPS 203.

use api_kms::KeySpec;
use aws_lc_rs::kem::{
    Algorithm, AlgorithmId, Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_512, ML_KEM_768,
    ML_KEM_1024,
};

use super::Refused;

fn algorithm(spec: &KeySpec) -> &'static Algorithm<AlgorithmId> {
    match spec {
        KeySpec::MlKem512 => &ML_KEM_512,
        KeySpec::MlKem768 => &ML_KEM_768,
        _ => &ML_KEM_1024,
    }
}

/// A new decapsulation key, expanded.
pub(super) fn generate(spec: &KeySpec) -> Result<Vec<u8>, Refused> {
    Ok(DecapsulationKey::generate(algorithm(spec))?.key_bytes()?.as_ref().to_vec())
}

/// The encapsulation key inside an expanded decapsulation key (FIPS 203, algorithm 16:
/// `dk_pke ‖ ek ‖ H(ek) ‖ z`).
pub(super) fn public(spec: &KeySpec, private: &[u8]) -> Result<Vec<u8>, Refused> {
    let rank = match spec {
        KeySpec::MlKem512 => 2,
        KeySpec::MlKem768 => 3,
        _ => 4,
    };
    private.get(384 * rank..384 * rank + 384 * rank + 32).map(<[u8]>::to_vec).ok_or(Refused)
}

/// A new shared secret of 32 bytes, and its ciphertext.
pub(crate) fn encapsulate(spec: &KeySpec, private: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Refused> {
    let key = EncapsulationKey::new(algorithm(spec), &public(spec, private)?)?;
    let (ciphertext, secret) = key.encapsulate()?;
    Ok((ciphertext.as_ref().to_vec(), secret.as_ref().to_vec()))
}

/// The shared secret of a ciphertext.
pub(crate) fn decapsulate(
    spec: &KeySpec,
    private: &[u8],
    ciphertext: &[u8],
) -> Result<Vec<u8>, Refused> {
    let key = DecapsulationKey::new(algorithm(spec), private)?;
    Ok(key.decapsulate(Ciphertext::from(ciphertext))?.as_ref().to_vec())
}
