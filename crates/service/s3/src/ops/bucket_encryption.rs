//! `PutBucketEncryption`, `GetBucketEncryption`, `DeleteBucketEncryption`.
//!
//! ```text
//! aws s3api get-bucket-encryption --bucket photos
//! ```

use api_s3::{
    DeleteBucketEncryptionOutput, DeleteBucketEncryptionRequest, Error, GetBucketEncryptionOutput,
    GetBucketEncryptionRequest, PutBucketEncryptionOutput, PutBucketEncryptionRequest,
};
use kernel::Ctx;

use crate::S3;
use crate::settings::encryption::Encryption;
use crate::settings::kept;

pub(crate) async fn put_bucket_encryption(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketEncryptionRequest,
) -> Result<PutBucketEncryptionOutput, Error> {
    let encryption = Encryption::from_api(input.server_side_encryption_configuration)?;
    kept::set(ctx, &input.bucket, input.expected_bucket_owner.as_deref(), &encryption).await?;
    Ok(PutBucketEncryptionOutput {})
}

pub(crate) async fn get_bucket_encryption(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketEncryptionRequest,
) -> Result<GetBucketEncryptionOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (_, encryption) = kept::find::<Encryption>(ctx, &input.bucket, owner)?;
    let shown = encryption.unwrap_or_default().to_api();
    Ok(GetBucketEncryptionOutput { server_side_encryption_configuration: Some(shown) })
}

/// Nothing is ever written unsealed: this brings back the default of a new bucket.
pub(crate) async fn delete_bucket_encryption(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketEncryptionRequest,
) -> Result<DeleteBucketEncryptionOutput, Error> {
    kept::unset::<Encryption>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketEncryptionOutput {})
}
