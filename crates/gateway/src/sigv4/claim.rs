//! Reading what a request claims: which key signed it, when, for what, over which headers.
//!
//! Nothing is believed yet; [`super::Verifier::verify`] does that.

use super::canonical::query_pairs;
use super::date::{format_basic, parse_basic, parse_http};
use super::error::AuthError;
use super::version2;
use base64::Engine as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

/// The one algorithm served.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The last part of every credential scope.
pub const TERMINATOR: &str = "aws4_request";

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Where the signature was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the query, by Signature Version 2.
    Version2 {
        /// `Expires`, seconds since 1970.
        expires_at_s: i64,
    },
    /// In the query: a presigned request, good for this many seconds (if it says).
    Query {
        /// `X-Amz-Expires`, seconds.
        expires_s: Option<i64>,
    },
}

/// What the signer says about the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Nothing: its digest has to be computed before the signature can be checked.
    Unstated,
    /// Its SHA-256, lower-case hex.
    Sha256(String),
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// aws-chunked.
    Streaming {
        /// Every chunk carries a signature.
        signed: bool,
        /// Trailing headers follow the last chunk.
        trailer: bool,
        /// The word itself, as it goes into the canonical request.
        word: &'static str,
    },
    /// None of the words known.
    Unknown,
}

/// A signature and everything it names. Its `Debug` shows no secret: the token is left out.
#[derive(Clone)]
pub struct Claim {
    /// The access key's id.
    pub access_key_id: String,
    /// The scope's date, `YYYYMMDD`.
    pub date: String,
    /// The scope's region.
    pub region: String,
    /// The scope's service: the signing name.
    pub service: String,
    /// The scope's last part; `aws4_request` if all is well.
    pub terminator: String,
    /// When it was signed, `YYYYMMDDThhmmssZ`.
    pub signed_at: String,
    /// When it was signed, seconds since 1970.
    pub signed_at_s: i64,
    /// Names of the signed headers, lower case, in the order given, with semicolons between.
    pub signed_headers: String,
    /// The signature as sent.
    pub signature: String,
    /// `X-Amz-Security-Token`, if any.
    pub session_token: Option<String>,
    /// Header or query.
    pub place: Place,
    /// What is said of the body.
    pub payload: Payload,
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .field("service", &self.service)
            .field("signed_at", &self.signed_at)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Claim {
    /// Whether the signature is in the query.
    pub fn is_presigned(&self) -> bool {
        self.place != Place::Header
    }
}

/// Reads the claim of a request; `None` if it carries no signature at all.
pub fn read(parts: &Parts) -> Result<Option<Claim>, AuthError> {
    let query = parts.uri.query().unwrap_or("");
    // Nearly every request has no such query; a scan is cheaper than decoding it.
    let presigned = query.contains("X-Amz-Algorithm") || query.contains("X-Amz-Signature");
    let version2 = version2::is_presigned(query);
    let mut headers = parts.headers.get_all(http::header::AUTHORIZATION).iter();
    match (headers.next(), presigned) {
        (None, true) | (Some(_), _) if version2 => Err(AuthError::BothPlaces),
        (None, false) if version2 => version2::read(parts, query).map(Some),
        (None, false) => Ok(None),
        (Some(_), true) => Err(AuthError::BothPlaces),
        (None, true) => read_query(parts, query).map(Some),
        (Some(value), false) => {
            if headers.next().is_some() {
                return Err(AuthError::IncompleteHeader(
                    "Authorization header must be present exactly once.".into(),
                ));
            }
            let text = value.to_str().map_err(|_| {
                AuthError::IncompleteHeader("Authorization header must be ASCII.".into())
            })?;
            read_header(parts, text)
        }
    }
}

/// The date a header-signed request gives: `X-Amz-Date`, or else `Date`.
fn header_date(headers: &HeaderMap) -> Option<Result<(String, i64), AuthError>> {
    let text =
        |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("").to_owned());
    if let Some(date) = text(DATE) {
        return Some(basic_date(date));
    }
    let date = text(http::header::DATE)?;
    match parse_http(&date) {
        Some(time_s) => Some(Ok((format_basic(time_s), time_s))),
        None => Some(basic_date(date)),
    }
}

