//! `PutBucketWebsite`, `GetBucketWebsite`, `DeleteBucketWebsite`.
//!
//! ```text
//! aws s3 website s3://photos --index-document index.html
//! ```

use api_s3::{
    DeleteBucketWebsiteOutput, DeleteBucketWebsiteRequest, Error, GetBucketWebsiteOutput,
    GetBucketWebsiteRequest, PutBucketWebsiteOutput, PutBucketWebsiteRequest,
};
use kernel::Ctx;

use crate::S3;
use crate::settings::website::Website;
use crate::settings::{kept, refusal};

pub(crate) async fn put_bucket_website(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketWebsiteRequest,
) -> Result<PutBucketWebsiteOutput, Error> {
    let website = Website::from_api(input.website_configuration)?;
    kept::set(ctx, &input.bucket, input.expected_bucket_owner.as_deref(), &website).await?;
    Ok(PutBucketWebsiteOutput {})
}

pub(crate) async fn get_bucket_website(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketWebsiteRequest,
) -> Result<GetBucketWebsiteOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, website) = kept::find::<Website>(ctx, &input.bucket, owner)?;
    match website {
        Some(website) => Ok(website.to_api()),
        None => Err(refusal::no_website(&bucket.name).into()),
    }
}

pub(crate) async fn delete_bucket_website(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketWebsiteRequest,
) -> Result<DeleteBucketWebsiteOutput, Error> {
    kept::unset::<Website>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketWebsiteOutput {})
}
