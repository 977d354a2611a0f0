//! What KMS does with keys, as plain functions of bytes: no store, no names, no errors of the API.
//!
//! The library is AWS-LC through `aws-lc-rs`. It alone has all that KMS offers (RSA, the NIST
//! curves, secp256k1, Ed25519 with prehash, ML-DSA, ML-KEM, key wrap) in constant time, and it is
//! what clients of KMS verify with. Its C code costs about a minute of two cores once, never in the
//! inner loop. The pure alternatives are a dozen crates on two generations of traits; `rsa` among
//! them has a known timing leak (RUSTSEC-2023-0071), and its keys take minutes in a debug build.
//!
//! Private keys are PKCS #8 (ML-KEM: the expanded decapsulation key of FIPS 203), symmetric and
//! HMAC keys are plain bytes. Keys and signature nonces come from AWS-LC's own generator: they must
//! never be repeatable, not even in a simulation.

mod agree;
mod der;
mod derive;
mod ffi;
mod kem;
mod keys;
mod mac;
mod rsa;
mod sign;
mod symmetric;
mod wrap;

pub(crate) use agree::agree;
pub(crate) use derive::material_id;
pub(crate) use kem::{decapsulate, encapsulate};
pub(crate) use keys::{check_imported, generate, private_pkcs8, public_key};
pub(crate) use mac::{equal, mac};
pub(crate) use rsa::{decrypt as rsa_decrypt, encrypt as rsa_encrypt, plaintext_max};
pub(crate) use sign::{Message, digest_len, sign, verify};
pub(crate) use symmetric::{NONCE_LEN, SALT_LEN, open, seal};
pub(crate) use wrap::{WrappingKey, unwrap};

/// Something did not work out; which, an attacker must not learn from us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

impl From<aws_lc_rs::error::Unspecified> for Refused {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Refused
    }
}

impl From<aws_lc_rs::error::KeyRejected> for Refused {
    fn from(_: aws_lc_rs::error::KeyRejected) -> Self {
        Refused
    }
}

#[cfg(test)]
mod tests;
