//! S3's further ways in: hosts of buckets, websites, forms, and what a bucket says to pages of
//! other origins. What they do is the service's: it has a [door](kernel::Door).

use crate::answer::{auth_fault, body_fault, is_s3, without_service};
use crate::bucket::{self, BucketHost, IsAccelerated};
use crate::gateway::{Arrival, Gateway, Noted, placed};
use crate::http::{BodyError, Cors, Host, Peer, Reply};
use crate::origin::origin;
use crate::persistent::{Panicked, Persistent};
use crate::routing::{Entry, Found};
use crate::sigv4::{self, version2::SignedPath};
use crate::upload;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Request};
use kernel::{CrossOrigin, Ctx, FormVerifier, Level, Principal, Visit, VisitKind};
use shape::{ByteStream, Fault};
use std::sync::Arc;

/// The name of a form upload where limits and faults name operations.
const FORM: &str = "PostObject";
/// Longest list of header names a preflight may ask for.
const ASKED_BYTES_MAX: usize = 4096;

/// The bucket whose website a host is.
pub(crate) fn website(host: &Host) -> Option<String> {
    match bucket::read(host) {
        BucketHost::Website(bucket) => Some(bucket),
        _ => None,
    }
}

impl Gateway {
    fn bucket_service(&self) -> Option<&Entry> {
        self.services.all().iter().find(|entry| is_s3(entry.model))
    }

    /// The bucket that has this host, if labels that name no service are one's name.
    pub(crate) fn owned(&self, host: &Host) -> Option<(Entry, String)> {
        let BucketHost::Perhaps(name) = bucket::read(host) else { return None };
        let entry = self.bucket_service()?;
        let door = self.kernel.door(entry.name)?;
        door.owns(&self.kernel, &name).then(|| (entry.clone(), name))
    }

    /// The bucket a form is sent to in path style: no operation has such a request.
    pub(crate) fn owned_form(&self, parts: &Parts) -> Option<(Entry, String)> {
        if parts.method != Method::POST || !is_multipart(parts) {
            return None;
        }
        let (name, true) = bucket::of_path(parts.uri.path())? else { return None };
        let entry = self.bucket_service()?;
        let door = self.kernel.door(entry.name)?;
        door.owns(&self.kernel, name).then(|| (entry.clone(), name.to_owned()))
    }

    /// Puts the bucket of the host into the path of a request to S3, and answers what is no
    /// operation.
    pub(crate) async fn at_bucket(
        &self,
        arrival: &mut Arrival,
        entry: &Entry,
        noted: &mut Noted,
    ) -> Option<Reply> {
        match bucket::read(&arrival.host) {
            BucketHost::Perhaps(name) if self.is_alias(arrival, entry, &name) => {}
            BucketHost::Bucket(name) | BucketHost::Perhaps(name) => name_bucket(arrival, &name),
            BucketHost::Accelerated(name) => {
                arrival.parts.extensions.insert(IsAccelerated);
                name_bucket(arrival, &name);
            }
            BucketHost::Path | BucketHost::Website(_) => {}
        }
        if arrival.parts.method != Method::POST || !is_multipart(&arrival.parts) {
            return None;
        }
        let path = arrival.path.as_deref().unwrap_or(arrival.parts.uri.path());
        match bucket::of_path(path) {
            Some((name, true)) => {
                let name = name.to_owned();
                Some(self.visit(arrival, VisitKind::Form, name, noted).await)
            }
            _ => None,
        }
    }

    /// Whether a host's labels are no bucket's name but just a name of this machine: there is no
    /// such bucket, and the request does not make it.
    fn is_alias(&self, arrival: &Arrival, entry: &Entry, name: &str) -> bool {
        let door = self.kernel.door(entry.name);
        if door.is_some_and(|door| door.owns(&self.kernel, name)) {
            return false;
        }
        let uri = &arrival.parts.uri;
        let lists = arrival.parts.method == Method::GET && uri.query().is_none();
        uri.path() != "/" || lists
    }

    /// Takes a request to the door of S3.
    pub(crate) async fn visit(
        &self,
        arrival: &mut Arrival,
        kind: VisitKind,
        name: String,
        noted: &mut Noted,
    ) -> Reply {
        let served = self.bucket_service().and_then(|entry| {
            let door = self.kernel.door(entry.name)?;
            Some((entry.clone(), door.clone()))
        });
        let Some((entry, door)) = served else {
            let fault = Fault::not_implemented("the service s3");
            return without_service(&arrival.parts, "s3", &fault, &arrival.request_id);
        };
        noted.service = Some(entry.name);
        noted.kind = Some(kind);
        noted.operation = Some(match kind {
            VisitKind::Website => "Website",
            VisitKind::Form => FORM,
        });
        let body = match kind {
            VisitKind::Website => Ok(ByteStream::default()),
            VisitKind::Form => self.lend_form(arrival, &entry),
        };
        let body = match body {
            Ok(body) => body,
            Err(fault) => return self.fault_reply(&entry, None, &fault, &arrival.request_id),
        };
        let mut request = Request::new(body);
        *request.method_mut() = arrival.parts.method.clone();
        *request.uri_mut() = arrival.parts.uri.clone();
        *request.headers_mut() = arrival.parts.headers.clone();
        let region = self.region_of(&arrival.host);
        let ctx = self.visitor(arrival, kind, &region);
        let is_tls = matches!(arrival.peer, Peer::Tcp { tls: Some(_), .. });
        let verify = self.form_verifier(arrival, &entry);
        let visit = Visit { kind, name, request, is_tls, ctx, verify };
        let kernel = self.kernel.clone();
        // What a form uploads runs to its end, as operations do.
        let work = || async move { door.answer(&kernel, visit).await };
        match Persistent::new(&self.kernel, work).await {
            Ok(response) => crate::download::stream(response, &self.kernel, &arrival.request_id),
            Err(Panicked) => {
                self.kernel.log(Level::Error, format_args!("the door of {} panicked", entry.name));
                let fault = Fault::internal("a panic");
                self.fault_reply(&entry, None, &fault, &arrival.request_id)
            }
        }
    }

