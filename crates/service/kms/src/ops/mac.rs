//! `GenerateMac`, `VerifyMac`.
//!
//! ```text
//! aws kms generate-mac --key-id alias/mac --message fileb://letter --mac-algorithm HMAC_SHA_256
//! ```

use api_kms::{
    Error, GenerateMacRequest, GenerateMacResponse, KeyUsageType, MacAlgorithmSpec,
    VerifyMacRequest, VerifyMacResponse,
};
use kernel::{Ctx, Fault};

use crate::crypto;
use crate::error::{dry_run, wrong_algorithm};
use crate::find::Key;
use crate::{Kms, material, spec};

pub(crate) async fn generate_mac(
    api: &Kms,
    ctx: &Ctx,
    input: GenerateMacRequest,
) -> Result<GenerateMacResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::GenerateVerifyMac;
    let key = api.usable(ctx, &input.key_id, &usage, "GenerateMac", tokens).await?;
    check_algorithm(&key, &input.mac_algorithm)?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let (_, bytes) = material::current(ctx, &key)?;
    let mac = crypto::mac(&input.mac_algorithm, &bytes, &input.message.0);
    api.used(ctx, &key, "GenerateMac");
    Ok(GenerateMacResponse {
        mac: Some(mac.into()),
        mac_algorithm: Some(input.mac_algorithm),
        key_id: Some(key.arn),
    })
}

pub(crate) async fn verify_mac(
    api: &Kms,
    ctx: &Ctx,
    input: VerifyMacRequest,
) -> Result<VerifyMacResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let usage = KeyUsageType::GenerateVerifyMac;
    let key = api.usable(ctx, &input.key_id, &usage, "VerifyMac", tokens).await?;
    check_algorithm(&key, &input.mac_algorithm)?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let (_, bytes) = material::current(ctx, &key)?;
    let mac = crypto::mac(&input.mac_algorithm, &bytes, &input.message.0);
    api.used(ctx, &key, "VerifyMac");
    if !crypto::equal(&mac, &input.mac.0) {
        return Err(Fault::sender("KMSInvalidMacException", "").into());
    }
    Ok(VerifyMacResponse {
        key_id: Some(key.arn),
        mac_valid: Some(true),
        mac_algorithm: Some(input.mac_algorithm),
    })
}

fn check_algorithm(key: &Key, algorithm: &MacAlgorithmSpec) -> Result<(), Error> {
    let key_spec = key.spec();
    if spec::mac(&key_spec).contains(algorithm) {
        return Ok(());
    }
    Err(wrong_algorithm(algorithm.as_str(), &key_spec).into())
}
