//! The role in whose name objects are copied, and what it must be allowed.

use std::sync::Arc;

use api_sts::AssumeRoleRequest;
use kernel::access::Need;
use kernel::{Arn, AssumedRole, Ctx, Fault, Kernel, Principal, SessionFacts};

use super::deliver::Refused;
use crate::records::{Bucket, Version};
use crate::settings::replication::Rule;

/// S3's name in trust policies.
const SERVICE: &str = "s3.amazonaws.com";
const SESSION: &str = "s3-replication";
/// How long a session lasts: one copy.
const SESSION_MS: i64 = 900_000;

/// Assumes the role of a bucket's replication; the context is in the region of the other bucket.
pub(super) async fn assume(
    kernel: &Kernel,
    source: &Bucket,
    role: &str,
) -> Result<Principal, Refused> {
    let ctx = kernel.service_ctx(SERVICE, &source.account, &source.region);
    let ctx = ctx.as_service_for(SERVICE, format!("arn:aws:s3:::{}", source.name));
    let request = AssumeRoleRequest {
        role_arn: role.to_owned(),
        role_session_name: SESSION.to_owned(),
        ..AssumeRoleRequest::default()
    };
    let assumed = ctx.client::<api_sts::Client>().assume_role(request).await;
    let assumed = assumed.map_err(|fault| Refused::of("AssumeRoleNotPermitted", fault))?;
    let user = assumed.assumed_role_user.ok_or_else(|| Fault::internal("no user of a session"))?;
    let id = user.assumed_role_id.split(':').next().unwrap_or_default().to_owned();
    let arn = Arn::parse(role).map_err(Fault::internal)?;
    let named = arn.resource.strip_prefix("role").unwrap_or(&arn.resource);
    let (path, role) = named.split_at(named.rfind('/').map_or(0, |slash| slash + 1));
    let now_ms = ctx.now().epoch_ms;
    Ok(Principal::AssumedRole(Arc::new(AssumedRole {
        account: arn.account.clone(),
        path: path.to_owned(),
        role: role.to_owned(),
        role_id: id,
        session_name: SESSION.to_owned(),
        session: SessionFacts::new(now_ms, now_ms + SESSION_MS),
    })))
}

/// Whether the role may read a version for its copy.
pub(super) fn may_read(
    ctx: &Ctx,
    source: &Bucket,
    key: &str,
    version: &Version,
) -> Result<(), Refused> {
    let bucket = format!("arn:aws:s3:::{}", source.name);
    let object = format!("{bucket}/{key}");
    let of_object = |action: &str| {
        let id = version.shown_id().to_owned();
        Need::new(action, object.clone()).key("s3:versionid", id)
    };
    let configuration = Need::new("s3:GetReplicationConfiguration", bucket.clone());
    check(ctx, "SrcReplicationNotPermitted", configuration)?;
    if version.delete_marker {
        let list = Need::new("s3:ListBucket", bucket);
        return check(ctx, "SrcHeadObjectNotPermitted", list);
    }
    let read = of_object("s3:GetObjectVersionForReplication");
    check(ctx, "SrcGetObjectNotPermitted", read)?;
    check(ctx, "SrcGetAclNotPermitted", of_object("s3:GetObjectVersionAcl"))?;
    if !version.tags.is_empty() {
        check(ctx, "SrcGetTaggingNotPermitted", of_object("s3:GetObjectVersionTagging"))?;
    }
    if version.retention.is_some() {
        check(ctx, "SrcGetObjectNotPermitted", of_object("s3:GetObjectRetention"))?;
    }
    if version.legal_hold.is_some() {
        check(ctx, "SrcGetObjectNotPermitted", of_object("s3:GetObjectLegalHold"))?;
    }
    Ok(())
}

/// Whether the role may put a copy into the other bucket.
pub(super) fn may_write(
    ctx: &Ctx,
    rule: &Rule,
    key: &str,
    version: &Version,
) -> Result<(), Refused> {
    let object = format!("arn:aws:s3:::{}/{key}", rule.to.bucket);
    let need = |action: &str| Need::new(action, object.clone());
    if version.delete_marker {
        return check(ctx, "DstDelObjNotPermitted", need("s3:ReplicateDelete"));
    }
    check(ctx, "DstPutObjectNotPermitted", need("s3:ReplicateObject"))?;
    if !version.tags.is_empty() {
        check(ctx, "DstPutTaggingNotPermitted", need("s3:ReplicateTags"))?;
    }
    if rule.to.owner_override {
        let own = need("s3:ObjectOwnerOverrideToBucketOwner");
        check(ctx, "DstPutAclNotPermitted", own)?;
    }
    Ok(())
}

fn check(ctx: &Ctx, reason: &'static str, need: Need) -> Result<(), Refused> {
    ctx.authorize("s3", "ReplicateObject", &[need]).map_err(|fault| Refused::of(reason, fault))
}
