//! `ReEncrypt`: the plaintext never leaves.
//!
//! ```text
//! aws kms re-encrypt --ciphertext-blob fileb://sealed --destination-key-id alias/other
//! ```

use api_kms::{
    EncryptionAlgorithmSpec as Algorithm, Error, KeyUsageType, ReEncryptRequest, ReEncryptResponse,
};
use kernel::Ctx;

use super::decrypt::{Sealed, check, key_of, open};
use super::encrypt::{check_algorithm, seal};
use crate::error::dry_run;
use crate::{Kms, material};

pub(crate) async fn re_encrypt(
    api: &Kms,
    ctx: &Ctx,
    input: ReEncryptRequest,
) -> Result<ReEncryptResponse, Error> {
    let from = input.source_encryption_algorithm.unwrap_or(Algorithm::SymmetricDefault);
    let to = input.destination_encryption_algorithm.unwrap_or(Algorithm::SymmetricDefault);
    let dry = input.dry_run == Some(true);
    let sealed = Sealed::of(
        input.ciphertext_blob.as_ref(),
        dry.then_some(input.dry_run_modifiers.as_deref()).flatten(),
        input.source_key_id.is_some(),
    )?;
    let source = key_of(ctx, &sealed, input.source_key_id.as_deref(), &from).await?;
    check(&source, &from)?;
    let usage = KeyUsageType::EncryptDecrypt;
    let tokens = input.grant_tokens.as_deref();
    let target = api.usable(ctx, &input.destination_key_id, &usage, "ReEncrypt", tokens).await?;
    check_algorithm(&target, &to)?;
    let Sealed::Bytes(bytes) = sealed else { return Err(dry_run().into()) };
    let context = input.source_encryption_context.unwrap_or_default();
    let opened = open(ctx, &source, &from, &context, bytes).await?;
    if dry {
        return Err(dry_run().into());
    }
    let context = input.destination_encryption_context.unwrap_or_default();
    let made = seal(ctx, &target, &to, &context, &opened.plain)?;
    let target_id = match to {
        Algorithm::SymmetricDefault => material::ring(ctx, &target)?.current,
        _ => None,
    };
    api.used(ctx, &source, "ReEncrypt");
    api.used(ctx, &target, "ReEncrypt");
    Ok(ReEncryptResponse {
        ciphertext_blob: Some(made.into()),
        source_key_id: Some(source.arn),
        key_id: Some(target.arn),
        source_encryption_algorithm: Some(from),
        destination_encryption_algorithm: Some(to),
        source_key_material_id: opened.material_id,
        destination_key_material_id: target_id,
    })
}
