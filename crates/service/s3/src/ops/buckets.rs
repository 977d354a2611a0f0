//! `ListBuckets`, `HeadBucket`, `GetBucketLocation`, `DeleteBucket`.
//!
//! ```text
//! aws s3 ls
//! aws s3api head-bucket --bucket photos
//! ```

use api_s3::{
    Bucket as Listed, BucketLocationConstraint, DeleteBucketOutput, DeleteBucketRequest, Error,
    GetBucketLocationOutput, GetBucketLocationRequest, HeadBucketOutput, HeadBucketRequest,
    ListBucketsOutput, ListBucketsRequest,
};
use kernel::{Ctx, Timestamp};
use store::{Scan, WriteTx};

use crate::records::{BUCKETS, Bucket, CONFIGS, OBJECTS, UPLOADS, VERSIONS, Versioning};
use crate::{S3, buckets, errors, multipart};

/// Most buckets of one page, and of a request that does not ask for pages.
const PAGE_MAX: usize = 10_000;

pub(crate) async fn list_buckets(
    _: &S3,
    ctx: &Ctx,
    input: ListBucketsRequest,
) -> Result<ListBucketsOutput, Error> {
    let max = match input.max_buckets {
        None => PAGE_MAX,
        Some(max @ 1..=10_000) => max as usize,
        Some(other) => {
            let text = "Argument max-buckets must be an integer between 1 and 10000";
            let value = other.to_string();
            return Err(errors::invalid_argument("max-buckets", Some(&value), text).into());
        }
    };
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let mut scan = Scan::prefix(store::Key::new().text_beginning(prefix));
    if let Some(token) = &input.continuation_token {
        scan = scan.gt(token.as_str());
    }
    let mine = |bucket: &Bucket| {
        let region = input.bucket_region.as_deref();
        bucket.account == ctx.account() && region.is_none_or(|region| region == bucket.region)
    };
    let all = ctx.store().read(|tx| tx.scan(&BUCKETS, scan))?;
    let mut found: Vec<Bucket> = all.into_iter().map(|(_, b)| b).filter(mine).collect();
    let more = found.len() > max;
    found.truncate(max);
    let last = found.last().filter(|_| more).map(|bucket| bucket.name.clone());
    let paged = input.max_buckets.is_some() || input.bucket_region.is_some();
    let listed = |bucket: Bucket| Listed {
        name: Some(bucket.name),
        creation_date: Some(Timestamp::from_ms(bucket.created_ms)),
        bucket_region: paged.then_some(bucket.region),
        ..Listed::default()
    };
    Ok(ListBucketsOutput {
        buckets: Some(found.into_iter().map(listed).collect()),
        owner: Some(buckets::owner(ctx.account())),
        continuation_token: last,
        prefix: input.prefix,
    })
}

pub(crate) async fn head_bucket(
    _: &S3,
    ctx: &Ctx,
    input: HeadBucketRequest,
) -> Result<HeadBucketOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let bucket = ctx.store().read(|tx| buckets::bucket(tx, ctx, &input.bucket, owner))?;
    Ok(HeadBucketOutput {
        bucket_region: Some(bucket.region),
        access_point_alias: Some(false),
        ..HeadBucketOutput::default()
    })
}

pub(crate) async fn get_bucket_location(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketLocationRequest,
) -> Result<GetBucketLocationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let bucket = ctx.store().read(|tx| buckets::bucket(tx, ctx, &input.bucket, owner))?;
    // The oldest region has no name here.
    let named = (bucket.region != "us-east-1").then_some(bucket.region);
    let location_constraint = named.map(|region| BucketLocationConstraint::from(region.as_str()));
    Ok(GetBucketLocationOutput { location_constraint })
}

pub(crate) async fn delete_bucket(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketRequest,
) -> Result<DeleteBucketOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            check_empty(tx, &bucket)?;
            let mut kept = Vec::new();
            tx.scan_raw(&CONFIGS, &Scan::prefix(name), &mut |key, _| {
                kept.push(store::Key::from_bytes(key));
                std::ops::ControlFlow::Continue(())
            })?;
            for key in kept {
                tx.delete(&CONFIGS, key)?;
            }
            // Uploads that were never completed do not hold a bucket.
            for (_, upload) in tx.scan(&UPLOADS, Scan::prefix(name))? {
                let (key, id) = (upload.key.as_str(), upload.id.as_str());
                multipart::forget(tx, ctx, name, key, id, &[])?;
            }
            Ok(tx.delete(&BUCKETS, name)?)
        })
        .await?;
    Ok(DeleteBucketOutput {})
}

fn check_empty(tx: &WriteTx, bucket: &Bucket) -> Result<(), Error> {
    let one = || Scan::prefix(bucket.name.as_str()).limit(1);
    let empty = tx.scan(&OBJECTS, one())?.is_empty() && tx.scan(&VERSIONS, one())?.is_empty();
    match empty {
        true => Ok(()),
        false => {
            let versioned = bucket.versioning != Versioning::Off;
            Err(errors::bucket_not_empty(&bucket.name, versioned).into())
        }
    }
}
