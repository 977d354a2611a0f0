//! `CreateKey`.
//!
//! ```text
//! aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY
//! ```

use api_kms::{CreateKeyRequest, CreateKeyResponse, Error, KeySpec, KeyUsageType, OriginType};
use kernel::{Ctx, Fault};

use crate::describe::metadata;
use crate::error::{unsupported, validation};
use crate::find::{Key, Place};
use crate::record::{KEYS, KeyRecord, MultiRegion, RINGS, Ring};
use crate::spec::{self, Family};
use crate::{Kms, material, policy, tags};

pub(crate) async fn create_key(
    _: &Kms,
    ctx: &Ctx,
    input: CreateKeyRequest,
) -> Result<CreateKeyResponse, Error> {
    let external = is_external(&input)?;
    let (key_spec, usage) = kind(&input)?;
    let multi_region = input.multi_region == Some(true);
    let policy = match input.policy {
        Some(text) => {
            let bypass = input.bypass_policy_lockout_safety_check == Some(true);
            policy::check(ctx, &text, bypass)?;
            text
        }
        None => policy::default(ctx.account()),
    };
    let mut record = KeyRecord {
        created_ms: ctx.now().epoch_ms,
        description: input.description.unwrap_or_default(),
        usage: usage.as_str().to_owned(),
        spec: key_spec.as_str().to_owned(),
        external,
        managed: false,
        enabled: true,
        deletion: None,
        multi_region: multi_region
            .then(|| MultiRegion { primary: ctx.region().to_owned(), replicas: vec![] }),
        policy,
        tags: Default::default(),
        has_material: !external,
        valid_to_ms: None,
    };
    tags::add(&mut record.tags, input.tags.as_deref().unwrap_or_default())?;
    let id = match multi_region {
        true => format!("mrk-{}", ctx.random().uuid().replace('-', "")),
        false => ctx.random().uuid(),
    };
    let place = Place { account: ctx.account().to_owned(), region: ctx.region().to_owned(), id };
    let mut ring = Ring::default();
    if !external {
        let first = material::generate(ctx, &place, &key_spec).await?;
        ring.install(first, None, record.created_ms);
    }
    ctx.store()
        .write(|tx| {
            tx.put(&KEYS, place.key(), &record)?;
            tx.put(&RINGS, place.ring(&record), &ring)
        })
        .await?;
    let key = Key { arn: place.arn(), place, record };
    Ok(CreateKeyResponse { key_metadata: Some(metadata(&key, Some(&ring))) })
}

fn is_external(input: &CreateKeyRequest) -> Result<bool, Fault> {
    if input.custom_key_store_id.is_some() || input.xks_key_id.is_some() {
        return Err(Fault::not_implemented("custom key stores"));
    }
    match &input.origin {
        None | Some(OriginType::AwsKms) => Ok(false),
        Some(OriginType::External) => Ok(true),
        Some(_) => Err(Fault::not_implemented("custom key stores")),
    }
}

/// Spec and usage, by either member.
fn kind(input: &CreateKeyRequest) -> Result<(KeySpec, KeyUsageType), Fault> {
    let old = input.customer_master_key_spec.as_ref().map(|old| KeySpec::from(old.as_str()));
    if let (Some(old), Some(new)) = (&old, &input.key_spec)
        && old != new
    {
        return Err(validation(
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
             CustomerMasterKeySpec is deprecated.",
        ));
    }
    let key_spec = input.key_spec.clone().or(old).unwrap_or(KeySpec::SymmetricDefault);
    let Some(family) = spec::family(&key_spec) else {
        return Err(Fault::not_implemented(format_args!("the key spec {}", key_spec.as_str())));
    };
    let usage = match &input.key_usage {
        Some(usage) => usage.clone(),
        None if family == Family::Symmetric => KeyUsageType::EncryptDecrypt,
        None => {
            return Err(validation(
                "You must specify a KeyUsage value for all KMS keys except for symmetric \
                 encryption keys.",
            ));
        }
    };
    if !spec::allows(&key_spec, &usage) {
        return Err(validation(format!(
            "KeyUsage {} is not compatible with KeySpec {}",
            usage.as_str(),
            key_spec.as_str()
        )));
    }
    if input.origin == Some(OriginType::External) && matches!(family, Family::MlDsa | Family::MlKem)
    {
        let spec = key_spec.as_str();
        return Err(unsupported(format!("KeySpec {spec} is not supported for Origin EXTERNAL")));
    }
    Ok((key_spec, usage))
}
