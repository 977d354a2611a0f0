//! `GetKeyPolicy`, `PutKeyPolicy`, `ListKeyPolicies`: a key has one policy, named `default`.
//!
//! ```text
//! aws kms get-key-policy --key-id 1234abcd-12ab-34cd-56ef-1234567890ab --output text
//! ```

use api_kms::{
    Error, GetKeyPolicyRequest, GetKeyPolicyResponse, ListKeyPoliciesRequest,
    ListKeyPoliciesResponse, PutKeyPolicyOutput, PutKeyPolicyRequest,
};
use kernel::{Ctx, Fault};

use crate::error::not_found;
use crate::find::{Names, find};
use crate::record::KEYS;
use crate::{Kms, policy};

const NAME: &str = "default";

pub(crate) async fn get_key_policy(
    _: &Kms,
    ctx: &Ctx,
    input: GetKeyPolicyRequest,
) -> Result<GetKeyPolicyResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    check_name(input.policy_name.as_deref())?;
    Ok(GetKeyPolicyResponse { policy: Some(key.record.policy), policy_name: Some(NAME.to_owned()) })
}

pub(crate) async fn put_key_policy(
    _: &Kms,
    ctx: &Ctx,
    input: PutKeyPolicyRequest,
) -> Result<PutKeyPolicyOutput, Error> {
    let bypass = input.bypass_policy_lockout_safety_check == Some(true);
    ctx.store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            check_name(input.policy_name.as_deref())?;
            key.is_customers("PutKeyPolicy")?;
            key.not_ending()?;
            policy::check(ctx, &input.policy, bypass)?;
            key.record.policy.clone_from(&input.policy);
            tx.put(&KEYS, key.place.key(), &key.record)?;
            Ok(PutKeyPolicyOutput {})
        })
        .await
}

pub(crate) async fn list_key_policies(
    _: &Kms,
    ctx: &Ctx,
    input: ListKeyPoliciesRequest,
) -> Result<ListKeyPoliciesResponse, Error> {
    ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    Ok(ListKeyPoliciesResponse {
        policy_names: Some(vec![NAME.to_owned()]),
        truncated: Some(false),
        next_marker: None,
    })
}

fn check_name(name: Option<&str>) -> Result<(), Fault> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(_) => Err(not_found("No such policy exists")),
    }
}
