//! Object lock: a bucket's configuration, an object's retention and legal hold; put and get each.
//!
//! ```text
//! aws s3api put-object-retention --bucket books --key 2026.csv \
//!     --retention Mode=COMPLIANCE,RetainUntilDate=2036-01-01T00:00:00Z
//! ```

use api_s3::{
    Error, GetObjectLegalHoldOutput, GetObjectLegalHoldRequest, GetObjectLockConfigurationOutput,
    GetObjectLockConfigurationRequest, GetObjectRetentionOutput, GetObjectRetentionRequest,
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, PutObjectLegalHoldOutput,
    PutObjectLegalHoldRequest, PutObjectLockConfigurationOutput, PutObjectLockConfigurationRequest,
    PutObjectRetentionOutput, PutObjectRetentionRequest,
};
use kernel::{Ctx, Fault};

use super::object_target::target;
use crate::hooks::{self, Happened};
use crate::records::{BUCKETS, Bucket, Versioning};
use crate::settings::lock::{self, BucketLock, Retention};
use crate::settings::{kept, refusal};
use crate::{S3, buckets, objects, replicate};

pub(crate) async fn put_object_lock_configuration(
    _: &S3,
    ctx: &Ctx,
    input: PutObjectLockConfigurationRequest,
) -> Result<PutObjectLockConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let configuration = input.object_lock_configuration.ok_or_else(refusal::malformed_xml)?;
    let lock = BucketLock::from_api(configuration)?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let mut bucket = buckets::bucket(tx, ctx, name, owner)?;
            if bucket.versioning != Versioning::Enabled {
                let text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock \
                            configuration";
                return Err(Fault::new("InvalidBucketState", 409, text).into());
            }
            if !bucket.object_lock {
                bucket.object_lock = true;
                tx.put(&BUCKETS, name, &bucket)?;
            }
            kept::put(tx, name, &lock)
        })
        .await?;
    Ok(PutObjectLockConfigurationOutput::default())
}

pub(crate) async fn get_object_lock_configuration(
    _: &S3,
    ctx: &Ctx,
    input: GetObjectLockConfigurationRequest,
) -> Result<GetObjectLockConfigurationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, lock) = kept::find::<BucketLock>(ctx, &input.bucket, owner)?;
    if !bucket.object_lock {
        let text = "Object Lock configuration does not exist for this bucket";
        let code = "ObjectLockConfigurationNotFoundError";
        return Err(refusal::absent(code, text, &bucket.name).into());
    }
    let shown = lock.unwrap_or_default().to_api();
    Ok(GetObjectLockConfigurationOutput { object_lock_configuration: Some(shown) })
}

fn check_lockable(bucket: &Bucket) -> Result<(), Fault> {
    match bucket.object_lock {
        true => Ok(()),
        false => Err(refusal::invalid_request("Bucket is missing Object Lock Configuration")),
    }
}

fn no_lock() -> Fault {
    let text = "The specified object does not have a ObjectLock configuration";
    Fault::new("NoSuchObjectLockConfiguration", 404, text)
}

pub(crate) async fn put_object_retention(
    _: &S3,
    ctx: &Ctx,
    input: PutObjectRetentionRequest,
) -> Result<PutObjectRetentionOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    let (now, bypass) = (ctx.now(), input.bypass_governance_retention == Some(true));
    let sent = input.retention.ok_or_else(refusal::malformed_xml)?;
    if sent.event_hold.is_some() || sent.event_hold_duration.is_some() {
        return Err(Fault::not_implemented("event holds of S3 object lock").into());
    }
    // Nothing at all takes a retention away.
    let wanted = match (&sent.mode, sent.retain_until_date) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(Retention::new(mode, until, now)?),
        _ => return Err(refusal::malformed_xml().into()),
    };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            check_lockable(&bucket)?;
            let mut found = target(tx, name, key, version_id)?;
            lock::check_change(found.version.retention, wanted, bypass, now)?;
            found.version.retention = wanted;
            replicate::touched(tx, ctx, &bucket, key, &mut found.version)?;
            objects::rewrite(tx, name, key, &found)?;
            hooks::happened(tx, ctx, &bucket, key, &found.version, Happened::RetentionPut)
        })
        .await?;
    Ok(PutObjectRetentionOutput::default())
}

pub(crate) async fn get_object_retention(
    _: &S3,
    ctx: &Ctx,
    input: GetObjectRetentionRequest,
) -> Result<GetObjectRetentionOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store().read(|tx| -> Result<_, Error> {
        let bucket = buckets::bucket(tx, ctx, name, owner)?;
        check_lockable(&bucket)?;
        let found = target(tx, name, &input.key, input.version_id.as_deref())?;
        let retention = found.version.retention.ok_or_else(no_lock)?;
        Ok(GetObjectRetentionOutput { retention: Some(retention.to_api()) })
    })
}

pub(crate) async fn put_object_legal_hold(
    _: &S3,
    ctx: &Ctx,
    input: PutObjectLegalHoldRequest,
) -> Result<PutObjectLegalHoldOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    let hold = match input.legal_hold.and_then(|hold| hold.status) {
        Some(ObjectLockLegalHoldStatus::On) => true,
        Some(ObjectLockLegalHoldStatus::Off) => false,
        _ => return Err(refusal::malformed_xml().into()),
    };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            check_lockable(&bucket)?;
            let mut found = target(tx, name, key, version_id)?;
            found.version.legal_hold = Some(hold);
            replicate::touched(tx, ctx, &bucket, key, &mut found.version)?;
            objects::rewrite(tx, name, key, &found)
        })
        .await?;
    Ok(PutObjectLegalHoldOutput::default())
}

pub(crate) async fn get_object_legal_hold(
    _: &S3,
    ctx: &Ctx,
    input: GetObjectLegalHoldRequest,
) -> Result<GetObjectLegalHoldOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store().read(|tx| -> Result<_, Error> {
        let bucket = buckets::bucket(tx, ctx, name, owner)?;
        check_lockable(&bucket)?;
        let version = target(tx, name, &input.key, input.version_id.as_deref())?.version;
        let status = match version.legal_hold {
            Some(true) => ObjectLockLegalHoldStatus::On,
            Some(false) => ObjectLockLegalHoldStatus::Off,
            None => return Err(no_lock().into()),
        };
        let legal_hold = Some(ObjectLockLegalHold { status: Some(status) });
        Ok(GetObjectLegalHoldOutput { legal_hold })
    })
}
