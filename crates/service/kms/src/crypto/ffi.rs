//! Two things that AWS-LC does and its Rust interface does not offer: Ed25519 over a digest, and
//! ML-DSA over an external μ. The only `unsafe` code of the service.

use std::ptr;

use aws_lc_sys::{
    CBS, CBS_init, ED25519_keypair_from_seed, ED25519ph_sign_digest, ED25519ph_verify_digest,
    EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new, EVP_PKEY_free, EVP_PKEY_sign,
    EVP_PKEY_sign_init, EVP_PKEY_verify, EVP_PKEY_verify_init, EVP_parse_private_key,
    EVP_parse_public_key,
};

use super::Refused;

/// Signs a SHA-512 digest (Ed25519ph with an empty context).
pub(super) fn ed25519ph_sign(seed: &[u8; 32], digest: &[u8; 64]) -> Result<Vec<u8>, Refused> {
    let (mut public, mut private) = ([0u8; 32], [0u8; 64]);
    let mut signature = vec![0u8; 64];
    // SAFETY: the function writes 32 and 64 bytes and reads 32; so long are the arrays.
    unsafe {
        ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr());
    }
    // SAFETY: it writes 64 bytes, reads 64 of the digest, 64 of the key and none of the context,
    // whose length is 0; so long are the buffers.
    let done = unsafe {
        ED25519ph_sign_digest(
            signature.as_mut_ptr(),
            digest.as_ptr(),
            private.as_ptr(),
            ptr::null(),
            0,
        )
    };
    if done == 1 { Ok(signature) } else { Err(Refused) }
}

/// Whether this is a signature of a SHA-512 digest (Ed25519ph with an empty context).
pub(super) fn ed25519ph_verify(public: &[u8; 32], digest: &[u8; 64], signature: &[u8]) -> bool {
    let Ok(signature) = <&[u8; 64]>::try_from(signature) else { return false };
    // SAFETY: it reads 64 bytes of digest and signature, 32 of the key, none of the context.
    let done = unsafe {
        ED25519ph_verify_digest(
            digest.as_ptr(),
            signature.as_ptr(),
            public.as_ptr(),
            ptr::null(),
            0,
        )
    };
    done == 1
}

/// An `EVP_PKEY` that is freed.
struct Key(*mut EVP_PKEY);

impl Key {
    fn parse(
        der: &[u8],
        parse: unsafe extern "C" fn(*mut CBS) -> *mut EVP_PKEY,
    ) -> Result<Key, Refused> {
        let mut reader = CBS { data: ptr::null(), len: 0 };
        // SAFETY: the reader borrows `der`, which outlives it, and the parser (one of the two of
        // AWS-LC that are passed here) only reads it; the key it returns owns its memory.
        let key = unsafe {
            CBS_init(&mut reader, der.as_ptr(), der.len());
            parse(&mut reader)
        };
        if key.is_null() { Err(Refused) } else { Ok(Key(key)) }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a parser, is not null, and nobody else frees it.
        unsafe { EVP_PKEY_free(self.0) }
    }
}

/// An `EVP_PKEY_CTX` that is freed, before its key.
struct Context<'a>(*mut EVP_PKEY_CTX, std::marker::PhantomData<&'a Key>);

impl<'a> Context<'a> {
    fn of(key: &'a Key) -> Result<Context<'a>, Refused> {
        // SAFETY: the key is alive; no engine is given.
        let context = unsafe { EVP_PKEY_CTX_new(key.0, ptr::null_mut()) };
        if context.is_null() { Err(Refused) } else { Ok(Context(context, Default::default())) }
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `EVP_PKEY_CTX_new`, is not null, nobody else frees it.
        unsafe { EVP_PKEY_CTX_free(self.0) }
    }
}

/// Signs μ, 64 bytes, with an ML-DSA key in PKCS #8.
pub(super) fn ml_dsa_sign_mu(pkcs8: &[u8], mu: &[u8]) -> Result<Vec<u8>, Refused> {
    let key = Key::parse(pkcs8, EVP_parse_private_key)?;
    let context = Context::of(&key)?;
    let mut len = 0;
    // SAFETY: the context is alive; a null signature asks for its longest length.
    let ready = unsafe {
        EVP_PKEY_sign_init(context.0) == 1
            && EVP_PKEY_sign(context.0, ptr::null_mut(), &mut len, mu.as_ptr(), mu.len()) == 1
    };
    if !ready {
        return Err(Refused);
    }
    let mut signature = vec![0u8; len];
    // SAFETY: `len` bytes may be written to the signature; `mu` is read in its length.
    let done = unsafe {
        EVP_PKEY_sign(context.0, signature.as_mut_ptr(), &mut len, mu.as_ptr(), mu.len())
    };
    signature.truncate(len);
    if done == 1 { Ok(signature) } else { Err(Refused) }
}

/// Whether this is a signature of μ under a `SubjectPublicKeyInfo`.
pub(super) fn ml_dsa_verify_mu(
    public: &[u8],
    mu: &[u8],
    signature: &[u8],
) -> Result<bool, Refused> {
    let key = Key::parse(public, EVP_parse_public_key)?;
    let context = Context::of(&key)?;
    // SAFETY: the context is alive; both inputs are read in their lengths.
    let done = unsafe {
        EVP_PKEY_verify_init(context.0) == 1
            && EVP_PKEY_verify(
                context.0,
                signature.as_ptr(),
                signature.len(),
                mu.as_ptr(),
                mu.len(),
            ) == 1
    };
    Ok(done)
}
