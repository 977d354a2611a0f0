//! From a request to its answer.

use crate::answer::{self, auth_fault, body_fault, front, is_s3, name_request, without_service};
use crate::auth::{Candidate, Identified};
use crate::bucket::IsAccelerated;
use crate::checksum;
use crate::config::{Config, GatewayError};
use crate::download::with_stream;
use crate::function_url::{UrlHandler, function};
use crate::http::{
    BodyError, Budget, Cors, Encoding, Handler, Host, Peer, ReadBody, Reply, ReplyFuture, Server,
    Stream, TlsStarter, drain, full, read_body,
};
use crate::origin::origin;
use crate::persistent::{Panicked, Persistent};
use crate::presigned::unfold;
use crate::routes::{Access, Route, RouteHandler};
use crate::routing::{Entry, Found, Services, host_region};
use crate::sigv4::{self, AuthError, ChunkDecoder, Claim, Payload, Verifier};
use crate::tls;
use crate::upload::{self, Lent};
use crate::visit::website;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, header};
use hyper::body::{Body as _, Incoming};
use kernel::{Answered, Ctx, Kernel, Level, Principal, VisitKind, boxed};
use shape::{ByteStream, Fault, Operation, Protocol, Reading, Scalar, Struct, validate};
use std::future::Future;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The one door of the cloud. Built with [`Gateway::new`], extended with [`Gateway::route`],
/// then [opened](Gateway::open).
pub struct Gateway {
    pub(crate) kernel: Kernel,
    pub(crate) config: Config,
    pub(crate) services: Services,
    pub(crate) verifier: Verifier,
    pub(crate) routes: Vec<Route>,
    pub(crate) function_urls: Option<UrlHandler>,
    pub(crate) budget: Budget,
    ca: Option<Arc<tls::Ca>>,
    tls: TlsStarter,
}

/// A gateway that serves. Cheap to clone.
#[derive(Clone)]
pub struct Open {
    gateway: Arc<Gateway>,
    server: Arc<Server>,
}

/// A request on its way: what is known of it, and its body until it is read.
pub(crate) struct Arrival {
    pub parts: Parts,
    /// Nothing while it is lent to an operation that reads it as it comes.
    pub body: Option<Incoming>,
    pub lent: Lent,
    pub host: Host,
    pub peer: Peer,
    /// The path as the model has it, where that is not the URI's: with the host's bucket in front.
    pub path: Option<String>,
    pub request_id: String,
    /// The client stopped sending: there is no point in waiting for the rest.
    pub stalled: bool,
}

/// What the access log says of a request besides its first line.
#[derive(Default)]
pub(crate) struct Noted {
    pub service: Option<&'static str>,
    pub operation: Option<&'static str>,
    /// Nothing for requests that are operations, or would be.
    pub kind: Option<VisitKind>,
    /// Known of those that a door may want to hear of.
    pub principal: Option<Principal>,
}

/// What is known of a call though it fails.
#[derive(Default)]
struct Seen {
    operation: Option<&'static Operation>,
    principal: Option<Principal>,
}

/// What a body turned out to be.
struct Arrived {
    body: ReadBody,
    /// Instead of `body`, for operations that read it as it comes.
    stream: Option<ByteStream>,
    principal: Principal,
}

impl Gateway {
    /// A gateway to the services of `kernel`, which must have been started. Refuses well-known
    /// keys on an address that others can reach.
    pub fn new(config: Config, kernel: &Kernel) -> Result<Self, GatewayError> {
        config.check(kernel)?;
        let now_s = kernel.clock().now().epoch_ms.div_euclid(1000);
        let ca = match &config.ca_directory {
            Some(directory) => {
                Some(Arc::new(tls::Ca::open(directory, &config.hosts.extra, now_s)?))
            }
            None => None,
        };
        let tls = ca.clone().map(|ca| tls::server_config(ca, now_s)).transpose()?;
        Ok(Self {
            services: Services::new(kernel),
            kernel: kernel.clone(),
            verifier: Verifier::default(),
            routes: Vec::new(),
            function_urls: None,
            budget: Budget::new(config.limits.body_memory_bytes_max),
            config,
            ca,
            tls,
        })
    }

