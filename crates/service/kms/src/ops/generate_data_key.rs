//! `GenerateDataKey`, `GenerateDataKeyWithoutPlaintext`.
//!
//! ```text
//! aws kms generate-data-key --key-id alias/desk --key-spec AES_256
//! ```

use std::collections::BTreeMap;

use api_kms::{
    DataKeySpec, EncryptionAlgorithmSpec as Algorithm, Error, GenerateDataKeyRequest,
    GenerateDataKeyResponse, GenerateDataKeyWithoutPlaintextRequest,
    GenerateDataKeyWithoutPlaintextResponse, KeyUsageType,
};
use kernel::{Ctx, Fault};

use super::encrypt::{check_algorithm, seal};
use crate::error::{dry_run, validation};
use crate::find::Key;
use crate::{Kms, blob};

pub(crate) async fn generate_data_key(
    api: &Kms,
    ctx: &Ctx,
    input: GenerateDataKeyRequest,
) -> Result<GenerateDataKeyResponse, Error> {
    if input.recipient.is_some() {
        return Err(Fault::not_implemented("the parameter Recipient").into());
    }
    let made = DataKey {
        key_id: &input.key_id,
        operation: "GenerateDataKey",
        tokens: input.grant_tokens.as_deref(),
        len: length(input.key_spec.as_ref(), input.number_of_bytes)?,
        context: input.encryption_context.unwrap_or_default(),
        dry: input.dry_run == Some(true),
    }
    .make(api, ctx)
    .await?;
    Ok(GenerateDataKeyResponse {
        ciphertext_blob: Some(made.sealed.into()),
        plaintext: Some(made.plain.into()),
        key_id: Some(made.key.arn),
        ciphertext_for_recipient: None,
        key_material_id: made.material_id,
    })
}

pub(crate) async fn generate_data_key_without_plaintext(
    api: &Kms,
    ctx: &Ctx,
    input: GenerateDataKeyWithoutPlaintextRequest,
) -> Result<GenerateDataKeyWithoutPlaintextResponse, Error> {
    let made = DataKey {
        key_id: &input.key_id,
        operation: "GenerateDataKeyWithoutPlaintext",
        tokens: input.grant_tokens.as_deref(),
        len: length(input.key_spec.as_ref(), input.number_of_bytes)?,
        context: input.encryption_context.unwrap_or_default(),
        dry: input.dry_run == Some(true),
    }
    .make(api, ctx)
    .await?;
    Ok(GenerateDataKeyWithoutPlaintextResponse {
        ciphertext_blob: Some(made.sealed.into()),
        key_id: Some(made.key.arn),
        key_material_id: made.material_id,
    })
}

fn length(spec: Option<&DataKeySpec>, bytes: Option<i32>) -> Result<usize, Error> {
    match (spec, bytes) {
        (Some(DataKeySpec::Aes128), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => Ok(usize::try_from(bytes).unwrap_or(32)),
        _ => Err(validation("Please specify either number of bytes or key spec.").into()),
    }
}

struct DataKey<'a> {
    key_id: &'a str,
    operation: &'static str,
    tokens: Option<&'a [String]>,
    len: usize,
    context: BTreeMap<String, String>,
    dry: bool,
}

struct Made {
    key: Key,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    material_id: Option<String>,
}

impl DataKey<'_> {
    async fn make(self, api: &Kms, ctx: &Ctx) -> Result<Made, Error> {
        let key = wrapping_key(api, ctx, self.key_id, self.operation, self.tokens).await?;
        if self.dry {
            return Err(dry_run().into());
        }
        let mut plain = vec![0; self.len];
        ctx.random().fill(&mut plain);
        let sealed = seal(ctx, &key, &Algorithm::SymmetricDefault, &self.context, &plain)?;
        let material_id = blob::parse(&sealed).map(|blob| blob.material_id);
        api.used(ctx, &key, self.operation);
        Ok(Made { key, plain, sealed, material_id })
    }
}

/// The usable symmetric key that wraps a data key.
pub(super) async fn wrapping_key(
    api: &Kms,
    ctx: &Ctx,
    id: &str,
    operation: &str,
    tokens: Option<&[String]>,
) -> Result<Key, Error> {
    let key = api.usable(ctx, id, &KeyUsageType::EncryptDecrypt, operation, tokens).await?;
    check_algorithm(&key, &Algorithm::SymmetricDefault)?;
    Ok(key)
}
