//! `PutBucketPolicy`, `GetBucketPolicy`, `DeleteBucketPolicy`, `GetBucketPolicyStatus`.
//!
//! ```text
//! aws s3api put-bucket-policy --bucket photos --policy file://policy.json
//! ```

use api_s3::{
    DeleteBucketPolicyOutput, DeleteBucketPolicyRequest, Error, GetBucketPolicyOutput,
    GetBucketPolicyRequest, GetBucketPolicyStatusOutput, GetBucketPolicyStatusRequest,
    PolicyStatus, PutBucketPolicyOutput, PutBucketPolicyRequest,
};
use kernel::{Ctx, Fault};

use crate::settings::access::PublicBlock;
use crate::settings::kept::{self, PolicyText};
use crate::settings::{policy, refusal};
use crate::{S3, buckets};

pub(crate) async fn put_bucket_policy(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketPolicyRequest,
) -> Result<PutBucketPolicyOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let public = policy::check(&input.policy, name)?;
    let kept = PolicyText { text: input.policy, public };
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            let block = kept::get::<PublicBlock>(tx, name)?.unwrap_or(PublicBlock::NONE);
            if public && block.block_policy {
                return Err(blocked(ctx, name).into());
            }
            kept::put(tx, name, &kept)
        })
        .await?;
    Ok(PutBucketPolicyOutput {})
}

fn blocked(ctx: &Ctx, bucket: &str) -> Fault {
    refusal::access_denied(format!(
        "User: {} is not authorized to perform: s3:PutBucketPolicy on resource: \
         \"arn:aws:s3:::{bucket}\" because public policies are blocked by the BlockPublicPolicy \
         block public access setting.",
        ctx.principal().arn()
    ))
}

fn no_policy(bucket: &str) -> Fault {
    refusal::absent("NoSuchBucketPolicy", "The bucket policy does not exist", bucket)
}

pub(crate) async fn get_bucket_policy(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketPolicyRequest,
) -> Result<GetBucketPolicyOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, policy) = kept::find::<PolicyText>(ctx, &input.bucket, owner)?;
    let policy = policy.ok_or_else(|| no_policy(&bucket.name))?;
    Ok(GetBucketPolicyOutput { policy: Some(policy.text) })
}

pub(crate) async fn get_bucket_policy_status(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketPolicyStatusRequest,
) -> Result<GetBucketPolicyStatusOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, policy) = kept::find::<PolicyText>(ctx, &input.bucket, owner)?;
    let policy = policy.ok_or_else(|| no_policy(&bucket.name))?;
    let policy_status = Some(PolicyStatus { is_public: Some(policy.public) });
    Ok(GetBucketPolicyStatusOutput { policy_status })
}

pub(crate) async fn delete_bucket_policy(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketPolicyRequest,
) -> Result<DeleteBucketPolicyOutput, Error> {
    kept::unset::<PolicyText>(ctx, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    Ok(DeleteBucketPolicyOutput {})
}
