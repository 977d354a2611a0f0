//! Versions of managed policies: `CreatePolicyVersion`, `GetPolicyVersion`, `ListPolicyVersions`,
//! `SetDefaultPolicyVersion`, `DeletePolicyVersion`.
//!
//! ```text
//! aws iam create-policy-version --policy-arn arn:… --policy-document file://v2.json --set-as-default
//! {"PolicyVersion": {"VersionId": "v2", "IsDefaultVersion": true, …}}
//! ```

use api_iam::{
    CreatePolicyVersionRequest, CreatePolicyVersionResponse, DeletePolicyVersionOutput,
    DeletePolicyVersionRequest, GetPolicyVersionRequest, GetPolicyVersionResponse,
    ListPolicyVersionsRequest, ListPolicyVersionsResponse, PolicyVersion,
    SetDefaultPolicyVersionOutput, SetDefaultPolicyVersionRequest,
};
use kernel::{Ctx, Fault, Timestamp};

use crate::document::{self, encoded};
use crate::entity::change;
use crate::error::{Result, conflict, limit, no_such, quota};
use crate::managed::{self, Managed};
use crate::page::page;
use crate::record::VersionRecord;
use crate::{Iam, shown};

/// Versions that one policy may have.
const VERSIONS_MAX: usize = 5;
/// Characters of a managed policy.
const POLICY_MAX: usize = 6144;

/// A document that may become a managed policy.
pub(super) fn checked(text: String) -> Result<String> {
    document::check(&text, policy::Kind::Identity)?;
    document::check_size(&text, POLICY_MAX, || quota("PolicySize", POLICY_MAX))?;
    Ok(text)
}

fn no_version(arn: &str, version: &str) -> Fault {
    no_such(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(crate) async fn create_policy_version(
    _: &Iam,
    ctx: &Ctx,
    input: CreatePolicyVersionRequest,
) -> Result<CreatePolicyVersionResponse> {
    let document = checked(input.policy_document)?;
    let now_ms = ctx.now().epoch_ms;
    let policy_version = change(ctx, |tx| {
        let mut record = managed::load_customer(tx, ctx.account(), &input.policy_arn)?;
        if record.versions.len() >= VERSIONS_MAX {
            return Err(limit(
                "A managed policy can have up to 5 versions. Before you create a new version, you \
                 must delete an existing version.",
            )
            .into());
        }
        let number = record.next_version;
        record.next_version += 1;
        record.updated_ms = now_ms;
        record.versions.push(VersionRecord {
            number,
            document: document.clone(),
            created_ms: now_ms,
        });
        if input.set_as_default == Some(true) {
            record.default_version = number;
        }
        managed::save(tx, ctx.account(), &record)?;
        Ok(PolicyVersion {
            document: None,
            version_id: Some(format!("v{number}")),
            is_default_version: Some(record.default_version == number),
            create_date: Some(Timestamp::from_ms(now_ms)),
        })
    })
    .await?;
    Ok(CreatePolicyVersionResponse { policy_version: Some(policy_version) })
}

pub(crate) async fn get_policy_version(
    _: &Iam,
    ctx: &Ctx,
    input: GetPolicyVersionRequest,
) -> Result<GetPolicyVersionResponse> {
    let (arn, id) = (&input.policy_arn, &input.version_id);
    let policy = ctx.store().read(|tx| managed::load(tx, ctx.account(), arn))?;
    let found = match &policy {
        Managed::Aws(fact) => (fact.version == *id).then_some((fact.document, fact.updated, true)),
        Managed::Customer(record) => record.version(id).map(|version| {
            let created = Timestamp::from_ms(version.created_ms);
            (version.document.as_str(), created, version.number == record.default_version)
        }),
    };
    let (document, created, default) = found.ok_or_else(|| no_version(arn, id))?;
    Ok(GetPolicyVersionResponse {
        policy_version: Some(PolicyVersion {
            document: Some(encoded(document)),
            version_id: Some(input.version_id),
            is_default_version: Some(default),
            create_date: Some(created),
        }),
    })
}

pub(crate) async fn list_policy_versions(
    _: &Iam,
    ctx: &Ctx,
    input: ListPolicyVersionsRequest,
) -> Result<ListPolicyVersionsResponse> {
    let policy = ctx.store().read(|tx| managed::load(tx, ctx.account(), &input.policy_arn))?;
    let keyed = shown::versions(&policy).into_iter().enumerate();
    let keyed = keyed.map(|(at, version)| (at.to_string(), version)).collect();
    let page = page(keyed, input.marker.as_deref(), input.max_items)?;
    Ok(ListPolicyVersionsResponse {
        versions: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn set_default_policy_version(
    _: &Iam,
    ctx: &Ctx,
    input: SetDefaultPolicyVersionRequest,
) -> Result<SetDefaultPolicyVersionOutput> {
    let (arn, id) = (&input.policy_arn, &input.version_id);
    let now_ms = ctx.now().epoch_ms;
    change(ctx, |tx| {
        let mut record = managed::load_customer(tx, ctx.account(), arn)?;
        let found = record.version(id).ok_or_else(|| no_version(arn, id))?;
        record.default_version = found.number;
        record.updated_ms = now_ms;
        managed::save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(SetDefaultPolicyVersionOutput {})
}

pub(crate) async fn delete_policy_version(
    _: &Iam,
    ctx: &Ctx,
    input: DeletePolicyVersionRequest,
) -> Result<DeletePolicyVersionOutput> {
    let (arn, id) = (&input.policy_arn, &input.version_id);
    change(ctx, |tx| {
        let mut record = managed::load_customer(tx, ctx.account(), arn)?;
        let number = record.version(id).ok_or_else(|| no_version(arn, id))?.number;
        if number == record.default_version {
            return Err(conflict("Cannot delete the default version of a policy.").into());
        }
        record.versions.retain(|version| version.number != number);
        managed::save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(DeletePolicyVersionOutput {})
}
