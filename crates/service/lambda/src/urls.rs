//! The hosts of functions: a request becomes an event, the answer a response.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use kernel::access::Need;
use kernel::{Ctx, Fault};
use serde_json::json;
use shape::ByteStream;

use crate::invoke::{self, Request};
use crate::name::Name;
use crate::url::{self, IDS, Rules, Url};
use crate::url_event::{answer, event, failed, plain};
use crate::{Lambda, guard, resolve, trace, url_stream};

/// A request to the host of a function.
pub struct UrlRequest {
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
    /// Who signed, as a context.
    pub signer: Option<Result<Ctx, Fault>>,
}

/// Answers on the hosts of functions.
#[derive(Clone)]
pub struct Urls {
    api: Arc<Lambda>,
}

impl Urls {
    pub(crate) fn new(api: Arc<Lambda>) -> Urls {
        Urls { api }
    }

    /// Answers a request.
    pub async fn answer(&self, request: UrlRequest) -> Response<ByteStream> {
        let found = request.ctx.store().read(|tx| {
            let Some(owner) = tx.get(&IDS, request.id.as_str())? else { return Ok(None) };
            let name = owner.name();
            let url = url::load(tx, &name)?;
            Ok::<_, api_lambda::Error>(url.map(|url| (name, url)))
        });
        let (name, url) = match found {
            Ok(Some((name, url))) if name.region == request.ctx.region() => (name, url),
            Ok(_) => return refused(StatusCode::FORBIDDEN, "Forbidden", None),
            Err(error) => return fault(Fault::from(error)),
        };
        if let Some(rules) = &url.cors
            && is_preflight(&request)
        {
            return preflight(rules, &request);
        }
        let mut response = match self.invoke(&name, &url, &request).await {
            Ok(response) => response,
            Err(response) => *response,
        };
        if let Some(rules) = &url.cors {
            rules.apply(&request, response.headers_mut());
        }
        response
    }

    async fn invoke(
        &self,
        name: &Name,
        url: &Url,
        request: &UrlRequest,
    ) -> Result<Response<ByteStream>, Box<Response<ByteStream>>> {
        let caller = match (&request.signer, url.signed) {
            (_, false) => &request.ctx,
            (Some(Ok(signer)), true) => signer,
            (Some(Err(refusal)), true) => {
                return Err(Box::new(refused(StatusCode::FORBIDDEN, &refusal.message, None)));
            }
            (None, true) => return Err(forbidden()),
        };
        permit(caller, name, url).map_err(|_| forbidden())?;
        let target = resolve::route(caller, name).map_err(|error| Box::new(fault(error.into())))?;
        let payload = event(request, caller, url.signed).to_string();
        let mut asked = Request::new(&request.ctx, payload.into());
        asked.request_id = request.ctx.request_id().to_owned();
        let given = request.headers.get("x-amzn-trace-id").and_then(|given| given.to_str().ok());
        asked.trace = Some(trace::of(&request.ctx, given, target.version.traced));
        asked.streams = url.streams;
        let outcome = invoke::run(&self.api, &request.ctx, &target, asked).await;
        let outcome = outcome.map_err(|error| Box::new(fault(error.into())))?;
        if outcome.failed {
            return Ok(failed());
        }
        match outcome.stream {
            Some(stream) => Ok(url_stream::response(stream).await),
            None if url.streams => Ok(plain(StatusCode::OK, outcome.payload)),
            None => Ok(answer(&outcome.payload)),
        }
    }
}

/// Whether the caller may use the URL: since October 2025, AWS asks for both permissions.
fn permit(caller: &Ctx, name: &Name, url: &Url) -> Result<(), Fault> {
    let arn = name.arn();
    let auth = url.auth();
    let mut through = Need::new("lambda:InvokeFunctionUrl", arn.clone())
        .key("lambda:FunctionUrlAuthType", auth.as_str());
    through.policy = guard::policy(caller, &through);
    let mut at =
        Need::new("lambda:InvokeFunction", arn).key("lambda:InvokedViaFunctionUrl", "true");
    at.policy = guard::policy(caller, &at);
    caller.authorize("lambda", "InvokeFunctionUrl", &[through, at])
}

fn forbidden() -> Box<Response<ByteStream>> {
    let message = "Forbidden. For troubleshooting Function URL authorization issues, see: \
                   https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html";
    Box::new(refused(StatusCode::FORBIDDEN, message, Some("AccessDeniedException")))
}

fn refused(status: StatusCode, message: &str, kind: Option<&str>) -> Response<ByteStream> {
    let mut response = plain(status, json!({ "Message": message }).to_string().into());
    if let Some(kind) = kind.and_then(|kind| HeaderValue::from_str(kind).ok()) {
        response.headers_mut().insert("x-amzn-errortype", kind);
    }
    response
}

/// What Lambda itself says instead of the function.
fn fault(fault: Fault) -> Response<ByteStream> {
    match fault.status {
        429 => refused(
            StatusCode::TOO_MANY_REQUESTS,
            "Rate Exceeded.",
            Some("TooManyRequestsException"),
        ),
        500.. => failed(),
        status => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
            refused(status, &fault.message, Some(&fault.code))
        }
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

fn is_preflight(request: &UrlRequest) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key("origin")
        && request.headers.contains_key("access-control-request-method")
}

fn preflight(rules: &Rules, request: &UrlRequest) -> Response<ByteStream> {
    let mut response = Response::new(ByteStream::default());
    let method = text(&request.headers, "access-control-request-method").unwrap_or_default();
    let has = |list: &Option<Vec<String>>, asked: &str| {
        list.iter().flatten().any(|one| one == "*" || one.eq_ignore_ascii_case(asked))
    };
    if !has(&rules.methods, &method) {
        return response;
    }
    let out = response.headers_mut();
    rules.apply(request, out);
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.insert(HeaderName::from_static(name), value);
        }
    };
    set(
        "access-control-allow-methods",
        rules.methods.iter().flatten().cloned().collect::<Vec<_>>().join(","),
    );
    if let Some(headers) = &rules.headers {
        set("access-control-allow-headers", headers.join(","));
    }
    if let Some(seconds) = rules.max_age_seconds {
        set("access-control-max-age", seconds.to_string());
    }
    response
}

impl Rules {
    /// Says what the page may read; nothing if its origin is not among those allowed. Headers of
    /// the function that say otherwise go.
    fn apply(&self, request: &UrlRequest, out: &mut HeaderMap) {
        let Some(origin) = text(&request.headers, "origin") else { return };
        for name in [
            "access-control-allow-origin",
            "access-control-allow-credentials",
            "access-control-expose-headers",
        ] {
            out.remove(name);
        }
        let mut allowed = self.origins.iter().flatten();
        let Some(rule) = allowed.find(|one| *one == "*" || **one == origin) else { return };
        let credentials = self.credentials == Some(true);
        let shown = if rule == "*" && !credentials { "*" } else { origin.as_str() };
        let mut set = |name: &'static str, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                out.insert(HeaderName::from_static(name), value);
            }
        };
        set("access-control-allow-origin", shown);
        if credentials {
            set("access-control-allow-credentials", "true");
        }
        if let Some(exposed) = &self.exposed {
            set("access-control-expose-headers", &exposed.join(","));
        }
        out.append("vary", HeaderValue::from_static("Origin"));
    }
}
