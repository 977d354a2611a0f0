//! Hosts of functions, `ID.lambda-url.REGION.localhost`: whatever is sent there is the function's,
//! with who signed it, if anyone did.

use crate::answer::{auth_fault, body_fault};
use crate::auth::Candidate;
use crate::gateway::{Arrival, Gateway, Noted};
use crate::http::{Host, Reply, full};
use crate::origin::origin;
use crate::persistent::{Panicked, Persistent};
use crate::sigv4;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Response};
use kernel::{BoxFuture, Ctx, Level, Principal};
use shape::{ByteStream, Fault};
use std::sync::Arc;

/// The label of these hosts.
const LABEL: &str = "lambda-url";
/// What may be sent to a function.
const BODY_BYTES_MAX: u64 = 6_291_456;

/// A request to the host of a function.
pub struct UrlVisit {
    /// The first label of the host.
    pub id: String,
    /// The host without its port.
    pub host: String,
    /// The method.
    pub method: Method,
    /// The path as sent.
    pub path: String,
    /// The query as sent, without question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Nobody, in the region of the host.
    pub ctx: Ctx,
    /// Who signed the request, as a context; nothing where it has no signature.
    pub signer: Option<Result<Ctx, Fault>>,
}

/// What answers for functions' hosts.
pub type UrlHandler =
    Arc<dyn Fn(UrlVisit) -> BoxFuture<'static, Response<ByteStream>> + Send + Sync>;

/// The function's id and region, if a host is a function's.
pub(crate) fn function(host: &Host) -> Option<(&str, &str)> {
    match host.labels.as_slice() {
        [id, label, region] if label == LABEL => Some((id, region)),
        _ => None,
    }
}

impl Gateway {
    /// Gives the hosts of functions to a handler of another crate.
    pub fn function_urls(mut self, handler: UrlHandler) -> Self {
        self.function_urls = Some(handler);
        self
    }

    /// Whether a request is for a function: then its page's origin is the function's business.
    pub(crate) fn is_function(&self, parts: &Parts) -> bool {
        // Nearly no request is: a look at the text tells.
        let text = match parts.headers.get(http::header::HOST) {
            Some(host) => host.to_str().unwrap_or_default(),
            None => parts.uri.authority().map_or("", |authority| authority.as_str()),
        };
        self.function_urls.is_some()
            && text.contains(".lambda-url.")
            && self.config.hosts.read(parts).is_ok_and(|host| function(&host).is_some())
    }

    /// Takes a request to a function, if its host is one's.
    pub(crate) async fn visit_function(
        &self,
        arrival: &mut Arrival,
        noted: &mut Noted,
    ) -> Option<Reply> {
        let handler = self.function_urls.clone()?;
        let (id, region) = function(&arrival.host)?;
        let (id, region) = (id.to_owned(), region.to_owned());
        noted.service = Some("lambda");
        noted.operation = Some("FunctionUrl");
        let body = match self.read(arrival, BODY_BYTES_MAX).await {
            Ok(body) => body.bytes,
            Err(error) => return Some(refused(&body_fault(None, "FunctionUrl", error))),
        };
        let request_id = arrival.request_id.clone();
        let ctx = Ctx::new(&self.kernel, &region, Principal::Anonymous, request_id.clone());
        let parts = &arrival.parts;
        let visit = UrlVisit {
            id,
            host: arrival.host.name.clone(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
            signer: self.signer(arrival, &region, &body),
            ctx: ctx.with_origin(origin(parts, arrival.peer, None)),
            body,
        };
        let work = || async move { handler(visit).await };
        Some(match Persistent::new(&self.kernel, work).await {
            Ok(response) => crate::download::stream(response, &self.kernel, &request_id),
            Err(Panicked) => {
                self.kernel.log(Level::Error, format_args!("a function's URL panicked"));
                refused(&Fault::internal("a panic"))
            }
        })
    }

    fn signer(&self, arrival: &Arrival, region: &str, body: &[u8]) -> Option<Result<Ctx, Fault>> {
        let lambda = self.services.all().iter().find(|entry| entry.name == "lambda")?;
        let parts = &arrival.parts;
        let claim = match sigv4::read(parts) {
            Ok(claim) => claim?,
            Err(error) => return Some(Err(auth_fault(lambda.model, &error))),
        };
        let name = lambda.model.service.signing_name.as_str();
        let verified = Candidate::new(&self.kernel, parts, &claim, name, false).and_then(|found| {
            let identified = found.verify(&self.verifier, parts, Some(body))?;
            found.check_body(body)?;
            Ok(identified.principal)
        });
        Some(match verified {
            Ok(principal) => {
                let ctx = Ctx::new(&self.kernel, region, principal, arrival.request_id.clone());
                Ok(ctx.with_origin(origin(parts, arrival.peer, Some(&claim))))
            }
            Err(error) => Err(auth_fault(lambda.model, &error)),
        })
    }
}

fn refused(fault: &Fault) -> Reply {
    let text = serde_json::json!({ "Message": fault.message }).to_string();
    let mut reply = Response::new(full(Bytes::from(text)));
    *reply.status_mut() = http::StatusCode::from_u16(fault.status).unwrap_or_default();
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_functions() {
        let check = |labels: &[&str], expected: Option<(&str, &str)>| {
            let labels = labels.iter().map(|label| (*label).to_owned()).collect();
            let host = Host { name: String::new(), labels, loopback: true };
            assert_eq!(function(&host), expected);
        };
        check(&["abc", "lambda-url", "us-east-1"], Some(("abc", "us-east-1")));
        check(&["lambda-url", "us-east-1"], None);
        check(&["a", "b", "lambda-url", "us-east-1"], None);
        check(&["lambda", "us-east-1"], None);
    }
}
