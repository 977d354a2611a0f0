//! `PutBucketReplication`, `GetBucketReplication`, `DeleteBucketReplication`.
//!
//! ```text
//! aws s3api put-bucket-replication --bucket photos --replication-configuration \
//!     '{"Role": "arn:aws:iam::111122223333:role/copies", "Rules": [{"Status": "Enabled", "Priority": 1,
//!       "Filter": {}, "DeleteMarkerReplication": {"Status": "Enabled"},
//!       "Destination": {"Bucket": "arn:aws:s3:::backup"}}]}'
//! ```

use api_s3::{
    DeleteBucketReplicationOutput, DeleteBucketReplicationRequest, Error,
    GetBucketReplicationOutput, GetBucketReplicationRequest, PutBucketReplicationOutput,
    PutBucketReplicationRequest,
};
use kernel::{Ctx, Fault};
use store::ReadTx;

use crate::records::{BUCKETS, Bucket, Versioning};
use crate::settings::kept;
use crate::settings::refusal::{self, invalid_request};
use crate::settings::replication::Replication;
use crate::{S3, buckets};

pub(crate) async fn put_bucket_replication(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketReplicationRequest,
) -> Result<PutBucketReplicationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    if input.token.is_some() {
        return Err(Fault::not_implemented("x-amz-bucket-object-lock-token").into());
    }
    let bucket = ctx.store().read(|tx| buckets::bucket(tx, ctx, name, owner))?;
    check_source(&bucket)?;
    let replication = Replication::from_api(input.replication_configuration, ctx.random())?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            check_source(&bucket)?;
            for rule in &replication.rules {
                check_target(tx, &bucket, &rule.to.bucket)?;
            }
            kept::put(tx, name, &replication)
        })
        .await?;
    Ok(PutBucketReplicationOutput {})
}

fn check_source(bucket: &Bucket) -> Result<(), Fault> {
    match bucket.versioning {
        Versioning::Enabled => Ok(()),
        _ => {
            let text = "Versioning must be 'Enabled' on the bucket to apply a replication \
                        configuration";
            Err(invalid_request(text).with("BucketName", bucket.name.clone()))
        }
    }
}

fn check_target(tx: &ReadTx, source: &Bucket, name: &str) -> Result<(), Error> {
    let target = tx.get(&BUCKETS, name)?;
    let target = target.ok_or_else(|| invalid_request("Destination bucket must exist."))?;
    if target.name == source.name {
        let text = "Destination bucket cannot be the same as the source bucket.";
        return Err(invalid_request(text).into());
    }
    if target.versioning != Versioning::Enabled {
        let text = "Destination bucket must have versioning enabled.";
        return Err(invalid_request(text).into());
    }
    if source.object_lock && !target.object_lock {
        let text = "Destination bucket must have Object Lock enabled.";
        return Err(invalid_request(text).into());
    }
    Ok(())
}

pub(crate) async fn get_bucket_replication(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketReplicationRequest,
) -> Result<GetBucketReplicationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, replication) = kept::find::<Replication>(ctx, &input.bucket, owner)?;
    let text = "The replication configuration was not found";
    let code = "ReplicationConfigurationNotFoundError";
    let replication = replication.ok_or_else(|| refusal::absent(code, text, &bucket.name))?;
    Ok(GetBucketReplicationOutput { replication_configuration: Some(replication.to_api()) })
}

pub(crate) async fn delete_bucket_replication(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketReplicationRequest,
) -> Result<DeleteBucketReplicationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    kept::unset::<Replication>(ctx, &input.bucket, owner).await?;
    Ok(DeleteBucketReplicationOutput {})
}
