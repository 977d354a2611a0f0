//! AWS Signature Version 4, the server's side: header, presigned query, aws-chunked streams.
//!
//! A request is [`read`] into a [`Claim`] (what it says), the caller finds the secret of the key
//! it names, and [`Verifier::verify`] says whether it is true. Time is a parameter.

mod canonical;
mod chunked;
mod claim;
mod date;
mod error;
pub(crate) mod form;
mod key;
#[cfg(test)]
mod mutations;
mod sign;
#[cfg(test)]
mod tests;
pub(crate) mod version2;

pub use canonical::{PathStyle, canonical_path, canonical_query, host_of, query_pairs};
pub use chunked::{ChunkDecoder, ChunkError, Trailers};
pub use claim::{Claim, Payload, Place, read};
pub use date::{format_basic, parse_basic};
pub use error::{AuthAnswer, AuthError, Family};
pub use key::{hex, sha256_hex};
pub use sign::Signer;

use http::request::Parts;
use key::{Bytes32, KeyCache, hmac};
use subtle::ConstantTimeEq as _;

/// How far the clocks of client and server may differ, seconds, as AWS allows.
pub const SKEW_MAX_S: i64 = 15 * 60;
/// How long a presigned request without `X-Amz-Expires` is good, seconds.
const PRESIGNED_DEFAULT_S: i64 = 15 * 60;

/// What differs between services when a signature is checked.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The signing name the scope has to carry.
    pub service: &'a str,
    /// Whether the rules of S3 hold: paths encoded once, `x-amz-content-sha256` required,
    /// unsigned and aws-chunked bodies taken.
    pub s3: bool,
    /// Whether `UNSIGNED-PAYLOAD` is taken though this is not S3 (the model says so).
    pub unsigned_payload: bool,
}

/// Proof that a signature was right, and what a stream's chunk signatures continue from.
#[derive(Clone)]
pub struct Verified {
    signing_key: Bytes32,
    signature: String,
    signed_at: String,
    scope: String,
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Checks signatures.
#[derive(Default)]
pub struct Verifier {
    keys: KeyCache,
}

impl Claim {
    /// Checks all of a claim that needs no secret: time, scope, signed headers, kind of body.
    /// `now_s` is seconds since 1970.
    pub fn check(&self, parts: &Parts, rules: Rules<'_>, now_s: i64) -> Result<(), AuthError> {
        self.check_time(now_s)?;
        if let Place::Version2 { .. } = self.place {
            let chunks_signed = matches!(self.payload, Payload::Streaming { signed: true, .. });
            if !rules.s3 || chunks_signed {
                return Err(AuthError::Mismatch);
            }
        } else {
            self.check_headers(parts)?;
            self.check_scope(rules.service)?;
        }
        match &self.payload {
            Payload::Unknown => Err(AuthError::ContentHashInvalid),
            Payload::Unstated if rules.s3 && self.place == Place::Header => {
                Err(AuthError::ContentHashMissing)
            }
            Payload::Unsigned if !rules.s3 && !rules.unsigned_payload => {
                Err(AuthError::PayloadKindRefused("UNSIGNED-PAYLOAD"))
            }
            Payload::Streaming { word, .. } if !rules.s3 && !rules.unsigned_payload => {
                Err(AuthError::PayloadKindRefused(word))
            }
            _ => Ok(()),
        }
    }

    fn check_time(&self, now_s: i64) -> Result<(), AuthError> {
        if let Place::Version2 { expires_at_s } = self.place {
            if now_s <= expires_at_s {
                return Ok(());
            }
            let (signed, now) = (format_basic(expires_at_s), format_basic(now_s));
            return Err(AuthError::Expired { signed, limit: now.clone(), now, presigned: true });
        }
        let latest = now_s.saturating_add(SKEW_MAX_S);
        if self.signed_at_s > latest {
            return Err(AuthError::NotYet {
                signed: self.signed_at.clone(),
                limit: format_basic(latest),
                now: format_basic(now_s),
            });
        }
        let (ends_s, presigned) = match self.place {
            Place::Header | Place::Version2 { .. } => (self.signed_at_s + SKEW_MAX_S, false),
            Place::Query { expires_s } => {
                (self.signed_at_s + expires_s.unwrap_or(PRESIGNED_DEFAULT_S), true)
            }
        };
        if now_s <= ends_s {
            return Ok(());
        }
        let (signed, limit_s) = match presigned {
            true => (format_basic(ends_s), now_s),
            false => (self.signed_at.clone(), now_s - SKEW_MAX_S),
        };
        let (limit, now) = (format_basic(limit_s), format_basic(now_s));
        Err(AuthError::Expired { signed, limit, now, presigned })
    }

