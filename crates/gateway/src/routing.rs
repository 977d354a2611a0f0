//! Which service a request is for. The operation is then `wire::match_operation`'s to find.
//!
//! In order: the `X-Amz-Target` header, the credential scope, the host's labels, the `Action` and
//! `Version` of a query, a path some service of ours knows. The first that says something
//! decides; a signature for another service is found out when it is checked. A service with
//! several protocols is then spoken to, and answers, in the one that the request is in.

use crate::bucket::{self, BucketHost};
use crate::gateway::is_form;
use crate::http::Host;
use crate::sigv4::Claim;
use http::HeaderName;
use http::request::Parts;
use kernel::{Dispatch, Kernel};
use shape::{Model, Protocol};
use std::sync::{Arc, OnceLock};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const SMITHY: HeaderName = HeaderName::from_static("smithy-protocol");

/// A service as the gateway sees it.
#[derive(Clone)]
pub(crate) struct Entry {
    /// The kernel's name for it.
    pub name: &'static str,
    /// Its operations.
    pub dispatch: Arc<dyn Dispatch>,
    /// Its facts.
    pub model: &'static Model,
    /// The protocols that it speaks besides its own.
    others: &'static [Spoken],
}

/// A service's facts in another of its protocols, made when a client first speaks it.
struct Spoken {
    protocol: Protocol,
    model: OnceLock<Option<&'static Model>>,
}

impl Entry {
    /// The service in the protocol that a request is in.
    pub fn spoken_to(&self, parts: &Parts) -> Entry {
        let other = || {
            let asked = protocol_of(parts)?;
            let spoken = self.others.iter().find(|spoken| spoken.protocol == asked)?;
            *spoken.model.get_or_init(|| self.model.spoken(asked))
        };
        match self.others {
            [] => self.clone(),
            _ => Entry { model: other().unwrap_or(self.model), ..self.clone() },
        }
    }

    /// Whether clients may speak this protocol to it.
    fn speaks(&self, protocol: Protocol) -> bool {
        let service = &self.model.service;
        service.protocol == protocol || service.other_protocols.contains(&protocol)
    }
}

/// The protocol that a request says it is in, of those of which one service may have several.
fn protocol_of(parts: &Parts) -> Option<Protocol> {
    if parts.headers.contains_key(TARGET) {
        return Some(Protocol::Json);
    }
    if parts.headers.get(SMITHY).is_some_and(|name| name == "rpc-v2-cbor") {
        return Some(Protocol::Cbor);
    }
    let query = parts.uri.query().unwrap_or("");
    let in_query = is_form(parts) || query.split('&').any(|pair| pair.starts_with("Action="));
    in_query.then_some(Protocol::Query)
}

/// All services, in the kernel's order.
pub(crate) struct Services(Vec<Entry>);

/// Where a request belongs.
pub(crate) enum Found<'a> {
    /// To this service.
    Service(&'a Entry),
    /// To one that is not served; its name as the request has it.
    Unserved(String),
    /// The request does not say.
    Unclear,
}

impl Services {
    /// The services of a started kernel.
    pub fn new(kernel: &Kernel) -> Self {
        let spoken = |&protocol: &Protocol| Spoken { protocol, model: OnceLock::new() };
        let entry = |(name, dispatch): (&'static str, &Arc<dyn Dispatch>)| {
            let model = dispatch.model();
            let others: Vec<Spoken> = model.service.other_protocols.iter().map(spoken).collect();
            Entry { name, dispatch: dispatch.clone(), model, others: others.leak() }
        };
        Self(kernel.services().map(entry).collect())
    }

    /// All of them.
    pub fn all(&self) -> &[Entry] {
        &self.0
    }

    /// By the kernel's name, or by the signing name.
    pub fn named(&self, name: &str) -> Option<&Entry> {
        let by_name = self.0.iter().find(|entry| entry.name == name);
        by_name.or_else(|| self.0.iter().find(|entry| entry.model.service.signing_name == name))
    }

