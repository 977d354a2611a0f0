//! `CopyObject`: a second record of the same bytes, with its own secret's wrapping.
//!
//! ```text
//! aws s3 cp s3://photos/a.jpg s3://backup/a.jpg
//! ```

use api_s3::{
    CopyObjectOutput, CopyObjectRequest, CopyObjectResult, Error, MetadataDirective,
    TaggingDirective,
};
use kernel::access::Need;
use kernel::digest::{Algorithm, Digests, hex};
use kernel::{Ctx, Timestamp};
use store::ReadTx;

use super::get_object::open;
use crate::conditions::Conditions;
use crate::hooks::Happened;
use crate::look::{Look, Query, hide, look};
use crate::objects::{self, Write};
use crate::records::{Checksum, Version};
use crate::sse::{self, CustomerKey, Wanted, show_sse};
use crate::{S3, bytes, checksums, errors, hooks, template};

/// Largest object that is copied at once.
const BYTES_MAX: u64 = 5 << 30;
/// How often the source may change while it is looked at.
const ATTEMPTS: usize = 5;

/// `x-amz-copy-source`, read.
pub(crate) struct Source {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

/// Reads `bucket/key?versionId=…`, percent-encoded, with or without a slash in front.
pub(crate) fn source(header: &str) -> Result<Source, Error> {
    let invalid = || {
        let text = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
        errors::invalid_argument("x-amz-copy-source", Some(header), text)
    };
    let (path, query) = match header.rsplit_once("?versionId=") {
        Some((path, version_id)) => (path, Some(version_id.to_owned())),
        None => (header, None),
    };
    // A plus sign is itself here.
    let path = crate::settings::tags::form_decode(&path.replace('+', "%2B")).ok_or_else(invalid)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = path.split_once('/').ok_or_else(invalid)?;
    if bucket.is_empty() || key.is_empty() {
        return Err(invalid().into());
    }
    Ok(Source { bucket: bucket.to_owned(), key: key.to_owned(), version_id: query })
}

impl Source {
    /// Whether the caller may read it: that is not in the operation's own facts.
    pub fn authorize(&self, ctx: &Ctx, operation: &str) -> Result<(), Error> {
        let resource = format!("arn:aws:s3:::{}/{}", self.bucket, self.key);
        let need = match &self.version_id {
            None => Need::new("s3:GetObject", resource),
            Some(id) => Need::new("s3:GetObjectVersion", resource).key("s3:versionid", id),
        };
        Ok(ctx.authorize("s3", operation, &[need])?)
    }

