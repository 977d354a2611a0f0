//! `ListObjectVersions`.
//!
//! ```text
//! aws s3api list-object-versions --bucket photos --prefix a.jpg
//! ```

use api_s3::{
    DeleteMarkerEntry, Error, ListObjectVersionsOutput, ListObjectVersionsRequest, ObjectVersion,
    ObjectVersionStorageClass,
};
use kernel::{Ctx, Timestamp};
use store::{Key, Part, ReadTx, Scan};

use crate::list::{self, Entry, Listing, Page};
use crate::records::{OBJECTS, VERSIONS, Version};
use crate::{S3, buckets, checksums, errors, objects};

/// A version, and whether it is the newest of its key.
struct Listed {
    version: Version,
    latest: bool,
}

pub(crate) async fn list_object_versions(
    _: &S3,
    ctx: &Ctx,
    input: ListObjectVersionsRequest,
) -> Result<ListObjectVersionsOutput, Error> {
    let encode = list::encoder(input.encoding_type.as_ref());
    let marker = input.key_marker.as_deref().filter(|marker| !marker.is_empty());
    let version_marker = input.version_id_marker.as_deref().filter(|marker| !marker.is_empty());
    if version_marker.is_some() && marker.is_none() {
        let text = "A version-id marker cannot be specified without a key marker.";
        return Err(errors::invalid_argument("version-id-marker", version_marker, text).into());
    }
    let listing = Listing {
        bucket: &input.bucket,
        prefix: input.prefix.as_deref().unwrap_or_default(),
        delimiter: input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty()),
        after: marker,
        max: list::max("max-keys", input.max_keys)?,
    };
    let page = ctx.store().read(|tx| {
        buckets::bucket(tx, ctx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        page(tx, &listing, version_marker)
    })?;
    let mut output = ListObjectVersionsOutput {
        is_truncated: Some(page.truncated),
        key_marker: Some(encode(marker.unwrap_or_default())),
        version_id_marker: Some(version_marker.unwrap_or_default().to_owned()),
        common_prefixes: page.prefixes(encode),
        name: Some(input.bucket.clone()),
        prefix: Some(encode(listing.prefix)),
        delimiter: listing.delimiter.map(encode),
        max_keys: Some(listing.max as i32),
        encoding_type: input.encoding_type.clone(),
        ..ListObjectVersionsOutput::default()
    };
    if page.truncated {
        output.next_key_marker = page.last().map(encode);
        if let Some(Entry::Key(_, listed)) = page.entries.last() {
            output.next_version_id_marker = Some(listed.version.shown_id().to_owned());
        }
    }
    let restore = list::restore_asked(input.optional_object_attributes.as_deref(), ctx);
    for entry in page.entries {
        let Entry::Key(key, listed) = entry else { continue };
        match listed.version.delete_marker {
            true => {
                output.delete_markers.get_or_insert_default().push(marker_of(&key, &listed, encode))
            }
            false => {
                let mut shown = version_of(&key, &listed, encode);
                shown.restore_status = list::restore_status(&listed.version, restore);
                output.versions.get_or_insert_default().push(shown)
            }
        }
    }
    Ok(output)
}

