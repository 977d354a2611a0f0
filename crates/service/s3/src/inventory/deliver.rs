//! Lists and manifests on their way into their bucket.

use std::io::Write as _;

use api_s3::{Client, Error, ObjectCannedACL, PutObjectRequest, ServerSideEncryption};
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::access::Need;
use kernel::digest::{Algorithm, Digests, hex};
use kernel::{Ctx, Fault, Kernel, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shape::TimeFormat;
use store::{Key, Part, ReadTx, Scan};

use super::rows::{Lines, Row};
use super::{Due, Phase};
use crate::records::{BUCKETS, Bucket, OBJECTS, VERSIONS, Version};
use crate::settings::access::Ownership;
use crate::settings::inventory::{Encryption, Inventory};
use crate::settings::kept;
use crate::settings::lifecycle::Lifecycle;
use crate::sweep;

/// Who puts reports.
const SERVICE: &str = "s3.amazonaws.com";
/// Rows of a file.
const ROWS_MAX: usize = 100_000;
/// Rows that are read at once.
const STEP: usize = 1000;

/// A file of a report, as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    key: String,
    size: usize,
    #[serde(rename = "MD5checksum")]
    md5: String,
}

/// What else is known of the bucket.
struct Around {
    lifecycle: Option<Lifecycle>,
    enforced: bool,
}

fn around(tx: &ReadTx, bucket: &str) -> Result<Around, Fault> {
    let lifecycle = kept::get::<Lifecycle>(tx, bucket)?;
    let enforced = kept::get::<Ownership>(tx, bucket)? == Some(Ownership::Enforced);
    Ok(Around { lifecycle, enforced })
}

/// Makes and puts the next file; answers what is due then.
pub(super) async fn file(
    kernel: &Kernel,
    bucket: &Bucket,
    inventory: &Inventory,
    due: &Due,
) -> Result<Due, Fault> {
    let around = kernel.store().read(|tx| around(tx, &bucket.name))?;
    let lines = Lines::new(bucket, inventory, around.enforced);
    let mut next = due.clone();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let (mut rows, mut text) = (0, String::new());
    while next.phase != Phase::Manifest && rows < ROWS_MAX {
        let found = kernel.store().read(|tx| step(tx, bucket, inventory, &mut next))?;
        for (key, version, latest) in &found {
            let of_current = || around.lifecycle.as_ref().filter(|_| *latest);
            let expires_ms = of_current().and_then(|it| sweep::expires_ms(it, key, version));
            lines.line(&mut text, &Row { key, version, latest: *latest, expires_ms });
        }
        rows += found.len();
        packed.write_all(text.as_bytes()).map_err(Fault::internal)?;
        text.clear();
    }
    if rows == 0 && !next.files.is_empty() {
        return Ok(next);
    }
    let bytes = packed.finish().map_err(Fault::internal)?;
    let key = format!("{}/data/{}.csv.gz", folder(bucket, inventory), kernel.random().uuid());
    let file = File { key: key.clone(), size: bytes.len(), md5: md5(&bytes) };
    put(kernel, bucket, inventory, key, bytes, "application/x-gzip").await?;
    next.files.push(file);
    Ok(next)
}

/// Some rows, and whether each is the latest of its key; moves `due` on.
fn step(
    tx: &ReadTx,
    bucket: &Bucket,
    inventory: &Inventory,
    due: &mut Due,
) -> Result<Vec<(String, Version, bool)>, Fault> {
    let prefix = inventory.prefix.as_deref().unwrap_or_default();
    let mut scan = Scan::prefix(Key::of(bucket.name.as_str()).text_beginning(prefix)).limit(STEP);
    if !due.after.is_empty() {
        scan = scan.after(Key::from_bytes(due.after.clone()));
    }
    let table = if due.phase == Phase::Current { &OBJECTS } else { &VERSIONS };
    let is_current = due.phase == Phase::Current;
    let found = tx.scan(table, scan).map_err(kernel::store_fault)?;
    match found.last() {
        Some((last, _)) => due.after = last.as_bytes().to_vec(),
        None => {
            due.after = Vec::new();
            due.phase = match due.phase {
                Phase::Current if inventory.all => Phase::Others,
                _ => Phase::Manifest,
            };
        }
    }
    let mut rows = Vec::with_capacity(found.len());
    for (place, version) in found {
        let parts = place.parts();
        let Some([_, Part::Text(key), ..]) = parts.as_deref() else {
            return Err(Fault::internal("a record of S3 whose key has no object"));
        };
        let latest = is_current || is_latest_marker(tx, bucket, key, &version)?;
        rows.push((key.clone(), version, latest));
    }
    Ok(rows)
}

/// Whether a version that is not current is a delete marker that hides its key.
fn is_latest_marker(
    tx: &ReadTx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
) -> Result<bool, Fault> {
    if !version.delete_marker {
        return Ok(false);
    }
    let newest = crate::objects::newest(tx, &bucket.name, key).map_err(Fault::from)?;
    Ok(newest.is_some_and(|newest| newest.version.order == version.order))
}

