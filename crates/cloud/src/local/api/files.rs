//! Files beside the API, as `sam local start-api --static-dir` serves them.

use std::path::{Component, Path};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};

use super::route::decode;

/// The file that a path names; nothing outside the folder, also not through links.
pub fn find(folder: &Path, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    if request.method() != Method::GET {
        return None;
    }
    let name = decode(request.uri().path().trim_start_matches('/'));
    let path = Path::new(if name.is_empty() { "index.html" } else { &name });
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let found = folder.join(path).canonicalize().ok()?;
    if !found.starts_with(folder.canonicalize().ok()?) || !found.is_file() {
        return None;
    }
    let mut answer = Response::new(Bytes::from(std::fs::read(&found).ok()?));
    let kind = match found.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    answer.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Some(answer)
}