    fn visitor(&self, arrival: &Arrival, kind: VisitKind, region: &str) -> Ctx {
        let ctx = Ctx::new(&self.kernel, region, Principal::Anonymous, arrival.request_id.clone());
        let mut came = origin(&arrival.parts, arrival.peer, None);
        came.auth_type = (kind == VisitKind::Form).then_some("POST");
        placed(ctx.with_origin(came), &arrival.parts)
    }

    fn lend_form(&self, arrival: &mut Arrival, entry: &Entry) -> Result<ByteStream, Fault> {
        let incomplete = || body_fault(Some(entry.model), FORM, BodyError::Incomplete);
        let body = arrival.body.take().ok_or_else(incomplete)?;
        let terms = upload::Terms {
            model: entry.model,
            operation: FORM,
            parts: &arrival.parts,
            signed: None,
            bytes_max: self.config.body_bytes_max(entry.name, FORM),
            limits: &self.config.limits,
            budget: &self.budget,
        };
        upload::stream(terms, body, &arrival.lent).map_err(|refused| {
            let (fault, body) = *refused;
            arrival.body = Some(body);
            fault
        })
    }

    fn form_verifier(&self, arrival: &Arrival, entry: &Entry) -> FormVerifier {
        let (kernel, model) = (self.kernel.clone(), entry.model);
        let request_id = arrival.request_id.clone();
        let mut came = origin(&arrival.parts, arrival.peer, None);
        came.auth_type = Some("POST");
        let parts = arrival.parts.clone();
        Arc::new(move |form| {
            let (principal, region) =
                sigv4::form::verify(&kernel, &model.service.signing_name, form)
                    .map_err(|error| auth_fault(model, &error))?;
            let ctx = Ctx::new(&kernel, &region, principal, request_id.clone());
            let mut came = came.clone();
            came.signature_version = Some(sigv4::version_named(form.algorithm));
            Ok(placed(ctx.with_origin(came), &parts))
        })
    }

    /// What a bucket says to a page of another origin; nothing if the request is for no bucket.
    pub(crate) fn cross_origin(&self, parts: &Parts) -> Option<Result<Cors, (Entry, Fault)>> {
        let origin = parts.headers.get(header::ORIGIN)?.to_str().ok()?;
        let host = self.config.hosts.read(parts).ok()?;
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let preflight = Cors::is_preflight(parts);
        let (method, headers) = match preflight {
            true => (
                text(header::ACCESS_CONTROL_REQUEST_METHOD).unwrap_or(""),
                text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or(""),
            ),
            false => (parts.method.as_str(), ""),
        };
        if headers.len() > ASKED_BYTES_MAX {
            return None;
        }
        let (entry, name, is_root) = self.bucket_of(parts, &host, method)?;
        let door = self.kernel.door(entry.name)?;
        if !door.owns(&self.kernel, &name) {
            return None;
        }
        let asked = CrossOrigin { origin, method, headers, is_root };
        Some(match door.cross_origin(&self.kernel, &name, &asked) {
            Ok(headers) => {
                let value = |text: String| HeaderValue::from_str(&text).ok();
                let headers = headers.into_iter();
                Ok(Cors::Ruled(headers.filter_map(|(n, v)| Some((n, value(v)?))).collect()))
            }
            Err(fault) if preflight => Err((entry, fault)),
            // As with AWS, the request is answered; but the page may not read it.
            Err(_) => Ok(Cors::Unasked),
        })
    }

    /// The bucket a request is for, and whether for itself; `method` is the one that a preflight
    /// asks for.
    fn bucket_of(&self, parts: &Parts, host: &Host, method: &str) -> Option<(Entry, String, bool)> {
        let root = parts.uri.path() == "/";
        let read = bucket::read(host);
        if let BucketHost::Bucket(name) | BucketHost::Website(name) = read {
            return Some((self.bucket_service()?.clone(), name, root));
        }
        let mut meant = parts.clone();
        meant.method = Method::from_bytes(method.as_bytes()).ok()?;
        let claim = sigv4::read(&meant).ok().flatten();
        match self.services.find(&meant, claim.as_ref(), host, &[]) {
            Found::Service(entry) if is_s3(entry.model) => match read {
                BucketHost::Perhaps(name) => Some((entry.clone(), name, root)),
                _ => {
                    let (name, is_root) = bucket::of_path(parts.uri.path())?;
                    Some((entry.clone(), name.to_owned(), is_root))
                }
            },
            Found::Unserved(_) if claim.is_none() => {
                self.owned(host).map(|(entry, name)| (entry, name, root))
            }
            _ => None,
        }
    }
}

fn is_multipart(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| {
        let start = value.as_bytes().get(..19).unwrap_or_default();
        start.eq_ignore_ascii_case(b"multipart/form-data")
    })
}

/// Puts the bucket of a host into the path.
fn name_bucket(arrival: &mut Arrival, name: &str) {
    let path = bucket::path(name, arrival.parts.uri.path());
    arrival.parts.extensions.insert(SignedPath(path.clone()));
    arrival.path = Some(path);
}
