//! Signing: for our own command line, and for tests that drive the gateway.

use super::canonical::{PathStyle, canonical_request, host_of};
use super::date::format_basic;
use super::key::{derive, hex, hmac, sha256_hex};
use http::HeaderValue;
use http::header::InvalidHeaderValue;
use http::request::Parts;

/// Who signs, for what.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// The access key's id.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a str,
    /// A session's token.
    pub session_token: Option<&'a str>,
    /// The region of the scope.
    pub region: &'a str,
    /// The signing name of the service.
    pub service: &'a str,
}

impl Signer<'_> {
    /// Adds `X-Amz-Date`, the token and `Authorization`, over every header present. The request
    /// must have its `Host`. `now_s` is seconds since 1970. Fails if the key id or token is not
    /// fit for a header.
    pub fn sign(
        &self,
        parts: &mut Parts,
        body: &[u8],
        now_s: i64,
    ) -> Result<(), InvalidHeaderValue> {
        let date = format_basic(now_s);
        parts.headers.insert("x-amz-date", HeaderValue::from_str(&date)?);
        if let Some(token) = self.session_token {
            parts.headers.insert("x-amz-security-token", HeaderValue::from_str(token)?);
        }
        let mut names: Vec<String> = parts.headers.keys().map(ToString::to_string).collect();
        if host_of(parts).is_some() && !parts.headers.contains_key(http::header::HOST) {
            names.push("host".into());
        }
        names.sort();
        let names = names.join(";");
        let payload = match parts.headers.get("x-amz-content-sha256") {
            Some(word) => word.to_str().unwrap_or("").to_owned(),
            None => sha256_hex(body),
        };
        let style = match self.service {
            "s3" => PathStyle::EncodedOnce,
            _ => PathStyle::EncodedTwice,
        };
        let request = canonical_request(parts, style, &names, &payload);
        let scope = format!("{}/{}/{}/aws4_request", &date[..8], self.region, self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", sha256_hex(&request));
        let key = derive(self.secret, &date[..8], self.region, self.service);
        let signature = hex(&hmac(&key, to_sign.as_bytes()));
        let value = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key_id
        );
        parts.headers.insert(http::header::AUTHORIZATION, HeaderValue::from_str(&value)?);
        Ok(())
    }
}