    /// Serves paths that begin with `/_gureum/` and this prefix by a handler of another crate:
    /// `route("/_gureum/calls", …)`. The longest prefix decides.
    pub fn route(mut self, prefix: &str, access: Access, handler: RouteHandler) -> Self {
        let body_bytes_max = self.config.limits.body_bytes_max;
        let prefix = prefix.to_owned();
        self.routes.push(Route { prefix, access, body_bytes_max, handler });
        self.routes.sort_by_key(|route| std::cmp::Reverse(route.prefix.len()));
        self
    }

    /// The local certificate authority, if TLS is served.
    pub fn ca(&self) -> Option<&tls::Ca> {
        self.ca.as_deref()
    }

    /// Makes it ready to serve.
    pub fn open(self) -> Open {
        let gateway = Arc::new(self);
        let server =
            Server::new(gateway.clone(), gateway.config.limits.clone(), gateway.tls.clone());
        Open { gateway, server: Arc::new(server) }
    }

    async fn answer(&self, request: Request<Incoming>, peer: Peer) -> Reply {
        let started = self.config.access_log.then(|| self.kernel.clock().elapsed());
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(peer);
        let request_id = self.kernel.random().uuid();
        let logged = started.map(|started| (started, self.line(&parts)));
        let mut noted = Noted::default();
        let to_function = self.is_function(&parts);
        let (cors, refusal) = match self.cross_origin(&parts) {
            _ if to_function => (Cors::Unasked, None),
            None => (self.config.origins.judge(&parts), None),
            Some(Ok(cors)) => (cors, None),
            Some(Err(refusal)) => (Cors::Unasked, Some(refusal)),
        };
        let mut reply = if let Some((entry, fault)) = refusal {
            self.fault_reply(&entry, None, &fault, &request_id)
        } else if cors == Cors::Refused {
            let text = "Pages of this origin may not call this installation.";
            answer::json(&Fault::new("CrossOriginRefused", 403, text), &request_id)
        } else if !to_function && Cors::is_preflight(&parts) {
            cors.preflight(&parts).map(|()| full(Bytes::new()))
        } else {
            self.admitted(parts, body, peer, &request_id, &mut noted).await
        };
        cors.apply(reply.headers_mut());
        if let Some((started, line)) = logged {
            self.log(&line, &noted, &reply, started, peer, &request_id);
        }
        reply
    }

    /// What the access log says a request asked for.
    fn line(&self, parts: &Parts) -> String {
        format!("{} {}", parts.method, self.loggable(parts.uri.path()))
    }

    /// A path without what other crates' routes may carry in it, such as sealed tokens.
    fn loggable<'a>(&'a self, path: &'a str) -> &'a str {
        let route = self.routes.iter().find(|route| path.starts_with(&route.prefix));
        route.map_or(path, |route| &route.prefix)
    }

    /// One line for each request. Never a query or a header: they can hold secrets.
    fn log(
        &self,
        line: &str,
        noted: &Noted,
        reply: &Reply,
        started: std::time::Duration,
        peer: Peer,
        request_id: &str,
    ) {
        let micros = (self.kernel.clock().elapsed().saturating_sub(started)).as_micros();
        let peer = match peer {
            Peer::Tcp { address, .. } => address.ip().to_string(),
            Peer::Relay => "relay".into(),
        };
        self.kernel.log(
            Level::Info,
            format_args!(
                "{request_id} {peer} {} {}:{} {} {micros}us",
                answer::shown(line),
                noted.service.unwrap_or("-"),
                noted.operation.unwrap_or("-"),
                reply.status().as_u16(),
            ),
        );
    }

