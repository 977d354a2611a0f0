//! `DeriveSharedSecret`.
//!
//! ```text
//! aws kms derive-shared-secret --key-id alias/agree --key-agreement-algorithm ECDH \
//!     --public-key fileb://theirs.der
//! ```

use api_kms::{
    DeriveSharedSecretRequest, DeriveSharedSecretResponse, Error, KeyAgreementAlgorithmSpec,
    KeyUsageType,
};
use kernel::{Ctx, Fault};

use crate::error::{dry_run, validation};
use crate::{Kms, crypto, describe, material};

pub(crate) async fn derive_shared_secret(
    api: &Kms,
    ctx: &Ctx,
    input: DeriveSharedSecretRequest,
) -> Result<DeriveSharedSecretResponse, Error> {
    if input.recipient.is_some() {
        return Err(Fault::not_implemented("the parameter Recipient").into());
    }
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::KeyAgreement;
    let key = api.usable(ctx, &input.key_id, &usage, "DeriveSharedSecret", tokens).await?;
    let (_, bytes) = material::current(ctx, &key)?;
    let secret =
        crypto::agree(&key.spec(), &bytes, &input.public_key.0).map_err(|_| validation(""))?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    api.used(ctx, &key, "DeriveSharedSecret");
    Ok(DeriveSharedSecretResponse {
        shared_secret: Some(secret.into()),
        ciphertext_for_recipient: None,
        key_agreement_algorithm: Some(KeyAgreementAlgorithmSpec::Ecdh),
        key_origin: Some(describe::origin(&key.record)),
        key_id: Some(key.arn),
    })
}
