//! `PutBucketAccelerateConfiguration`, `GetBucketAccelerateConfiguration`: whether
//! `BUCKET.s3-accelerate.amazonaws.com` is the bucket's, too.
//!
//! ```text
//! aws s3api put-bucket-accelerate-configuration --bucket photos --accelerate-configuration Status=Enabled
//! ```

use api_s3::{
    BucketAccelerateStatus, Error, GetBucketAccelerateConfigurationOutput,
    GetBucketAccelerateConfigurationRequest, PutBucketAccelerateConfigurationOutput,
    PutBucketAccelerateConfigurationRequest,
};
use kernel::Ctx;

use crate::settings::kept::{self, Accelerated};
use crate::settings::refusal::{invalid_request, malformed_xml};
use crate::{S3, buckets};

pub(crate) async fn put_bucket_accelerate_configuration(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketAccelerateConfigurationRequest,
) -> Result<PutBucketAccelerateConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let on = match input.accelerate_configuration.status {
        Some(BucketAccelerateStatus::Enabled) => true,
        Some(BucketAccelerateStatus::Suspended) => false,
        _ => return Err(malformed_xml().into()),
    };
    if name.contains('.') {
        let text = "S3 Transfer Acceleration is not supported for buckets with periods (.) in \
                    their names";
        return Err(invalid_request(text).into());
    }
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            // What was never there cannot be suspended.
            match on || kept::get::<Accelerated>(tx, name)?.is_some() {
                true => kept::put(tx, name, &Accelerated(on)),
                false => Ok(()),
            }
        })
        .await?;
    Ok(PutBucketAccelerateConfigurationOutput {})
}

pub(crate) async fn get_bucket_accelerate_configuration(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketAccelerateConfigurationRequest,
) -> Result<GetBucketAccelerateConfigurationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (_, accelerated) = kept::find::<Accelerated>(ctx, &input.bucket, owner)?;
    let status = accelerated.map(|Accelerated(on)| match on {
        true => BucketAccelerateStatus::Enabled,
        false => BucketAccelerateStatus::Suspended,
    });
    Ok(GetBucketAccelerateConfigurationOutput {
        status,
        ..GetBucketAccelerateConfigurationOutput::default()
    })
}
