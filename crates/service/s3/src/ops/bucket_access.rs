//! The block of public access, and ownership controls: put, get and delete each.
//!
//! ```text
//! aws s3api delete-public-access-block --bucket photos
//! aws s3api put-bucket-ownership-controls --bucket photos \
//!     --ownership-controls 'Rules=[{ObjectOwnership=ObjectWriter}]'
//! ```

use api_s3::{
    DeleteBucketOwnershipControlsOutput, DeleteBucketOwnershipControlsRequest,
    DeletePublicAccessBlockOutput, DeletePublicAccessBlockRequest, Error,
    GetBucketOwnershipControlsOutput, GetBucketOwnershipControlsRequest,
    GetPublicAccessBlockOutput, GetPublicAccessBlockRequest, PutBucketOwnershipControlsOutput,
    PutBucketOwnershipControlsRequest, PutPublicAccessBlockOutput, PutPublicAccessBlockRequest,
};
use kernel::{Ctx, Fault};

use crate::settings::access::{Ownership, PublicBlock};
use crate::settings::acl::Acl;
use crate::settings::{kept, refusal};
use crate::{S3, buckets};

pub(crate) async fn put_public_access_block(
    _: &S3,
    ctx: &Ctx,
    input: PutPublicAccessBlockRequest,
) -> Result<PutPublicAccessBlockOutput, Error> {
    let block = PublicBlock::from_api(&input.public_access_block_configuration)?;
    kept::set(ctx, &input.bucket, input.expected_bucket_owner.as_deref(), &block).await?;
    Ok(PutPublicAccessBlockOutput {})
}

pub(crate) async fn get_public_access_block(
    _: &S3,
    ctx: &Ctx,
    input: GetPublicAccessBlockRequest,
) -> Result<GetPublicAccessBlockOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, block) = kept::find::<PublicBlock>(ctx, &input.bucket, owner)?;
    let block = block.ok_or_else(|| {
        let text = "The public access block configuration was not found";
        refusal::absent("NoSuchPublicAccessBlockConfiguration", text, &bucket.name)
    })?;
    Ok(GetPublicAccessBlockOutput { public_access_block_configuration: Some(block.to_api()) })
}

pub(crate) async fn delete_public_access_block(
    _: &S3,
    ctx: &Ctx,
    input: DeletePublicAccessBlockRequest,
) -> Result<DeletePublicAccessBlockOutput, Error> {
    kept::unset::<PublicBlock>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeletePublicAccessBlockOutput {})
}

pub(crate) async fn put_bucket_ownership_controls(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketOwnershipControlsRequest,
) -> Result<PutBucketOwnershipControlsOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let ownership = Ownership::from_api(input.ownership_controls)?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let private = Acl::private(&buckets::canonical_id(&bucket.account));
            let acl = kept::get::<Acl>(tx, name)?;
            if ownership == Ownership::Enforced && acl.is_some_and(|acl| acl != private) {
                return Err(acl_in_the_way().into());
            }
            kept::put(tx, name, &ownership)
        })
        .await?;
    Ok(PutBucketOwnershipControlsOutput {})
}

/// Who enforces ownership cannot keep an ACL that says anything.
pub(crate) fn acl_in_the_way() -> Fault {
    Fault::sender(
        "InvalidBucketAclWithObjectOwnership",
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
    )
}

pub(crate) async fn get_bucket_ownership_controls(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketOwnershipControlsRequest,
) -> Result<GetBucketOwnershipControlsOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, ownership) = kept::find::<Ownership>(ctx, &input.bucket, owner)?;
    let ownership = ownership.ok_or_else(|| {
        let text = "The bucket ownership controls were not found";
        refusal::absent("OwnershipControlsNotFoundError", text, &bucket.name)
    })?;
    Ok(GetBucketOwnershipControlsOutput { ownership_controls: Some(ownership.to_api()) })
}

pub(crate) async fn delete_bucket_ownership_controls(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketOwnershipControlsRequest,
) -> Result<DeleteBucketOwnershipControlsOutput, Error> {
    kept::unset::<Ownership>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketOwnershipControlsOutput {})
}
