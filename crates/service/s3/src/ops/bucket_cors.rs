//! `PutBucketCors`, `GetBucketCors`, `DeleteBucketCors`.
//!
//! ```text
//! aws s3api put-bucket-cors --bucket photos --cors-configuration \
//!     '{"CORSRules": [{"AllowedOrigins": ["https://app.example"], "AllowedMethods": ["GET"]}]}'
//! ```

use api_s3::{
    DeleteBucketCorsOutput, DeleteBucketCorsRequest, Error, GetBucketCorsOutput,
    GetBucketCorsRequest, PutBucketCorsOutput, PutBucketCorsRequest,
};
use kernel::Ctx;

use crate::S3;
use crate::settings::cors::Cors;
use crate::settings::{kept, refusal};

pub(crate) async fn put_bucket_cors(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketCorsRequest,
) -> Result<PutBucketCorsOutput, Error> {
    let cors = Cors::from_api(input.cors_configuration)?;
    kept::set(ctx, &input.bucket, input.expected_bucket_owner.as_deref(), &cors).await?;
    Ok(PutBucketCorsOutput {})
}

pub(crate) async fn get_bucket_cors(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketCorsRequest,
) -> Result<GetBucketCorsOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, cors) = kept::find::<Cors>(ctx, &input.bucket, owner)?;
    let cors = cors.ok_or_else(|| {
        let text = "The CORS configuration does not exist";
        refusal::absent("NoSuchCORSConfiguration", text, &bucket.name)
    })?;
    Ok(GetBucketCorsOutput { cors_rules: Some(cors.to_api()) })
}

pub(crate) async fn delete_bucket_cors(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketCorsRequest,
) -> Result<DeleteBucketCorsOutput, Error> {
    kept::unset::<Cors>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketCorsOutput {})
}
