//! The canonical request: what both sides hash, spelled one way only.

use http::HeaderMap;
use http::request::Parts;
use std::fmt::Write as _;

/// How a service spells paths in the canonical request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathStyle {
    /// Every service but S3: dot segments and doubled slashes removed, then the path as it was
    /// sent is encoded once more (`%3A` becomes `%253A`).
    EncodedTwice,
    /// S3: an object key is what it is; encoded exactly once.
    EncodedOnce,
}

/// Builds the canonical request of `parts` over `signed_headers`, with the payload word last.
pub fn canonical_request(
    parts: &Parts,
    style: PathStyle,
    signed_headers: &str,
    payload: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b'\n');
    match parts.uri.path() {
        "/" => out.push(b'/'),
        path => out.extend_from_slice(canonical_path(path, style).as_bytes()),
    }
    out.push(b'\n');
    if let Some(query) = parts.uri.query() {
        out.extend_from_slice(canonical_query(query).as_bytes());
    }
    out.push(b'\n');
    for name in signed_headers.split(';') {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        push_header(&mut out, parts, name);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    out
}

/// The host a request was sent to: the `Host` header, or what HTTP/2 has in its place.
pub fn host_of(parts: &Parts) -> Option<&[u8]> {
    match parts.headers.get(http::header::HOST) {
        Some(value) => Some(value.as_bytes()),
        None => parts.uri.authority().map(|authority| authority.as_str().as_bytes()),
    }
}

fn push_header(out: &mut Vec<u8>, parts: &Parts, name: &str) {
    if name == "host" || name == ":authority" {
        out.extend_from_slice(host_of(parts).unwrap_or_default());
        return;
    }
    push_values(out, &parts.headers, name);
}

fn push_values(out: &mut Vec<u8>, headers: &HeaderMap, name: &str) {
    for (index, value) in headers.get_all(name).iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let bytes = value.as_bytes();
        if is_canonical(bytes) {
            out.extend_from_slice(bytes);
            continue;
        }
        let words = bytes.split(|byte| matches!(byte, b' ' | b'\t'));
        let mut first = true;
        for word in words.filter(|word| !word.is_empty()) {
            if !first {
                out.push(b' ');
            }
            first = false;
            out.extend_from_slice(word);
        }
    }
}

/// Whether a value has only single spaces, and those within, as nearly all have.
fn is_canonical(value: &[u8]) -> bool {
    let mut before = b' ';
    for &byte in value {
        if byte == b'\t' || (byte == b' ' && before == b' ') {
            return false;
        }
        before = byte;
    }
    value.is_empty() || before != b' '
}

/// The path line of the canonical request.
pub fn canonical_path(path: &str, style: PathStyle) -> String {
    match style {
        PathStyle::EncodedOnce => encode(&decode(path.as_bytes()), true),
        PathStyle::EncodedTwice => encode(normalized(path).as_bytes(), true),
    }
}

fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let tail = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{tail}", kept.join("/"))
}

/// The query line: every pair decoded, encoded strictly, sorted; the signature itself left out.
/// A plus sign is a plus sign, as AWS's signers write a space as `%20`.
pub fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query_pairs(query)
        .filter(|(key, _)| key != b"X-Amz-Signature")
        .map(|(key, value)| (encode(&key, false), encode(&value, false)))
        .collect();
    pairs.sort();
    let mut out = String::with_capacity(query.len());
    for (index, (key, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push('&');
        }
        out.push_str(key);
        out.push('=');
        out.push_str(value);
    }
    out
}

/// The decoded `key=value` pairs of a query, in order, empty ones left out.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key.as_bytes()), decode(value.as_bytes()))
    })
}

/// Percent-decodes; a stray `%` stays what it is.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Percent-encodes all but RFC 3986's unreserved characters, and `/` if asked to.
fn encode(bytes: &[u8], keep_slash: bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~')
            || (keep_slash && byte == b'/')
        {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let check = |path: &str, twice: &str, once: &str| {
            assert_eq!(canonical_path(path, PathStyle::EncodedTwice), twice, "{path}");
            assert_eq!(canonical_path(path, PathStyle::EncodedOnce), once, "{path}");
        };
        check("/", "/", "/");
        check("", "/", "");
        check("/a/./b/../c", "/a/c", "/a/./b/../c");
        check("//a//b/", "/a/b/", "//a//b/");
        check("/../..", "/", "/../..");
        check("/arn%3Aaws", "/arn%253Aaws", "/arn%3Aaws");
        check("/arn:aws", "/arn%3Aaws", "/arn%3Aaws");
        check("/%e1%88%b4", "/%25e1%2588%25b4", "/%E1%88%B4");
        check("/100%", "/100%25", "/100%25");
    }

    #[test]
    fn queries() {
        let check = |query: &str, expected: &str| assert_eq!(canonical_query(query), expected);
        check("", "");
        check("b=2&a=1&a=0", "a=0&a=1&b=2");
        check("key", "key=");
        check("k=a+b%20c", "k=a%2Bb%20c");
        check("k=%7e~%2f/", "k=~~%2F%2F");
        check("X-Amz-Signature=1&X-Amz-Date=2", "X-Amz-Date=2");
        check("a=b=c", "a=b%3Dc");
        check("&&", "");
    }
}
