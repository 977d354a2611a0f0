//! `GenerateDataKeyPair`, `GenerateDataKeyPairWithoutPlaintext`.
//!
//! ```text
//! aws kms generate-data-key-pair --key-id alias/desk --key-pair-spec ECC_NIST_P256
//! ```

use std::collections::BTreeMap;

use api_kms::{
    DataKeyPairSpec, EncryptionAlgorithmSpec as Algorithm, Error, GenerateDataKeyPairRequest,
    GenerateDataKeyPairResponse, GenerateDataKeyPairWithoutPlaintextRequest,
    GenerateDataKeyPairWithoutPlaintextResponse, KeySpec,
};
use kernel::{Ctx, Fault};

use super::encrypt::seal;
use super::generate_data_key::wrapping_key;
use crate::error::{dry_run, internal};
use crate::find::Key;
use crate::{Kms, blob, crypto, material, spec};

pub(crate) async fn generate_data_key_pair(
    api: &Kms,
    ctx: &Ctx,
    input: GenerateDataKeyPairRequest,
) -> Result<GenerateDataKeyPairResponse, Error> {
    if input.recipient.is_some() {
        return Err(Fault::not_implemented("the parameter Recipient").into());
    }
    let made = Pair {
        key_id: &input.key_id,
        operation: "GenerateDataKeyPair",
        tokens: input.grant_tokens.as_deref(),
        spec: &input.key_pair_spec,
        context: input.encryption_context.unwrap_or_default(),
        dry: input.dry_run == Some(true),
    }
    .make(api, ctx)
    .await?;
    Ok(GenerateDataKeyPairResponse {
        private_key_ciphertext_blob: Some(made.sealed.into()),
        private_key_plaintext: Some(made.private.into()),
        public_key: Some(made.public.into()),
        key_id: Some(made.key.arn),
        key_pair_spec: Some(input.key_pair_spec),
        ciphertext_for_recipient: None,
        key_material_id: made.material_id,
    })
}

pub(crate) async fn generate_data_key_pair_without_plaintext(
    api: &Kms,
    ctx: &Ctx,
    input: GenerateDataKeyPairWithoutPlaintextRequest,
) -> Result<GenerateDataKeyPairWithoutPlaintextResponse, Error> {
    let made = Pair {
        key_id: &input.key_id,
        operation: "GenerateDataKeyPairWithoutPlaintext",
        tokens: input.grant_tokens.as_deref(),
        spec: &input.key_pair_spec,
        context: input.encryption_context.unwrap_or_default(),
        dry: input.dry_run == Some(true),
    }
    .make(api, ctx)
    .await?;
    Ok(GenerateDataKeyPairWithoutPlaintextResponse {
        private_key_ciphertext_blob: Some(made.sealed.into()),
        public_key: Some(made.public.into()),
        key_id: Some(made.key.arn),
        key_pair_spec: Some(input.key_pair_spec),
        key_material_id: made.material_id,
    })
}

struct Pair<'a> {
    key_id: &'a str,
    operation: &'static str,
    tokens: Option<&'a [String]>,
    spec: &'a DataKeyPairSpec,
    context: BTreeMap<String, String>,
    dry: bool,
}

struct Made {
    key: Key,
    private: Vec<u8>,
    public: Vec<u8>,
    sealed: Vec<u8>,
    material_id: Option<String>,
}

impl Pair<'_> {
    async fn make(self, api: &Kms, ctx: &Ctx) -> Result<Made, Error> {
        let pair_spec = KeySpec::from(self.spec.as_str());
        if spec::family(&pair_spec).is_none() {
            let name = pair_spec.as_str();
            return Err(Fault::not_implemented(format_args!("the key pair spec {name}")).into());
        }
        let key = wrapping_key(api, ctx, self.key_id, self.operation, self.tokens).await?;
        if self.dry {
            return Err(dry_run().into());
        }
        let fresh = material::fresh(ctx, &pair_spec).await?;
        let public = crypto::public_key(&pair_spec, &fresh)
            .map_err(|_| internal("a key of ours without a public half"))?;
        let private = crypto::private_pkcs8(&pair_spec, &fresh);
        let sealed = seal(ctx, &key, &Algorithm::SymmetricDefault, &self.context, &private)?;
        let material_id = blob::parse(&sealed).map(|blob| blob.material_id);
        api.used(ctx, &key, self.operation);
        Ok(Made { key, private, public, sealed, material_id })
    }
}
