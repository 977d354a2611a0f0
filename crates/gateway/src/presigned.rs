//! Presigned requests to S3: headers that are in the query.

use crate::sigv4;
use http::request::Parts;
use http::{HeaderName, HeaderValue};

/// What a presigned request to S3 has in its query stands for the header of that name, unless
/// there is one: SDKs for browsers move all but `Host` there. The signature covers it.
pub(crate) fn unfold(parts: &mut Parts) {
    const OF_THE_SIGNATURE: [&str; 8] = [
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-content-sha256",
    ];
    let query = parts.uri.query().unwrap_or("");
    for (key, value) in sigv4::query_pairs(query) {
        let Ok(name) = HeaderName::from_bytes(&key) else { continue };
        let moves = name.as_str().starts_with("x-amz-")
            && !OF_THE_SIGNATURE.contains(&name.as_str())
            || name.as_str() == "content-type" && query.contains("AWSAccessKeyId=");
        if moves
            && !parts.headers.contains_key(&name)
            && let Ok(value) = HeaderValue::from_bytes(&value)
        {
            parts.headers.insert(name, value);
        }
    }
}