    /// Answers a request whose origin may call.
    async fn admitted(
        &self,
        parts: Parts,
        mut body: Incoming,
        peer: Peer,
        request_id: &str,
        noted: &mut Noted,
    ) -> Reply {
        // A client that waits for `100 Continue` has not sent its body: reading would ask for it.
        let waits = parts.headers.contains_key(header::EXPECT);
        let uri_bytes = parts.uri.path_and_query().map_or(0, |text| text.as_str().len());
        let host = match self.config.hosts.read(&parts) {
            _ if uri_bytes > self.config.limits.uri_bytes_max => {
                Err(Fault::new("RequestUriTooLong", 414, "The request's URI is too long."))
            }
            read => read.map_err(|why| Fault::new("UnknownHost", 421, why)),
        };
        let host = match host {
            Ok(host) => host,
            Err(fault) => {
                if !waits {
                    Box::pin(drain(&mut body, &self.config.limits)).await;
                }
                return without_service(&parts, "", &fault, request_id);
            }
        };
        let began = self.kernel.clock().elapsed();
        let request_id = request_id.to_owned();
        let (body, lent) = (Some(body), Lent::default());
        let mut arrival =
            Arrival { parts, body, lent, host, peer, path: None, request_id, stalled: false };
        // What is rare is boxed, so that the future of every request need not have room for it.
        let mut reply = match arrival.parts.uri.path().starts_with("/_gureum/") {
            true => Box::pin(self.own_path(&mut arrival, noted)).await,
            false => self.service_call(&mut arrival, noted).await,
        };
        name_request(&mut reply, &arrival.request_id);
        let mut waits = waits;
        if arrival.body.is_none() {
            let (body, began, stalled) = arrival.lent.reclaim();
            (arrival.body, arrival.stalled) = (body, stalled);
            waits &= !began;
        }
        if let Some(body) = &mut arrival.body
            && !waits
            && !arrival.stalled
            && !body.is_end_stream()
        {
            Box::pin(drain(body, &self.config.limits)).await;
        }
        let unread = arrival.body.as_ref().is_none_or(|body| !body.is_end_stream());
        if waits && unread && arrival.parts.version < http::Version::HTTP_2 {
            // The connection ends here: its client must not send the next request on it.
            reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        self.telling(&arrival, noted, began, reply)
    }

    /// A call of an operation in its service's own protocol.
    async fn service_call(&self, arrival: &mut Arrival, noted: &mut Noted) -> Reply {
        if function(&arrival.host).is_some()
            && let Some(reply) = Box::pin(self.visit_function(arrival, noted)).await
        {
            return reply;
        }
        if let Some(bucket) = website(&arrival.host) {
            return Box::pin(self.visit(arrival, VisitKind::Website, bucket, noted)).await;
        }
        let claim = sigv4::read(&arrival.parts);
        let known = claim.as_ref().ok().and_then(Option::as_ref);
        let mut form = None;
        let mut found = self.services.find(&arrival.parts, known, &arrival.host, &[]);
        if matches!(found, Found::Unclear) && is_form(&arrival.parts) {
            let limit = self.config.limits.body_bytes_max;
            match Box::pin(self.read(arrival, limit)).await {
                Ok(body) => {
                    found = self.services.find(&arrival.parts, known, &arrival.host, &body.bytes);
                    form = Some(body);
                }
                Err(error) => {
                    let fault = body_fault(None, "", error);
                    return without_service(&arrival.parts, "", &fault, &arrival.request_id);
                }
            }
        }
        // A host of no service's may be a bucket's.
        let owned = match found {
            Found::Unserved(_) if known.is_none() => self.owned(&arrival.host),
            Found::Unclear => self.owned_form(&arrival.parts),
            _ => None,
        };
        let entry = match found {
            Found::Service(entry) => entry.spoken_to(&arrival.parts),
            Found::Unserved(_) | Found::Unclear if let Some((entry, _)) = owned => entry.clone(),
            Found::Unserved(name) => {
                let what = format!("the service {}", answer::shown(&name));
                let fault = Fault::not_implemented(what);
                return without_service(&arrival.parts, &name, &fault, &arrival.request_id);
            }
            Found::Unclear => {
                let fault = match claim {
                    Err(error) => {
                        let answer = error.answer(sigv4::Family::Json);
                        Fault::new(answer.code, answer.status, answer.message)
                    }
                    Ok(_) => Fault::new("UnknownOperationException", 404, UNCLEAR),
                };
                return without_service(&arrival.parts, "", &fault, &arrival.request_id);
            }
        };
        noted.service = Some(entry.name);
        if is_s3(entry.model)
            && let Some(reply) = Box::pin(self.at_bucket(arrival, &entry, noted)).await
        {
            return reply;
        }
        let mut seen = Seen::default();
        let outcome = self.operate(arrival, &entry, claim, form, &mut seen).await;
        noted.operation = seen.operation.map(|op| op.name.as_str());
        noted.principal = seen.principal;
        outcome.unwrap_or_else(|fault| {
            self.fault_reply(&entry, seen.operation, &fault, &arrival.request_id)
        })
    }

    pub(crate) fn fault_reply(
        &self,
        entry: &Entry,
        operation: Option<&'static Operation>,
        fault: &Fault,
        request_id: &str,
    ) -> Reply {
        let mut reply = wire::write_fault(entry.model, operation, fault, request_id).map(full);
        if self.kernel.door(entry.name).is_some() {
            let code = Some(fault.code.clone());
            reply.extensions_mut().insert(Answered { code, ..Answered::default() });
        }
        reply
    }

    async fn operate(
        &self,
        arrival: &mut Arrival,
        entry: &Entry,
        claim: Result<Option<Claim>, AuthError>,
        mut form: Option<ReadBody>,
        seen: &mut Seen,
    ) -> Result<Reply, Fault> {
        let model = entry.model;
        let by_form = matches!(model.service.protocol, Protocol::Query | Protocol::Ec2);
        if by_form && form.is_none() {
            // The operation's name is in the body.
            let limit = self.config.body_bytes_max(entry.name, "");
            let body = Box::pin(self.read(arrival, limit)).await;
            form = Some(body.map_err(|error| body_fault(Some(model), "", error))?);
        }
        let early = match &form {
            Some(form) => self.plain(&arrival.parts, entry, "", &form.bytes)?,
            None => None,
        };
        let early = early.map(|plain| plain.bytes);
        let early = early.or_else(|| form.as_ref().map(|body| body.bytes.clone()));
        let early = early.unwrap_or_default();
        let index = self.operation(entry, arrival, early)?;
        let op = &model.operations[index];
        seen.operation = Some(op);
        let claim = claim.map_err(|error| auth_fault(model, &error))?;
        // Buckets, queues and topics may be open to anybody: whether this one is, their policies say.
        if claim.is_none() && !op.unsigned && !model.service.anonymous {
            return Err(auth_fault(model, &AuthError::Missing));
        }
        let streamed = op.input.shape().streamed();
        let arrived = match streamed {
            Some(_) => self.lend(arrival, entry, op, claim.as_ref())?,
            None => self.receive(arrival, entry, op, claim.as_ref(), form).await?,
        };
        let region = match &claim {
            Some(claim) if !claim.region.is_empty() => claim.region.clone(),
            _ => self.region_of(&arrival.host),
        };
        if is_s3(model) && claim.as_ref().is_some_and(Claim::is_presigned) {
            unfold(&mut arrival.parts);
        }
        seen.principal = self.kernel.door(entry.name).map(|_| arrived.principal.clone());
        // Nobody asks how a root user's request came in.
        let is_root = matches!(arrived.principal, Principal::Root { .. });
        let mut ctx =
            Ctx::new(&self.kernel, &region, arrived.principal, arrival.request_id.clone());
        ctx = match model.service.query_compatible {
            true => ctx.at(&endpoint(&arrival.parts)),
            false => placed(ctx, &arrival.parts),
        };
        if !is_root {
            ctx = ctx.with_origin(origin(&arrival.parts, arrival.peer, claim.as_ref()));
        }
        let request = wire_request(arrival, arrived.body.bytes.clone());
        let mut input = entry.dispatch.input(index);
        let mut reading = Reading::default();
        wire::read_request(model, op, &request, &mut *input, &mut reading)
            .map_err(|error| error.fault(model))?;
        if let (Some(index), Some(stream)) = (streamed, arrived.stream) {
            // The member is a stream: it takes one.
            input.field_mut(index).put(Scalar::Stream(stream)).map_err(Fault::internal)?;
        }
        // The text of the request is not needed while the operation runs.
        drop(request);
        drop(arrived.body);
        let output = self.call(&ctx, entry, index, input, &reading).await?;
        let response = answer::written(model, op, &*output, arrival);
        Ok(with_stream(response, &*output, &self.kernel, &arrival.request_id))
    }

    /// The region meant by a request that is not signed for one.
    pub(crate) fn region_of(&self, host: &Host) -> String {
        host_region(host).unwrap_or(&self.kernel.config().region).to_owned()
    }

    /// The index of the operation a request is for.
    fn operation(&self, entry: &Entry, arrival: &Arrival, body: Bytes) -> Result<usize, Fault> {
        match wire::match_operation(entry.model, &wire_request(arrival, body)) {
            wire::Routed::Operation(index) => Ok(index),
            wire::Routed::Unserved(name) => Err(not_served(entry, &name)),
            wire::Routed::Unknown(name) => Err(answer::unknown_operation(entry.model, &name)),
        }
    }

    /// Checks what signs a request and reads its body, in the order that costs strangers most and
    /// us least: what needs no body comes first.
    async fn receive(
        &self,
        arrival: &mut Arrival,
        entry: &Entry,
        op: &'static Operation,
        claim: Option<&Claim>,
        form: Option<ReadBody>,
    ) -> Result<Arrived, Fault> {
        let model = entry.model;
        let fault = |error: AuthError| auth_fault(model, &error);
        let candidate = match claim {
            Some(claim) => Some(Candidate::of_service(&self.kernel, &arrival.parts, claim, model)?),
            None => None,
        };
        let mut identified = None;
        if let Some(candidate) = candidate.as_ref().filter(|candidate| !candidate.needs_body()) {
            let verified = candidate.verify(&self.verifier, &arrival.parts, None);
            identified = Some(verified.map_err(fault)?);
        }
        let mut body = match form {
            Some(body) => body,
            None => {
                let limit = self.config.body_bytes_max(entry.name, &op.name);
                let body = self.read(arrival, limit).await;
                body.map_err(|error| body_fault(Some(model), &op.name, error))?
            }
        };
        let Some(candidate) = candidate else {
            if let Some(plain) = self.plain(&arrival.parts, entry, &op.name, &body.bytes)? {
                body = plain;
            }
            return Ok(Arrived { body, stream: None, principal: Principal::Anonymous });
        };
        let Identified { principal, proof } = match identified {
            Some(identified) => identified,
            None => candidate
                .verify(&self.verifier, &arrival.parts, Some(&body.bytes))
                .map_err(fault)?,
        };
        candidate.check_body(&body.bytes).map_err(fault)?;
        if let Some(Payload::Streaming { signed, trailer, .. }) = claim.map(|claim| &claim.payload)
        {
            let max = self.config.body_bytes_max(entry.name, &op.name);
            let proof = signed.then_some(proof);
            body.bytes = decode_stream(&arrival.parts, &body.bytes, proof, *trailer, max)?;
        }
        if let Some(plain) = self.plain(&arrival.parts, entry, &op.name, &body.bytes)? {
            body = plain;
        }
        // The checksum of a completion is the object's, not the body's.
        if is_s3(model) && op.name != "CompleteMultipartUpload" {
            checksum::check_body(&arrival.parts, &body.bytes)?;
        }
        Ok(Arrived { body, stream: None, principal })
    }

    /// What a compressed body unpacks to; nothing if it is not compressed. To S3 the encoding is a
    /// property of an object, and nothing of the request's.
    fn plain(
        &self,
        parts: &Parts,
        entry: &Entry,
        operation: &str,
        body: &[u8],
    ) -> Result<Option<ReadBody>, Fault> {
        let encoding = Encoding::of(&parts.headers).filter(|_| !is_s3(entry.model));
        let Some(encoding) = encoding else { return Ok(None) };
        let limit = self.config.body_bytes_max(entry.name, operation);
        let plain = encoding.unpack(body, limit, &self.budget);
        plain.map(Some).map_err(|error| body_fault(Some(entry.model), operation, error))
    }

    /// Checks what signs a request and makes a stream of its body, for an operation that reads it
    /// as it comes.
    fn lend(
        &self,
        arrival: &mut Arrival,
        entry: &Entry,
        op: &'static Operation,
        claim: Option<&Claim>,
    ) -> Result<Arrived, Fault> {
        let model = entry.model;
        let mut signed = None;
        let mut principal = Principal::Anonymous;
        if let Some(claim) = claim {
            let candidate = Candidate::of_service(&self.kernel, &arrival.parts, claim, model)?;
            let identified = candidate
                .verify(&self.verifier, &arrival.parts, None)
                .map_err(|error| auth_fault(model, &error))?;
            principal = identified.principal;
            signed = Some((&claim.payload, identified.proof));
        }
        let incomplete = || body_fault(Some(model), &op.name, BodyError::Incomplete);
        let body = arrival.body.take().ok_or_else(incomplete)?;
        let terms = upload::Terms {
            model,
            operation: &op.name,
            parts: &arrival.parts,
            signed,
            bytes_max: self.config.body_bytes_max(entry.name, &op.name),
            limits: &self.config.limits,
            budget: &self.budget,
        };
        match upload::stream(terms, body, &arrival.lent) {
            Ok(stream) => {
                Ok(Arrived { body: ReadBody::default(), stream: Some(stream), principal })
            }
            Err(refused) => {
                let (fault, body) = *refused;
                arrival.body = Some(body);
                Err(fault)
            }
        }
    }

    pub(crate) async fn read(
        &self,
        arrival: &mut Arrival,
        bytes_max: u64,
    ) -> Result<ReadBody, BodyError> {
        let Some(body) = &mut arrival.body else { return Err(BodyError::Incomplete) };
        let read = read_body(body, bytes_max, &self.config.limits, &self.budget).await;
        arrival.stalled = matches!(read, Err(BodyError::Timeout));
        read
    }

    /// Calls an operation once its input holds no problem. It runs to its end even if the client
    /// goes away: half of it is not an option.
    pub(crate) async fn call(
        &self,
        ctx: &Ctx,
        entry: &Entry,
        index: usize,
        input: Box<dyn Struct>,
        reading: &Reading,
    ) -> Result<Box<dyn Struct>, Fault> {
        let problems = validate(&*input, reading);
        if !problems.is_empty() {
            let operation = &entry.model.operations[index].name;
            return Err(self.kernel.invalid(entry.name, operation, &problems));
        }
        let (kernel, ctx, name) = (self.kernel.clone(), ctx.clone(), entry.name);
        let work = move || async move { kernel.call(&ctx, name, index, input).await };
        Persistent::new(&self.kernel, work).await.unwrap_or_else(|Panicked| {
            let why =
                format_args!("{} {} panicked", entry.name, entry.model.operations[index].name);
            self.kernel.log(Level::Error, why);
            Err(Fault::internal(why))
        })
    }
}

impl Open {
    /// Serves a listener until `stop`, then lets requests under way finish.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()>) {
        self.server.serve(listener, stop).await;
    }

