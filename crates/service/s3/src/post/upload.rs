//! A form at work: its fields are checked, then its file is put as it comes.

use std::collections::BTreeMap;
use std::task::{Context, Poll, ready};

use api_s3::{Client, PutObjectOutput, PutObjectRequest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use kernel::{Answered, Ctx, Fault, FormSignature, Visit};
use shape::{ByteStream, Pieces, Source};

use super::{Fields, FormError, Parser, Policy, Step};
use crate::errors;
use crate::settings::refusal::{access_denied, invalid_argument};
use crate::settings::tags;
use crate::website::escape;

/// Answers a visit.
pub(crate) async fn answer(mut visit: Visit) -> Response<ByteStream> {
    let request_id = visit.ctx.request_id().to_owned();
    match take(&mut visit).await {
        Ok(reply) => reply,
        Err(fault) => error(&fault, &request_id),
    }
}

async fn take(visit: &mut Visit) -> Result<Response<ByteStream>, Fault> {
    let content_type = visit.request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let parser = Parser::new(content_type)?;
    let body = std::mem::take(visit.request.body_mut());
    let pieces = body.take().ok_or(FormError::Incomplete)?;
    let mut form = Form { parser, pieces, fields: Fields::default() };
    let (filename, file_type) = form.read_fields().await?;
    let mut fields = std::mem::take(&mut form.fields);
    let key = fields.get("key").ok_or_else(|| {
        invalid_argument(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the \
             order of the fields.",
        )
    })?;
    // The name alone, whatever path a browser sends with it.
    let filename = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    let key = key.replace("${filename}", filename);
    // A policy's conditions mean the key as it will be.
    fields.set("key", key.clone());
    let (ctx, (least, most)) = admit(visit, &fields)?;
    let file = File { form, left: most, least, size: 0, done: false };
    let request = request(&visit.name, &key, &fields, file_type, ByteStream::new(file, None))?;
    let output = ctx.client::<Client>().put_object(request).await?;
    let mut reply = done(visit, &key, &fields, &output)?;
    let principal = Some(ctx.principal().clone());
    reply.extensions_mut().insert(Answered { code: None, principal, key: Some(key) });
    Ok(reply)
}

/// Who uploads, and how long the file may be. Without a policy it is nobody, and the bucket's own
/// policy decides.
fn admit(visit: &Visit, fields: &Fields) -> Result<(Ctx, (u64, u64)), Fault> {
    let Some(text) = fields.get("policy") else {
        if fields.get("x-amz-signature").is_some() {
            return Err(missing("policy"));
        }
        return Ok((visit.ctx.clone(), (0, u64::MAX)));
    };
    let field = |name: &'static str, shown: &str| fields.get(name).ok_or_else(|| missing(shown));
    let token = fields.get("x-amz-security-token");
    let signature = match fields.get("x-amz-algorithm") {
        // Signature Version 2, as boto3 signs forms for us-east-1 unless told otherwise.
        None if fields.get("awsaccesskeyid").is_some() => FormSignature {
            algorithm: "AWS",
            credential: field("awsaccesskeyid", "AWSAccessKeyId")?,
            date: "",
            token,
            signature: field("signature", "Signature")?,
            text,
        },
        _ => FormSignature {
            algorithm: field("x-amz-algorithm", "X-Amz-Algorithm")?,
            credential: field("x-amz-credential", "X-Amz-Credential")?,
            date: field("x-amz-date", "X-Amz-Date")?,
            token,
            signature: field("x-amz-signature", "X-Amz-Signature")?,
            text,
        },
    };
    let ctx = (visit.verify)(&signature)?;
    let invalid =
        |_| Fault::sender("InvalidPolicyDocument", "Invalid Policy: Invalid Base64 encoding.");
    let document = BASE64_STANDARD.decode(text.trim()).map_err(invalid)?;
    let policy = Policy::read(&document)?;
    policy.check(&visit.name, fields, ctx.now())?;
    Ok((ctx, policy.length()))
}

fn missing(field: &str) -> Fault {
    access_denied(format!(
        "Bucket POST must contain a field named '{field}'.  If it is specified, please check the \
         order of the fields."
    ))
}

/// The same upload as `PutObject` has it.
fn request(
    bucket: &str,
    key: &str,
    fields: &Fields,
    file_type: Option<String>,
    body: ByteStream,
) -> Result<PutObjectRequest, Fault> {
    let text = |name: &str| fields.get(name).map(str::to_owned);
    let metadata: BTreeMap<String, String> = fields
        .iter()
        .filter_map(|(name, value)| {
            Some((name.strip_prefix("x-amz-meta-")?.to_owned(), value.to_owned()))
        })
        .collect();
    let retain = match fields.get("x-amz-object-lock-retain-until-date") {
        None => None,
        Some(text) => Some(
            shape::Timestamp::parse(text, shape::TimeFormat::Iso8601)
                .map_err(|_| invalid_argument("The retain until date is not a date."))?,
        ),
    };
    Ok(PutObjectRequest {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        body: Some(body),
        acl: fields.get("acl").map(Into::into),
        cache_control: text("cache-control"),
        content_disposition: text("content-disposition"),
        content_encoding: text("content-encoding"),
        content_language: text("content-language"),
        content_type: text("content-type").or(file_type),
        expires: text("expires"),
        metadata: (!metadata.is_empty()).then_some(metadata),
        server_side_encryption: fields.get("x-amz-server-side-encryption").map(Into::into),
        ssekms_key_id: text("x-amz-server-side-encryption-aws-kms-key-id"),
        ssekms_encryption_context: text("x-amz-server-side-encryption-context"),
        bucket_key_enabled: fields
            .get("x-amz-server-side-encryption-bucket-key-enabled")
            .map(|value| value == "true"),
        sse_customer_algorithm: text("x-amz-server-side-encryption-customer-algorithm"),
        sse_customer_key: text("x-amz-server-side-encryption-customer-key"),
        sse_customer_key_md5: text("x-amz-server-side-encryption-customer-key-md5"),
        storage_class: fields.get("x-amz-storage-class").map(Into::into),
        tagging: fields.get("tagging").map(header_of_tags).transpose()?,
        website_redirect_location: text("x-amz-website-redirect-location"),
        checksum_algorithm: fields.get("x-amz-checksum-algorithm").map(Into::into),
        checksum_crc32: text("x-amz-checksum-crc32"),
        checksum_crc32_c: text("x-amz-checksum-crc32c"),
        checksum_crc64_nvme: text("x-amz-checksum-crc64nvme"),
        checksum_sha1: text("x-amz-checksum-sha1"),
        checksum_sha256: text("x-amz-checksum-sha256"),
        object_lock_mode: fields.get("x-amz-object-lock-mode").map(Into::into),
        object_lock_retain_until_date: retain,
        object_lock_legal_hold_status: fields.get("x-amz-object-lock-legal-hold").map(Into::into),
        ..PutObjectRequest::default()
    })
}

/// A form has tags as XML, `PutObject` as a query.
fn header_of_tags(xml: &str) -> Result<String, Fault> {
    let mut header = String::new();
    for tag in tags::from_xml(xml)? {
        if !header.is_empty() {
            header.push('&');
        }
        header.push_str(&tags::form_encode(&tag.0));
        header.push('=');
        header.push_str(&tags::form_encode(&tag.1));
    }
    Ok(header)
}

/// The answer to an upload that is done.
fn done(
    visit: &Visit,
    key: &str,
    fields: &Fields,
    output: &PutObjectOutput,
) -> Result<Response<ByteStream>, Fault> {
    let etag = output.e_tag.clone().unwrap_or_default();
    let host = visit.request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("localhost");
    let scheme = if visit.is_tls { "https" } else { "http" };
    let encoded = tags::form_encode(key).replace("%2F", "/");
    // In path style the bucket is in the path already.
    let root = visit.request.uri().path().trim_end_matches('/');
    let location = format!("{scheme}://{host}{root}/{encoded}");
    let mut reply = Response::new(ByteStream::default());
    let redirect = fields.get("success_action_redirect").or_else(|| fields.get("redirect"));
    match redirect.and_then(|url| redirect_to(url, &visit.name, key, &etag)) {
        Some(url) => {
            *reply.status_mut() = StatusCode::SEE_OTHER;
            reply.headers_mut().insert(header::LOCATION, url);
        }
        None => {
            *reply.status_mut() = match fields.get("success_action_status") {
                Some("200") => StatusCode::OK,
                Some("201") => {
                    let xml = HeaderValue::from_static("application/xml");
                    reply.headers_mut().insert(header::CONTENT_TYPE, xml);
                    *reply.body_mut() =
                        ByteStream::from(post_response(&location, &visit.name, key, &etag));
                    StatusCode::CREATED
                }
                // Any other value is as none.
                _ => StatusCode::NO_CONTENT,
            };
            if let Ok(location) = HeaderValue::from_str(&location) {
                reply.headers_mut().insert(header::LOCATION, location);
            }
        }
    }
    for (name, value) in [
        (header::ETAG, Some(etag)),
        (HeaderName::from_static("x-amz-version-id"), output.version_id.clone()),
    ] {
        if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
            reply.headers_mut().insert(name, value);
        }
    }
    Ok(reply)
}

