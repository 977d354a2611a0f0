//! `GetBucketVersioning`, `PutBucketVersioning`.
//!
//! ```text
//! aws s3api put-bucket-versioning --bucket photos --versioning-configuration Status=Enabled
//! ```

use api_s3::{
    BucketVersioningStatus, Error, GetBucketVersioningOutput, GetBucketVersioningRequest,
    PutBucketVersioningOutput, PutBucketVersioningRequest,
};
use kernel::{Ctx, Fault};

use crate::records::{BUCKETS, Versioning};
use crate::settings::kept;
use crate::settings::replication::Replication;
use crate::{S3, buckets, errors};

pub(crate) async fn get_bucket_versioning(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketVersioningRequest,
) -> Result<GetBucketVersioningOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let bucket = ctx.store().read(|tx| buckets::bucket(tx, ctx, &input.bucket, owner))?;
    let status = match bucket.versioning {
        Versioning::Off => None,
        Versioning::Enabled => Some(BucketVersioningStatus::Enabled),
        Versioning::Suspended => Some(BucketVersioningStatus::Suspended),
    };
    Ok(GetBucketVersioningOutput { status, ..GetBucketVersioningOutput::default() })
}

pub(crate) async fn put_bucket_versioning(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketVersioningRequest,
) -> Result<PutBucketVersioningOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    if input.mfa.is_some() || input.versioning_configuration.mfa_delete.is_some() {
        return Err(Fault::not_implemented("S3 MFA Delete").into());
    }
    let versioning = match input.versioning_configuration.status {
        Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
        Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
        _ => {
            let text = "The Versioning element must be specified";
            return Err(Fault::sender("IllegalVersioningConfigurationException", text).into());
        }
    };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let mut bucket = buckets::bucket(tx, ctx, name, owner)?;
            if bucket.object_lock && versioning == Versioning::Suspended {
                return Err(errors::invalid_bucket_state().into());
            }
            let replicates = || kept::get::<Replication>(tx, name).map(|it| it.is_some());
            if versioning == Versioning::Suspended && replicates()? {
                let text = "A replication configuration is present on this bucket, so the \
                            versioning state cannot be changed.";
                return Err(Fault::new("InvalidBucketState", 409, text).into());
            }
            bucket.versioning = versioning;
            Ok(tx.put(&BUCKETS, name, &bucket)?)
        })
        .await?;
    Ok(PutBucketVersioningOutput {})
}