fn basic_date(text: String) -> Result<(String, i64), AuthError> {
    match parse_basic(&text) {
        Some(time_s) => Ok((text, time_s)),
        None => Err(AuthError::IncompleteHeader(format!(
            "Date must be in ISO-8601 'basic format'. Got '{}'. \
             See http://en.wikipedia.org/wiki/ISO_8601",
            shown(&text)
        ))),
    }
}

fn read_header(parts: &Parts, text: &str) -> Result<Option<Claim>, AuthError> {
    let text = text.trim_ascii();
    let (algorithm, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    if !algorithm.starts_with("AWS") {
        // A bearer token or a password is not a signature.
        return Ok(None);
    }
    if algorithm == version2::ALGORITHM {
        let missing = "Authorization header requires 'Credential' parameter. Authorization header \
                       requires 'Signature' parameter. Authorization header requires \
                       'SignedHeaders' parameter. ";
        return Err(AuthError::Version2Header(missing.to_owned() + &hashed(text)));
    }
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for pair in rest.split(',').map(str::trim_ascii).filter(|pair| !pair.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(AuthError::IncompleteHeader(format!(
                "'{}' not a valid key=value pair (missing equal-sign) in Authorization header \
                 {}.",
                shown(pair),
                hashed(text)
            )));
        };
        let slot = match key.trim_ascii() {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => continue,
        };
        if slot.replace(value.trim_ascii()).is_some() {
            return Err(AuthError::IncompleteHeader(format!(
                "Authorization header requires '{key}' parameter exactly once. {}",
                hashed(text)
            )));
        }
    }
    let date = header_date(&parts.headers);
    let mut missing = String::new();
    for (name, part) in
        [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed_headers)]
    {
        if part.unwrap_or("").is_empty() {
            missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
        }
    }
    if date.is_none() {
        missing.push_str(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
        );
    }
    let (Some(credential), Some(signature), Some(signed_headers), Some(date), true) =
        (credential, signature, signed_headers, date, missing.is_empty())
    else {
        return Err(AuthError::IncompleteHeader(missing + &hashed(text)));
    };
    check_algorithm(algorithm, AuthError::IncompleteHeader)?;
    let token = match parts.headers.get(TOKEN) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| AuthError::InvalidToken)?),
    };
    let raw = Raw { credential, signed_headers, signature, date: date?, token };
    let payload = payload(content_hash(&parts.headers));
    raw.claim(Place::Header, payload, AuthError::IncompleteHeader).map(Some)
}

fn read_query(parts: &Parts, query: &str) -> Result<Claim, AuthError> {
    const NAMES: [&str; 8] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    ];
    let mut found: [Option<String>; 8] = Default::default();
    for (key, value) in query_pairs(query) {
        let Some(index) = NAMES.iter().position(|name| name.as_bytes() == key) else { continue };
        let value = String::from_utf8(value).map_err(|_| {
            AuthError::IncompleteQuery(format!("'{}' must be UTF-8.", NAMES[index]))
        })?;
        if found[index].replace(value).is_some() {
            return Err(AuthError::IncompleteQuery(format!(
                "AWS query-string parameters must include '{}' exactly once.",
                NAMES[index]
            )));
        }
    }
    let [algorithm, credential, signature, signed_headers, date, expires, token, content] = found;
    let required = [&algorithm, &credential, &signature, &signed_headers, &date];
    let missing: String = NAMES
        .iter()
        .zip(required)
        .filter(|(_, value)| value.as_deref().unwrap_or("").is_empty())
        .map(|(name, _)| format!("AWS query-string parameters must include '{name}'. "))
        .collect();
    let (Some(algorithm), Some(credential), Some(signature), Some(signed_headers), Some(date)) =
        (algorithm, credential, signature, signed_headers, date)
    else {
        return Err(incomplete_query(missing));
    };
    if !missing.is_empty() {
        return Err(incomplete_query(missing));
    }
    check_algorithm(&algorithm, AuthError::IncompleteQuery)?;
    let date = basic_date(date).map_err(|error| match error {
        AuthError::IncompleteHeader(text) => AuthError::IncompleteQuery(text),
        other => other,
    })?;
    let expires_s = expires.map(|text| expires_seconds(&text)).transpose()?;
    let payload = payload(content.as_deref().or(content_hash(&parts.headers)));
    let raw = Raw {
        credential: &credential,
        signed_headers: &signed_headers,
        signature: &signature,
        date,
        token: token.as_deref(),
    };
    raw.claim(Place::Query { expires_s }, payload, AuthError::IncompleteQuery)
}

