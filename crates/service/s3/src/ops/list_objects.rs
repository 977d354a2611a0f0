//! `ListObjects` and `ListObjectsV2`.
//!
//! ```text
//! aws s3 ls s3://photos/2026/
//! ```

use api_s3::{
    Error, ListObjectsOutput, ListObjectsRequest, ListObjectsV2Output, ListObjectsV2Request,
    Object, ObjectStorageClass,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use kernel::{Ctx, Timestamp};
use store::RawTable;

use crate::list::{self, Entry, Listing, Page};
use crate::records::Version;
use crate::{S3, buckets, checksums, errors, objects};

/// The current versions, not yet decoded.
const OBJECTS: RawTable = RawTable::new("s3/object");

pub(crate) async fn list_objects(
    _: &S3,
    ctx: &Ctx,
    input: ListObjectsRequest,
) -> Result<ListObjectsOutput, Error> {
    let encode = list::encoder(input.encoding_type.as_ref());
    let listing = Listing {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: input.marker.as_deref().filter(|marker| !marker.is_empty()),
        max: list::max("max-keys", input.max_keys)?,
    };
    let restore = list::restore_asked(input.optional_object_attributes.as_deref(), ctx);
    let page = page(ctx, &listing, input.expected_bucket_owner.as_deref())?;
    let next = page.last().filter(|_| page.truncated && listing.delimiter.is_some()).map(encode);
    Ok(ListObjectsOutput {
        is_truncated: Some(page.truncated),
        marker: Some(encode(input.marker.as_deref().unwrap_or_default())),
        next_marker: next,
        common_prefixes: page.prefixes(encode),
        contents: contents(page, encode, true, restore),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(listing.prefix)),
        delimiter: listing.delimiter.map(encode),
        max_keys: Some(listing.max as i32),
        encoding_type: input.encoding_type.clone(),
        ..ListObjectsOutput::default()
    })
}

pub(crate) async fn list_objects_v2(
    _: &S3,
    ctx: &Ctx,
    input: ListObjectsV2Request,
) -> Result<ListObjectsV2Output, Error> {
    let encode = list::encoder(input.encoding_type.as_ref());
    let token = input.continuation_token.as_deref().map(after_of).transpose()?;
    let start = input.start_after.as_deref().filter(|start| !start.is_empty());
    let listing = Listing {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: token.as_deref().or(start),
        max: list::max("max-keys", input.max_keys)?,
    };
    let restore = list::restore_asked(input.optional_object_attributes.as_deref(), ctx);
    let page = page(ctx, &listing, input.expected_bucket_owner.as_deref())?;
    let next = page.last().filter(|_| page.truncated);
    let next = next.map(|last| BASE64_URL_SAFE_NO_PAD.encode(format!("1{last}")));
    Ok(ListObjectsV2Output {
        is_truncated: Some(page.truncated),
        key_count: Some(page.entries.len() as i32),
        next_continuation_token: next,
        common_prefixes: page.prefixes(encode),
        contents: contents(page, encode, input.fetch_owner == Some(true), restore),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(listing.prefix)),
        delimiter: listing.delimiter.map(encode),
        max_keys: Some(listing.max as i32),
        encoding_type: input.encoding_type.clone(),
        continuation_token: input.continuation_token.clone(),
        start_after: input.start_after.as_deref().map(encode),
        ..ListObjectsV2Output::default()
    })
}

/// Where a page before ended.
fn after_of(token: &str) -> Result<String, Error> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|t| String::from_utf8(t).ok());
    let after = decoded.as_deref().and_then(|text| text.strip_prefix('1'));
    Ok(after.map(str::to_owned).ok_or_else(|| {
        let text = "The continuation token provided is incorrect";
        errors::invalid_argument("continuation-token", Some(token), text)
    })?)
}

fn page(ctx: &Ctx, listing: &Listing<'_>, owner: Option<&str>) -> Result<Page<Version>, Error> {
    ctx.store().read(|tx| {
        buckets::bucket(tx, ctx, listing.bucket, owner)?;
        listing.page(tx, &OBJECTS, |key, value| {
            let bad = |error| kernel::Fault::internal(format_args!("{key}: {error}"));
            Ok(serde_json::from_slice(value).map_err(bad)?)
        })
    })
}

fn contents(
    page: Page<Version>,
    encode: impl Fn(&str) -> String,
    with_owner: bool,
    restore: Option<Timestamp>,
) -> Option<Vec<Object>> {
    let objects = page.entries.into_iter().filter_map(|entry| match entry {
        Entry::Prefix(_) => None,
        Entry::Key(key, version) => Some(Object {
            key: Some(encode(&key)),
            last_modified: Some(Timestamp::from_ms(version.modified_ms)),
            e_tag: Some(objects::quoted(&version.etag)),
            checksum_algorithm: (version.checksum.as_ref())
                .map(|checksum| vec![checksums::api(checksum.algorithm)]),
            checksum_type: version.checksum.as_ref().map(|checksum| checksum.kind()),
            size: i64::try_from(version.size).ok(),
            storage_class: Some(ObjectStorageClass::from(
                version.storage_class.as_deref().unwrap_or("STANDARD"),
            )),
            restore_status: list::restore_status(&version, restore),
            owner: with_owner.then(|| buckets::owner(&version.owner)),
        }),
    });
    let objects: Vec<Object> = objects.collect();
    (!objects.is_empty()).then_some(objects)
}
