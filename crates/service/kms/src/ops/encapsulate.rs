//! `Encapsulate`, `Decapsulate`: ML-KEM.
//!
//! ```text
//! aws kms encapsulate --key-id alias/kem --encapsulation-algorithm ML_KEM
//! ```

use api_kms::{
    DecapsulateRequest, DecapsulateResponse, EncapsulateRequest, EncapsulateResponse,
    EncapsulationAlgorithmSpec, Error, KeyUsageType,
};
use kernel::Ctx;

use crate::error::{bad_ciphertext, dry_run, internal};
use crate::{Kms, crypto, material};

pub(crate) async fn encapsulate(
    api: &Kms,
    ctx: &Ctx,
    input: EncapsulateRequest,
) -> Result<EncapsulateResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::EncapsulateDecapsulate;
    let key = api.usable(ctx, &input.key_id, &usage, "Encapsulate", tokens).await?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let (_, bytes) = material::current(ctx, &key)?;
    let (ciphertext, secret) =
        crypto::encapsulate(&key.spec(), &bytes).map_err(|_| internal("nothing encapsulated"))?;
    api.used(ctx, &key, "Encapsulate");
    Ok(EncapsulateResponse {
        key_id: Some(key.arn),
        shared_secret: Some(secret.into()),
        shared_secret_ciphertext_blob: Some(ciphertext.into()),
        encapsulation_algorithm: Some(EncapsulationAlgorithmSpec::MlKem),
    })
}

pub(crate) async fn decapsulate(
    api: &Kms,
    ctx: &Ctx,
    input: DecapsulateRequest,
) -> Result<DecapsulateResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::EncapsulateDecapsulate;
    let key = api.usable(ctx, &input.key_id, &usage, "Decapsulate", tokens).await?;
    let (_, bytes) = material::current(ctx, &key)?;
    // A forged ciphertext of the right length gives another secret (FIPS 203's implicit
    // rejection); only a wrong length is seen here.
    let secret = crypto::decapsulate(&key.spec(), &bytes, &input.shared_secret_ciphertext_blob.0)
        .map_err(|_| bad_ciphertext())?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    api.used(ctx, &key, "Decapsulate");
    Ok(DecapsulateResponse {
        key_id: Some(key.arn),
        shared_secret: Some(secret.into()),
        encapsulation_algorithm: Some(EncapsulationAlgorithmSpec::MlKem),
    })
}
