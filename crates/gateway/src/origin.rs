//! How a request came in, for the conditions of policies.

use crate::http::Peer;
use crate::sigv4::{self, Claim, Place};
use http::header::{HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use kernel::access::Origin;
use std::net::{IpAddr, Ipv4Addr};

/// Gathers it. What is relayed comes from this machine.
pub(crate) fn origin(parts: &Parts, peer: Peer, claim: Option<&Claim>) -> Origin {
    let text = |name: HeaderName| {
        let value = parts.headers.get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let (source_ip, tls) = match peer {
        Peer::Tcp { address, tls } => (address.ip(), tls),
        Peer::Relay => (IpAddr::V4(Ipv4Addr::LOCALHOST), None),
    };
    Origin {
        source_ip: Some(source_ip),
        is_secure: tls.is_some(),
        tls_version: tls.map(|tls| tls.version),
        tls_cipher: tls.and_then(|tls| tls.cipher),
        user_agent: text(USER_AGENT),
        referer: text(REFERER),
        auth_type: claim.map(|claim| match claim.place {
            Place::Header => "REST-HEADER",
            Place::Query { .. } | Place::Version2 { .. } => "REST-QUERY-STRING",
        }),
        signature_version: claim.map(|claim| match claim.place {
            Place::Version2 { .. } => sigv4::version_named(sigv4::version2::ALGORITHM),
            _ => sigv4::version_named(""),
        }),
        signed_at_ms: claim
            .filter(|claim| claim.signed_at_s > 0)
            .map(|claim| claim.signed_at_s * 1000),
        access_key_id: claim.map(|claim| claim.access_key_id.clone()),
        content_sha256: text(HeaderName::from_static("x-amz-content-sha256")),
    }
}
