//! `PutBucketTagging`, `GetBucketTagging`, `DeleteBucketTagging`.
//!
//! ```text
//! aws s3api put-bucket-tagging --bucket photos --tagging 'TagSet=[{Key=team,Value=web}]'
//! ```

use api_s3::{
    DeleteBucketTaggingOutput, DeleteBucketTaggingRequest, Error, GetBucketTaggingOutput,
    GetBucketTaggingRequest, PutBucketTaggingOutput, PutBucketTaggingRequest,
};
use kernel::Ctx;

use crate::S3;
use crate::settings::kept::{self, BucketTags};
use crate::settings::{refusal, tags};

pub(crate) async fn put_bucket_tagging(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketTaggingRequest,
) -> Result<PutBucketTaggingOutput, Error> {
    let tags = BucketTags(tags::of_bucket(input.tagging.tag_set)?);
    kept::set(ctx, &input.bucket, input.expected_bucket_owner.as_deref(), &tags).await?;
    Ok(PutBucketTaggingOutput {})
}

pub(crate) async fn get_bucket_tagging(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketTaggingRequest,
) -> Result<GetBucketTaggingOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, tags) = kept::find::<BucketTags>(ctx, &input.bucket, owner)?;
    match tags.filter(|tags| !tags.0.is_empty()) {
        Some(tags) => Ok(GetBucketTaggingOutput { tag_set: tags::to_api(&tags.0) }),
        None => {
            let text = "The TagSet does not exist";
            Err(refusal::absent("NoSuchTagSet", text, &bucket.name).into())
        }
    }
}

pub(crate) async fn delete_bucket_tagging(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketTaggingRequest,
) -> Result<DeleteBucketTaggingOutput, Error> {
    kept::unset::<BucketTags>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketTaggingOutput {})
}
