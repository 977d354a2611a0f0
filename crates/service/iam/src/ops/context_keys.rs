//! The context keys that policies ask for: `GetContextKeysForCustomPolicy`,
//! `GetContextKeysForPrincipalPolicy`.
//!
//! ```text
//! aws iam get-context-keys-for-custom-policy --policy-input-list file://policy.json
//! {"ContextKeyNames": ["aws:CurrentTime", "aws:username"]}
//! ```

use std::collections::BTreeMap;

use api_iam::{
    GetContextKeysForCustomPolicyRequest, GetContextKeysForPolicyResponse,
    GetContextKeysForPrincipalPolicyRequest,
};
use kernel::Ctx;

use crate::Iam;
use crate::error::Result;
use crate::simulate::{Document, Excluded, of_principal};

pub(crate) async fn get_context_keys_for_custom_policy(
    _: &Iam,
    _: &Ctx,
    input: GetContextKeysForCustomPolicyRequest,
) -> Result<GetContextKeysForPolicyResponse> {
    Ok(keys(&Document::read_all("PolicyInputList", &input.policy_input_list)?))
}

pub(crate) async fn get_context_keys_for_principal_policy(
    _: &Iam,
    ctx: &Ctx,
    input: GetContextKeysForPrincipalPolicyRequest,
) -> Result<GetContextKeysForPolicyResponse> {
    let mut documents = of_principal(ctx, &input.policy_source_arn, &Excluded::default())?.identity;
    let given = input.policy_input_list.unwrap_or_default();
    documents.extend(Document::read_all("PolicyInputList", &given)?);
    Ok(keys(&documents))
}

/// Each once, however it is written.
fn keys(documents: &[Document]) -> GetContextKeysForPolicyResponse {
    let names = documents.iter().flat_map(|document| document.policy.context_keys());
    let mut unique: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        unique.entry(name.to_ascii_lowercase()).or_insert(name);
    }
    GetContextKeysForPolicyResponse {
        context_key_names: Some(unique.into_values().map(str::to_owned).collect()),
    }
}
