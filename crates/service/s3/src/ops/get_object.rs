//! `GetObject` and `HeadObject`.
//!
//! ```text
//! aws s3api get-object --bucket photos --key a.jpg --range bytes=0-99 a.jpg
//! ```

use api_s3::{
    Error, GetObjectOutput, GetObjectRequest, HeadObjectOutput, HeadObjectRequest,
    ObjectLockLegalHoldStatus, ObjectLockMode, StorageClass,
};
use kernel::blobs::BlobError;
use kernel::{Ctx, Principal, Timestamp};
use shape::ByteStream;

use crate::conditions::Conditions;
use crate::look::{Look, Query, hide, look};
use crate::sse::{CustomerKey, show_sse};
use crate::{S3, bytes, checksums, errors, objects, range, receive, sweep, template};

/// How often an object may vanish between its record and its bytes: each time somebody else has
/// replaced it.
const ATTEMPTS: usize = 5;

/// The members that both answers have.
macro_rules! show {
    ($output:expr, $look:expr, $now:expr, $with_checksum:expr) => {{
        let version = &$look.version;
        $output.accept_ranges = Some("bytes".to_owned());
        $output.last_modified =
            Some(Timestamp::from_ms(version.modified_ms.div_euclid(1000) * 1000));
        $output.content_length = i64::try_from($look.range.end - $look.range.start).ok();
        $output.e_tag = Some(objects::quoted(&version.etag));
        $output.version_id = $look.versioned.then(|| version.shown_id().to_owned());
        $output.content_range =
            $look.partial.then(|| range::content_range(&$look.range, version.size));
        $output.http_status = $look.partial.then_some(206);
        let headers = version.headers.clone();
        let octets = || template::CONTENT_TYPE.to_owned();
        $output.content_type = Some(headers.content_type.unwrap_or_else(octets));
        $output.cache_control = headers.cache_control;
        $output.content_disposition = headers.content_disposition;
        $output.content_encoding = headers.content_encoding;
        $output.content_language = headers.content_language;
        $output.expires = headers.expires;
        $output.website_redirect_location = headers.website_redirect;
        $output.metadata = (!version.metadata.is_empty()).then(|| version.metadata.clone());
        $output.storage_class = version.storage_class.as_deref().map(StorageClass::from);
        $output.replication_status = version.replication.as_ref().and_then(|it| it.status());
        $output.restore = version.restored($now).map(|until| {
            let until = until.format(shape::TimeFormat::HttpDate);
            format!("ongoing-request=\"false\", expiry-date=\"{until}\"")
        });
        $output.parts_count = $look.parts_count.and_then(|count| i32::try_from(count).ok());
        let tags = version.tags.len();
        $output.tag_count = (tags > 0).then(|| i32::try_from(tags).unwrap_or(i32::MAX));
        if let Some(retention) = &version.retention {
            let mode = retention.mode.to_api();
            $output.object_lock_mode = Some(ObjectLockMode::from(mode.as_str()));
            $output.object_lock_retain_until_date = Some(Timestamp::from_ms(retention.until_ms));
        }
        $output.object_lock_legal_hold_status = version.legal_hold.map(|on| match on {
            true => ObjectLockLegalHoldStatus::On,
            false => ObjectLockLegalHoldStatus::Off,
        });
        if let Some(checksum) = $look.checksum.clone().filter(|_| $with_checksum) {
            // That of a part stands for the object's kind.
            $output.checksum_type = version.checksum.as_ref().map(|checksum| checksum.kind());
            checksums::show!($output, checksum.algorithm, checksum.value);
        }
        show_sse!($output, &version.sse);
    }};
}

/// What both requests ask.
macro_rules! query {
    ($input:expr, $method:expr) => {
        Query {
            method: $method,
            bucket: &$input.bucket,
            owner: $input.expected_bucket_owner.as_deref(),
            key: &$input.key,
            version_id: $input.version_id.as_deref(),
            conditions: Conditions {
                if_match: $input.if_match.as_deref(),
                if_none_match: $input.if_none_match.as_deref(),
                if_modified_since: $input.if_modified_since,
                if_unmodified_since: $input.if_unmodified_since,
            },
            range: $input.range.as_deref(),
            part_number: $input.part_number,
        }
    };
}