    /// Finds the service of a request. `form` is its body if that is a form, else empty.
    pub fn find(
        &self,
        parts: &Parts,
        claim: Option<&Claim>,
        host: &Host,
        form: &[u8],
    ) -> Found<'_> {
        if let Some(entry) = self.by_target(parts) {
            return Found::Service(entry);
        }
        if let Some(claim) = claim {
            return self.by_scope(parts, &claim.service, host);
        }
        if let Some(found) = self.by_host(host) {
            return found;
        }
        let query = parts.uri.query().unwrap_or("");
        let by_action = self.by_action(query.as_bytes()).or_else(|| self.by_action(form));
        if let Some(entry) = by_action.or_else(|| self.by_path(parts, |_| true)) {
            return Found::Service(entry);
        }
        Found::Unclear
    }

    fn by_target(&self, parts: &Parts) -> Option<&Entry> {
        let target = parts.headers.get(TARGET)?.to_str().ok()?;
        let (prefix, _) = target.rsplit_once('.')?;
        self.0.iter().find(|entry| entry.model.service.target_prefix == prefix)
    }

    /// Several services can share a signing name: then host and path decide.
    fn by_scope(&self, parts: &Parts, scope: &str, host: &Host) -> Found<'_> {
        let same = |entry: &Entry| entry.model.service.signing_name == scope;
        let Some(first) = self.0.iter().find(|entry| same(entry)) else {
            return Found::Unserved(scope.chars().take(64).collect());
        };
        if self.0.iter().filter(|entry| same(entry)).count() == 1 {
            return Found::Service(first);
        }
        if let Some(Found::Service(entry)) = self.by_host(host)
            && same(entry)
        {
            return Found::Service(entry);
        }
        Found::Service(self.by_path(parts, same).unwrap_or(first))
    }

    fn by_host(&self, host: &Host) -> Option<Found<'_>> {
        let named = host.labels.iter().find_map(|label| self.named(label));
        // S3 has more names than one: `s3-us-west-2`, `s3-accelerate`.
        let of_bucket =
            || matches!(bucket::read(host), BucketHost::Bucket(_) | BucketHost::Accelerated(_));
        let named = named.or_else(|| self.named("s3").filter(|_| of_bucket()));
        if let Some(entry) = named {
            return Some(Found::Service(entry));
        }
        // `localhost` alone says nothing; `kinesis.us-east-1.localhost` does.
        let label = host.labels.iter().find(|label| !is_region(label))?;
        Some(Found::Unserved(label.chars().take(64).collect()))
    }

    fn by_action(&self, pairs: &[u8]) -> Option<&Entry> {
        let pairs = wire::query_pairs(std::str::from_utf8(pairs).ok()?).ok()?;
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value);
        let (action, version) = (value("Action")?, value("Version")?);
        let knows = |entry: &&Entry| {
            let model = entry.model;
            let query = entry.speaks(Protocol::Query) || entry.speaks(Protocol::Ec2);
            let named = model.operation_index(action).is_some()
                || model.unserved.iter().any(|name| name == action);
            query && model.service.api_version == **version && named
        };
        self.0.iter().find(knows)
    }

    fn by_path(&self, parts: &Parts, among: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        if let Some(rest) = parts.uri.path().strip_prefix("/service/") {
            let prefix = rest.split('/').next().unwrap_or_default();
            let named = |entry: &&Entry| {
                let known = entry.model.service.target_prefix == prefix && !prefix.is_empty();
                known && entry.speaks(Protocol::Cbor) && among(entry)
            };
            if let Some(entry) = self.0.iter().find(named) {
                return Some(entry);
            }
        }
        let request = wire::Request {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or(""),
            headers: &parts.headers,
            body: bytes::Bytes::new(),
        };
        let rest = |entry: &&Entry| {
            matches!(entry.model.service.protocol, Protocol::RestJson | Protocol::RestXml)
                && among(entry)
        };
        let knows = |entry: &&Entry| {
            !matches!(wire::match_operation(entry.model, &request), wire::Routed::Unknown(_))
        };
        // Every path could be an object's: S3 comes last.
        let (last, first): (Vec<&Entry>, Vec<&Entry>) =
            self.0.iter().filter(rest).partition(|entry| crate::answer::is_s3(entry.model));
        first.into_iter().chain(last).find(knows)
    }
}

/// The region a host names, if it does.
pub(crate) fn host_region(host: &Host) -> Option<&str> {
    host.labels.iter().map(String::as_str).find(|label| is_region(label))
}

/// Whether a label looks like `ap-northeast-2` or `us-gov-west-1`.
pub(crate) fn is_region(label: &str) -> bool {
    const DIRECTIONS: [&str; 9] = [
        "north",
        "south",
        "east",
        "west",
        "central",
        "northeast",
        "northwest",
        "southeast",
        "southwest",
    ];
    let parts: Vec<&str> = label.split('-').collect();
    let (first, middle) = match parts[..] {
        [first, direction, number] => (first, Some((direction, number))),
        [first, _, direction, number] => (first, Some((direction, number))),
        _ => (label, None),
    };
    let digit = |part: &str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_digit());
    first.len() == 2 && middle.is_some_and(|(d, number)| DIRECTIONS.contains(&d) && digit(number))
}

#[cfg(test)]
mod tests {
    use super::is_region;

    #[test]
    fn regions_are_recognised() {
        for (label, expected) in [
            ("us-east-1", true),
            ("ap-northeast-2", true),
            ("us-gov-west-1", true),
            ("dynamodb", false),
            ("my-bucket-1", false),
            ("us-east", false),
            ("", false),
        ] {
            assert_eq!(is_region(label), expected, "{label}");
        }
    }
}
