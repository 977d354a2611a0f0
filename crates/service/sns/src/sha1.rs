//! RSA with SHA-1 (RSASSA-PKCS1-v1_5, RFC 8017), in which messages of SignatureVersion 1 are signed:
//! AWS-LC's Rust interface verifies such signatures, but makes none. The only `unsafe` code of the
//! service.

use std::ptr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_sys::{
    CBS, CBS_init, EVP_PKEY, EVP_PKEY_free, EVP_PKEY_get0_RSA, EVP_parse_private_key, NID_sha1,
    RSA_sign, RSA_size,
};

/// An `EVP_PKEY` that is freed.
struct Key(*mut EVP_PKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a parser, is not null, and nobody else frees it.
        unsafe { EVP_PKEY_free(self.0) }
    }
}

/// The signature of a text by an RSA key in PKCS #8, whose modulus has so many bytes. `None`: the
/// key is none.
pub(crate) fn sign(pkcs8: &[u8], modulus_bytes: usize, text: &[u8]) -> Option<Vec<u8>> {
    let mut reader = CBS { data: ptr::null(), len: 0 };
    // SAFETY: the reader borrows `pkcs8`, which outlives it, and the parser only reads it; the key
    // it returns owns its memory.
    let key = unsafe {
        CBS_init(&mut reader, pkcs8.as_ptr(), pkcs8.len());
        EVP_parse_private_key(&mut reader)
    };
    if key.is_null() {
        return None;
    }
    let key = Key(key);
    // SAFETY: the key is not null; what is returned is borrowed from it, or null.
    let rsa = unsafe { EVP_PKEY_get0_RSA(key.0) };
    if rsa.is_null() {
        return None;
    }
    // SAFETY: the pointer is good as long as the key is.
    if unsafe { RSA_size(rsa) } as usize != modulus_bytes {
        return None;
    }
    let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, text);
    let mut signature = vec![0; modulus_bytes];
    let mut len = 0;
    // SAFETY: it reads the digest, whose length is given, and writes as many bytes as the key's
    // modulus has: so many the buffer has.
    let done = unsafe {
        RSA_sign(
            NID_sha1,
            digest.as_ref().as_ptr(),
            digest.as_ref().len(),
            signature.as_mut_ptr(),
            &mut len,
            rsa,
        )
    };
    signature.truncate(len as usize);
    (done == 1 && signature.len() == modulus_bytes).then_some(signature)
}