    /// Serves one stream the installation relays, such as a function's, until it ends or `stop`
    /// turns true. Its requests are signed like every other.
    pub async fn serve_connection(&self, stream: Box<dyn Stream>, stop: watch::Receiver<bool>) {
        self.server.serve_stream(stream, Peer::Relay, stop).await;
    }

    /// The gateway.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }
}

impl Handler for Gateway {
    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> ReplyFuture {
        boxed(move || async move { self.answer(request, peer).await })
    }
}

const UNCLEAR: &str = "The request names no service: it has no signature, no X-Amz-Target, no \
    Action, and neither its host nor its path is one of a service.";

/// Says at which host a request came, where that matters to S3.
pub(crate) fn placed(ctx: Ctx, parts: &Parts) -> Ctx {
    match parts.extensions.get::<IsAccelerated>() {
        Some(_) => ctx.at(&endpoint(parts)),
        None => ctx,
    }
}

/// Scheme and authority of the address that a request was sent to.
fn endpoint(parts: &Parts) -> String {
    let tls = matches!(parts.extensions.get(), Some(Peer::Tcp { tls: Some(_), .. }));
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(parts.uri.authority().map(|authority| authority.as_str()));
    format!("{}://{}", if tls { "https" } else { "http" }, host.unwrap_or("localhost"))
}

