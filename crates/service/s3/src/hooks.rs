//! What a bucket's sub-resources do when objects come and go: called by the operations on objects,
//! inside the transaction that changes them.

use std::collections::BTreeMap;

use api_s3::Error;
use kernel::{Ctx, Principal, Timestamp};
use store::{ReadTx, WriteTx};

use crate::ops::admit_acl;
use crate::records::{Bucket, Version};
use crate::settings::acl::{Acl, Headers, Owners};
use crate::settings::encryption::{Encryption, Method};
use crate::settings::kept;
use crate::settings::lock::{self, BucketLock};
use crate::settings::refusal;
use crate::sse::Wanted;
use crate::{buckets, notify, replicate};

/// What happened, as event names end: `s3:ObjectCreated:Put`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    CreatedPut,
    CreatedCopy,
    CreatedComplete,
    /// A version is gone for good.
    Removed,
    MarkerCreated,
    TaggingPut,
    TaggingDelete,
    AclPut,
    RetentionPut,
    /// A lifecycle rule changed the storage class.
    Transition,
    RestorePost,
    RestoreCompleted,
    /// A restored copy's days are over.
    RestoreDeleted,
    /// A copy for another bucket could not be made.
    ReplicationFailed,
}

/// The principal that lifecycle rules act as.
pub(crate) const LIFECYCLE: &str = "lifecycle.s3.amazonaws.com";

impl Happened {
    /// The event's name, without `s3:`. What a lifecycle rule deletes has names of its own.
    pub fn event(self, ctx: &Ctx) -> &'static str {
        let by_rule =
            matches!(ctx.principal(), Principal::Service { name, .. } if *name == LIFECYCLE);
        let by_form = ctx.origin().is_some_and(|origin| origin.auth_type == Some("POST"));
        match self {
            Self::CreatedPut if by_form => "ObjectCreated:Post",
            Self::CreatedPut => "ObjectCreated:Put",
            Self::CreatedCopy => "ObjectCreated:Copy",
            Self::CreatedComplete => "ObjectCreated:CompleteMultipartUpload",
            Self::Removed if by_rule => "LifecycleExpiration:Delete",
            Self::Removed => "ObjectRemoved:Delete",
            Self::MarkerCreated if by_rule => "LifecycleExpiration:DeleteMarkerCreated",
            Self::MarkerCreated => "ObjectRemoved:DeleteMarkerCreated",
            Self::TaggingPut => "ObjectTagging:Put",
            Self::TaggingDelete => "ObjectTagging:Delete",
            Self::AclPut => "ObjectAcl:Put",
            Self::RetentionPut => "ObjectRetention:Put",
            Self::Transition => "LifecycleTransition",
            Self::RestorePost => "ObjectRestore:Post",
            Self::RestoreCompleted => "ObjectRestore:Completed",
            Self::RestoreDeleted => "ObjectRestore:Delete",
            Self::ReplicationFailed => "Replication:OperationFailedReplication",
        }
    }
}

/// The ACL that a write's headers ask for, if they do. `owner` is the object's account. The one
/// that gives all to the bucket's owner asks for nothing where he owns all anyway.
pub(crate) fn acl_of_write(
    bucket: &Bucket,
    owner: &str,
    canned: Option<&str>,
    headers: &Headers<'_>,
) -> Result<Option<Acl>, Error> {
    match (canned, headers.any()) {
        (Some(_), true) => Err(refusal::invalid_request(
            "Specifying both Canned ACLs and Header Grants is not allowed",
        )
        .into()),
        (None, false) => Ok(None),
        (Some("bucket-owner-full-control"), false) if bucket.account == owner => Ok(None),
        (None, true) => Ok(Some(Acl::from_headers(headers)?)),
        (Some(name), false) => {
            let ids = [&bucket.account, owner].map(buckets::canonical_id);
            match Acl::canned(name, Owners { bucket: &ids[0], object: &ids[1] }) {
                Some(acl) => Ok(Some(acl)),
                None => Err(refusal::invalid_argument("The canned ACL is not known.").into()),
            }
        }
    }
}

/// Called before a version is put under `key`: fills what the bucket has defaults for (retention),
/// refuses locks and ACLs that the bucket does not take, and sends copies on their way.
pub(crate) fn before_put(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &mut Version,
) -> Result<(), Error> {
    if let Some(acl) = &version.acl {
        admit_acl(tx, &bucket.name, acl)?;
    }
    let locks = version.retention.is_some() || version.legal_hold.is_some();
    if locks && !bucket.object_lock {
        let text = "Bucket is missing Object Lock Configuration";
        return Err(refusal::invalid_request(text).into());
    }
    if bucket.object_lock && version.retention.is_none() && !version.delete_marker {
        let lock = kept::get::<BucketLock>(tx, &bucket.name)?.unwrap_or_default();
        version.retention = lock.default_retention(ctx.now());
    }
    replicate::created(tx, ctx, bucket, key, version)
}

/// How the bucket encrypts what says nothing of it.
pub(crate) fn encryption(tx: &ReadTx, bucket: &Bucket) -> Result<Wanted, Error> {
    let kept = kept::get::<Encryption>(tx, &bucket.name)?.unwrap_or_default();
    Ok(match kept.method {
        Method::S3 => Wanted::Own,
        Method::Kms { key, twice } => {
            Wanted::Kms { key, context: BTreeMap::new(), bucket_key: kept.bucket_key, dual: twice }
        }
    })
}

/// Called when `version` has been put, deleted for good, or was hidden by a delete marker (then it
/// is the marker). In the same commit.
pub(crate) fn happened(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    what: Happened,
) -> Result<(), Error> {
    notify::emit(tx, ctx, bucket, key, version, what)
}

/// Called before a version is deleted or overwritten for good: refuses what a lock holds.
/// `bypass_governance`: the request asks for it, and its sender may.
pub(crate) fn before_removal(
    bucket: &Bucket,
    version: &Version,
    bypass_governance: bool,
    now: Timestamp,
) -> Result<(), Error> {
    if !bucket.object_lock {
        return Ok(());
    }
    let hold = version.legal_hold == Some(true);
    Ok(lock::check_removal(version.retention, hold, bypass_governance, now)?)
}
