//! The example values AWS's documentation publishes, and what hostile clients try.

use super::*;
use http::Request;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2013-05-24T00:00:00Z, the day of S3's examples.
const NOW_S: i64 = 1_369_353_600;
const S3: Rules<'_> = Rules { service: "s3", s3: true, unsigned_payload: true };
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request").into_parts().0
}

fn verify(parts: &Parts, rules: Rules<'_>, now_s: i64, body: &[u8]) -> Result<Verified, AuthError> {
    let claim = read(parts)?.ok_or(AuthError::Missing)?;
    claim.check(parts, rules, now_s)?;
    Verifier::default().verify(parts, &claim, rules, SECRET, Some(&sha256_hex(body)))
}

fn authorization(signed_headers: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed_headers},Signature={signature}"
    )
}

fn s3_request(method: &str, uri: &str, extra: &[(&str, &str)], auth: &str) -> Parts {
    let mut headers = vec![
        ("host", "examplebucket.s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("authorization", auth),
    ];
    headers.extend_from_slice(extra);
    if !extra.iter().any(|(name, _)| *name == "x-amz-content-sha256") {
        headers.push(("x-amz-content-sha256", EMPTY));
    }
    parts(method, uri, &headers)
}

/// The four header examples of the S3 documentation.
#[test]
fn published_s3_examples() {
    let check = |method: &str, uri: &str, extra: &[(&str, &str)], names: &str, signature: &str| {
        let auth = authorization(names, signature);
        let result = verify(&s3_request(method, uri, extra, &auth), S3, NOW_S, b"");
        assert!(result.is_ok(), "{method} {uri}: {result:?}");
        let other = auth.replace("Signature=", "Signature=0");
        let result = verify(&s3_request(method, uri, extra, &other), S3, NOW_S, b"");
        assert_eq!(result.err(), Some(AuthError::Mismatch));
    };
    check(
        "GET",
        "/test.txt",
        &[("range", "bytes=0-9")],
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    check(
        "PUT",
        "/test$file.text",
        &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            (
                "x-amz-content-sha256",
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
            ),
        ],
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    check(
        "GET",
        "/?lifecycle",
        &[],
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check(
        "GET",
        "/?max-keys=2&prefix=J",
        &[],
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

const PRESIGNED: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
     &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
     &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
     &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

/// The presigned example of the S3 documentation, and its limits.
#[test]
fn published_presigned_example() {
    let get = |uri: &str, now_s: i64| {
        let request = parts("GET", uri, &[("host", "examplebucket.s3.amazonaws.com")]);
        verify(&request, S3, now_s, b"").map(|_| ())
    };
    assert_eq!(get(PRESIGNED, NOW_S), Ok(()));
    assert_eq!(get(PRESIGNED, NOW_S + 86_400), Ok(()));
    let expired = get(PRESIGNED, NOW_S + 86_401).expect_err("expired");
    assert_eq!(
        expired.answer(Family::S3),
        AuthAnswer { status: 403, code: "AccessDenied", message: "Request has expired".into() }
    );
    assert!(matches!(get(PRESIGNED, NOW_S - 901), Err(AuthError::NotYet { .. })));
    assert_eq!(get(&format!("{PRESIGNED}&versionId=1"), NOW_S), Err(AuthError::Mismatch));
    for (value, text) in [
        ("604801", "X-Amz-Expires must be less than a week (in seconds)"),
        ("-1", "X-Amz-Expires must be non-negative"),
        ("0", "X-Amz-Expires must be at least one second"),
        ("1h", "X-Amz-Expires should be a number"),
        ("99999999999999999999", "X-Amz-Expires should be a number"),
    ] {
        let error = get(&PRESIGNED.replace("86400", value), NOW_S).expect_err("a bad expiry");
        let answer = error.answer(Family::S3);
        assert_eq!((answer.status, answer.code), (400, "AuthorizationQueryParametersError"));
        assert!(answer.message.starts_with(text), "{}", answer.message);
    }
    let twice = get(&format!("{PRESIGNED}&X-Amz-Signature=00"), NOW_S);
    assert!(matches!(twice, Err(AuthError::IncompleteQuery(_))));
}

/// The IAM example of the general documentation: a path encoded twice, a body digest unstated.
#[test]
fn published_iam_example() {
    let request = parts(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("host", "iam.amazonaws.com"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, Signature=\
                 5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ],
    );
    let rules = Rules { service: "iam", s3: false, unsigned_payload: false };
    let claim = read(&request).expect("a claim").expect("a claim");
    assert!(claim.needs_body(rules));
    claim.check(&request, rules, 1_440_938_160).expect("in time");
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let verifier = Verifier::default();
    let check = |body: &[u8]| {
        let digest = sha256_hex(body);
        verifier.verify(&request, &claim, rules, secret, Some(&digest)).map(|_| ())
    };
    assert_eq!(check(b""), Ok(()));
    assert_eq!(check(b"x"), Err(AuthError::Mismatch));
    assert_eq!(
        verifier.verify(&request, &claim, rules, secret, None).err(),
        Some(AuthError::Mismatch)
    );
}

/// The two streaming examples of the S3 documentation: 66560 times `a`, in 64 KiB chunks.
#[test]
fn published_streams() {
    let names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
                 x-amz-decoded-content-length;x-amz-storage-class";
    let extra = [
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
    ];
    let auth =
        authorization(names, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    let mut request = s3_request("PUT", "/examplebucket/chunkObject.txt", &extra, &auth);
    request.headers.insert("host", "s3.amazonaws.com".parse().expect("a value"));
    let body = stream(
        &[
            (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ],
        "",
    );
    check_stream(&request, &body, false, &[]);

    let names = "content-encoding;host;x-amz-content-sha256;x-amz-date;\
                 x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer";
    let extra = [
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("x-amz-trailer", "x-amz-checksum-crc32c"),
        ("content-length", "66824"),
    ];
    let auth =
        authorization(names, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    let mut request = s3_request("PUT", "/examplebucket/chunkObject.txt", &extra, &auth);
    request.headers.insert("host", "s3.amazonaws.com".parse().expect("a value"));
    let body = stream(
        &[
            (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
            (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
            (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
        ],
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:\
         d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    );
    check_stream(&request, &body, true, &[("x-amz-checksum-crc32c", "sOO8/Q==")]);
}

fn stream(chunks: &[(usize, &str)], trailer: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in chunks {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', *size));
        if *size > 0 {
            body.extend_from_slice(b"\r\n");
        }
    }
    body.extend_from_slice(trailer.as_bytes());
    body.extend_from_slice(b"\r\n");
    body
}

fn decode(
    request: &Parts,
    body: &[u8],
    piece: usize,
    with_trailer: bool,
) -> Result<(Vec<u8>, Trailers), ChunkError> {
    let proof = verify(request, S3, NOW_S, b"").expect("signed headers");
    let mut decoder = ChunkDecoder::new(Some(proof), with_trailer, Some(66560), 1 << 20);
    let mut out = Vec::new();
    for part in body.chunks(piece) {
        decoder.push(part, &mut out)?;
    }
    decoder.finish().map(|trailers| (out, trailers))
}

fn check_stream(request: &Parts, body: &[u8], trailer: bool, expected: &[(&str, &str)]) {
    for piece in [1, 7, 1024, usize::MAX] {
        let (out, trailers) = decode(request, body, piece, trailer).expect("a good stream");
        assert_eq!(out.len(), 66560);
        let trailers: Vec<_> = trailers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(trailers, expected);
    }
    let mut changed = body.to_vec();
    changed[200] = b'b';
    assert_eq!(decode(request, &changed, 4096, trailer), Err(ChunkError::Signature));
    for cut in [1, 50, 1000, 66000, body.len() - 20] {
        let result = decode(request, &body[..cut], 4096, trailer).map(|_| ());
        assert!(
            matches!(result, Err(ChunkError::Truncated | ChunkError::Length)),
            "{cut}: {result:?}"
        );
    }
}

/// Streams no client of ours would send.
#[test]
fn hostile_streams() {
    let check = |body: &[u8], expected: ChunkError| {
        let mut decoder = ChunkDecoder::new(None, true, None, 1000);
        let mut out = Vec::new();
        let result = decoder.push(body, &mut out).and_then(|()| decoder.finish().map(|_| ()));
        assert_eq!(result, Err(expected), "{:?}", String::from_utf8_lossy(body));
    };
    check(b"", ChunkError::Truncated);
    check(b"zz\r\n", ChunkError::Malformed);
    check(b"+1\r\na\r\n0\r\n\r\n", ChunkError::Malformed);
    check(b"\r\n", ChunkError::Malformed);
    check(b"1\na\r\n0\r\n\r\n", ChunkError::Malformed);
    check(b"1\r\nab\r\n0\r\n\r\n", ChunkError::Malformed);
    check(b"ffffffffffffffffffff\r\n", ChunkError::TooLarge);
    check(b"ffffffffffffffff\r\n", ChunkError::TooLarge);
    check(b"3e9\r\n", ChunkError::TooLarge);
    check(&[b'1'; 2000], ChunkError::Malformed);
    check(b"0\r\n\r\nmore", ChunkError::Malformed);
    check(b"0\r\nno colon\r\n\r\n", ChunkError::Trailer);
    check(b"0\r\na:b\r\n0\r\n", ChunkError::Trailer);
    let many = format!("0\r\n{}\r\n", "a:b\r\n".repeat(100));
    check(many.as_bytes(), ChunkError::Trailer);
}

/// Headers that decide the meaning of a request have to be signed.
#[test]
fn unsigned_headers_are_refused() {
    let auth = authorization("host;x-amz-content-sha256;x-amz-date", &"0".repeat(64));
    let check = |extra: &[(&str, &str)], expected: AuthError| {
        let result = verify(&s3_request("GET", "/", extra, &auth), S3, NOW_S, b"");
        assert_eq!(result.err(), Some(expected));
    };
    let unsigned = |name: &str| AuthError::HeadersUnsigned(vec![name.to_owned()]);
    check(&[("x-amz-target", "X.Delete")], unsigned("x-amz-target"));
    check(&[("x-amz-copy-source", "/b/k")], unsigned("x-amz-copy-source"));
    check(&[("x-amz-user-agent", "aws-sdk-js")], AuthError::Mismatch);
    let auth = authorization("x-amz-date", &"0".repeat(64));
    let error = verify(&s3_request("GET", "/", &[], &auth), S3, NOW_S, b"").expect_err("no host");
    assert_eq!(
        error.answer(Family::Json).message,
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    );
}

/// What is wrong is said in AWS's words.
#[test]
fn incomplete_and_foreign_claims() {
    let date = ("x-amz-date", "20130524T000000Z");
    let check = |headers: &[(&str, &str)], code: &str, message: &str| {
        let mut headers = headers.to_vec();
        headers.push(("host", "localhost"));
        let rules = Rules { service: "dynamodb", s3: false, unsigned_payload: false };
        let error = verify(&parts("POST", "/", &headers), rules, NOW_S, b"").expect_err("refused");
        let answer = error.answer(Family::Json);
        assert_eq!((answer.code, answer.message.as_str()), (code, message));
        assert_eq!(answer.status, 400);
    };
    check(&[], "MissingAuthenticationTokenException", "Request is missing Authentication Token");
    check(
        &[("authorization", "Bearer x")],
        "MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
    );
    check(
        &[("authorization", "AWS4-HMAC-SHA256")],
        "IncompleteSignatureException",
        "Authorization header requires 'Credential' parameter. Authorization header requires \
         'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. \
         Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
         (Hashed with SHA-256 and encoded with Base64) \
         Authorization=YI2YWea8FSxnksZL2ETHbs5elHm9HQufxTLK0W0ffV0=",
    );
    check(
        &[date, ("authorization", "AWS3 Credential=a,SignedHeaders=host,Signature=c")],
        "IncompleteSignatureException",
        "Unsupported AWS 'algorithm': 'AWS3' (only AWS4-HMAC-SHA256 for now).",
    );
    check(
        &[
            date,
            ("authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d,SignedHeaders=h,Signature=c"),
        ],
        "IncompleteSignatureException",
        "Credential must have exactly 5 slash-delimited elements, e.g. \
         keyid/date/region/service/term, got 'a/b/c/d'",
    );
    let auth = "AWS4-HMAC-SHA256 Credential=a/b/C/d/e,SignedHeaders=host,Signature=c";
    check(
        &[date, ("authorization", auth)],
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'C'. Credential should be scoped to \
         correct service: 'dynamodb'. Credential should be scoped with a valid terminator: \
         'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 \
         version of date from HTTP: 'b' != '20130524', from '20130524T000000Z'.",
    );
    check(
        &[("x-amz-date", "2013-05-24"), ("authorization", auth)],
        "IncompleteSignatureException",
        "Date must be in ISO-8601 'basic format'. Got '2013-05-24'. See \
         http://en.wikipedia.org/wiki/ISO_8601",
    );
    check(
        &[("x-amz-date", "20130523T234459Z"), ("authorization", auth)],
        "InvalidSignatureException",
        "Signature expired: 20130523T234459Z is now earlier than 20130523T234500Z \
         (20130524T000000Z - 15 min.)",
    );
    check(
        &[("x-amz-date", "20130524T001501Z"), ("authorization", auth)],
        "InvalidSignatureException",
        "Signature not yet current: 20130524T001501Z is still later than 20130524T001500Z \
         (20130524T000000Z + 15 min.)",
    );
}

/// Each family has its own codes for the same fault.
#[test]
fn families_word_it_their_way() {
    let check = |error: AuthError, expected: [(u16, &str); 5]| {
        let families = [Family::Json, Family::Rest, Family::Query, Family::Ec2, Family::S3];
        let got = families.map(|family| {
            let answer = error.answer(family);
            (answer.status, answer.code)
        });
        assert_eq!(got, expected, "{error:?}");
    };
    check(
        AuthError::Mismatch,
        [
            (400, "InvalidSignatureException"),
            (403, "InvalidSignatureException"),
            (403, "SignatureDoesNotMatch"),
            (401, "AuthFailure"),
            (403, "SignatureDoesNotMatch"),
        ],
    );
    check(
        AuthError::UnknownKey,
        [
            (400, "UnrecognizedClientException"),
            (403, "UnrecognizedClientException"),
            (403, "InvalidClientTokenId"),
            (401, "AuthFailure"),
            (403, "InvalidAccessKeyId"),
        ],
    );
    check(
        AuthError::ExpiredToken,
        [
            (400, "ExpiredTokenException"),
            (403, "ExpiredTokenException"),
            (403, "ExpiredToken"),
            (400, "RequestExpired"),
            (400, "ExpiredToken"),
        ],
    );
}
