//! Signature Version 2 of presigned requests to S3: what `aws s3 presign` and boto3 still make for
//! `us-east-1` unless told otherwise.
//!
//! ```text
//! GET /photos/a.jpg?AWSAccessKeyId=AKIA…&Signature=…&Expires=1700000000
//! ```
//!
//! It signs method, path, expiry, `Content-MD5`, `Content-Type`, every `x-amz-` header and the
//! sub-resources of the query, by HMAC-SHA1; not the rest of the query. So what is left unsigned
//! may only page through lists: anything else is refused, lest it turn a request into another.

use super::canonical::query_pairs;
use super::claim::{self, Claim, Place};
use super::error::AuthError;
use super::{Verified, same};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::request::Parts;
use ring::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use std::collections::BTreeMap;

/// What a policy's condition calls it.
pub const ALGORITHM: &str = "AWS";
/// The one service that takes it.
const SERVICE: &str = "s3";
/// The query that carries a signature.
const OWN: [&str; 3] = ["AWSAccessKeyId", "Signature", "Expires"];
/// Query parameters that are part of the signed resource (botocore's and the Java SDK's lists).
const SIGNED: [&str; 33] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];
/// Query parameters that nobody signs, and that change no request into another.
const UNSIGNED: [&str; 17] = [
    "content-md5",
    "content-type",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "x-id",
];

/// The path that is signed where it is not the URI's: that of a bucket's own host has the bucket
/// in front. An extension of the request.
#[derive(Clone)]
pub struct SignedPath(pub String);

/// Whether a query is presigned so. Query protocols had a Version 2 of their own, and say so.
pub fn is_presigned(query: &str) -> bool {
    query.contains("AWSAccessKeyId=")
        && query.contains("Signature=")
        && !query.contains("SignatureVersion=")
}

/// Reads what a presigned query claims.
pub fn read(parts: &Parts, query: &str) -> Result<Claim, AuthError> {
    let mut found: [Option<String>; 3] = Default::default();
    let mut token = None;
    for (key, value) in query_pairs(query) {
        let value = String::from_utf8_lossy(&value).into_owned();
        if key.eq_ignore_ascii_case(b"x-amz-security-token") {
            token = Some(value);
            continue;
        }
        let Some(index) = OWN.iter().position(|name| name.as_bytes() == key) else { continue };
        if found[index].replace(value).is_some() {
            return Err(incomplete());
        }
    }
    let [Some(access_key_id), Some(signature), Some(expires)] = found else {
        return Err(incomplete());
    };
    let expires_at_s: i64 = expires.parse().map_err(|_| {
        let shown: String = expires.chars().filter(|c| !c.is_control()).take(100).collect();
        AuthError::Version2Query(format!("Invalid date (should be seconds since epoch): {shown}"))
    })?;
    let header = parts.headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    Ok(Claim {
        access_key_id,
        date: String::new(),
        region: String::new(),
        service: SERVICE.to_owned(),
        terminator: String::new(),
        signed_at: String::new(),
        signed_at_s: 0,
        signed_headers: String::new(),
        signature,
        session_token: token.or_else(|| header.map(str::to_owned)),
        place: Place::Version2 { expires_at_s },
        payload: claim::payload(claim::content_hash(&parts.headers)),
    })
}

fn incomplete() -> AuthError {
    AuthError::Version2Query(
        "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
            .into(),
    )
}

/// Whether `secret` signed the request.
pub fn verify(parts: &Parts, claim: &Claim, secret: &str) -> Result<Verified, AuthError> {
    let text = string_to_sign(parts, claim).ok_or(AuthError::Mismatch)?;
    match same(&signature(secret, &text), &claim.signature) {
        true => Ok(Verified {
            // No chunk continues from it: streams that would are refused before.
            signing_key: [0; 32],
            signature: String::new(),
            signed_at: String::new(),
            scope: String::new(),
        }),
        false => Err(AuthError::Mismatch),
    }
}

