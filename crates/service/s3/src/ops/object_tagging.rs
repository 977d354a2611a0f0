//! `PutObjectTagging`, `GetObjectTagging`, `DeleteObjectTagging`.
//!
//! ```text
//! aws s3api put-object-tagging --bucket photos --key a.jpg --tagging 'TagSet=[{Key=k,Value=v}]'
//! ```

use api_s3::{
    DeleteObjectTaggingOutput, DeleteObjectTaggingRequest, Error, GetObjectTaggingOutput,
    GetObjectTaggingRequest, PutObjectTaggingOutput, PutObjectTaggingRequest, Tag,
};
use kernel::Ctx;

use super::object_target::target;
use crate::hooks::{self, Happened};
use crate::settings::tags;
use crate::{S3, buckets, objects, replicate};

pub(crate) async fn put_object_tagging(
    _: &S3,
    ctx: &Ctx,
    input: PutObjectTaggingRequest,
) -> Result<PutObjectTaggingOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    let tags = tags::of_object(input.tagging.tag_set)?;
    let version_id = ctx
        .store()
        .write(|tx| -> Result<_, Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let mut found = target(tx, name, key, version_id)?;
            found.version.tags = tags.iter().cloned().collect();
            replicate::touched(tx, ctx, &bucket, key, &mut found.version)?;
            objects::rewrite(tx, name, key, &found)?;
            hooks::happened(tx, ctx, &bucket, key, &found.version, Happened::TaggingPut)?;
            Ok(found.version.version_id)
        })
        .await?;
    Ok(PutObjectTaggingOutput { version_id })
}

pub(crate) async fn get_object_tagging(
    _: &S3,
    ctx: &Ctx,
    input: GetObjectTaggingRequest,
) -> Result<GetObjectTaggingOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store().read(|tx| -> Result<_, Error> {
        buckets::bucket(tx, ctx, name, owner)?;
        let version = target(tx, name, &input.key, input.version_id.as_deref())?.version;
        let tag_set = version.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Ok(GetObjectTaggingOutput { version_id: version.version_id, tag_set })
    })
}

pub(crate) async fn delete_object_tagging(
    _: &S3,
    ctx: &Ctx,
    input: DeleteObjectTaggingRequest,
) -> Result<DeleteObjectTaggingOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    let version_id = ctx
        .store()
        .write(|tx| -> Result<_, Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let mut found = target(tx, name, key, version_id)?;
            found.version.tags.clear();
            replicate::touched(tx, ctx, &bucket, key, &mut found.version)?;
            objects::rewrite(tx, name, key, &found)?;
            hooks::happened(tx, ctx, &bucket, key, &found.version, Happened::TaggingDelete)?;
            Ok(found.version.version_id)
        })
        .await?;
    Ok(DeleteObjectTaggingOutput { version_id })
}
