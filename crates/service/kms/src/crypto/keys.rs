//! Making key material, its public half, and the check of imported material.

use api_kms::KeySpec;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm,
};
use kernel::Random;

use super::{Refused, der, kem};
use crate::spec::{Family, bytes, family, modulus_bits};

pub(super) fn ecdsa(spec: &KeySpec) -> &'static EcdsaSigningAlgorithm {
    match spec {
        KeySpec::EccNistP384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        KeySpec::EccNistP521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
        KeySpec::EccSecgP256K1 => &ECDSA_P256K1_SHA256_ASN1_SIGNING,
        _ => &ECDSA_P256_SHA256_ASN1_SIGNING,
    }
}

pub(super) fn pqdsa(spec: &KeySpec) -> &'static PqdsaSigningAlgorithm {
    match spec {
        KeySpec::MlDsa44 => &ML_DSA_44_SIGNING,
        KeySpec::MlDsa65 => &ML_DSA_65_SIGNING,
        _ => &ML_DSA_87_SIGNING,
    }
}

/// New material of a kind. RSA takes up to seconds.
pub(crate) fn generate(spec: &KeySpec, random: &dyn Random) -> Result<Vec<u8>, Refused> {
    Ok(match family(spec).ok_or(Refused)? {
        Family::Symmetric | Family::Hmac => {
            let mut key = vec![0; bytes(spec)];
            random.fill(&mut key);
            key
        }
        Family::Rsa => {
            let size = match spec {
                KeySpec::Rsa2048 => KeySize::Rsa2048,
                KeySpec::Rsa3072 => KeySize::Rsa3072,
                _ => KeySize::Rsa4096,
            };
            RsaKeyPair::generate(size)?.as_der()?.as_ref().to_vec()
        }
        Family::Ec => EcdsaKeyPair::generate(ecdsa(spec))?.to_pkcs8v1()?.as_ref().to_vec(),
        Family::Ed25519 => Ed25519KeyPair::generate()?.to_pkcs8v1()?.as_ref().to_vec(),
        Family::MlDsa => PqdsaKeyPair::generate(pqdsa(spec))?.to_pkcs8v1()?.as_ref().to_vec(),
        Family::MlKem => kem::generate(spec)?,
    })
}

/// The public key of asymmetric material, a `SubjectPublicKeyInfo`.
pub(crate) fn public_key(spec: &KeySpec, material: &[u8]) -> Result<Vec<u8>, Refused> {
    Ok(match family(spec).ok_or(Refused)? {
        Family::Symmetric | Family::Hmac => return Err(Refused),
        Family::Rsa => RsaKeyPair::from_pkcs8(material)?.public_key().as_der()?.as_ref().to_vec(),
        Family::Ec => {
            let pair = EcdsaKeyPair::from_pkcs8(ecdsa(spec), material)?;
            pair.public_key().as_der()?.as_ref().to_vec()
        }
        Family::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(material)?;
            pair.public_key().as_der()?.as_ref().to_vec()
        }
        Family::MlDsa => {
            let pair = PqdsaKeyPair::from_pkcs8(pqdsa(spec), material)?;
            pair.public_key().as_der()?.as_ref().to_vec()
        }
        Family::MlKem => der::kem_public(spec, &kem::public(spec, material)?),
    })
}

/// The private key of asymmetric material in PKCS #8.
pub(crate) fn private_pkcs8(spec: &KeySpec, material: &[u8]) -> Vec<u8> {
    match family(spec) {
        Some(Family::MlKem) => der::kem_private(spec, material),
        _ => material.to_vec(),
    }
}

/// Whether imported material is a key of this kind.
pub(crate) fn check_imported(spec: &KeySpec, material: &[u8]) -> Result<(), Refused> {
    let fits = match family(spec).ok_or(Refused)? {
        Family::Symmetric | Family::Hmac => material.len() == bytes(spec),
        Family::Rsa => {
            let bits = 8 * RsaKeyPair::from_pkcs8(material)?.public_modulus_len();
            bits == modulus_bits(spec)
        }
        // A decapsulation key has no PKCS #8 that the library reads.
        Family::MlKem => false,
        _ => public_key(spec, material).is_ok(),
    };
    fits.then_some(()).ok_or(Refused)
}
