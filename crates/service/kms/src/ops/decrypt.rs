//! `Decrypt`.
//!
//! ```text
//! aws kms decrypt --ciphertext-blob fileb://sealed --encryption-context for=desk
//! ```

use std::collections::BTreeMap;

use api_kms::{
    DecryptRequest, DecryptResponse, DryRunModifierType, EncryptionAlgorithmSpec as Algorithm,
    Error, KeyUsageType,
};
use kernel::{Ctx, Fault};
use shape::Blob;

use super::encrypt::check_algorithm;
use crate::error::{bad_ciphertext, dry_run, incorrect_key, no_key, validation};
use crate::find::{Key, Place, at, look_up};
use crate::record::KEYS;
use crate::{Kms, blob, crypto, grant, material};

pub(crate) async fn decrypt(
    api: &Kms,
    ctx: &Ctx,
    input: DecryptRequest,
) -> Result<DecryptResponse, Error> {
    if input.recipient.is_some() {
        return Err(Fault::not_implemented("the parameter Recipient").into());
    }
    let algorithm = input.encryption_algorithm.unwrap_or(Algorithm::SymmetricDefault);
    let dry = input.dry_run == Some(true);
    let sealed = Sealed::of(
        input.ciphertext_blob.as_ref(),
        dry.then_some(input.dry_run_modifiers.as_deref()).flatten(),
        input.key_id.is_some(),
    )?;
    let key = key_of(ctx, &sealed, input.key_id.as_deref(), &algorithm).await?;
    grant::check_tokens(ctx, input.grant_tokens.as_deref())?;
    check(&key, &algorithm)?;
    let context = input.encryption_context.unwrap_or_default();
    let opened = match sealed {
        Sealed::Ignored => return Err(dry_run().into()),
        Sealed::Bytes(bytes) => open(ctx, &key, &algorithm, &context, bytes).await?,
    };
    if dry {
        return Err(dry_run().into());
    }
    api.used(ctx, &key, "Decrypt");
    Ok(DecryptResponse {
        key_id: Some(key.arn),
        plaintext: Some(opened.plain.into()),
        encryption_algorithm: Some(algorithm),
        ciphertext_for_recipient: None,
        key_material_id: opened.material_id,
    })
}

/// What is to be decrypted.
#[derive(Clone, Copy)]
pub(super) enum Sealed<'a> {
    Bytes(&'a [u8]),
    /// A dry run that asks about the key alone.
    Ignored,
}

impl<'a> Sealed<'a> {
    /// `modifiers` of a dry run.
    pub(super) fn of(
        blob: Option<&'a Blob>,
        modifiers: Option<&[DryRunModifierType]>,
        names_key: bool,
    ) -> Result<Sealed<'a>, Error> {
        let ignores =
            modifiers.is_some_and(|all| all.contains(&DryRunModifierType::IgnoreCiphertext));
        match blob {
            Some(_) if ignores => Err(validation(
                "CiphertextBlob must not be given when DryRunModifiers has IGNORE_CIPHERTEXT",
            )
            .into()),
            Some(blob) => Ok(Sealed::Bytes(&blob.0)),
            None if ignores && names_key => Ok(Sealed::Ignored),
            None => Err(validation(
                "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy \
                 constraint: Member must not be null",
            )
            .into()),
        }
    }
}

/// The key that a request means: the one it names, which must be the one that encrypted, or
/// that alone.
pub(super) async fn key_of(
    ctx: &Ctx,
    sealed: &Sealed<'_>,
    named: Option<&str>,
    algorithm: &Algorithm,
) -> Result<Key, Error> {
    let named = match named {
        Some(name) => Some(look_up(ctx, name).await?),
        None => None,
    };
    let Sealed::Bytes(bytes) = sealed else {
        return named.ok_or_else(|| incorrect_key().into());
    };
    if *algorithm != Algorithm::SymmetricDefault {
        return named.ok_or_else(|| {
            validation("A KeyId is required for ciphertexts of asymmetric keys").into()
        });
    }
    let parsed = blob::parse(bytes).ok_or_else(bad_ciphertext)?;
    match named {
        Some(key) if key.place.id == parsed.key_id && key.place.account == parsed.account => {
            Ok(key)
        }
        Some(_) => Err(incorrect_key().into()),
        None => {
            let region = ctx.region().to_owned();
            let place = Place { account: parsed.account, region, id: parsed.key_id };
            ctx.store().read(|tx| {
                if !tx.contains(&KEYS, place.key())? {
                    return Err(unreachable_key().into());
                }
                at(tx, place)
            })
        }
    }
}

/// A ciphertext's key that is not here: KMS does not say which, nor why.
fn unreachable_key() -> Fault {
    Fault::sender(
        "AccessDeniedException",
        "The ciphertext refers to a customer master key that does not exist, does not exist in \
         this region, or you are not allowed to access.",
    )
}

/// Refuses a key that cannot decrypt so, or not now.
pub(super) fn check(key: &Key, algorithm: &Algorithm) -> Result<(), Error> {
    key.usable()?;
    if key.record.usage() != KeyUsageType::EncryptDecrypt {
        return Err(incorrect_key().into());
    }
    check_algorithm(key, algorithm)
}

/// A plaintext, and which material gave it (symmetric keys).
pub(super) struct Opened {
    pub(super) plain: Vec<u8>,
    pub(super) material_id: Option<String>,
}

/// Decrypts with a key that passed [`check`].
pub(super) async fn open(
    ctx: &Ctx,
    key: &Key,
    algorithm: &Algorithm,
    context: &BTreeMap<String, String>,
    bytes: &[u8],
) -> Result<Opened, Error> {
    let ring = material::ring(ctx, key)?;
    if *algorithm == Algorithm::SymmetricDefault {
        let parsed = blob::parse(bytes).ok_or_else(bad_ciphertext)?;
        let found = ring.find(&parsed.material_id).ok_or_else(bad_ciphertext)?;
        let material = material::open(ctx.kernel(), &key.place.id, found)?;
        let plain = parsed.open(&material, context).map_err(|_| bad_ciphertext())?;
        return Ok(Opened { plain, material_id: Some(parsed.material_id) });
    }
    let current = ring.current().ok_or_else(|| no_key(&key.arn))?;
    let material = material::open(ctx.kernel(), &key.place.id, current)?;
    let (algorithm, bytes) = (algorithm.clone(), bytes.to_vec());
    let done =
        material::blocking(move || crypto::rsa_decrypt(&algorithm, &material, &bytes)).await?;
    Ok(Opened { plain: done.map_err(|_| bad_ciphertext())?, material_id: None })
}
