//! `/_gureum/…`: health, reset, the table of operations, the JSON door, and other crates' routes.

use crate::answer::{self, json, plain};
use crate::auth::Candidate;
use crate::gateway::{Arrival, Gateway, Noted, not_served};
use crate::http::Reply;
use crate::origin::origin;
use crate::routes::{Access, ROUTE_SIGNING_NAME, Route, RouteRequest};
use crate::routing::Entry;
use crate::sigv4::{self, AuthError, Claim, Family};
use bytes::Bytes;
use http::Method;
use http::request::Parts;
use kernel::{Ctx, Principal};
use serde_json::{Value, json as object};
use shape::{Fault, Operation, Reading, Scalar, Struct, View};

const DOOR: &str = "/_gureum/api/";

impl Gateway {
    /// Answers a request to a path of our own.
    pub(crate) async fn own_path(&self, arrival: &mut Arrival, noted: &mut Noted) -> Reply {
        match self.try_own_path(arrival, noted).await {
            Ok(reply) => reply,
            Err(fault) => json(&fault, &arrival.request_id),
        }
    }

    async fn try_own_path(&self, arrival: &mut Arrival, noted: &mut Noted) -> Result<Reply, Fault> {
        check_site(&arrival.parts)?;
        let path = arrival.parts.uri.path().to_owned();
        let method = arrival.parts.method.clone();
        match path.as_str() {
            "/_gureum/health" => {
                expect_method(&method, &[Method::GET, Method::HEAD])?;
                Ok(plain(200, "application/json", self.health().to_string()))
            }
            "/_gureum/operations" => {
                expect_method(&method, &[Method::GET, Method::HEAD])?;
                Ok(plain(200, "application/json", self.operations().to_string()))
            }
            "/_gureum/reset" => {
                expect_method(&method, &[Method::POST])?;
                self.reset(arrival).await
            }
            _ => {
                if let Some(rest) = path.strip_prefix(DOOR) {
                    expect_method(&method, &[Method::POST])?;
                    return self.door(arrival, rest, noted).await;
                }
                match self.routes.iter().find_map(|route| Some((route, below(route, &path)?))) {
                    Some((route, rest)) => self.routed(arrival, route, rest.to_owned()).await,
                    None => Err(Fault::new("NotFound", 404, "There is nothing at this path.")),
                }
            }
        }
    }

    /// What is up.
    fn health(&self) -> Value {
        let services: serde_json::Map<String, Value> = (self.services.all().iter())
            .map(|entry| (entry.name.to_owned(), "running".into()))
            .collect();
        let status = if self.kernel.is_stopping() { "stopping" } else { "running" };
        object!({
            "status": status,
            "version": env!("CARGO_PKG_VERSION"),
            "services": services,
        })
    }

    /// Every operation of every service, served or not: from the list that dispatches.
    pub fn operations(&self) -> Value {
        let table = |entry: &Entry| {
            let served = entry.model.operations.iter().map(|op| (op.name.as_str(), true));
            let unserved = entry.model.unserved.iter().map(|name| (name.as_str(), false));
            let mut all: Vec<(&str, bool)> = served.chain(unserved).collect();
            all.sort_unstable();
            let operations: Vec<Value> = (all.into_iter())
                .map(|(name, served)| object!({ "name": name, "served": served }))
                .collect();
            object!({
                "name": entry.name,
                "id": entry.model.service.id,
                "signingName": entry.model.service.signing_name,
                "apiVersion": entry.model.service.api_version,
                "protocol": entry.model.service.protocol,
                "operations": operations,
            })
        };
        object!({ "services": self.services.all().iter().map(table).collect::<Vec<_>>() })
    }

