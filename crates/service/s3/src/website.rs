//! Websites at work: requests to a bucket's website host.
//!
//! They are nobody's requests: the bucket's policy has to let everybody read.

use api_s3::{Client, GetObjectOutput, GetObjectRequest, HeadObjectRequest};
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use kernel::{Answered, Ctx, Fault, Kernel, Visit};
use shape::{ByteStream, TimeFormat, Timestamp};

use crate::errors;
use crate::records::BUCKETS;
use crate::settings::kept;
use crate::settings::refusal;
use crate::settings::website::{Here, Location, Plan, Website, to_folder};

/// A request to a website.
struct Page<'a> {
    ctx: Ctx,
    bucket: &'a str,
    site: Website,
    here: Here<'a>,
    /// The decoded path without its first slash.
    key: String,
    head: bool,
    conditions: GetObjectRequest,
}

/// Answers a visit.
pub(crate) async fn answer(kernel: &Kernel, visit: Visit) -> Response<ByteStream> {
    let request_id = visit.ctx.request_id().to_owned();
    let head = visit.request.method() == Method::HEAD;
    let result = match read(kernel, &visit) {
        Ok(page) => page.show().await,
        Err(fault) => Err(fault),
    };
    result.unwrap_or_else(|fault| error_page(&fault, &request_id, head))
}

fn read<'a>(kernel: &Kernel, visit: &'a Visit) -> Result<Page<'a>, Fault> {
    let bucket = visit.name.as_str();
    let (exists, site) = kernel.store().read(|tx| -> Result<_, Fault> {
        let exists = tx.contains(&BUCKETS, bucket).map_err(kernel::store_fault)?;
        Ok((exists, kept::get::<Website>(tx, bucket)?))
    })?;
    if !exists {
        return Err(errors::no_such_bucket(bucket));
    }
    let site = site.ok_or_else(|| refusal::no_website(bucket))?;
    let head = match *visit.request.method() {
        Method::GET => false,
        Method::HEAD => true,
        ref other => {
            return Err(errors::method_not_allowed(other.as_str(), "OBJECT"));
        }
    };
    let headers = visit.request.headers();
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let owned = |name: HeaderName| text(name).map(str::to_owned);
    let time = |name: HeaderName| Timestamp::parse(text(name)?, TimeFormat::HttpDate).ok();
    let conditions = GetObjectRequest {
        bucket: bucket.to_owned(),
        if_match: owned(header::IF_MATCH),
        if_none_match: owned(header::IF_NONE_MATCH),
        if_modified_since: time(header::IF_MODIFIED_SINCE),
        if_unmodified_since: time(header::IF_UNMODIFIED_SINCE),
        range: owned(header::RANGE),
        ..GetObjectRequest::default()
    };
    Ok(Page {
        ctx: visit.ctx.clone(),
        bucket,
        site,
        here: Here {
            scheme: if visit.is_tls { "https" } else { "http" },
            host: text(header::HOST)
                .or_else(|| visit.request.uri().authority().map(|a| a.as_str()))
                .unwrap_or(bucket),
        },
        key: key_of(visit.request.uri().path())?,
        head,
        conditions,
    })
}

fn key_of(path: &str) -> Result<String, Fault> {
    let path = path.strip_prefix('/').unwrap_or(path).replace('+', "%2B");
    crate::settings::tags::form_decode(&path)
        .ok_or_else(|| Fault::sender("InvalidURI", "Couldn't parse the specified URI."))
}

