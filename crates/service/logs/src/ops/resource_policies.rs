//! `PutResourcePolicy`, `DescribeResourcePolicies`, `DeleteResourcePolicy`: what services of AWS may
//! write into the log groups of the account.
//!
//! ```text
//! aws logs put-resource-policy --policy-name events --policy-document file://policy.json
//! ```

use api_logs::{
    DeleteResourcePolicyOutput, DeleteResourcePolicyRequest, DescribeResourcePoliciesRequest,
    DescribeResourcePoliciesResponse, Error, PolicyScope, PutResourcePolicyRequest,
    PutResourcePolicyResponse, ResourcePolicy,
};
use kernel::{Ctx, Fault};
use policy::{Kind, Policy};
use store::{Key, Scan};

use super::{PAGE_ITEMS, count};
use crate::error::{bad_token, invalid, not_served, too_many};
use crate::table::{POLICIES, PolicyRecord, group_key, name_in};
use crate::{Logs, token};

/// Of an account in a region.
const POLICIES_MAX: usize = 10;
const NAME_CHARS_MAX: usize = 256;

pub(crate) async fn put_resource_policy(
    _: &Logs,
    ctx: &Ctx,
    input: PutResourcePolicyRequest,
) -> Result<PutResourcePolicyResponse, Error> {
    let operation = "PutResourcePolicy";
    if input.resource_arn.is_some() {
        return Err(not_served(operation, "resourceArn").into());
    }
    if input.expected_revision_id.is_some() {
        return Err(not_served(operation, "expectedRevisionId").into());
    }
    let name = named(input.policy_name)?;
    let Some(document) = input.policy_document else {
        return Err(invalid("policyDocument must be given.").into());
    };
    if let Err(error) = Policy::parse(&document, Kind::Resource) {
        return Err(invalid(format!("The policy document is invalid: {error}")).into());
    }
    let record = PolicyRecord { document, updated_ms: ctx.now().epoch_ms.max(0) as u64 };
    ctx.store()
        .write(|tx| {
            let all = Scan::prefix((ctx.account(), ctx.region()));
            let is_new = !tx.contains(&POLICIES, group_key(ctx, &name))?;
            if is_new && tx.scan(&POLICIES, all)?.len() >= POLICIES_MAX {
                return Err(Error::from(too_many()));
            }
            Ok(tx.put(&POLICIES, group_key(ctx, &name), &record)?)
        })
        .await?;
    Ok(PutResourcePolicyResponse {
        resource_policy: Some(described(name, record)),
        revision_id: None,
    })
}

fn named(name: Option<String>) -> Result<String, Fault> {
    let name = name.filter(|name| !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX);
    name.ok_or_else(|| invalid("policyName must have 1 to 256 characters."))
}

fn described(name: String, record: PolicyRecord) -> ResourcePolicy {
    ResourcePolicy {
        policy_name: Some(name),
        policy_document: Some(record.document),
        last_updated_time: Some(record.updated_ms as i64),
        policy_scope: Some(PolicyScope::Account),
        ..Default::default()
    }
}

pub(crate) async fn describe_resource_policies(
    _: &Logs,
    ctx: &Ctx,
    input: DescribeResourcePoliciesRequest,
) -> Result<DescribeResourcePoliciesResponse, Error> {
    let operation = "DescribeResourcePolicies";
    if input.resource_arn.is_some() {
        return Err(not_served(operation, "resourceArn").into());
    }
    if input.policy_scope.as_ref().is_some_and(|scope| *scope != PolicyScope::Account) {
        return Err(not_served(operation, "policyScope other than ACCOUNT").into());
    }
    let limit = count(input.limit, PAGE_ITEMS);
    let scope = Key::of(operation);
    let mut scan = Scan::prefix((ctx.account(), ctx.region())).limit(limit + 1);
    if let Some(given) = &input.next_token {
        let last = String::from_utf8(token::open(ctx, &scope, given)?);
        scan = scan.after(group_key(ctx, &last.map_err(|_| bad_token())?));
    }
    let mut found = ctx.store().read(|tx| tx.scan(&POLICIES, scan.clone()))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|(key, _)| token::issue(ctx, &scope, name_in(key).as_bytes()));
    let policies = found.into_iter().map(|(key, record)| described(name_in(&key), record));
    Ok(DescribeResourcePoliciesResponse { resource_policies: Some(policies.collect()), next_token })
}

pub(crate) async fn delete_resource_policy(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteResourcePolicyRequest,
) -> Result<DeleteResourcePolicyOutput, Error> {
    let operation = "DeleteResourcePolicy";
    if input.resource_arn.is_some() {
        return Err(not_served(operation, "resourceArn").into());
    }
    if input.expected_revision_id.is_some() {
        return Err(not_served(operation, "expectedRevisionId").into());
    }
    let name = named(input.policy_name)?;
    ctx.store()
        .write(|tx| {
            if !tx.contains(&POLICIES, group_key(ctx, &name))? {
                let message = format!("Policy with name [{name}] does not exist.");
                return Err(Error::from(Fault::sender("ResourceNotFoundException", message)));
            }
            Ok(tx.delete(&POLICIES, group_key(ctx, &name))?)
        })
        .await?;
    Ok(DeleteResourcePolicyOutput {})
}