    /// Finds it; who may not list its bucket does not learn that it is not there.
    pub fn look(
        &self,
        tx: &ReadTx,
        ctx: &Ctx,
        query: &Query<'_>,
        operation: &str,
    ) -> Result<Look, Error> {
        look(tx, ctx, query).map_err(|error| hide(ctx, &self.bucket, operation, error))
    }
}

pub(crate) async fn copy_object(
    api: &S3,
    ctx: &Ctx,
    input: CopyObjectRequest,
) -> Result<CopyObjectOutput, Error> {
    let given = template::version!(ctx, input);
    let from = source(&input.copy_source)?;
    from.authorize(ctx, "CopyObject")?;
    let query = Query {
        method: "GET",
        bucket: &from.bucket,
        owner: input.expected_source_bucket_owner.as_deref(),
        key: &from.key,
        version_id: from.version_id.as_deref(),
        ..Query::default()
    };
    let mut attempt = 1;
    loop {
        match copy(api, ctx, &input, &given, &from, &query).await? {
            Some(output) => return Ok(output),
            None if attempt < ATTEMPTS => attempt += 1,
            None => {
                let text = "The source object changed while it was copied. Please try again.";
                return Err(kernel::Fault::new("OperationAborted", 409, text).into());
            }
        }
    }
}

/// The encryption that the request asks for.
fn asked(input: &CopyObjectRequest) -> Result<Option<Wanted>, Error> {
    let customer = CustomerKey::read(
        input.sse_customer_algorithm.as_deref(),
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    let asked = sse::wanted(
        input.server_side_encryption.as_ref(),
        input.ssekms_key_id.as_deref(),
        input.ssekms_encryption_context.as_deref(),
        input.bucket_key_enabled,
        customer,
    )?;
    Ok(asked)
}

/// Copies once; nothing if the source was replaced meanwhile.
async fn copy(
    api: &S3,
    ctx: &Ctx,
    input: &CopyObjectRequest,
    given: &Version,
    from: &Source,
    query: &Query<'_>,
) -> Result<Option<CopyObjectOutput>, Error> {
    let write = Write {
        bucket: &input.bucket,
        owner: input.expected_bucket_owner.as_deref(),
        key: &input.key,
        if_match: input.if_match.as_deref(),
        if_none_match: input.if_none_match.as_deref(),
        happened: Happened::CreatedCopy,
    };
    let asked = asked(input)?;
    let asks = asked.is_some();
    let (source, wanted, acl) = ctx.store().read(|tx| -> Result<_, Error> {
        let bucket = write.check(tx, ctx)?;
        let wanted = asked.map_or_else(|| hooks::encryption(tx, &bucket), Ok)?;
        let source = from.look(tx, ctx, query, "CopyObject")?;
        Ok((source, wanted, template::acl!(ctx, &bucket, input)?))
    })?;
    check(input, given, from, &source, asks)?;
    source.check_readable(ctx.now())?;
    let source_customer = CustomerKey::read(
        input.copy_source_sse_customer_algorithm.as_deref(),
        input.copy_source_sse_customer_key.as_deref(),
        input.copy_source_sse_customer_key_md5.as_deref(),
    )?;
    let secret = source.secret(api, ctx, source_customer.as_ref()).await?;
    let mut version = Version { acl, ..described(input, given, &source.version) };
    let sse = api.wrap(ctx, &input.bucket, &input.key, &wanted, &secret).await?;
    let stays = sse.etag_is_md5() && source.version.sse.as_ref().is_some_and(|s| s.etag_is_md5());
    let named = input.checksum_algorithm.as_ref();
    let named = named.and_then(|algorithm| Algorithm::named(algorithm.as_str()));
    let has = |checksum: &Checksum| named.is_none_or(|named| named == checksum.algorithm);
    version.checksum = source.version.checksum.clone().filter(has);
    version.etag = source.version.etag.clone();
    if !stays || version.checksum.is_none() {
        let algorithm = named.unwrap_or(Algorithm::Crc64Nvme);
        let (md5, checksum) = digest(api, ctx, query, source_customer.as_ref(), algorithm).await?;
        version.checksum = version.checksum.or(Some(checksum));
        if !stays {
            version.etag = super::put_object::etag(ctx, &sse, &md5);
        }
    }
    version.sse = Some(sse);
    let copied = ctx
        .store()
        .write(|tx| -> Result<Option<Version>, Error> {
            let now = from.look(tx, ctx, query, "CopyObject")?;
            if now.version.data != source.version.data {
                return Ok(None);
            }
            let mut version = version.clone();
            version.data = bytes::share(tx, ctx, &now.version)?;
            write.publish(tx, ctx, version).map(Some)
        })
        .await?;
    Ok(copied.map(|version| answer(&source, version)))
}

fn answer(source: &Look, version: Version) -> CopyObjectOutput {
    let mut result = CopyObjectResult {
        e_tag: Some(objects::quoted(&version.etag)),
        last_modified: Some(Timestamp::from_ms(version.modified_ms)),
        ..CopyObjectResult::default()
    };
    if let Some(checksum) = version.checksum {
        result.checksum_type = Some(checksum.kind());
        checksums::show!(result, checksum.algorithm, checksum.value);
    }
    let mut output = CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: source.versioned.then(|| source.version.shown_id().to_owned()),
        version_id: version.version_id.clone(),
        ..CopyObjectOutput::default()
    };
    show_sse!(output, &version.sse);
    output
}

/// What has to hold of the source.
fn check(
    input: &CopyObjectRequest,
    given: &Version,
    from: &Source,
    source: &Look,
    asks_for_encryption: bool,
) -> Result<(), Error> {
    let conditions = Conditions {
        if_match: input.copy_source_if_match.as_deref(),
        if_none_match: input.copy_source_if_none_match.as_deref(),
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    conditions.hold_of_source(&source.version)?;
    if source.version.size > BYTES_MAX {
        let text = format!(
            "The specified copy source is larger than the maximum allowable size for a copy \
             source: {BYTES_MAX}"
        );
        return Err(errors::invalid_request(text).into());
    }
    let onto_itself = from.bucket == input.bucket && from.key == input.key;
    let changes = input.metadata_directive == Some(MetadataDirective::Replace)
        || input.tagging_directive == Some(TaggingDirective::Replace)
        || given.storage_class != source.version.storage_class
        || given.headers.website_redirect.is_some()
        || asks_for_encryption
        || from.version_id.is_some();
    if onto_itself && !changes {
        let text = "This copy request is illegal because it is trying to copy an object to itself \
                    without changing the object's metadata, storage class, website redirect \
                    location or encryption attributes.";
        return Err(errors::invalid_request(text).into());
    }
    Ok(())
}

/// The copy without its bytes: what the directives say comes from the source or from the request.
fn described(input: &CopyObjectRequest, given: &Version, source: &Version) -> Version {
    let mut version = Version { size: source.size, ..given.clone() };
    if input.metadata_directive != Some(MetadataDirective::Replace) {
        version.headers = source.headers.clone();
        version.headers.website_redirect = given.headers.website_redirect.clone();
        version.metadata = source.metadata.clone();
    }
    if input.tagging_directive != Some(TaggingDirective::Replace) {
        version.tags = source.tags.clone();
    }
    version
}

/// Reads an object through, for sums that nobody has yet.
async fn digest(
    api: &S3,
    ctx: &Ctx,
    query: &Query<'_>,
    customer: Option<&CustomerKey>,
    algorithm: Algorithm,
) -> Result<(String, Checksum), Error> {
    let (_, body) = open(api, ctx, query, customer).await?;
    let mut digests = Digests::new([Algorithm::Md5, algorithm]);
    let mut pieces = body.take().ok_or_else(|| kernel::Fault::internal("a stream read twice"))?;
    while let Some(piece) = pieces.next().await {
        digests.update(&piece?);
    }
    let sums = digests.finish();
    let sum = |algorithm| sums.iter().find(|(have, _)| *have == algorithm).map(|(_, sum)| sum);
    let md5 = sum(Algorithm::Md5).map(|sum| hex(sum)).unwrap_or_default();
    let checksum = Checksum::full(algorithm, sum(algorithm).map_or(&[], Vec::as_slice));
    Ok((md5, checksum))
}