/// The Base64 of an HMAC-SHA1.
pub fn signature(secret: &str, text: &[u8]) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    BASE64_STANDARD.encode(sign(&key, text))
}

/// What is signed; nothing if the request has a part that would have to be and cannot.
fn string_to_sign(parts: &Parts, claim: &Claim) -> Option<Vec<u8>> {
    let Place::Version2 { expires_at_s } = claim.place else { return None };
    let query = parts.uri.query().unwrap_or("");
    let (mut resources, mut amz) = (Vec::new(), BTreeMap::new());
    let (mut md5, mut content_type) = (Vec::new(), Vec::new());
    for (key, value) in query_pairs(query) {
        let key = String::from_utf8(key).ok()?;
        let name = key.to_ascii_lowercase();
        if name.starts_with("x-amz-") {
            // The same parameter twice would mean one thing here and perhaps another later.
            if amz.insert(name, trimmed(&value)).is_some() {
                return None;
            }
        } else if SIGNED.contains(&key.as_str()) {
            resources.push((key, value));
        } else if key == "content-md5" {
            md5 = value;
        } else if key == "content-type" {
            content_type = value;
        } else if !OWN.contains(&key.as_str()) && !UNSIGNED.contains(&key.as_str()) {
            return None;
        }
    }
    for name in parts.headers.keys().map(http::HeaderName::as_str) {
        if name.starts_with("x-amz-") {
            let values: Vec<Vec<u8>> =
                parts.headers.get_all(name).iter().map(|value| trimmed(value.as_bytes())).collect();
            let value = values.join(&b","[..]);
            match amz.insert(name.to_owned(), value.clone()) {
                Some(other) if other != value => return None,
                _ => {}
            }
        }
    }
    if let Some(value) = parts.headers.get("content-md5") {
        md5 = value.as_bytes().to_vec();
    }
    if let Some(value) = parts.headers.get(http::header::CONTENT_TYPE) {
        content_type = value.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(512);
    for line in [parts.method.as_str().as_bytes(), &md5, &content_type] {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("{expires_at_s}\n").as_bytes());
    for (name, value) in &amz {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    let path = parts.extensions.get::<SignedPath>().map_or(parts.uri.path(), |path| &path.0);
    out.extend_from_slice(path.as_bytes());
    // A bucket itself is signed with a slash behind, in path style, too.
    if path.get(1..).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')) {
        out.push(b'/');
    }
    // A name without `=` is one thing, with it another: as it was sent.
    resources.sort();
    for (index, (name, value)) in resources.iter().enumerate() {
        out.push(if index == 0 { b'?' } else { b'&' });
        out.extend_from_slice(name.as_bytes());
        if !value.is_empty() || has_value(query, name) {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    Some(out)
}

fn has_value(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split_once('=').is_some_and(|(key, _)| key == name))
}

fn trimmed(value: &[u8]) -> Vec<u8> {
    value.trim_ascii().to_vec()
}

#[cfg(test)]
mod tests {
    use super::super::{Rules, Verifier};
    use super::*;
    use http::Request;

    /// The key of the examples in AWS's documentation.
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    const S3: Rules<'_> = Rules { service: "s3", s3: true, unsigned_payload: false };

    fn parts(method: &str, uri: &str, path: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut parts = request.body(()).expect("a request").into_parts().0;
        parts.extensions.insert(SignedPath(path.to_owned()));
        parts
    }

    fn check_at(parts: &Parts, now_s: i64) -> Result<(), AuthError> {
        let claim = super::super::read(parts)?.ok_or(AuthError::Missing)?;
        claim.check(parts, S3, now_s)?;
        Verifier::default().verify(parts, &claim, S3, SECRET, None).map(|_| ())
    }

    /// The presigned example of AWS's documentation of Version 2.
    #[test]
    fn the_published_example() {
        let uri = "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE\
                   &Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620";
        let request = |uri: &str| {
            parts(
                "GET",
                uri,
                "/johnsmith/photos/puppy.jpg",
                &[("host", "johnsmith.us-west-1.s3.amazonaws.com")],
            )
        };
        let at = |uri: &str, now_s| {
            check_at(&request(uri), now_s).map_err(|e| e.answer(super::super::Family::S3))
        };
        assert_eq!(at(uri, 1_175_139_620), Ok(()));
        let refused = at(uri, 1_175_139_621).expect_err("expired");
        assert_eq!(
            (refused.code, refused.message.as_str()),
            ("AccessDenied", "Request has expired")
        );
        let check = |from: &str, to: &str, code: &str| {
            assert!(uri.contains(from), "{from}");
            let refused = at(&uri.replace(from, to), 1_175_139_000).expect_err(to);
            assert_eq!(refused.code, code, "{to}: {}", refused.message);
        };
        check("Expires=1175139620", "Expires=1175139621", "SignatureDoesNotMatch");
        check("NpgC", "NpgD", "SignatureDoesNotMatch");
        check("Expires=1175139620", "Expires=soon", "AccessDenied");
        check("&Expires=1175139620", "", "AccessDenied");
        check("&Expires", "&Expires=1&Expires", "AccessDenied");
        check("?AWS", "?acl&AWS", "SignatureDoesNotMatch");
        check("?AWS", "?retention&AWS", "SignatureDoesNotMatch");
        check("?AWS", "?x-amz-meta-a=b&AWS", "SignatureDoesNotMatch");
        check("?AWS", "?X-Amz-Algorithm=AWS4-HMAC-SHA256&AWS", "InvalidArgument");
        // Paging is not signed.
        assert_eq!(at(&uri.replace("?AWS", "?prefix=a&AWS"), 0), Ok(()));
    }

    /// Signed by botocore 1.44.5: `put_object` with a content type and metadata, and a part.
    #[test]
    fn headers_and_sub_resources_are_signed() {
        let sign = |text: &str| {
            let signature = signature(SECRET, text.as_bytes());
            signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
        };
        let signed =
            sign("PUT\nabc==\ntext/plain\n99\nx-amz-acl:private\nx-amz-meta-who:me\n/b/k%20k");
        let query = format!("/k%20k?AWSAccessKeyId=A&Signature={signed}&Expires=99");
        let with = |query: &str, headers: &[(&str, &str)]| {
            check_at(&parts("PUT", query, "/b/k%20k", headers), 0)
        };
        let own =
            [("content-type", "text/plain"), ("content-md5", "abc=="), ("x-amz-meta-who", " me")];
        // What a header says may stand in the query.
        let full = format!("{query}&x-amz-acl=private");
        assert_eq!(with(&full, &own), Ok(()));
        let moved =
            format!("{full}&x-amz-meta-who=me&content-type=text%2Fplain&content-md5=abc%3D%3D");
        assert_eq!(with(&moved, &[]), Ok(()));
        assert_eq!(with(&moved, &[("x-amz-meta-who", "you")]), Err(AuthError::Mismatch));
        assert_eq!(with(&moved, &[("content-type", "text/html")]), Err(AuthError::Mismatch));
        assert_eq!(with(&moved, &[("x-amz-meta-also", "1")]), Err(AuthError::Mismatch));
        assert_eq!(with(&query, &own), Err(AuthError::Mismatch));
        assert_eq!(with(&format!("{full}&x-amz-acl=private"), &own), Err(AuthError::Mismatch));
        let signed = sign("PUT\n\n\n99\n/b/k%20k?partNumber=1&uploadId=a b");
        let part = format!(
            "/k%20k?uploadId=a%20b&partNumber=1&AWSAccessKeyId=A&Signature={signed}&Expires=99"
        );
        assert_eq!(with(&part, &[]), Ok(()));
        assert_eq!(
            with(&part.replace("partNumber=1", "partNumber=2"), &[]),
            Err(AuthError::Mismatch)
        );
        let chunks = [("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")];
        assert!(with(&part, &chunks).is_err());
    }
}
