//! Managed policies: `CreatePolicy`, `GetPolicy`, `ListPolicies`, `DeletePolicy`, `TagPolicy`,
//! `UntagPolicy`, `ListPolicyTags`.
//!
//! ```text
//! aws iam create-policy --policy-name read --policy-document file://read.json
//! {"Policy": {"PolicyName": "read", "DefaultVersionId": "v1", "AttachmentCount": 0, …}}
//! ```

use std::collections::HashMap;

use api_iam::{
    CreatePolicyRequest, CreatePolicyResponse, DeletePolicyOutput, DeletePolicyRequest, Error,
    GetPolicyRequest, GetPolicyResponse, ListPoliciesRequest, ListPoliciesResponse,
    ListPolicyTagsRequest, ListPolicyTagsResponse, Policy, PolicyScopeType, PolicyUsageType,
    TagPolicyOutput, TagPolicyRequest, UntagPolicyOutput, UntagPolicyRequest,
};
use kernel::Ctx;
use store::{ReadTx, Scan};

use crate::attach::Usage;
use crate::entity::{self, change};
use crate::error::{Result, conflict, exists, quota};
use crate::managed::{self, Managed};
use crate::page::page;
use crate::record::{POLICIES, PolicyRecord, VersionRecord};
use crate::shown::{Detail, Uses};
use crate::{Iam, attach, id, shown, tags};

/// Managed policies of one account.
pub(crate) const POLICIES_MAX: usize = 1500;

pub(crate) async fn create_policy(
    _: &Iam,
    ctx: &Ctx,
    input: CreatePolicyRequest,
) -> Result<CreatePolicyResponse> {
    let now_ms = ctx.now().epoch_ms;
    let document = super::policy_versions::checked(input.policy_document)?;
    let record = PolicyRecord {
        name: input.policy_name,
        id: id::unique(ctx, "ANPA"),
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        created_ms: now_ms,
        updated_ms: now_ms,
        description: input.description,
        tags: tags::given(input.tags)?,
        default_version: 1,
        next_version: 2,
        versions: vec![VersionRecord { number: 1, document, created_ms: now_ms }],
    };
    change(ctx, |tx| {
        if tx.contains(&POLICIES, (ctx.account(), &entity::key(&record.name)))? {
            let name = &record.name;
            return Err(exists(format!(
                "A policy called {name} already exists. Duplicate names are not allowed."
            ))
            .into());
        }
        if entity::count(tx, &POLICIES, ctx.account())? >= POLICIES_MAX {
            return Err(quota("PoliciesPerAccount", POLICIES_MAX).into());
        }
        managed::save(tx, ctx.account(), &record)
    })
    .await?;
    let policy = shown::customer(ctx.account(), &record, (0, 0), Detail::Whole);
    Ok(CreatePolicyResponse { policy: Some(Policy { description: None, ..policy }) })
}

pub(crate) async fn get_policy(
    _: &Iam,
    ctx: &Ctx,
    input: GetPolicyRequest,
) -> Result<GetPolicyResponse> {
    let policy = ctx.store().read(|tx| {
        let policy = managed::load(tx, ctx.account(), &input.policy_arn)?;
        let users = attach::users(tx, ctx.account(), &input.policy_arn)?;
        let count = |usage| users.iter().filter(|user| user.usage == usage).count() as i32;
        let uses = (count(Usage::Permissions), count(Usage::Boundary));
        let shown = shown::managed(ctx.account(), &policy, uses, Detail::Whole);
        // Here, and only here, AWS tells of no tags with an empty list.
        let tags = Some(shown.tags.unwrap_or_default());
        Ok::<_, Error>(Policy { tags, ..shown })
    })?;
    Ok(GetPolicyResponse { policy: Some(policy) })
}

