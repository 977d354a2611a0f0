//! Key specs: what each can do, as the model's documentation lists it.

use api_kms::{
    EncryptionAlgorithmSpec as Encryption, KeySpec, KeyUsageType as Usage, MacAlgorithmSpec as Mac,
    SigningAlgorithmSpec as Signing,
};

/// Kinds of key specs that are handled alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Symmetric,
    Hmac,
    Rsa,
    Ec,
    Ed25519,
    MlDsa,
    MlKem,
}

/// `None`: not served (SM2 exists in AWS's Chinese regions only).
pub(crate) fn family(spec: &KeySpec) -> Option<Family> {
    Some(match spec {
        KeySpec::SymmetricDefault => Family::Symmetric,
        KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => Family::Hmac,
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Family::Rsa,
        KeySpec::EccNistP256
        | KeySpec::EccNistP384
        | KeySpec::EccNistP521
        | KeySpec::EccSecgP256K1 => Family::Ec,
        KeySpec::EccNistEdwards25519 => Family::Ed25519,
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => Family::MlDsa,
        KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => Family::MlKem,
        _ => return None,
    })
}

/// Length of symmetric and HMAC material in bytes.
pub(crate) fn bytes(spec: &KeySpec) -> usize {
    match spec {
        KeySpec::Hmac224 => 28,
        KeySpec::Hmac384 => 48,
        KeySpec::Hmac512 => 64,
        _ => 32,
    }
}

/// Bits of an RSA modulus.
pub(crate) fn modulus_bits(spec: &KeySpec) -> usize {
    match spec {
        KeySpec::Rsa2048 => 2048,
        KeySpec::Rsa3072 => 3072,
        _ => 4096,
    }
}

/// Whether keys of this spec can be made for this usage.
pub(crate) fn allows(spec: &KeySpec, usage: &Usage) -> bool {
    match family(spec) {
        None => false,
        Some(Family::Symmetric) => *usage == Usage::EncryptDecrypt,
        Some(Family::Hmac) => *usage == Usage::GenerateVerifyMac,
        Some(Family::Rsa) => matches!(usage, Usage::EncryptDecrypt | Usage::SignVerify),
        Some(Family::Ec) if *spec == KeySpec::EccSecgP256K1 => *usage == Usage::SignVerify,
        Some(Family::Ec) => matches!(usage, Usage::SignVerify | Usage::KeyAgreement),
        Some(Family::Ed25519 | Family::MlDsa) => *usage == Usage::SignVerify,
        Some(Family::MlKem) => *usage == Usage::EncapsulateDecapsulate,
    }
}

/// Encryption algorithms of a spec, in AWS's order.
pub(crate) fn encryption(spec: &KeySpec) -> Vec<Encryption> {
    match family(spec) {
        Some(Family::Symmetric) => vec![Encryption::SymmetricDefault],
        Some(Family::Rsa) => vec![Encryption::RsaesOaepSha1, Encryption::RsaesOaepSha256],
        _ => vec![],
    }
}

/// Signing algorithms of a spec, in AWS's order.
pub(crate) fn signing(spec: &KeySpec) -> Vec<Signing> {
    match spec {
        KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => vec![
            Signing::RsassaPkcs1V15Sha256,
            Signing::RsassaPkcs1V15Sha384,
            Signing::RsassaPkcs1V15Sha512,
            Signing::RsassaPssSha256,
            Signing::RsassaPssSha384,
            Signing::RsassaPssSha512,
        ],
        KeySpec::EccNistP256 | KeySpec::EccSecgP256K1 => vec![Signing::EcdsaSha256],
        KeySpec::EccNistP384 => vec![Signing::EcdsaSha384],
        KeySpec::EccNistP521 => vec![Signing::EcdsaSha512],
        KeySpec::EccNistEdwards25519 => vec![Signing::Ed25519PhSha512, Signing::Ed25519Sha512],
        KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => vec![Signing::MlDsaShake256],
        _ => vec![],
    }
}

/// MAC algorithms of a spec.
pub(crate) fn mac(spec: &KeySpec) -> Vec<Mac> {
    match spec {
        KeySpec::Hmac224 => vec![Mac::HmacSha224],
        KeySpec::Hmac256 => vec![Mac::HmacSha256],
        KeySpec::Hmac384 => vec![Mac::HmacSha384],
        KeySpec::Hmac512 => vec![Mac::HmacSha512],
        _ => vec![],
    }
}
