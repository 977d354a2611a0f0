//! HTTP requests to the world outside: one request, one connection, bounded answers, and a clear
//! word for everything that can go wrong.
//!
//! Made for what a cloud asks of others now and then (keys of identity providers, deliveries to
//! webhooks), not for bulk. No redirects are followed, no proxy is used, nothing is decompressed.
//! It knows no clock: who calls it bounds the time, by dropping the future.

mod roots;
mod trust;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use roots::{RootsError, add_pem, system_bundle, system_roots};
pub use rustls::RootCertStore;

/// Most bytes in the head of an answer.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// What to ask.
#[derive(Clone, Debug)]
pub struct Ask {
    /// `GET`, `POST`, …
    pub method: Method,
    /// An absolute `http:` or `https:` address.
    pub uri: Uri,
    /// Headers; `Host`, `Content-Length` and `User-Agent` are added.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// An answer whose body is longer is an error.
    pub answer_bytes_max: usize,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Any status: 404 and 500 are answers, too.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum FetchError {
    /// The address is not an absolute `http:` or `https:` one with a host.
    Address,
    /// The host has no address, or nothing listens there.
    Connect(std::io::Error),
    /// The other side's certificate is not trusted, or it does not speak TLS.
    Tls(std::io::Error),
    /// The connection broke, or what came was no HTTP.
    Http(hyper::Error),
    /// The body is longer than allowed.
    TooLong,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Address => f.write_str("not an absolute http or https address"),
            FetchError::Connect(error) => write!(f, "cannot connect: {error}"),
            FetchError::Tls(error) => write!(f, "no trusted TLS connection: {error}"),
            FetchError::Http(error) => write!(f, "broken HTTP: {error}"),
            FetchError::TooLong => f.write_str("the answer is too long"),
        }
    }
}

impl std::error::Error for FetchError {}

/// Whom to trust on the other side of TLS.
#[derive(Clone)]
pub struct Trust {
    config: Arc<rustls::ClientConfig>,
}

impl Trust {
    /// Certificates that lead to one of `roots`, or to a presented certificate whose SHA-1 digest
    /// is one of `pinned` (as AWS's OIDC providers name certificate authorities by thumbprint).
    pub fn new(roots: Arc<RootCertStore>, pinned: Vec<[u8; 20]>) -> Self {
        Trust { config: trust::client_config(roots, pinned) }
    }
}

/// Whether a host of an address is this machine itself: a loopback address, or a name that by RFC
/// 6761 means one.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = bare.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

/// Asks, and reads the answer.
pub async fn fetch(ask: Ask, trust: &Trust) -> Result<Answer, FetchError> {
    let uri = ask.uri.clone();
    let host = uri.host().filter(|host| !host.is_empty()).ok_or(FetchError::Address)?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(FetchError::Address),
    };
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    // `*.localhost` need not be known to the resolver of this machine.
    let name =
        if is_loopback(bare) && bare.parse::<IpAddr>().is_err() { "localhost" } else { bare };
    let stream = TcpStream::connect((name, port)).await.map_err(FetchError::Connect)?;
    if !secure {
        return exchange(TokioIo::new(stream), ask).await;
    }
    let server = ServerName::try_from(bare.to_owned()).map_err(|_| FetchError::Address)?;
    let connector = TlsConnector::from(trust.config.clone());
    let stream = connector.connect(server, stream).await.map_err(FetchError::Tls)?;
    exchange(TokioIo::new(stream), ask).await
}

fn request(ask: Ask) -> Result<Request<Full<Bytes>>, FetchError> {
    let authority = ask.uri.authority().ok_or(FetchError::Address)?;
    // Without what stands before an @: that would be a password.
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let host = HeaderValue::from_str(host).map_err(|_| FetchError::Address)?;
    let path = ask.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut request = Request::new(Full::new(ask.body.clone()));
    *request.method_mut() = ask.method;
    *request.uri_mut() = path.parse().map_err(|_| FetchError::Address)?;
    *request.headers_mut() = ask.headers;
    let headers = request.headers_mut();
    headers.insert(HOST, host);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("Gureum"));
    if !ask.body.is_empty() {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(ask.body.len()));
    }
    Ok(request)
}

async fn exchange<S>(stream: TokioIo<S>, ask: Ask) -> Result<Answer, FetchError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let bytes_max = ask.answer_bytes_max;
    let request = request(ask)?;
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX).max_headers(100);
    let (mut sender, connection) = builder.handshake(stream).await.map_err(FetchError::Http)?;
    let talk = async move {
        let answer = sender.send_request(request).await.map_err(FetchError::Http)?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, bytes_max).collect().await.map_err(|error| match error
            .downcast::<hyper::Error>(
        ) {
            Ok(error) => FetchError::Http(*error),
            Err(error) => {
                debug_assert!(error.is::<LengthLimitError>());
                FetchError::TooLong
            }
        })?;
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() })
    };
    tokio::pin!(talk, connection);
    tokio::select! {
        answer = &mut talk => answer,
        // The connection is done with; what it has read is with the talk already.
        _ = &mut connection => talk.await,
    }
}