pub(crate) async fn list_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListPoliciesRequest,
) -> Result<ListPoliciesResponse> {
    let found = ctx.store().read(|tx| wanted(tx, ctx.account(), &input))?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListPoliciesResponse {
        policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn wanted(
    tx: &ReadTx,
    account: &str,
    input: &ListPoliciesRequest,
) -> Result<Vec<(String, Policy)>> {
    let uses = all_uses(tx, account)?;
    let uses_of = |arn: &str| uses.get(arn).copied().unwrap_or_default();
    let scope = input.scope.as_ref().unwrap_or(&PolicyScopeType::All);
    let mut found = Vec::new();
    if !matches!(scope, PolicyScopeType::Aws) {
        for (_, record) in tx.scan(&POLICIES, Scan::prefix(account))? {
            let uses = uses_of(&record.arn(account));
            found.push(shown::customer(account, &record, uses, Detail::Listed));
        }
    }
    if !matches!(scope, PolicyScopeType::Local) {
        found.extend(managed::facts().map(|fact| shown::fact(fact, uses_of(fact.arn))));
    }
    found.retain(|policy| {
        let path = policy.path.as_deref().unwrap_or_default();
        let (attached, bounding) =
            (policy.attachment_count, policy.permissions_boundary_usage_count);
        let used = match input.policy_usage_filter {
            Some(PolicyUsageType::PermissionsPolicy) => attached > Some(0),
            Some(PolicyUsageType::PermissionsBoundary) => bounding > Some(0),
            _ => input.only_attached != Some(true) || attached > Some(0) || bounding > Some(0),
        };
        used && input.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    });
    let mut keyed: Vec<(String, Policy)> =
        found.into_iter().map(|p| (p.arn.clone().unwrap_or_default(), p)).collect();
    // Customers' own before AWS's: account numbers sort before `aws`.
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keyed)
}

/// Uses of every policy that is used, by ARN.
pub(crate) fn all_uses(tx: &ReadTx, account: &str) -> Result<HashMap<String, Uses>> {
    let mut uses: HashMap<String, Uses> = HashMap::new();
    for (arn, user) in attach::all(tx, account)? {
        let (attached, bounding) = uses.entry(arn).or_default();
        match user.usage {
            Usage::Permissions => *attached += 1,
            Usage::Boundary => *bounding += 1,
        }
    }
    Ok(uses)
}

pub(crate) async fn delete_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DeletePolicyRequest,
) -> Result<DeletePolicyOutput> {
    change(ctx, |tx| {
        let record = managed::load_customer(tx, ctx.account(), &input.policy_arn)?;
        if !attach::users(tx, ctx.account(), &input.policy_arn)?.is_empty() {
            return Err(conflict("Cannot delete a policy attached to entities.").into());
        }
        if record.versions.len() > 1 {
            let message = "This policy has more than one version. Before you delete a policy, you \
                           must delete the policy's versions. The default version is deleted with \
                           the policy.";
            return Err(conflict(message).into());
        }
        Ok(tx.delete(&POLICIES, (ctx.account(), &entity::key(&record.name)))?)
    })
    .await?;
    Ok(DeletePolicyOutput {})
}

pub(crate) async fn tag_policy(
    _: &Iam,
    ctx: &Ctx,
    input: TagPolicyRequest,
) -> Result<TagPolicyOutput> {
    let more = tags::given(Some(input.tags))?;
    change(ctx, |tx| {
        let mut record = managed::load_customer(tx, ctx.account(), &input.policy_arn)?;
        tags::add(&mut record.tags, &more)?;
        managed::save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(TagPolicyOutput {})
}

pub(crate) async fn untag_policy(
    _: &Iam,
    ctx: &Ctx,
    input: UntagPolicyRequest,
) -> Result<UntagPolicyOutput> {
    change(ctx, |tx| {
        let mut record = managed::load_customer(tx, ctx.account(), &input.policy_arn)?;
        tags::remove(&mut record.tags, &input.tag_keys);
        managed::save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(UntagPolicyOutput {})
}

pub(crate) async fn list_policy_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListPolicyTagsRequest,
) -> Result<ListPolicyTagsResponse> {
    let policy = ctx.store().read(|tx| managed::load(tx, ctx.account(), &input.policy_arn))?;
    let tags = match &policy {
        Managed::Aws(_) => Vec::new(),
        Managed::Customer(record) => tags::keyed(&record.tags),
    };
    let page = page(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
