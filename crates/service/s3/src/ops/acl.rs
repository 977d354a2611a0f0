//! `PutBucketAcl`, `GetBucketAcl`, `PutObjectAcl`, `GetObjectAcl`.
//!
//! ```text
//! aws s3api get-bucket-acl --bucket photos
//! aws s3api put-object-acl --bucket photos --key a.jpg --acl public-read
//! ```
//!
//! A bucket that enforces its owner's ownership, as new ones do, takes no ACLs.

use api_s3::{
    AccessControlPolicy, Error, GetBucketAclOutput, GetBucketAclRequest, GetObjectAclOutput,
    GetObjectAclRequest, PutBucketAclOutput, PutBucketAclRequest, PutObjectAclOutput,
    PutObjectAclRequest,
};
use kernel::{Ctx, Fault};
use store::ReadTx;

use super::object_target::target;
use crate::hooks::{self, Happened};
use crate::settings::access::{Ownership, PublicBlock};
use crate::settings::acl::{self, Acl, Headers, Owners};
use crate::settings::{kept, refusal};
use crate::{S3, buckets, objects, replicate};

/// The three ways to send an ACL: only one may be used.
struct Sent<'a> {
    canned: Option<&'a str>,
    headers: Headers<'a>,
    policy: Option<AccessControlPolicy>,
}

impl Sent<'_> {
    fn read(self, owners: Owners<'_>) -> Result<Acl, Fault> {
        match (self.canned, self.headers.any(), self.policy) {
            (Some(name), false, None) => Acl::canned(name, owners)
                .ok_or_else(|| refusal::invalid_argument("The canned ACL is not known.")),
            (None, true, None) => Acl::from_headers(&self.headers),
            (None, false, Some(policy)) => Acl::from_api(policy, owners.object),
            (None, false, None) => Err(Fault::sender(
                "MissingSecurityHeader",
                "Your request was missing a required header",
            )),
            (Some(_), true, _) => Err(refusal::invalid_request(
                "Specifying both Canned ACLs and Header Grants is not allowed",
            )),
            _ => Err(Fault::sender("UnexpectedContent", "This request does not support content")),
        }
    }
}

/// Whether a bucket takes this ACL now.
pub(crate) fn admit(tx: &ReadTx, bucket: &str, acl: &Acl) -> Result<(), Fault> {
    if kept::get::<Ownership>(tx, bucket)? == Some(Ownership::Enforced) {
        return Err(Fault::sender(
            "AccessControlListNotSupported",
            "The bucket does not allow ACLs",
        ));
    }
    let block = kept::get::<PublicBlock>(tx, bucket)?.unwrap_or(PublicBlock::NONE);
    match block.block_acls && acl.is_public() {
        true => Err(refusal::access_denied("Access Denied")),
        false => Ok(()),
    }
}

pub(crate) async fn put_bucket_acl(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketAclRequest,
) -> Result<PutBucketAclOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let id = buckets::canonical_id(&bucket.account);
            let sent = Sent {
                canned: input.acl.as_ref().map(|name| name.as_str()),
                headers: Headers {
                    full_control: input.grant_full_control.as_deref(),
                    read: input.grant_read.as_deref(),
                    read_acp: input.grant_read_acp.as_deref(),
                    write: input.grant_write.as_deref(),
                    write_acp: input.grant_write_acp.as_deref(),
                },
                policy: input.access_control_policy.clone(),
            };
            let acl = sent.read(Owners { bucket: &id, object: &id })?;
            admit(tx, name, &acl)?;
            kept::put(tx, name, &acl)
        })
        .await?;
    Ok(PutBucketAclOutput {})
}

pub(crate) async fn get_bucket_acl(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketAclRequest,
) -> Result<GetBucketAclOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, acl) = kept::find::<Acl>(ctx, &input.bucket, owner)?;
    let id = buckets::canonical_id(&bucket.account);
    let acl = acl.unwrap_or_else(|| Acl::private(&id));
    Ok(GetBucketAclOutput { owner: Some(acl::owner(&id)), grants: Some(acl.to_api()) })
}

pub(crate) async fn put_object_acl(
    _: &S3,
    ctx: &Ctx,
    input: PutObjectAclRequest,
) -> Result<PutObjectAclOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let mut found = target(tx, name, key, version_id)?;
            let ids = [&bucket.account, &found.version.owner].map(|a| buckets::canonical_id(a));
            let sent = Sent {
                canned: input.acl.as_ref().map(|name| name.as_str()),
                headers: Headers {
                    full_control: input.grant_full_control.as_deref(),
                    read: input.grant_read.as_deref(),
                    read_acp: input.grant_read_acp.as_deref(),
                    write: input.grant_write.as_deref(),
                    write_acp: input.grant_write_acp.as_deref(),
                },
                policy: input.access_control_policy.clone(),
            };
            let acl = sent.read(Owners { bucket: &ids[0], object: &ids[1] })?;
            admit(tx, name, &acl)?;
            found.version.acl = Some(acl);
            replicate::touched(tx, ctx, &bucket, key, &mut found.version)?;
            objects::rewrite(tx, name, key, &found)?;
            hooks::happened(tx, ctx, &bucket, key, &found.version, Happened::AclPut)
        })
        .await?;
    Ok(PutObjectAclOutput::default())
}

pub(crate) async fn get_object_acl(
    _: &S3,
    ctx: &Ctx,
    input: GetObjectAclRequest,
) -> Result<GetObjectAclOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store().read(|tx| -> Result<_, Error> {
        let bucket = buckets::bucket(tx, ctx, name, owner)?;
        let found = target(tx, name, &input.key, input.version_id.as_deref())?;
        // Where ownership is enforced, all objects are the bucket's owner's and nobody else's.
        let enforced = kept::get::<Ownership>(tx, name)? == Some(Ownership::Enforced);
        let account = if enforced { &bucket.account } else { &found.version.owner };
        let id = buckets::canonical_id(account);
        let acl = found.version.acl.filter(|_| !enforced).unwrap_or_else(|| Acl::private(&id));
        Ok(GetObjectAclOutput {
            owner: Some(acl::owner(&id)),
            grants: Some(acl.to_api()),
            ..GetObjectAclOutput::default()
        })
    })
}
