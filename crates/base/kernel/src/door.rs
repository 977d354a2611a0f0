//! HTTP of a service that is none of its operations: a website's pages, a browser's forms, the
//! rules by which pages of other origins may call. The gateway finds the service and asks its door.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, Version};
use shape::{ByteStream, Fault, Timestamp};

use crate::access::Origin;
use crate::{BoxFuture, Ctx, Kernel, Principal};

/// A door.
pub trait Door: Send + Sync {
    /// Whether the service knows something by this name that has a host of its own, such as a
    /// bucket: `name.localhost`.
    fn owns(&self, kernel: &Kernel, name: &str) -> bool;

    /// What a page of another origin is told of `name`: headers for the answer, or why not.
    fn cross_origin(
        &self,
        kernel: &Kernel,
        name: &str,
        asked: &CrossOrigin<'_>,
    ) -> Result<Vec<(HeaderName, String)>, Fault>;

    /// Answers a visit.
    fn answer<'a>(
        &'a self,
        kernel: &'a Kernel,
        visit: Visit,
    ) -> BoxFuture<'a, Response<ByteStream>>;

    /// Whether a request that means `name` is to be [told](Door::told). Asked for each of them.
    fn listens(&self, _kernel: &Kernel, _name: &str, _headers: &HeaderMap) -> bool {
        false
    }

    /// Hears of a request once its answer was sent, or broke off. Must not block.
    fn told(&self, _kernel: &Kernel, _told: Told) {}
}

/// A request and what it was answered.
pub struct Told {
    /// Whom it meant: the bucket.
    pub name: String,
    /// The path with that name in front, as sent.
    pub path: String,
    /// Nothing for requests that are operations, or would be.
    pub kind: Option<VisitKind>,
    /// The operation, once that was clear.
    pub operation: Option<&'static str>,
    /// Who sent it, once that was clear.
    pub principal: Option<Principal>,
    /// How it came in.
    pub origin: Origin,
    /// Its method.
    pub method: Method,
    /// Its URI as sent.
    pub uri: Uri,
    /// Its protocol.
    pub version: Version,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its id.
    pub request_id: String,
    /// What it was answered: the status.
    pub status: StatusCode,
    /// The answer's headers.
    pub answer: HeaderMap,
    /// What the answer says besides.
    pub answered: Answered,
    /// Bytes of the answer's body that were sent.
    pub sent_bytes: u64,
    /// When it came.
    pub came: Timestamp,
    /// From then to the head of the answer.
    pub until_answer: Duration,
    /// From then to the answer's end.
    pub until_end: Duration,
}

/// An extension of a response: what [`Told`] says of it and no header does.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The error's code, if it is one.
    pub code: Option<Cow<'static, str>>,
    /// Who sent a form.
    pub principal: Option<Principal>,
    /// What a form made.
    pub key: Option<String>,
}

/// A request of a page of another origin, or the preflight of one.
pub struct CrossOrigin<'a> {
    /// The `Origin` header.
    pub origin: &'a str,
    /// The method of the request, or the one the preflight asks for.
    pub method: &'a str,
    /// The names of headers a preflight asks for, as sent; empty otherwise.
    pub headers: &'a str,
    /// Whether it means the named thing itself (a bucket) rather than something in it.
    pub is_root: bool,
}

/// Why a request came to a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitKind {
    /// It was sent to a website's host.
    Website,
    /// It is a form (`multipart/form-data`) sent to the named thing.
    Form,
}

/// A request to a door.
pub struct Visit {
    /// Why it is here.
    pub kind: VisitKind,
    /// Whom it means: the bucket.
    pub name: String,
    /// Method, URI and headers as sent, and the body.
    pub request: Request<ByteStream>,
    /// Whether it came over TLS.
    pub is_tls: bool,
    /// Nobody, in the region that the host names or the installation's.
    pub ctx: Ctx,
    /// Proves who signed a form's fields.
    pub verify: FormVerifier,
}

/// The fields that sign a form.
pub struct FormSignature<'a> {
    /// `AWS4-HMAC-SHA256`; `AWS` is Signature Version 2.
    pub algorithm: &'a str,
    /// Key, date, region, service and terminator, with slashes between; of Version 2 the key.
    pub credential: &'a str,
    /// `YYYYMMDDThhmmssZ`; nothing in Version 2.
    pub date: &'a str,
    /// The session token of temporary credentials.
    pub token: Option<&'a str>,
    /// Lower-case hex; Base64 in Version 2.
    pub signature: &'a str,
    /// What was signed: the policy as it was sent.
    pub text: &'a str,
}

/// Says who signed a form; the error is in the service's own words.
pub type FormVerifier = Arc<dyn Fn(&FormSignature<'_>) -> Result<Ctx, Fault> + Send + Sync>;