    /// Empties everything; only where well-known keys work, that is on loopback, and never for a
    /// web page of another site.
    async fn reset(&self, arrival: &Arrival) -> Result<Reply, Fault> {
        let development = self.config.listen.ip().is_loopback()
            && self.kernel.credentials().test_account().is_some();
        if !development || !arrival.host.loopback {
            let text = "Reset works only in development: on a loopback address, with the key test.";
            return Err(Fault::new("ResetRefused", 403, text));
        }
        self.kernel.reset().await?;
        Ok(plain(200, "application/json", r#"{"status":"reset"}"#))
    }

    /// Any operation as JSON in, JSON out, with the model's names; signed as for its service.
    async fn door(
        &self,
        arrival: &mut Arrival,
        rest: &str,
        noted: &mut Noted,
    ) -> Result<Reply, Fault> {
        let (service, name) = rest.split_once('/').unwrap_or((rest, ""));
        let Some(entry) = self.services.named(service).cloned() else {
            return Err(Fault::not_implemented(format!("the service {}", answer::shown(service))));
        };
        let model = entry.model;
        let Some(index) = model.operation_index(name) else {
            let known = model.unserved.iter().any(|unserved| unserved == name);
            return Err(match known {
                true => not_served(&entry, name),
                false => Fault::new(
                    "UnknownOperationException",
                    404,
                    format!("{} has no operation {}.", model.service.id, answer::shown(name)),
                ),
            });
        };
        let op: &'static Operation = &model.operations[index];
        (noted.service, noted.operation) = (Some(entry.name), Some(op.name.as_str()));
        let limit = self.config.body_bytes_max(entry.name, name);
        let signing_name = &model.service.signing_name;
        let caller = self.caller(arrival, signing_name, limit, op.unsigned).await?;
        let is_root = matches!(caller.principal, Principal::Root { .. });
        let mut ctx =
            Ctx::new(&self.kernel, &caller.region, caller.principal, arrival.request_id.clone());
        if !is_root {
            ctx = ctx.with_origin(origin(&arrival.parts, arrival.peer, caller.claim.as_ref()));
        }
        let mut input = entry.dispatch.input(index);
        let mut reading = Reading::default();
        wire::door::read(model, op, &caller.body, &mut *input, &mut reading)
            .map_err(|error| Fault::sender("SerializationException", error.to_string()))?;
        match self.call(&ctx, &entry, index, input, &reading).await {
            Ok(output) => {
                let output = at_hand(output).await?;
                Ok(plain(200, "application/json", wire::door::write(op, &*output)))
            }
            Err(fault) => Ok(door_fault(op, &fault, &arrival.request_id)),
        }
    }

    /// A route of another crate.
    async fn routed(
        &self,
        arrival: &mut Arrival,
        route: &Route,
        rest: String,
    ) -> Result<Reply, Fault> {
        let open = route.access == Access::Open;
        let caller = match open {
            true => Caller {
                body: self.body(arrival, route.body_bytes_max).await?,
                principal: Principal::Anonymous,
                region: self.region_of(&arrival.host),
                claim: None,
            },
            false => self.caller(arrival, ROUTE_SIGNING_NAME, route.body_bytes_max, false).await?,
        };
        if !open && !matches!(caller.principal, Principal::Root { .. }) {
            let text = "Paths below /_gureum/ are for root users.";
            return Err(Fault::new("AccessDeniedException", 403, text));
        }
        let request = RouteRequest {
            method: arrival.parts.method.clone(),
            rest,
            query: arrival.parts.uri.query().unwrap_or("").to_owned(),
            headers: arrival.parts.headers.clone(),
            body: caller.body,
            principal: caller.principal,
            region: caller.region,
            request_id: arrival.request_id.clone(),
        };
        Ok((route.handler)(request).await)
    }

    async fn body(&self, arrival: &mut Arrival, bytes_max: u64) -> Result<Bytes, Fault> {
        let body = self.read(arrival, bytes_max).await;
        Ok(body.map_err(|error| answer::body_fault(None, "", error))?.bytes)
    }

    /// Who calls a path of our own, and with what body.
    async fn caller(
        &self,
        arrival: &mut Arrival,
        signing_name: &str,
        bytes_max: u64,
        unsigned: bool,
    ) -> Result<Caller, Fault> {
        let fault = |error: AuthError| {
            let answer = error.answer(Family::Rest);
            Fault::new(answer.code, answer.status, answer.message)
        };
        let Some(claim) = sigv4::read(&arrival.parts).map_err(fault)? else {
            if !unsigned {
                return Err(fault(AuthError::Missing));
            }
            let (principal, region) = (Principal::Anonymous, self.region_of(&arrival.host));
            let body = self.body(arrival, bytes_max).await?;
            return Ok(Caller { body, principal, region, claim: None });
        };
        let candidate = Candidate::new(&self.kernel, &arrival.parts, &claim, signing_name, false)
            .map_err(fault)?;
        let body = self.body(arrival, bytes_max).await?;
        let identified =
            candidate.verify(&self.verifier, &arrival.parts, Some(&body)).map_err(fault)?;
        candidate.check_body(&body).map_err(fault)?;
        let region = claim.region.clone();
        Ok(Caller { body, principal: identified.principal, region, claim: Some(claim) })
    }
}

struct Caller {
    body: Bytes,
    claim: Option<Claim>,
    principal: Principal,
    region: String,
}

/// Most bytes of a stream that are answered as JSON.
const STREAM_BYTES_MAX: usize = 10 * 1024 * 1024;

/// An output whose stream, if it has one, has been read: JSON is written in one piece.
async fn at_hand(mut output: Box<dyn Struct>) -> Result<Box<dyn Struct>, Fault> {
    let Some(index) = output.shape().streamed() else { return Ok(output) };
    let stream = match output.field(index) {
        View::Stream(stream) => stream.clone(),
        _ => return Ok(output),
    };
    let bytes = stream.collect(STREAM_BYTES_MAX).await?;
    output.field_mut(index).put(Scalar::Blob(bytes)).map_err(Fault::internal)?;
    Ok(output)
}

/// The path below a route's prefix, if it is that route's.
fn below<'a>(route: &Route, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(&route.prefix)?;
    (rest.is_empty() || rest.starts_with('/') || route.prefix.ends_with('/')).then_some(rest)
}

fn expect_method(method: &Method, allowed: &[Method]) -> Result<(), Fault> {
    match allowed.contains(method) {
        true => Ok(()),
        false => Err(Fault::new("MethodNotAllowed", 405, "The method is not allowed here.")),
    }
}

/// Refuses requests a page of another site makes a browser send. Pages of other origins were
/// already refused by their `Origin`; this finds the ones that come without one.
fn check_site(parts: &Parts) -> Result<(), Fault> {
    let site = parts.headers.get("sec-fetch-site");
    match site.is_some_and(|site| site == "cross-site") && !parts.headers.contains_key("origin") {
        true => {
            Err(Fault::new("CrossSiteRefused", 403, "Pages of other sites may not call this path."))
        }
        false => Ok(()),
    }
}

/// An error of the JSON door: code and message, and the members of a modeled error.
fn door_fault(op: &'static Operation, fault: &Fault, request_id: &str) -> Reply {
    let mut body = object!({ "__type": fault.code, "message": fault.message });
    if let Some(detail) = &fault.detail
        && let Ok(detail) = serde_json::from_slice::<Value>(&wire::door::write(op, &**detail))
    {
        body["detail"] = detail;
    }
    body["requestId"] = request_id.into();
    let mut reply = plain(fault.status, "application/json", body.to_string());
    if let Ok(code) = http::HeaderValue::from_str(&fault.code) {
        reply.headers_mut().insert("x-amzn-errortype", code);
    }
    reply
}