fn redirect_to(url: &str, bucket: &str, key: &str, etag: &str) -> Option<HeaderValue> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return None;
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    let [bucket, key, etag] = [bucket, key, etag].map(tags::form_encode);
    HeaderValue::from_str(&format!("{url}{joint}bucket={bucket}&key={key}&etag={etag}")).ok()
}

fn post_response(location: &str, bucket: &str, key: &str, etag: &str) -> String {
    let [location, bucket, key, etag] = [location, bucket, key, etag].map(escape);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{location}</Location>\
         <Bucket>{bucket}</Bucket><Key>{key}</Key><ETag>{etag}</ETag></PostResponse>"
    )
}

fn error(fault: &Fault, request_id: &str) -> Response<ByteStream> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
         <RequestId>{request_id}</RequestId></Error>",
        escape(&fault.code),
        escape(&fault.message)
    );
    let mut reply = Response::new(ByteStream::from(body));
    *reply.status_mut() =
        StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let xml = HeaderValue::from_static("application/xml");
    reply.headers_mut().insert(header::CONTENT_TYPE, xml);
    let code = Some(fault.code.clone());
    reply.extensions_mut().insert(Answered { code, ..Answered::default() });
    reply
}

/// A form on its way in.
struct Form {
    parser: Parser,
    pieces: Pieces,
    fields: Fields,
}

