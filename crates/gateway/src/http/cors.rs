//! Cross-origin requests: the browser SDKs of pages served from this machine may call; other
//! pages may not, nor may they make a browser send anything in their name.

use http::header::{self, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};

/// Which pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Pages served from this machine.
    Loopback,
    /// Those, and these further origins (`https://app.example`).
    Also(Vec<String>),
    /// Every page, as AWS's own endpoints allow.
    Any,
}

/// What a request's origin means for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Not sent by a page, or by one of the same origin that asks nothing.
    Unasked,
    /// The page may read the answer; its origin.
    Allowed(HeaderValue),
    /// The page may read the answer as these headers say: a bucket's own rules.
    Ruled(Vec<(HeaderName, HeaderValue)>),
    /// The page may not call.
    Refused,
}

/// What a page may read besides the body: all that AWS's SDKs look at.
const EXPOSED: &str = "x-amzn-RequestId,x-amzn-requestid,x-amzn-ErrorType,x-amzn-errortype,\
    x-amzn-ErrorMessage,x-amzn-query-error,x-amzn-trace-id,x-amz-apigw-id,x-amz-request-id,\
    x-amz-id-2,x-amz-crc32,x-amz-version-id,x-amz-delete-marker,x-amz-function-error,\
    x-amz-log-result,x-amz-executed-version,x-amz-bucket-region,x-amz-checksum-crc32,\
    x-amz-checksum-crc32c,x-amz-checksum-crc64nvme,x-amz-checksum-sha1,x-amz-checksum-sha256,\
    etag,last-modified,location,content-range,date,retry-after";

const METHODS: &str = "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS";
const MAX_AGE_S: &str = "86400";
/// Names of headers a preflight may ask for.
const ASKED_BYTES_MAX: usize = 4096;

impl Origins {
    /// Judges the origin of a request.
    pub fn judge(&self, parts: &Parts) -> Cors {
        let Some(origin) = parts.headers.get(header::ORIGIN) else { return Cors::Unasked };
        let text = origin.to_str().unwrap_or("");
        let own = is_loopback(text) || is_same(text, parts);
        let allowed = match self {
            Self::Any => true,
            Self::Loopback => own,
            Self::Also(more) => own || more.iter().any(|allowed| allowed == text),
        };
        if allowed { Cors::Allowed(origin.clone()) } else { Cors::Refused }
    }
}

/// Whether a page calls the very host it came from: our own, such as the console. That the host
/// is ours is checked apart from this.
fn is_same(origin: &str, parts: &Parts) -> bool {
    let host = crate::sigv4::host_of(parts).unwrap_or_default();
    origin.split_once("://").is_some_and(|(_, rest)| rest.as_bytes().eq_ignore_ascii_case(host))
}

/// Whether an origin is a page of this machine, at any port.
fn is_loopback(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let host = match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => rest.split(':').next().unwrap_or(""),
    };
    let named = host == "localhost" || host.ends_with(".localhost");
    let address = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    matches!(scheme, "http" | "https") && (named || address)
}

impl Cors {
    /// Whether this request is a preflight.
    pub fn is_preflight(parts: &Parts) -> bool {
        parts.method == Method::OPTIONS
            && parts.headers.contains_key(header::ORIGIN)
            && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// The answer to a preflight of an allowed page.
    pub fn preflight(&self, parts: &Parts) -> Response<()> {
        let mut reply = Response::new(());
        if let Self::Ruled(_) = self {
            self.apply(reply.headers_mut());
            return reply;
        }
        *reply.status_mut() = StatusCode::NO_CONTENT;
        let headers = reply.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE_S));
        let asked = parts.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(asked) = asked.filter(|asked| asked.len() <= ASKED_BYTES_MAX) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        // Chromium asks before a page reaches into the local network.
        const ASKS: HeaderName = HeaderName::from_static("access-control-request-private-network");
        const ALLOWS: HeaderName = HeaderName::from_static("access-control-allow-private-network");
        if parts.headers.contains_key(ASKS) {
            headers.insert(ALLOWS, HeaderValue::from_static("true"));
        }
        self.apply(headers);
        reply
    }

    /// Adds what an allowed page needs in order to read the answer.
    pub fn apply(&self, headers: &mut http::HeaderMap) {
        if let Self::Ruled(ruled) = self {
            for (name, value) in ruled {
                headers.insert(name, value.clone());
            }
            return;
        }
        let Self::Allowed(origin) = self else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_judged() {
        let check = |origin: &str, expected: bool| {
            assert_eq!(is_loopback(origin), expected, "{origin}");
        };
        check("http://localhost:3000", true);
        check("https://app.localhost", true);
        check("http://127.0.0.1:8080", true);
        check("http://[::1]:8080", true);
        check("null", false);
        check("http://localhost.evil.example", false);
        check("http://evil.example", false);
        check("http://127.0.0.1.evil.example", false);
        check("file://localhost", false);
        check("http://192.168.0.1", false);
    }
}
