//! Signed tokens in compact form (RFC 7515, RFC 7519).
//!
//! The algorithm is never taken from the token alone: it must be one of those that AWS takes, and
//! fit the kind of the key. So neither `none` nor a public key used as an HMAC secret gets through.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest token, as in STS's model.
const TOKEN_CHARS_MAX: usize = 20_000;

/// Signature algorithms (RFC 7518) that IAM takes from OIDC providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Es256,
    Es384,
}

impl Algorithm {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Algorithm::Rs256,
            "RS384" => Algorithm::Rs384,
            "RS512" => Algorithm::Rs512,
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            _ => return None,
        })
    }
}

/// Why a token cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JwtError {
    /// Not three parts of base 64 that hold JSON objects.
    Malformed,
    /// Signed in a way that is not taken.
    Algorithm,
}

impl fmt::Display for JwtError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JwtError::Malformed => {
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an \
                 Access Token)"
            }
            JwtError::Algorithm => "The ID Token is not signed with a supported algorithm",
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// Extensions that must be understood: none is.
    #[serde(default)]
    crit: Option<Value>,
}

/// A token whose signature is yet to be verified.
pub(crate) struct Unverified<'a> {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
    pub claims: Map<String, Value>,
    /// What is signed.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

/// Takes a token apart.
pub(crate) fn parse(token: &str) -> Result<Unverified<'_>, JwtError> {
    let malformed = JwtError::Malformed;
    if token.len() > TOKEN_CHARS_MAX {
        return Err(malformed);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(malformed.clone())?;
    let (header, claims) = signed.split_once('.').ok_or(malformed.clone())?;
    // serde_json bounds the depth of what it reads; a third part in `claims` is no base 64.
    let decode = |part: &str| BASE64.decode(part).map_err(|_| JwtError::Malformed);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| malformed.clone())?;
    let claims = serde_json::from_slice(&decode(claims)?).map_err(|_| malformed)?;
    let algorithm = Algorithm::parse(&header.alg).ok_or(JwtError::Algorithm)?;
    if header.crit.is_some() {
        return Err(JwtError::Algorithm);
    }
    Ok(Unverified {
        algorithm,
        key_id: header.kid,
        claims,
        signed: signed.as_bytes(),
        signature: decode(signature)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.{}", BASE64.encode(header), BASE64.encode(claims), BASE64.encode("s"))
    }

    #[test]
    fn good_and_bad_tokens() {
        let check = |token: &str, expected: Result<&str, JwtError>| {
            let found = parse(token).map(|t| t.claims.get("iss").map(Value::to_string));
            let expected = expected.map(|iss| Some(format!("{iss:?}")));
            assert_eq!(found, expected, "{token:.80}");
        };
        let claims = r#"{"iss":"https://a.example"}"#;
        let good = token(r#"{"alg":"RS256","kid":"1"}"#, claims);
        check(&good, Ok("https://a.example"));
        for alg in ["none", "None", "HS256", "PS256", "RS1", "", "EdDSA"] {
            check(&token(&format!(r#"{{"alg":"{alg}"}}"#), claims), Err(JwtError::Algorithm));
        }
        let critical = token(r#"{"alg":"RS256","crit":["b64"]}"#, claims);
        check(&critical, Err(JwtError::Algorithm));
        let deep = format!(r#"{{"a":{}}}"#, "[".repeat(9000));
        for bad in [
            "",
            "a",
            "a.b",
            "..",
            "a.b.c.d",
            "%.%.%",
            &good[1..],
            &format!("{good}="),
            &format!("x.{good}"),
            &token("[]", claims),
            &token(r#"{"alg":"RS256"}"#, "[]"),
            &token(r#"{"alg":"RS256"}"#, &deep),
            &token("{}", claims),
            &"a.".repeat(20_000),
        ] {
            check(bad, Err(JwtError::Malformed));
        }
    }
}