impl Form {
    /// Reads up to the file: its name and type.
    async fn read_fields(&mut self) -> Result<(String, Option<String>), Fault> {
        loop {
            match self.parser.step()? {
                Step::More => match self.pieces.next().await.transpose()? {
                    Some(piece) => self.parser.push(&piece),
                    None => self.parser.end(),
                },
                Step::Field { name, value } => self.fields.add(&name, value),
                Step::File { name, content_type } => return Ok((name, content_type)),
                Step::Data(_) | Step::End => {
                    return Err(invalid_argument(
                        "POST requires exactly one file upload per request.",
                    ));
                }
            }
        }
    }
}

/// The file of a form, as a stream that ends in an error if it is too short or too long.
struct File {
    form: Form,
    /// Bytes that may still come.
    left: u64,
    least: u64,
    size: u64,
    done: bool,
}

impl File {
    fn fail(&mut self, fault: impl Into<Fault>) -> Poll<Option<Result<Bytes, Fault>>> {
        self.done = true;
        Poll::Ready(Some(Err(fault.into())))
    }
}

impl Source for File {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        while !self.done {
            let step = match self.form.parser.step() {
                Ok(step) => step,
                Err(error) => return self.fail(error),
            };
            match step {
                Step::More => match ready!(self.form.pieces.poll_next(cx)) {
                    Some(Ok(piece)) => self.form.parser.push(&piece),
                    Some(Err(fault)) => return self.fail(fault),
                    None => self.form.parser.end(),
                },
                Step::Data(bytes) => {
                    let length = bytes.len() as u64;
                    match self.left.checked_sub(length) {
                        Some(left) => self.left = left,
                        None => return self.fail(errors::entity_too_large()),
                    }
                    self.size += length;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Step::End if self.size < self.least => {
                    return self.fail(errors::entity_too_small());
                }
                Step::End => self.done = true,
                Step::Field { .. } | Step::File { .. } => return self.fail(FormError::Malformed),
            }
        }
        Poll::Ready(None)
    }
}