impl Page<'_> {
    async fn show(&self) -> Result<Response<ByteStream>, Fault> {
        let (key, folder_page) = match self.site.plan(&self.key, &self.here) {
            Plan::Redirect(location) => return Ok(redirect(&location)),
            Plan::Show { key, folder_page } => (key, folder_page),
        };
        let fault = match self.object(&key, self.conditions.clone()).await {
            Ok(output) => return Ok(self.page(output, StatusCode::OK)),
            Err(fault) => fault,
        };
        if fault.status == 304 || fault.status == 412 || fault.status == 416 {
            return Err(fault);
        }
        // Who may not list a bucket is told 403 of what is not there; both may be a folder.
        if let Some(page) = folder_page
            && matches!(fault.status, 403 | 404)
            && self.exists(&page).await
        {
            return Ok(redirect(&to_folder(&self.key)));
        }
        if let Some(location) = self.site.redirect(&self.key, Some(fault.status), &self.here) {
            return Ok(redirect(&location));
        }
        let status = StatusCode::from_u16(fault.status);
        if let Some(page) = self.site.error_page()
            && let Ok(status) = status
            && status.is_client_error()
        {
            let plain =
                GetObjectRequest { bucket: self.bucket.to_owned(), ..GetObjectRequest::default() };
            if let Ok(output) = self.object(page, plain).await {
                let mut reply = self.page(output, status);
                let code = Some(fault.code.clone());
                reply.extensions_mut().insert(Answered { code, ..Answered::default() });
                return Ok(reply);
            }
        }
        Err(fault)
    }

    async fn object(&self, key: &str, request: GetObjectRequest) -> Result<GetObjectOutput, Fault> {
        let request = GetObjectRequest { key: key.to_owned(), ..request };
        self.ctx.client::<Client>().get_object(request).await
    }

    async fn exists(&self, key: &str) -> bool {
        let request = HeadObjectRequest {
            bucket: self.bucket.to_owned(),
            key: key.to_owned(),
            ..HeadObjectRequest::default()
        };
        self.ctx.client::<Client>().head_object(request).await.is_ok()
    }

    /// The answer with an object as its page.
    fn page(&self, output: GetObjectOutput, status: StatusCode) -> Response<ByteStream> {
        if let Some(url) = output.website_redirect_location {
            return redirect(&Location { status: 301, url });
        }
        let stream = output.body.unwrap_or_default();
        let length = stream.length();
        // The answer to HEAD has the length of what GET would send.
        let mut reply = Response::new(if self.head { ByteStream::default() } else { stream });
        let partial = status == StatusCode::OK && output.content_range.is_some();
        *reply.status_mut() = if partial { StatusCode::PARTIAL_CONTENT } else { status };
        let time = |at: Timestamp| at.format(TimeFormat::HttpDate);
        for (name, value) in [
            (header::CONTENT_TYPE, output.content_type),
            (header::ETAG, output.e_tag),
            (header::LAST_MODIFIED, output.last_modified.map(time)),
            (header::CACHE_CONTROL, output.cache_control),
            (header::CONTENT_DISPOSITION, output.content_disposition),
            (header::CONTENT_ENCODING, output.content_encoding),
            (header::CONTENT_LANGUAGE, output.content_language),
            (header::CONTENT_RANGE, output.content_range),
            (header::CONTENT_LENGTH, length.map(|length| length.to_string())),
        ] {
            if let Some(value) = value.and_then(|text| HeaderValue::from_str(&text).ok()) {
                reply.headers_mut().insert(name, value);
            }
        }
        for (name, text) in output.metadata.unwrap_or_default() {
            let name = HeaderName::from_bytes(format!("x-amz-meta-{name}").as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&text)) {
                reply.headers_mut().insert(name, value);
            }
        }
        reply
    }
}

fn redirect(location: &Location) -> Response<ByteStream> {
    let mut reply = Response::new(ByteStream::default());
    *reply.status_mut() = StatusCode::from_u16(location.status).unwrap_or(StatusCode::FOUND);
    if let Ok(url) = HeaderValue::from_str(&location.url) {
        reply.headers_mut().insert(header::LOCATION, url);
    }
    reply
}

/// An error as people see it.
fn error_page(fault: &Fault, request_id: &str, head: bool) -> Response<ByteStream> {
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_MODIFIED {
        let mut reply = Response::new(ByteStream::default());
        *reply.status_mut() = status;
        return reply;
    }
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let mut items = vec![("Code", fault.code.to_string()), ("Message", fault.message.clone())];
    items.push(("RequestId", request_id.to_owned()));
    let items: String =
        items.iter().map(|(name, value)| format!("<li>{name}: {}</li>\n", escape(value))).collect();
    let body = format!(
        "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{items}\
         </ul>\n<hr/>\n</body>\n</html>\n"
    );
    let mut reply =
        Response::new(if head { ByteStream::default() } else { ByteStream::from(body) });
    *reply.status_mut() = status;
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, html);
    if let Ok(code) = HeaderValue::from_str(&fault.code) {
        reply.headers_mut().insert(HeaderName::from_static("x-amz-error-code"), code);
    }
    let code = Some(fault.code.clone());
    reply.extensions_mut().insert(Answered { code, ..Answered::default() });
    reply
}

/// Someone else's text inside a page.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
