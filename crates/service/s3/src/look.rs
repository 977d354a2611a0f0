//! Looking at an object: what `GetObject`, `HeadObject` and copies do before they differ.

use std::ops::Range;

use api_s3::Error;
use kernel::access::Need;
use kernel::blobs::BlobSecret;
use kernel::{Ctx, Fault, Principal, Timestamp};
use store::ReadTx;

use crate::conditions::Conditions;
use crate::records::{Checksum, ObjectPart, Version};
use crate::sse::CustomerKey;
use crate::{S3, buckets, bytes, errors, objects, range};

/// What is asked for.
#[derive(Default)]
pub(crate) struct Query<'a> {
    pub method: &'static str,
    pub bucket: &'a str,
    pub owner: Option<&'a str>,
    pub key: &'a str,
    pub version_id: Option<&'a str>,
    pub conditions: Conditions<'a>,
    pub range: Option<&'a str>,
    pub part_number: Option<i32>,
}

/// What is there.
pub(crate) struct Look {
    pub version: Version,
    /// Whether the bucket has, or had, versions: then an answer names the one it shows.
    pub versioned: bool,
    pub parts: Vec<ObjectPart>,
    /// The bytes to answer.
    pub range: Range<u64>,
    /// Whether that is what a range or a part number asked for.
    pub partial: bool,
    /// The checksum of what is answered, if it has one.
    pub checksum: Option<Checksum>,
    /// How many parts it was uploaded in, where one of them is asked for.
    pub parts_count: Option<u32>,
}

/// Finds it in a snapshot and judges the conditions.
pub(crate) fn look(tx: &ReadTx, ctx: &Ctx, query: &Query<'_>) -> Result<Look, Error> {
    if query.range.is_some() && query.part_number.is_some() {
        let text = "Cannot specify both Range header and partNumber query parameter";
        return Err(errors::invalid_request(text).into());
    }
    let bucket = buckets::bucket(tx, ctx, query.bucket, query.owner)?;
    let found = objects::wanted(tx, query.bucket, query.key, query.version_id, query.method)?;
    let version = found.version;
    if !query.conditions.hold(&version)? {
        return Err(errors::not_modified(&version.etag).into());
    }
    let parts = bytes::parts(tx, &version)?;
    let mut look = Look {
        range: 0..version.size,
        partial: false,
        checksum: version.checksum.clone(),
        parts_count: None,
        versioned: bucket.versioning != crate::records::Versioning::Off,
        version,
        parts,
    };
    look.narrow(query)?;
    Ok(look)
}

/// What a read is told that found nothing: whoever may not list a bucket may not learn by reading
/// what is in it either.
pub(crate) fn hide(ctx: &Ctx, bucket: &str, operation: &str, error: Error) -> Error {
    let fault = Fault::from(error);
    if fault.code != "NoSuchKey" || matches!(ctx.principal(), Principal::Service { .. }) {
        return fault.into();
    }
    let need = Need::new("s3:ListBucket", format!("arn:aws:s3:::{bucket}"));
    ctx.authorize("s3", operation, &[need]).err().unwrap_or(fault).into()
}

impl Look {
    fn narrow(&mut self, query: &Query<'_>) -> Result<(), Fault> {
        if let Some(range) = range::read(query.range, self.version.size)? {
            let whole = range == self.range;
            (self.range, self.partial) = (range, true);
            if !whole {
                self.checksum = None;
            }
        }
        let Some(number) = query.part_number else { return Ok(()) };
        let count = self.parts.len() as u32;
        if !(1..=10_000).contains(&number) {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            let value = number.to_string();
            return Err(errors::invalid_argument("partNumber", Some(&value), text));
        }
        let range = bytes::of_part(&self.parts, number as usize);
        self.range = range.ok_or_else(|| errors::invalid_part_number(number, count))?;
        self.partial = true;
        if let crate::records::Data::Parts { count, .. } = self.version.data {
            self.parts_count = Some(count);
            let part = &self.parts[number as usize - 1];
            let algorithm = self.version.checksum.as_ref().map(|checksum| checksum.algorithm);
            self.checksum = algorithm
                .zip(part.checksum.clone())
                .map(|(algorithm, value)| Checksum { algorithm, value, composite: false });
        }
        Ok(())
    }

    /// The secret of its bytes.
    pub async fn secret(
        &self,
        api: &S3,
        ctx: &Ctx,
        customer: Option<&CustomerKey>,
    ) -> Result<BlobSecret, Error> {
        api.secret(ctx, self.version.sse.as_ref(), customer).await
    }

    /// Archived objects are read only while a restored copy is there.
    pub fn check_readable(&self, now: Timestamp) -> Result<(), Fault> {
        match self.version.archive() {
            Some(class) if self.version.restored(now).is_none() => {
                Err(errors::invalid_object_state(class))
            }
            _ => Ok(()),
        }
    }
}