pub(crate) fn is_form(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    content_type
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"))
}

fn wire_request(arrival: &Arrival, body: Bytes) -> wire::Request<'_> {
    let parts = &arrival.parts;
    wire::Request {
        method: parts.method.as_str(),
        path: arrival.path.as_deref().unwrap_or(parts.uri.path()),
        query: parts.uri.query().unwrap_or(""),
        headers: &parts.headers,
        body,
    }
}

/// An operation AWS has, and this build does not.
pub(crate) fn not_served(entry: &Entry, name: &str) -> Fault {
    let what = format!("{} {}", entry.model.service.id, answer::shown(name));
    front(entry.model, Fault::not_implemented(what))
}

/// Decodes an aws-chunked body and checks what its trailer says.
fn decode_stream(
    parts: &Parts,
    body: &[u8],
    proof: Option<sigv4::Verified>,
    with_trailer: bool,
    bytes_max: u64,
) -> Result<Bytes, Fault> {
    let length = parts.headers.get("x-amz-decoded-content-length");
    let length = match length.map(|value| value.to_str().unwrap_or("").parse()) {
        None => None,
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => {
            let text = "x-amz-decoded-content-length must be a number.";
            return Err(Fault::sender("InvalidArgument", text));
        }
    };
    let mut decoder = ChunkDecoder::new(proof, with_trailer, length, bytes_max);
    let mut out = Vec::with_capacity(body.len());
    decoder.push(body, &mut out).map_err(answer::chunk_fault)?;
    let trailers = decoder.finish().map_err(answer::chunk_fault)?;
    for (name, value) in trailers {
        checksum::check(&name, &value, &out)
            .map_err(|error| Fault::sender("BadDigest", error.to_string()))?;
    }
    Ok(out.into())
}
