//! `PutBucketLifecycleConfiguration`, `GetBucketLifecycleConfiguration`, `DeleteBucketLifecycle`.
//!
//! ```text
//! aws s3api put-bucket-lifecycle-configuration --bucket logs --lifecycle-configuration \
//!     '{"Rules": [{"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}]}'
//! ```

use api_s3::{
    DeleteBucketLifecycleOutput, DeleteBucketLifecycleRequest, Error,
    GetBucketLifecycleConfigurationOutput, GetBucketLifecycleConfigurationRequest,
    PutBucketLifecycleConfigurationOutput, PutBucketLifecycleConfigurationRequest,
};
use kernel::Ctx;

use crate::settings::lifecycle::Lifecycle;
use crate::settings::{kept, refusal};
use crate::{S3, buckets, sweep};

pub(crate) async fn put_bucket_lifecycle_configuration(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketLifecycleConfigurationRequest,
) -> Result<PutBucketLifecycleConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let configuration = input.lifecycle_configuration.ok_or_else(refusal::malformed_xml)?;
    let minimum = input.transition_default_minimum_object_size;
    let lifecycle = Lifecycle::from_api(configuration, minimum, ctx.random())?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            kept::put(tx, name, &lifecycle)?;
            // What is due already goes now; AWS takes until its next daily run.
            Ok(sweep::begin(tx, name, lifecycle.run, ctx.now())?)
        })
        .await?;
    Ok(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(lifecycle.minimum()),
    })
}

pub(crate) async fn get_bucket_lifecycle_configuration(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketLifecycleConfigurationRequest,
) -> Result<GetBucketLifecycleConfigurationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, lifecycle) = kept::find::<Lifecycle>(ctx, &input.bucket, owner)?;
    let lifecycle = lifecycle.ok_or_else(|| {
        let text = "The lifecycle configuration does not exist";
        refusal::absent("NoSuchLifecycleConfiguration", text, &bucket.name)
    })?;
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(lifecycle.to_api()),
        transition_default_minimum_object_size: Some(lifecycle.minimum()),
    })
}

pub(crate) async fn delete_bucket_lifecycle(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketLifecycleRequest,
) -> Result<DeleteBucketLifecycleOutput, Error> {
    kept::unset::<Lifecycle>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketLifecycleOutput {})
}