fn incomplete_query(missing: String) -> AuthError {
    AuthError::IncompleteQuery(missing + "Re-examine the query-string parameters.")
}

/// `X-Amz-Expires`: 1 to 604800 seconds; the texts are S3's.
fn expires_seconds(text: &str) -> Result<i64, AuthError> {
    let value: i64 =
        text.parse().map_err(|_| AuthError::BadExpires("X-Amz-Expires should be a number"))?;
    match value {
        ..=-1 => Err(AuthError::BadExpires("X-Amz-Expires must be non-negative")),
        0 => Err(AuthError::BadExpires("X-Amz-Expires must be at least one second")),
        1..=604_800 => Ok(value),
        _ => Err(AuthError::BadExpires(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given \
             X-Amz-Expires must be less than 604800 seconds",
        )),
    }
}

fn check_algorithm(algorithm: &str, wrap: fn(String) -> AuthError) -> Result<(), AuthError> {
    if algorithm == ALGORITHM {
        return Ok(());
    }
    Err(wrap(format!(
        "Unsupported AWS 'algorithm': '{}' (only {ALGORITHM} for now).",
        shown(algorithm)
    )))
}

struct Raw<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
    date: (String, i64),
    token: Option<&'a str>,
}

impl Raw<'_> {
    fn claim(
        self,
        place: Place,
        payload: Payload,
        wrap: fn(String) -> AuthError,
    ) -> Result<Claim, AuthError> {
        // An access key id may hold slashes nowhere: exactly five parts.
        let mut parts = self.credential.trim_end_matches('/').split('/');
        let first = [(); 5].map(|()| parts.next());
        let [Some(key), Some(date), Some(region), Some(service), Some(terminator)] = first else {
            return Err(self.not_five(wrap));
        };
        if parts.next().is_some() {
            return Err(self.not_five(wrap));
        }
        Ok(Claim {
            access_key_id: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            terminator: terminator.to_owned(),
            signed_at: self.date.0,
            signed_at_s: self.date.1,
            signed_headers: self.signed_headers.to_ascii_lowercase(),
            signature: self.signature.to_owned(),
            session_token: self.token.map(str::to_owned),
            place,
            payload,
        })
    }

    fn not_five(&self, wrap: fn(String) -> AuthError) -> AuthError {
        wrap(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{}'",
            shown(self.credential)
        ))
    }
}

pub(super) fn content_hash(headers: &HeaderMap) -> Option<&str> {
    Some(headers.get(CONTENT_HASH)?.to_str().unwrap_or(""))
}

pub(super) fn payload(text: Option<&str>) -> Payload {
    let Some(text) = text else { return Payload::Unstated };
    let streaming = |signed, trailer, word| Payload::Streaming { signed, trailer, word };
    match text {
        "UNSIGNED-PAYLOAD" => Payload::Unsigned,
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => {
            streaming(true, false, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
        }
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => {
            streaming(true, true, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")
        }
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => {
            streaming(false, true, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        }
        _ if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Payload::Sha256(text.to_ascii_lowercase())
        }
        _ => Payload::Unknown,
    }
}

/// Someone else's text inside an error: bounded, and without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// How AWS shows an `Authorization` header without repeating it.
fn hashed(text: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text));
    format!("(Hashed with SHA-256 and encoded with Base64) Authorization={digest}")
}
