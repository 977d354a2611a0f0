//! HTTP of a service that is none of its operations: a website's pages, a browser's forms, the
//! rules by which pages of other origins may call. The gateway finds the service and asks its door.

use std::sync::Arc;

use http::{HeaderName, Request, Response};
use shape::{ByteStream, Fault};

use crate::{BoxFuture, Ctx, Kernel};

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
