//! `ListMultipartUploads`, `ListParts`.
//!
//! ```text
//! aws s3api list-multipart-uploads --bucket photos
//! ```

use api_s3::{
    Error, Initiator, ListMultipartUploadsOutput, ListMultipartUploadsRequest, ListPartsOutput,
    ListPartsRequest, MultipartUpload, Part, StorageClass,
};
use kernel::{Ctx, Timestamp};
use store::{Key, Scan};

use crate::list::{self, Entry, Listing, Page};
use crate::records::{UPLOADS, Upload};
use crate::{S3, buckets, checksums, multipart, objects};

pub(crate) async fn list_multipart_uploads(
    _: &S3,
    ctx: &Ctx,
    input: ListMultipartUploadsRequest,
) -> Result<ListMultipartUploadsOutput, Error> {
    let encode = list::encoder(input.encoding_type.as_ref());
    let marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    // Without a key, an upload id means nothing.
    let id_marker = input.upload_id_marker.as_deref().filter(|_| marker.is_some());
    let listing = Listing {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: marker,
        max: list::max("max-uploads", input.max_uploads)?,
    };
    let owner = input.expected_bucket_owner.as_deref();
    let page = ctx.store().read(|tx| -> Result<Page<Upload>, Error> {
        buckets::bucket(tx, ctx, listing.bucket, owner)?;
        let scan = Scan::prefix(Key::of(listing.bucket).text_beginning(listing.prefix));
        Ok(page(&listing, id_marker, tx.scan(&UPLOADS, scan)?))
    })?;
    let mut output = ListMultipartUploadsOutput {
        bucket: Some(input.bucket.clone()),
        key_marker: Some(encode(marker.unwrap_or_default())),
        upload_id_marker: Some(id_marker.unwrap_or_default().to_owned()),
        prefix: Some(encode(listing.prefix)),
        delimiter: listing.delimiter.map(encode),
        max_uploads: Some(listing.max as i32),
        is_truncated: Some(page.truncated),
        common_prefixes: page.prefixes(encode),
        encoding_type: input.encoding_type.clone(),
        ..ListMultipartUploadsOutput::default()
    };
    if page.truncated {
        output.next_key_marker = page.last().map(encode);
        if let Some(Entry::Key(_, upload)) = page.entries.last() {
            output.next_upload_id_marker = Some(upload.id.clone());
        }
    }
    for entry in page.entries {
        if let Entry::Key(key, upload) = entry {
            output.uploads.get_or_insert_default().push(shown(encode(&key), upload));
        }
    }
    Ok(output)
}

/// Uploads are few: all of a prefix are read.
fn page(listing: &Listing<'_>, id_marker: Option<&str>, all: Vec<(Key, Upload)>) -> Page<Upload> {
    let mut page = Page { entries: Vec::new(), truncated: false };
    for (stored, upload) in all {
        let Some(store::Part::Text(key)) = stored.parts().and_then(|p| p.into_iter().nth(1)) else {
            continue;
        };
        let is_behind = match (listing.after, id_marker) {
            (None, _) => true,
            (Some(after), Some(id)) if after == key => upload.id.as_str() > id,
            (Some(after), _) => key.as_str() > after,
        };
        let prefix = listing.common_prefix(&key).map(str::to_owned);
        let is_known = |prefix: &String| {
            listing.after == Some(prefix) || page.entries.contains(&Entry::Prefix(prefix.clone()))
        };
        if !is_behind || prefix.as_ref().is_some_and(is_known) {
            continue;
        }
        if page.entries.len() == listing.max {
            page.truncated = listing.max > 0;
            break;
        }
        page.entries.push(prefix.map_or_else(|| Entry::Key(key, upload), Entry::Prefix));
    }
    page
}

fn shown(key: String, upload: Upload) -> MultipartUpload {
    let named = upload.chosen.then_some(upload.algorithm);
    MultipartUpload {
        upload_id: Some(upload.id),
        key: Some(key),
        initiated: Some(Timestamp::from_ms(upload.initiated_ms)),
        storage_class: Some(class(upload.version.storage_class.as_deref())),
        owner: Some(buckets::owner(&upload.initiator)),
        initiator: Some(initiator(&upload.initiator)),
        checksum_algorithm: named.map(checksums::api),
        checksum_type: named.map(|_| checksums::kind(upload.composite)),
        ..MultipartUpload::default()
    }
}

fn class(stored: Option<&str>) -> StorageClass {
    StorageClass::from(stored.unwrap_or("STANDARD"))
}

fn initiator(account: &str) -> Initiator {
    Initiator { id: Some(buckets::canonical_id(account)), ..Initiator::default() }
}

pub(crate) async fn list_parts(
    _: &S3,
    ctx: &Ctx,
    input: ListPartsRequest,
) -> Result<ListPartsOutput, Error> {
    let max = list::max("max-parts", input.max_parts)?;
    let marker = input.part_number_marker.unwrap_or(0);
    let (upload, parts) = ctx.store().read(|tx| -> Result<_, Error> {
        buckets::bucket(tx, ctx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        let upload = multipart::upload(tx, &input.bucket, &input.key, &input.upload_id)?;
        Ok((upload, multipart::parts(tx, &input.upload_id)?))
    })?;
    let behind = |(number, _): &(u32, _)| i64::from(*number) > i64::from(marker);
    let mut rest = parts.into_iter().filter(behind);
    let mut shown = Vec::new();
    for (number, part) in rest.by_ref().take(max) {
        let mut entry = Part {
            part_number: i32::try_from(number).ok(),
            last_modified: Some(Timestamp::from_ms(part.modified_ms)),
            e_tag: Some(objects::quoted(&part.etag)),
            size: i64::try_from(part.blob.size).ok(),
            ..Part::default()
        };
        if upload.chosen {
            checksums::show!(entry, upload.algorithm, part.checksum);
        }
        shown.push(entry);
    }
    let named = upload.chosen.then_some(upload.algorithm);
    Ok(ListPartsOutput {
        bucket: Some(input.bucket.clone()),
        key: Some(input.key.clone()),
        upload_id: Some(upload.id),
        part_number_marker: Some(marker),
        next_part_number_marker: Some(shown.last().and_then(|part| part.part_number).unwrap_or(0)),
        max_parts: Some(max as i32),
        is_truncated: Some(max > 0 && rest.next().is_some()),
        parts: (!shown.is_empty()).then_some(shown),
        initiator: Some(initiator(&upload.initiator)),
        owner: Some(buckets::owner(&upload.initiator)),
        storage_class: Some(class(upload.version.storage_class.as_deref())),
        checksum_algorithm: named.map(checksums::api),
        checksum_type: named.map(|_| checksums::kind(upload.composite)),
        ..ListPartsOutput::default()
    })
}
