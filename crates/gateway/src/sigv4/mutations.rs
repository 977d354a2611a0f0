//! Every bit of every signed part, turned over: what comes out is refused, or means the same.

use super::*;
use crate::sigv4::canonical::decode;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const S3: Rules<'_> = Rules { service: "s3", s3: true, unsigned_payload: false };
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// 2013-05-24T00:00:00Z.
const NOW_S: i64 = 1_369_353_600;

/// A request written as lines: method and URI, then headers.
fn parse(text: &[u8]) -> Option<Parts> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = lines.next()?;
    let at = first.iter().position(|byte| *byte == b' ')?;
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::from_bytes(&first[..at]).ok()?;
    parts.uri = Uri::try_from(&first[at + 1..]).ok()?;
    for line in lines.filter(|line| !line.is_empty()) {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..at]).ok()?;
        parts.headers.append(name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?);
    }
    Some(parts)
}

fn write(parts: &Parts) -> Vec<u8> {
    let mut text = format!("{} {}\n", parts.method, parts.uri).into_bytes();
    for (name, value) in &parts.headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

/// What a handler would make of a request.
fn meaning(parts: &Parts) -> impl PartialEq + std::fmt::Debug + use<> {
    let query: Vec<_> = query_pairs(parts.uri.query().unwrap_or("")).collect();
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in &parts.headers {
        let mut value = value.as_bytes().to_vec();
        // Names of signed headers may be written in capitals.
        if name == http::header::AUTHORIZATION {
            value.make_ascii_lowercase();
        }
        headers.push((name.to_string(), value));
    }
    let query: Vec<_> = query
        .into_iter()
        .map(|(mut key, mut value)| {
            // One that stands for a header is named like one.
            if key.eq_ignore_ascii_case(b"x-amz-acl") {
                key.make_ascii_lowercase();
            }
            if key == b"X-Amz-SignedHeaders" {
                value.make_ascii_lowercase();
            }
            (key, value)
        })
        .collect();
    (parts.method.clone(), decode(parts.uri.path().as_bytes()), query, headers)
}

fn verified(parts: &Parts, now_s: i64) -> Result<Verified, AuthError> {
    let claim = read(parts)?.ok_or(AuthError::Missing)?;
    claim.check(parts, S3, now_s)?;
    // A key's id is bound by its secret: another id is another secret.
    if !["AKIAIOSFODNN7EXAMPLE", "A"].contains(&&*claim.access_key_id) {
        return Err(AuthError::UnknownKey);
    }
    Verifier::default().verify(parts, &claim, S3, SECRET, None)
}

/// Turns over every bit of a good request; the number of bits.
fn check_request(text: &[u8], now_s: i64) -> usize {
    let whole = parse(text).expect("a request");
    assert!(verified(&whole, now_s).is_ok(), "{:?}", verified(&whole, now_s));
    let expected = meaning(&whole);
    for bit in 0..text.len() * 8 {
        let mut text = text.to_vec();
        text[bit / 8] ^= 1 << (bit % 8);
        let Some(parts) = parse(&text) else { continue };
        if verified(&parts, now_s).is_ok() {
            assert_eq!(meaning(&parts), expected, "{}", String::from_utf8_lossy(&text));
        }
    }
    text.len() * 8
}

/// A request signed in its header.
fn signed(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method("PUT").uri(uri).header("host", "s3.localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut parts = request.body(()).expect("a request").into_parts().0;
    let signer = Signer {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret: SECRET,
        session_token: Some("token"),
        region: "us-east-1",
        service: "s3",
    };
    signer.sign(&mut parts, b"", NOW_S).expect("signed");
    parts
}

#[test]
fn of_requests() {
    let parts = signed(
        "/b/k%20%C3%A9?partNumber=1&uploadId=a",
        &[("x-amz-content-sha256", EMPTY), ("x-amz-meta-who", "me"), ("content-md5", "abc==")],
    );
    assert!(check_request(&write(&parts), NOW_S) > 4000);
    let presigned = "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404\n\
        host:examplebucket.s3.amazonaws.com\n";
    assert!(check_request(presigned.as_bytes(), NOW_S) > 2000);
    let text = version2::signature(SECRET, b"PUT\n\ntext/plain\n99\nx-amz-acl:private\n/b/k?acl");
    let text = text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let oldest = format!(
        "PUT /b/k?acl&AWSAccessKeyId=A&Signature={text}&Expires=99&x-amz-acl=private\n\
         content-type:text/plain\n"
    );
    assert!(check_request(oldest.as_bytes(), 0) > 800);
}

/// A stream in two chunks, signed with what the headers' signature proves.
fn stream(proof: &Verified, trailer: &str) -> Vec<u8> {
    let Verified { signing_key, signature, signed_at, scope } = proof;
    let mut last = signature.clone();
    let mut sign = |kind: &str, rest: &str| {
        let text = format!("AWS4-HMAC-SHA256-{kind}\n{signed_at}\n{scope}\n{last}\n{rest}");
        last = hex(&hmac(signing_key, text.as_bytes()));
        last.clone()
    };
    let mut body = Vec::new();
    for chunk in ["hello, ", "world", ""] {
        let digest = sha256_hex(chunk.as_bytes());
        let signature = sign("PAYLOAD", &format!("{EMPTY}\n{digest}"));
        body.extend(format!("{:x};chunk-signature={signature}\r\n{chunk}", chunk.len()).bytes());
        if !chunk.is_empty() || trailer.is_empty() {
            body.extend_from_slice(b"\r\n");
        }
    }
    if !trailer.is_empty() {
        let digest = sha256_hex(format!("{trailer}\n").as_bytes());
        let signature = sign("TRAILER", &digest);
        body.extend(format!("{trailer}\r\nx-amz-trailer-signature:{signature}\r\n\r\n").bytes());
    }
    body
}

#[test]
fn of_streams() {
    for (word, trailer) in [
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", ""),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "x-amz-checksum-crc32:i9aeUg=="),
    ] {
        let proof = verified(&signed("/b/k", &[("x-amz-content-sha256", word)]), NOW_S);
        let proof = proof.expect("signed headers");
        let decode = |body: &[u8]| {
            let with = !trailer.is_empty();
            let mut decoder = ChunkDecoder::new(Some(proof.clone()), with, Some(12), 1000);
            let mut out = Vec::new();
            decoder.push(body, &mut out)?;
            decoder.finish().map(|trailers| (out, trailers))
        };
        let body = stream(&proof, trailer);
        let expected = decode(&body).expect("a good stream");
        assert_eq!(
            (expected.0.as_slice(), expected.1.len()),
            (&b"hello, world"[..], usize::from(!trailer.is_empty()))
        );
        for bit in 0..body.len() * 8 {
            let mut body = body.clone();
            body[bit / 8] ^= 1 << (bit % 8);
            // The letters of a length, and of a trailer's name, may be capitals.
            if let Ok(read) = decode(&body) {
                assert_eq!(read, expected, "{}", String::from_utf8_lossy(&body));
            }
        }
        for end in 0..body.len() {
            // The empty line at the very end may be missing.
            let is_whole = decode(&body[..end]).is_ok_and(|read| read == expected);
            assert!(decode(&body[..end]).is_err() || is_whole && end + 2 == body.len(), "{end}");
        }
    }
}
