//! The copy itself: the replica and what the source says of it, in one commit.

use api_s3::Error;
use kernel::{Ctx, Fault, Kernel};
use store::WriteTx;

use super::deliver::{Job, Refused, progressed};
use super::{Progress, Replicating, Way};
use crate::hooks::{self, Happened};
use crate::kms;
use crate::objects::{self, Found};
use crate::records::{Bucket, Sse, Version};
use crate::settings::access::Ownership;
use crate::settings::kept;
use crate::settings::lock::{self, BucketLock};
use crate::{bytes, notify};

/// The secret of a version under a key of KMS, under the rule's key for replicas.
pub(super) async fn rewrapped(
    here: &Ctx,
    there: &Ctx,
    way: &Way,
    job: &Job,
    sse: &Sse,
) -> Result<Sse, Refused> {
    let Some(key) = &job.rule.to.kms_key else {
        let why = "the rule has no key for replicas".to_owned();
        return Err(Refused::Failed("SrcObjectNotEligible", why));
    };
    let opened = kms::open(here, sse).await.map_err(Fault::from);
    let secret = opened.map_err(|fault| Refused::of("SrcGetObjectNotPermitted", fault))?;
    let source = (way.bucket.as_str(), way.key.as_str());
    let target = (way.to.as_str(), way.key.as_str());
    let wrapped = kms::rewrap(there, sse, source, target, key, &secret).await;
    wrapped.map_err(|error| Refused::of("DstKmsKeyInvalidState", Fault::from(error)))
}

/// Makes the copy, or changes it. `sse` is how the replica's secret is kept.
pub(super) async fn copy(
    kernel: &Kernel,
    ctx: &Ctx,
    way: &Way,
    job: &Job,
    sse: Option<Sse>,
) -> Result<(), Refused> {
    let copied = kernel.store().write(|tx| -> Result<Option<(&'static str, String)>, Error> {
        let found = objects::by_id(tx, &way.bucket, &way.key, &way.version_id)?;
        // Deleted since: there is nothing to copy any more.
        let Some(mut found) = found else { return Ok(None) };
        let again = found.version.sse != job.found.version.sse;
        let target = tx.get(&crate::records::BUCKETS, way.to.as_str())?;
        let target = target.filter(|target| target.versioning == job.target.versioning);
        let (Some(target), false) = (target, again) else {
            return Err(Fault::internal("a bucket changed while it was copied to").into());
        };
        let done = place(tx, ctx, way, job, &target, &found.version, &sse)?;
        if let Placed::Not(reason, why) = done {
            return Ok(Some((reason, why)));
        }
        if progressed(&mut found, &way.to, Progress::Completed) {
            objects::rewrite(tx, &way.bucket, &way.key, &found)?;
        }
        Ok(None)
    });
    match copied.await? {
        None => Ok(()),
        Some((reason, why)) => Err(Refused::Failed(reason, why)),
    }
}

/// What came of a copy inside its transaction.
enum Placed {
    There,
    Not(&'static str, String),
}

fn place(
    tx: &mut WriteTx,
    ctx: &Ctx,
    way: &Way,
    job: &Job,
    target: &Bucket,
    source: &Version,
    sse: &Option<Sse>,
) -> Result<Placed, Error> {
    let there = objects::by_id(tx, &way.to, &way.key, &way.version_id)?;
    match there {
        Some(found) => change(tx, ctx, way, job, target, source, found),
        // Whoever deleted the replica meant it; and what never was one stays none.
        None if way.change => match source.replication.as_ref().is_some_and(|it| it.replica) {
            true => Ok(Placed::There),
            false => Ok(Placed::Not("DstVersionNotFound", "the replica is not there".to_owned())),
        },
        None => create(tx, ctx, way, job, target, source, sse),
    }
}

fn create(
    tx: &mut WriteTx,
    ctx: &Ctx,
    way: &Way,
    job: &Job,
    target: &Bucket,
    source: &Version,
    sse: &Option<Sse>,
) -> Result<Placed, Error> {
    let mut replica = Version {
        sse: sse.clone(),
        replication: Some(Replicating { replica: true, ..Replicating::default() }),
        restored_until_ms: None,
        ..source.clone()
    };
    if let Some(class) = job.rule.to.storage_class.clone().filter(|_| !source.delete_marker) {
        replica.storage_class = Some(class).filter(|class| class != "STANDARD");
    }
    let locks = replica.retention.is_some() || replica.legal_hold.is_some();
    if locks && !target.object_lock {
        let why = "the bucket has no object lock".to_owned();
        return Ok(Placed::Not("DstBucketObjectLockConfigMissing", why));
    }
    if target.object_lock && replica.retention.is_none() && !replica.delete_marker {
        let lock = kept::get::<BucketLock>(tx, &target.name)?.unwrap_or_default();
        replica.retention = lock.default_retention(ctx.now());
    }
    own(tx, job, target, source, &mut replica)?;
    if !replica.delete_marker {
        replica.data = bytes::share(tx, ctx, source)?;
    }
    objects::insert(tx, target, &way.key, &mut replica)?;
    let what = match replica.delete_marker {
        true => Happened::MarkerCreated,
        false => Happened::CreatedPut,
    };
    notify::emit(tx, ctx, target, &way.key, &replica, what)?;
    Ok(Placed::There)
}

/// Whose a replica is, and who may read it.
fn own(
    tx: &WriteTx,
    job: &Job,
    target: &Bucket,
    source: &Version,
    replica: &mut Version,
) -> Result<(), Error> {
    let enforced = kept::get::<Ownership>(tx, &target.name)? == Some(Ownership::Enforced);
    match enforced || job.rule.to.owner_override {
        true => (replica.owner, replica.acl) = (target.account.clone(), None),
        false => replica.acl = source.acl.clone(),
    }
    Ok(())
}

/// Makes tags, ACL and lock of a replica what they are at the source.
fn change(
    tx: &mut WriteTx,
    ctx: &Ctx,
    way: &Way,
    job: &Job,
    target: &Bucket,
    source: &Version,
    mut found: Found,
) -> Result<Placed, Error> {
    if !way.change {
        // Delivered a second time.
        return Ok(Placed::There);
    }
    let before = found.version.clone();
    found.version.tags = source.tags.clone();
    own(tx, job, target, source, &mut found.version)?;
    found.version.owner = before.owner.clone();
    if source.retention.is_some() || source.legal_hold.is_some() {
        if !target.object_lock {
            let why = "the bucket has no object lock".to_owned();
            return Ok(Placed::Not("DstBucketObjectLockConfigMissing", why));
        }
        // What the other bucket's own rules hold for longer stays held.
        let wanted = source.retention.or(before.retention);
        if let Err(fault) = lock::check_change(before.retention, wanted, true, ctx.now()) {
            return Ok(Placed::Not("DstPutObjectNotPermitted", fault.message));
        }
        found.version.retention = wanted;
        found.version.legal_hold = source.legal_hold.or(before.legal_hold);
    }
    if found.version == before {
        return Ok(Placed::There);
    }
    objects::rewrite(tx, &target.name, &way.key, &found)?;
    let version = &found.version;
    let what = match (version.tags != before.tags, version.acl != before.acl) {
        (true, _) if version.tags.is_empty() => Happened::TaggingDelete,
        (true, _) => Happened::TaggingPut,
        (false, true) => Happened::AclPut,
        (false, false) => Happened::RetentionPut,
    };
    hooks::happened(tx, ctx, target, &way.key, version, what)?;
    Ok(Placed::There)
}