    /// The host, and every header that says what the request means, has to be signed: else a
    /// captured signature would be good for another operation.
    fn check_headers(&self, parts: &Parts) -> Result<(), AuthError> {
        // These three are bound by the string to sign itself, or mean nothing.
        const EXEMPT: [&str; 3] = ["x-amz-date", "x-amz-content-sha256", "x-amz-user-agent"];
        let headers = self.signed_headers.as_bytes();
        let signed = |name: &str| headers.split(|b| *b == b';').any(|one| one == name.as_bytes());
        let mut missing = Vec::new();
        if !signed("host") && !signed(":authority") {
            missing.push("Host' or ':authority".to_owned());
        }
        for name in parts.headers.keys().map(http::HeaderName::as_str) {
            if name.starts_with("x-amz-") && !EXEMPT.contains(&name) && !signed(name) {
                missing.push(name.to_owned());
            }
        }
        match missing.is_empty() {
            true => Ok(()),
            false => Err(AuthError::HeadersUnsigned(missing)),
        }
    }

    fn check_scope(&self, service: &str) -> Result<(), AuthError> {
        let mut problems = Vec::new();
        if !is_region(&self.region) {
            problems.push(format!(
                "Credential should be scoped to a valid region, not '{}'. ",
                printable(&self.region)
            ));
        }
        if self.service != service {
            problems.push(format!("Credential should be scoped to correct service: '{service}'. "));
        }
        if self.terminator != claim::TERMINATOR {
            problems.push(format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{}'. ",
                printable(&self.terminator)
            ));
        }
        if self.signed_at.get(..8) != Some(&self.date) {
            problems.push(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date \
                 from HTTP: '{}' != '{}', from '{}'.",
                printable(&self.date),
                self.signed_at.get(..8).unwrap_or_default(),
                self.signed_at
            ));
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(AuthError::Scope(problems.concat())),
        }
    }

    /// Whether the body has to be read before the signature can be checked.
    pub fn needs_body(&self, rules: Rules<'_>) -> bool {
        self.payload == Payload::Unstated && !rules.s3
    }

    /// The last line of the canonical request.
    fn payload_word<'a>(&'a self, rules: Rules<'_>, body_sha256: Option<&'a str>) -> &'a str {
        match (&self.payload, body_sha256) {
            (Payload::Sha256(digest), _) => digest,
            (Payload::Streaming { word, .. }, _) => word,
            (Payload::Unstated, Some(digest)) if !rules.s3 => digest,
            // Presigned S3 requests leave the body open; so does whoever says so.
            _ => "UNSIGNED-PAYLOAD",
        }
    }
}

impl Verifier {
    /// Whether `claim`, already [checked](Claim::check), was signed with `secret`.
    ///
    /// `body_sha256` is the lower-case hex digest of the body, needed if [`Claim::needs_body`].
    pub fn verify(
        &self,
        parts: &Parts,
        claim: &Claim,
        rules: Rules<'_>,
        secret: &str,
        body_sha256: Option<&str>,
    ) -> Result<Verified, AuthError> {
        if let Place::Version2 { .. } = claim.place {
            return version2::verify(parts, claim, secret);
        }
        if claim.needs_body(rules) && body_sha256.is_none() {
            return Err(AuthError::Mismatch);
        }
        let style = if rules.s3 { PathStyle::EncodedOnce } else { PathStyle::EncodedTwice };
        let word = claim.payload_word(rules, body_sha256);
        let request = canonical::canonical_request(parts, style, &claim.signed_headers, word);
        let scope = [&*claim.date, "/", &claim.region, "/", &claim.service, "/", &claim.terminator]
            .concat();
        let digest = sha256_hex(&request);
        let to_sign =
            [claim::ALGORITHM, "\n", &claim.signed_at, "\n", &scope, "\n", &digest].concat();
        let cached = self.keys.find(secret, &claim.date, &claim.region, &claim.service);
        let expected = hex(&hmac(&cached.key, to_sign.as_bytes()));
        if !same(&expected, &claim.signature) {
            return Err(AuthError::Mismatch);
        }
        self.keys.keep(&cached);
        Ok(Verified {
            signing_key: cached.key,
            signature: expected,
            signed_at: claim.signed_at.clone(),
            scope,
        })
    }
}

/// An algorithm as the condition key `s3:signatureversion` names it.
pub fn version_named(algorithm: &str) -> &'static str {
    match algorithm {
        version2::ALGORITHM => version2::ALGORITHM,
        _ => claim::ALGORITHM,
    }
}

/// Compares secrets-to-be in constant time; only their length shows.
fn same(left: &str, right: &str) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

/// Compares two secrets, such as session tokens, in constant time.
pub fn same_secret(left: &str, right: &str) -> bool {
    same(left, right)
}

fn is_region(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
