//! `Encrypt`.
//!
//! ```text
//! aws kms encrypt --key-id alias/desk --plaintext fileb://secret --encryption-context for=desk
//! ```

use std::collections::BTreeMap;

use api_kms::{
    EncryptRequest, EncryptResponse, EncryptionAlgorithmSpec as Algorithm, Error, KeyUsageType,
};
use kernel::Ctx;

use crate::error::{dry_run, internal, too_long, wrong_algorithm};
use crate::find::Key;
use crate::{Kms, blob, crypto, material, spec};

pub(crate) async fn encrypt(
    api: &Kms,
    ctx: &Ctx,
    input: EncryptRequest,
) -> Result<EncryptResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::EncryptDecrypt;
    let key = api.usable(ctx, &input.key_id, &usage, "Encrypt", tokens).await?;
    let algorithm = input.encryption_algorithm.unwrap_or(Algorithm::SymmetricDefault);
    check_algorithm(&key, &algorithm)?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let context = input.encryption_context.unwrap_or_default();
    let made = seal(ctx, &key, &algorithm, &context, &input.plaintext.0)?;
    api.used(ctx, &key, "Encrypt");
    Ok(EncryptResponse {
        ciphertext_blob: Some(made.into()),
        key_id: Some(key.arn),
        encryption_algorithm: Some(algorithm),
    })
}

/// Refuses an algorithm that the key has not.
pub(super) fn check_algorithm(key: &Key, algorithm: &Algorithm) -> Result<(), Error> {
    let key_spec = key.spec();
    if spec::encryption(&key_spec).contains(algorithm) {
        return Ok(());
    }
    Err(wrong_algorithm(algorithm.as_str(), &key_spec).into())
}

/// Encrypts under a usable key with an algorithm of it.
pub(super) fn seal(
    ctx: &Ctx,
    key: &Key,
    algorithm: &Algorithm,
    context: &BTreeMap<String, String>,
    plain: &[u8],
) -> Result<Vec<u8>, Error> {
    let (id, bytes) = material::current(ctx, key)?;
    let key_spec = key.spec();
    if *algorithm == Algorithm::SymmetricDefault {
        let place = &key.place;
        let named = (id.as_str(), bytes.as_slice());
        return blob::make(ctx.random(), &place.account, &place.id, named, context, plain)
            .map_err(|_| internal("nothing encrypted").into());
    }
    let max = crypto::plaintext_max(algorithm, spec::modulus_bits(&key_spec));
    if plain.len() > max {
        return Err(too_long(algorithm, &key_spec, max).into());
    }
    crypto::rsa_encrypt(algorithm, &bytes, plain).map_err(|_| internal("nothing encrypted").into())
}
