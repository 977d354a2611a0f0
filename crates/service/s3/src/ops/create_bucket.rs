//! `CreateBucket`.
//!
//! ```text
//! aws s3 mb s3://photos
//! ```

use api_s3::{CreateBucketOutput, CreateBucketRequest, Error};
use kernel::{Ctx, Fault};

use super::creation;
use crate::records::{BUCKETS, Bucket, Versioning};
use crate::{S3, buckets, errors};

/// Where clients that name no region create their buckets.
const GLOBAL_REGION: &str = "us-east-1";

pub(crate) async fn create_bucket(
    _: &S3,
    ctx: &Ctx,
    input: CreateBucketRequest,
) -> Result<CreateBucketOutput, Error> {
    let name = &input.bucket;
    if !buckets::is_valid_name(name) {
        return Err(errors::invalid_bucket_name(name).into());
    }
    let region = region(ctx, &input)?;
    let object_lock = input.object_lock_enabled_for_bucket == Some(true);
    let bucket = Bucket {
        name: name.clone(),
        account: ctx.account().to_owned(),
        region,
        created_ms: ctx.now().epoch_ms,
        versioning: if object_lock { Versioning::Enabled } else { Versioning::Off },
        object_lock,
    };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            match tx.get(&BUCKETS, name.as_str())? {
                None => {
                    tx.put(&BUCKETS, name.as_str(), &bucket)?;
                    creation::put_settings(tx, &bucket, &input)
                }
                Some(before) if before.account != bucket.account => {
                    Err(errors::bucket_already_exists(name).into())
                }
                // In the oldest region, doing it again is no error.
                Some(before) if before.region == GLOBAL_REGION => Ok(()),
                Some(_) => Err(errors::bucket_already_owned_by_you(name).into()),
            }
        })
        .await?;
    let location = match bucket.region.as_str() {
        GLOBAL_REGION => format!("/{name}"),
        _ => format!("http://{name}.s3.amazonaws.com/"),
    };
    Ok(CreateBucketOutput { location: Some(location), ..CreateBucketOutput::default() })
}

/// The region asked for: the one the request was sent to, or from the global one any.
fn region(ctx: &Ctx, input: &CreateBucketRequest) -> Result<String, Fault> {
    let constraint = input
        .create_bucket_configuration
        .as_ref()
        .and_then(|configuration| configuration.location_constraint.as_ref())
        .map_or("", |constraint| constraint.as_str());
    match (ctx.region(), constraint) {
        (GLOBAL_REGION, "") => Ok(GLOBAL_REGION.to_owned()),
        (GLOBAL_REGION, "EU") => Ok("eu-west-1".to_owned()),
        (GLOBAL_REGION, constraint) => Ok(constraint.to_owned()),
        (region, constraint) if region == constraint => Ok(region.to_owned()),
        ("eu-west-1", "EU") => Ok("eu-west-1".to_owned()),
        (_, constraint) => Err(errors::illegal_location_constraint(constraint)),
    }
}
