//! Signatures: RSASSA-PSS and PKCS #1 v1.5 (RFC 8017), ECDSA (FIPS 186-5, DER), Ed25519 and
//! Ed25519ph (RFC 8032), ML-DSA (FIPS 204).

use api_kms::{KeySpec, SigningAlgorithmSpec as Algorithm};
use aws_lc_rs::digest::{self, Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256K1_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ML_DSA_44,
    ML_DSA_65, ML_DSA_87, PqdsaKeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512, RsaSignatureEncoding, UnparsedPublicKey, VerificationAlgorithm,
};

use super::keys::{ecdsa, pqdsa, public_key};
use super::{Refused, ffi};

/// What is signed.
#[derive(Clone, Copy)]
pub(crate) enum Message<'a> {
    /// The message itself.
    Raw(&'a [u8]),
    /// Its digest; for ML-DSA its μ (FIPS 204, algorithm 7, line 6).
    Digest(&'a [u8]),
}

/// Length of the digest that an algorithm signs, in bytes.
pub(crate) fn digest_len(algorithm: &Algorithm) -> usize {
    match algorithm {
        Algorithm::RsassaPssSha256 | Algorithm::RsassaPkcs1V15Sha256 | Algorithm::EcdsaSha256 => 32,
        Algorithm::RsassaPssSha384 | Algorithm::RsassaPkcs1V15Sha384 | Algorithm::EcdsaSha384 => 48,
        _ => 64,
    }
}

fn digested(algorithm: &Algorithm, message: Message<'_>) -> Result<Digest, Refused> {
    let hash = match digest_len(algorithm) {
        32 => &SHA256,
        48 => &SHA384,
        _ => &SHA512,
    };
    match message {
        Message::Raw(message) => Ok(digest::digest(hash, message)),
        Message::Digest(bytes) => Ok(Digest::import_less_safe(bytes, hash)?),
    }
}

/// Signs with material that fits the algorithm.
pub(crate) fn sign(
    spec: &KeySpec,
    algorithm: &Algorithm,
    material: &[u8],
    message: Message<'_>,
) -> Result<Vec<u8>, Refused> {
    match algorithm {
        Algorithm::EcdsaSha256 | Algorithm::EcdsaSha384 | Algorithm::EcdsaSha512 => {
            let pair = EcdsaKeyPair::from_pkcs8(ecdsa(spec), material)?;
            Ok(pair.sign_digest(&digested(algorithm, message)?)?.as_ref().to_vec())
        }
        Algorithm::Ed25519Sha512 => {
            let Message::Raw(message) = message else { return Err(Refused) };
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(material)?;
            Ok(pair.try_sign(message)?.as_ref().to_vec())
        }
        Algorithm::Ed25519PhSha512 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(material)?;
            let digest = digested(algorithm, message)?;
            let digest = digest.as_ref().try_into().map_err(|_| Refused)?;
            let seed = pair.seed()?.as_be_bytes()?;
            let seed = seed.as_ref().try_into().map_err(|_| Refused)?;
            ffi::ed25519ph_sign(seed, digest)
        }
        Algorithm::MlDsaShake256 => match message {
            Message::Raw(message) => {
                let pair = PqdsaKeyPair::from_pkcs8(pqdsa(spec), material)?;
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let len = pair.sign(message, &mut signature)?;
                signature.truncate(len);
                Ok(signature)
            }
            Message::Digest(mu) => ffi::ml_dsa_sign_mu(material, mu),
        },
        _ => {
            let pair = RsaKeyPair::from_pkcs8(material)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            let digest = digested(algorithm, message)?;
            pair.sign_digest(rsa_encoding(algorithm)?, &digest, &mut signature)?;
            Ok(signature)
        }
    }
}

/// Whether `signature` is one of `message`.
pub(crate) fn verify(
    spec: &KeySpec,
    algorithm: &Algorithm,
    material: &[u8],
    message: Message<'_>,
    signature: &[u8],
) -> Result<bool, Refused> {
    let public = match algorithm {
        // The library takes these two raw, all others as SubjectPublicKeyInfo, too.
        Algorithm::Ed25519Sha512 | Algorithm::Ed25519PhSha512 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(material)?;
            pair.public_key().as_ref().to_vec()
        }
        _ => public_key(spec, material)?,
    };
    if let (Algorithm::MlDsaShake256, Message::Digest(mu)) = (algorithm, message) {
        return ffi::ml_dsa_verify_mu(&public, mu, signature);
    }
    if let Algorithm::Ed25519PhSha512 = algorithm {
        let digest = digested(algorithm, message)?;
        let digest = digest.as_ref().try_into().map_err(|_| Refused)?;
        let public = public.as_slice().try_into().map_err(|_| Refused)?;
        return Ok(ffi::ed25519ph_verify(public, digest, signature));
    }
    let key = UnparsedPublicKey::new(verification(spec, algorithm)?, public);
    let done = match (algorithm, message) {
        (Algorithm::Ed25519Sha512 | Algorithm::MlDsaShake256, Message::Raw(message)) => {
            key.verify(message, signature)
        }
        _ => key.verify_digest(&digested(algorithm, message)?, signature),
    };
    Ok(done.is_ok())
}

fn rsa_encoding(algorithm: &Algorithm) -> Result<&'static RsaSignatureEncoding, Refused> {
    Ok(match algorithm {
        Algorithm::RsassaPssSha256 => &RSA_PSS_SHA256,
        Algorithm::RsassaPssSha384 => &RSA_PSS_SHA384,
        Algorithm::RsassaPssSha512 => &RSA_PSS_SHA512,
        Algorithm::RsassaPkcs1V15Sha256 => &RSA_PKCS1_SHA256,
        Algorithm::RsassaPkcs1V15Sha384 => &RSA_PKCS1_SHA384,
        Algorithm::RsassaPkcs1V15Sha512 => &RSA_PKCS1_SHA512,
        _ => return Err(Refused),
    })
}

fn verification(
    spec: &KeySpec,
    algorithm: &Algorithm,
) -> Result<&'static dyn VerificationAlgorithm, Refused> {
    Ok(match (algorithm, spec) {
        (Algorithm::RsassaPssSha256, _) => &RSA_PSS_2048_8192_SHA256,
        (Algorithm::RsassaPssSha384, _) => &RSA_PSS_2048_8192_SHA384,
        (Algorithm::RsassaPssSha512, _) => &RSA_PSS_2048_8192_SHA512,
        (Algorithm::RsassaPkcs1V15Sha256, _) => &RSA_PKCS1_2048_8192_SHA256,
        (Algorithm::RsassaPkcs1V15Sha384, _) => &RSA_PKCS1_2048_8192_SHA384,
        (Algorithm::RsassaPkcs1V15Sha512, _) => &RSA_PKCS1_2048_8192_SHA512,
        (Algorithm::EcdsaSha256, KeySpec::EccSecgP256K1) => &ECDSA_P256K1_SHA256_ASN1,
        (Algorithm::EcdsaSha256, _) => &ECDSA_P256_SHA256_ASN1,
        (Algorithm::EcdsaSha384, _) => &ECDSA_P384_SHA384_ASN1,
        (Algorithm::EcdsaSha512, _) => &ECDSA_P521_SHA512_ASN1,
        (Algorithm::Ed25519Sha512, _) => &ED25519,
        (Algorithm::MlDsaShake256, KeySpec::MlDsa44) => &ML_DSA_44,
        (Algorithm::MlDsaShake256, KeySpec::MlDsa65) => &ML_DSA_65,
        (Algorithm::MlDsaShake256, _) => &ML_DSA_87,
        _ => return Err(Refused),
    })
}