/// What overrides headers of the answer: only for somebody who signed the request.
macro_rules! overrides {
    ($ctx:expr, $input:expr, $output:expr) => {{
        let asked = $input.response_cache_control.is_some()
            || $input.response_content_disposition.is_some()
            || $input.response_content_encoding.is_some()
            || $input.response_content_language.is_some()
            || $input.response_content_type.is_some()
            || $input.response_expires.is_some();
        if asked && matches!($ctx.principal(), Principal::Anonymous) {
            let text =
                "Request specific response headers cannot be used for anonymous GET requests.";
            return Err(errors::invalid_request(text).into());
        }
        let expires = $input.response_expires.map(|at| at.format(shape::TimeFormat::HttpDate));
        replace(&mut $output.cache_control, $input.response_cache_control.clone());
        replace(&mut $output.content_disposition, $input.response_content_disposition.clone());
        replace(&mut $output.content_encoding, $input.response_content_encoding.clone());
        replace(&mut $output.content_language, $input.response_content_language.clone());
        replace(&mut $output.content_type, $input.response_content_type.clone());
        replace(&mut $output.expires, expires);
    }};
}

fn replace(slot: &mut Option<String>, with: Option<String>) {
    if with.is_some() {
        *slot = with;
    }
}

/// When the bucket's rules delete the object: only of the current version.
fn expiration(ctx: &Ctx, query: &Query<'_>, look: &Look) -> Option<String> {
    match query.version_id {
        None => sweep::expiration(ctx, query.bucket, query.key, &look.version),
        Some(_) => None,
    }
}

pub(crate) async fn get_object(
    api: &S3,
    ctx: &Ctx,
    input: GetObjectRequest,
) -> Result<GetObjectOutput, Error> {
    template::check_key(&input.key)?;
    let query = query!(input, "GET");
    let customer = CustomerKey::read(
        input.sse_customer_algorithm.as_deref(),
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    let opened = open(api, ctx, &query, customer.as_ref()).await;
    let (look, body) = opened.map_err(|error| hide(ctx, query.bucket, "GetObject", error))?;
    let expiration = expiration(ctx, &query, &look);
    let mut output = GetObjectOutput { body: Some(body), expiration, ..GetObjectOutput::default() };
    show!(output, look, ctx.now(), input.checksum_mode.is_some());
    overrides!(ctx, input, output);
    Ok(output)
}

/// Finds an object and opens its bytes.
pub(crate) async fn open(
    api: &S3,
    ctx: &Ctx,
    query: &Query<'_>,
    customer: Option<&CustomerKey>,
) -> Result<(Look, ByteStream), Error> {
    let mut attempt = 1;
    loop {
        let (look, prepared) = ctx.store().read(|tx| -> Result<_, Error> {
            let look = look(tx, ctx, query)?;
            look.check_readable(ctx.now())?;
            let pieces = bytes::cut(&look.parts, &look.range);
            let prepared = ctx.kernel().blobs().prepare(tx, pieces).map_err(receive::fault)?;
            Ok((look, prepared))
        })?;
        let secret = look.secret(api, ctx, customer).await?;
        match prepared.open(&secret).await {
            Ok(body) => return Ok((look, body)),
            // Deleted or replaced since the snapshot.
            Err(BlobError::Missing(_)) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(receive::fault(error)),
        }
    }
}

pub(crate) async fn head_object(
    api: &S3,
    ctx: &Ctx,
    input: HeadObjectRequest,
) -> Result<HeadObjectOutput, Error> {
    template::check_key(&input.key)?;
    let query = query!(input, "HEAD");
    let customer = CustomerKey::read(
        input.sse_customer_algorithm.as_deref(),
        input.sse_customer_key.as_deref(),
        input.sse_customer_key_md5.as_deref(),
    )?;
    let look = ctx.store().read(|tx| look(tx, ctx, &query));
    let look = look.map_err(|error| hide(ctx, query.bucket, "HeadObject", error))?;
    // Whoever may not read the object learns nothing of it either.
    look.secret(api, ctx, customer.as_ref()).await?;
    let expiration = expiration(ctx, &query, &look);
    let mut output = HeadObjectOutput { expiration, ..HeadObjectOutput::default() };
    show!(output, look, ctx.now(), input.checksum_mode.is_some());
    overrides!(ctx, input, output);
    Ok(output)
}