/// Puts the manifest, its checksum, and the list of files for Hive.
pub(super) async fn manifest(
    kernel: &Kernel,
    bucket: &Bucket,
    inventory: &Inventory,
    due: &Due,
) -> Result<(), Fault> {
    let around = kernel.store().read(|tx| around(tx, &bucket.name))?;
    let manifest = json!({
        "sourceBucket": bucket.name,
        "destinationBucket": format!("arn:aws:s3:::{}", inventory.target),
        "version": "2016-11-30",
        "creationTimestamp": due.at_ms.to_string(),
        "fileFormat": "CSV",
        "fileSchema": Lines::new(bucket, inventory, around.enforced).schema(),
        "files": due.files,
    });
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(Fault::internal)?;
    let folder = folder(bucket, inventory);
    // `2026-11-23T00:00:00Z`.
    let at = Timestamp::from_ms(due.at_ms).format(TimeFormat::Iso8601);
    let (day, time) = (at.get(..10).unwrap_or_default(), at.get(11..16).unwrap_or_default());
    let time = time.replace(':', "-");
    let links = due.files.iter().map(|file| format!("s3://{}/{}", inventory.target, file.key));
    let links: Vec<String> = links.collect();
    let symlink = format!("{folder}/hive/dt={day}-{time}/symlink.txt");
    put(kernel, bucket, inventory, symlink, links.join("\n").into_bytes(), "text/plain").await?;
    let place = format!("{folder}/{day}T{time}Z/manifest");
    let checksum = md5(&bytes).into_bytes();
    let json = format!("{place}.json");
    put(kernel, bucket, inventory, json, bytes, "application/json").await?;
    // Whoever waits for a report waits for this.
    put(kernel, bucket, inventory, format!("{place}.checksum"), checksum, "text/plain").await
}

/// What the keys of a report begin with.
fn folder(bucket: &Bucket, inventory: &Inventory) -> String {
    let own = format!("{}/{}", bucket.name, inventory.id);
    match inventory.target_prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
        None | Some("") => own,
        Some(prefix) => format!("{prefix}/{own}"),
    }
}

/// Puts an object of a report as S3 itself: the bucket's policy must let it in.
async fn put(
    kernel: &Kernel,
    bucket: &Bucket,
    inventory: &Inventory,
    key: String,
    bytes: Vec<u8>,
    content_type: &str,
) -> Result<(), Fault> {
    let target = kernel.store().read(|tx| -> Result<Option<(Bucket, bool)>, Error> {
        let Some(target) = tx.get(&BUCKETS, inventory.target.as_str())? else { return Ok(None) };
        let ownership = kept::get::<Ownership>(tx, &target.name)?;
        let has_lists = ownership != Some(Ownership::Enforced);
        Ok(Some((target, has_lists)))
    });
    let (target, has_lists) = target?.ok_or_else(|| refused("the bucket does not exist"))?;
    if inventory.account.as_ref().is_some_and(|account| *account != target.account) {
        return Err(refused("the bucket is another account's"));
    }
    let source = format!("arn:aws:s3:::{}", bucket.name);
    let ctx = kernel.service_ctx(SERVICE, &bucket.account, &target.region);
    let ctx: Ctx = ctx.as_service_for(SERVICE, source);
    let resource = format!("arn:aws:s3:::{}/{key}", target.name);
    let mut need =
        Need::new("s3:PutObject", resource).key("s3:x-amz-acl", "bucket-owner-full-control");
    let mut request = PutObjectRequest {
        bucket: target.name.clone(),
        key,
        content_type: Some(content_type.to_owned()),
        body: Some(bytes.into()),
        ..PutObjectRequest::default()
    };
    if has_lists && target.account != bucket.account {
        request.acl = Some(ObjectCannedACL::BucketOwnerFullControl);
    }
    let name = "s3:x-amz-server-side-encryption";
    match &inventory.encryption {
        None => {}
        Some(Encryption::S3) => {
            request.server_side_encryption = Some(ServerSideEncryption::Aes256);
            need = need.key(name, "AES256");
        }
        Some(Encryption::Kms(key)) => {
            request.server_side_encryption = Some(ServerSideEncryption::AwsKms);
            request.ssekms_key_id = Some(key.clone());
            need = need.key(name, "aws:kms");
        }
    }
    ctx.authorize("s3", "PutObject", &[need])?;
    ctx.client::<Client>().put_object(request).await.map(drop)
}

fn refused(text: &str) -> Fault {
    Fault::new("AccessDenied", 403, text.to_owned())
}

fn md5(bytes: &[u8]) -> String {
    let mut digests = Digests::new([Algorithm::Md5]);
    digests.update(bytes);
    digests.finish().first().map(|(_, sum)| hex(sum)).unwrap_or_default()
}