/// Goes along both tables at once, key by key.
fn page(
    tx: &ReadTx,
    listing: &Listing<'_>,
    version_marker: Option<&str>,
) -> Result<Page<Listed>, Error> {
    let mut page = Page { entries: Vec::new(), truncated: false };
    if listing.max == 0 {
        return Ok(page);
    }
    let bucket = listing.bucket;
    let within = || Scan::prefix(Key::of(bucket).text_beginning(listing.prefix));
    let mut scan = within();
    if let Some(after) = listing.after {
        if let Some(version_id) = version_marker {
            let mut rest = versions(tx, bucket, after)?;
            let at = rest.iter().position(|listed| listed.version.shown_id() == version_id);
            rest.drain(..at.map_or(0, |at| at + 1));
            if !add(&mut page, listing, after, rest) {
                return Ok(page);
            }
        }
        scan = match listing.common_prefix(after) == Some(after) {
            true => within().gt(Key::of(bucket).text_beginning(after)),
            false => within().gt((bucket, after)),
        };
    }
    loop {
        let Some(key) = next_key(tx, &scan)? else { return Ok(page) };
        if let Some(prefix) = listing.common_prefix(&key) {
            if page.entries.len() == listing.max {
                page.truncated = true;
                return Ok(page);
            }
            scan = within().gt(Key::of(bucket).text_beginning(prefix));
            page.entries.push(Entry::Prefix(prefix.to_owned()));
            continue;
        }
        let all = versions(tx, bucket, &key)?;
        if !add(&mut page, listing, &key, all) {
            return Ok(page);
        }
        scan = within().gt((bucket, key.as_str()));
    }
}

/// Adds versions of a key; false when the page is full.
fn add(page: &mut Page<Listed>, listing: &Listing<'_>, key: &str, versions: Vec<Listed>) -> bool {
    for listed in versions {
        if page.entries.len() == listing.max {
            page.truncated = true;
            return false;
        }
        page.entries.push(Entry::Key(key.to_owned(), listed));
    }
    true
}

/// The first key of either table in a range.
fn next_key(tx: &ReadTx, scan: &Scan) -> Result<Option<String>, Error> {
    let key_of = |key: &Key| match key.parts()?.into_iter().nth(1)? {
        Part::Text(key) => Some(key),
        _ => None,
    };
    let current = tx.scan(&OBJECTS, scan.clone().limit(1))?;
    let others = tx.scan(&VERSIONS, scan.clone().limit(1))?;
    let first = |found: &[(Key, Version)]| found.first().and_then(|(key, _)| key_of(key));
    Ok(match (first(&current), first(&others)) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    })
}

/// All versions of a key, newest first.
fn versions(tx: &ReadTx, bucket: &str, key: &str) -> Result<Vec<Listed>, Error> {
    let current = tx.get(&OBJECTS, (bucket, key))?;
    let others = tx.scan(&VERSIONS, Scan::prefix((bucket, key)))?;
    let has_current = current.is_some();
    let current = current.into_iter().map(|version| Listed { version, latest: true });
    let others = others
        .into_iter()
        .enumerate()
        .map(|(index, (_, version))| Listed { version, latest: index == 0 && !has_current });
    Ok(current.chain(others).collect())
}

fn marker_of(key: &str, listed: &Listed, encode: impl Fn(&str) -> String) -> DeleteMarkerEntry {
    let version = &listed.version;
    DeleteMarkerEntry {
        owner: Some(buckets::owner(&version.owner)),
        key: Some(encode(key)),
        version_id: Some(version.shown_id().to_owned()),
        is_latest: Some(listed.latest),
        last_modified: Some(Timestamp::from_ms(version.modified_ms)),
    }
}

fn version_of(key: &str, listed: &Listed, encode: impl Fn(&str) -> String) -> ObjectVersion {
    let version = &listed.version;
    ObjectVersion {
        e_tag: Some(objects::quoted(&version.etag)),
        checksum_algorithm: (version.checksum.as_ref())
            .map(|checksum| vec![checksums::api(checksum.algorithm)]),
        checksum_type: version.checksum.as_ref().map(|checksum| checksum.kind()),
        size: i64::try_from(version.size).ok(),
        storage_class: Some(ObjectVersionStorageClass::from(
            version.storage_class.as_deref().unwrap_or("STANDARD"),
        )),
        key: Some(encode(key)),
        version_id: Some(version.shown_id().to_owned()),
        is_latest: Some(listed.latest),
        last_modified: Some(Timestamp::from_ms(version.modified_ms)),
        owner: Some(buckets::owner(&version.owner)),
        ..ObjectVersion::default()
    }
}
