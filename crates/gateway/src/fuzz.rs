//! Entry points for fuzzing: hostile bytes in, no panic out.

use crate::sigv4::{self, ChunkDecoder, PathStyle, Rules, Signer, Verifier};
use http::Request;

/// When everything here is signed: 2026-11-22T00:00:00Z.
const NOW_S: i64 = 1_795_305_600;

/// Reads `data` as a request (method, target, headers, each a line; then the body) and verifies
/// its signature, header or query. The second half of the time it is signed properly first, so
/// that the deeper checks are reached.
pub fn sigv4(data: &[u8]) {
    let (flags, data) = data.split_first().unwrap_or((&0, &[]));
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut request = Request::builder()
        .method(lines.next().unwrap_or_default())
        .uri(lines.next().unwrap_or_default());
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        request = request.header(name, value.get(1..).unwrap_or_default());
    }
    let Ok(request) = request.body(()) else { return };
    let (mut parts, ()) = request.into_parts();
    let body = lines.next().unwrap_or_default();
    let s3 = flags & 1 != 0;
    let service = if s3 { "s3" } else { "dynamodb" };
    if flags & 2 != 0 {
        let signer = Signer {
            access_key_id: "AKIDEXAMPLE",
            secret: "secret",
            session_token: None,
            region: "us-east-1",
            service,
        };
        if signer.sign(&mut parts, body, NOW_S).is_err() {
            return;
        }
    }
    let rules = Rules { service, s3, unsigned_payload: flags & 4 != 0 };
    let Ok(Some(claim)) = sigv4::read(&parts) else { return };
    let _ = claim.check(&parts, rules, NOW_S);
    let digest = sigv4::sha256_hex(body);
    let verified = Verifier::default().verify(&parts, &claim, rules, "secret", Some(&digest));
    chunks(verified.ok(), body, flags & 8 != 0);
}

/// Decodes `body` as aws-chunked, in two pieces.
fn chunks(proof: Option<sigv4::Verified>, body: &[u8], trailer: bool) {
    let mut decoder = ChunkDecoder::new(proof, trailer, None, 1 << 16);
    let mut out = Vec::new();
    let (first, second) = body.split_at(body.len() / 2);
    let pushed = decoder.push(first, &mut out).and_then(|()| decoder.push(second, &mut out));
    assert!(out.len() <= 1 << 16, "the decoder keeps its limit");
    if pushed.is_ok() {
        let _ = decoder.finish();
    }
}

/// Canonical forms of `data` as a path, twice: a canonical path of S3 stays what it is.
pub fn canonical(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let once = sigv4::canonical_path(text, PathStyle::EncodedOnce);
    assert_eq!(sigv4::canonical_path(&once, PathStyle::EncodedOnce), once);
    let query = sigv4::canonical_query(text);
    assert_eq!(sigv4::canonical_query(&query), query);
}

#[cfg(test)]
mod tests {
    use kernel::{Random, SeededRandom};

    const SEEDS: [&str; 5] = [
        "\u{0}POST\n/\nhost:localhost\nx-amz-date:20261122T000000Z\nauthorization:AWS4-HMAC-SHA256 \
         Credential=AKIDEXAMPLE/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=host;\
         x-amz-date, Signature=00\n\n{}",
        "\u{2}POST\n/a%2Fb/../c?x=y&z\nhost:localhost\nx-amz-target:A.B\n\n{\"a\":1}",
        "\u{3}PUT\n/b/k\nhost:localhost\nx-amz-content-sha256:UNSIGNED-PAYLOAD\n\n\
         5;chunk-signature=00",
        "\u{b}PUT\n/b/k\nhost:localhost\nx-amz-content-sha256:STREAMING-UNSIGNED-PAYLOAD-TRAILER\n\
         \n5\r",
        "\u{1}GET\n/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261122%2Fus-east-1\
         %2Fs3%2Faws4_request&X-Amz-Date=20261122T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=00\nhost:localhost\n\n",
    ];

    /// A few thousand mutations with every run; `cargo fuzz` does the rest.
    #[test]
    fn mutated_requests_do_not_panic() {
        let random = SeededRandom::new(20_261_122);
        let random: &dyn Random = &random;
        let below = |limit: usize| (random.u64() % limit.max(1) as u64) as usize;
        for round in 0..5000 {
            let mut data = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
            for _ in 0..below(6) {
                let at = below(data.len());
                match below(4) {
                    0 => data[at] = random.u64() as u8,
                    1 => drop(data.remove(at)),
                    2 => data.insert(at, b"\n:;/%=&+ ,\x00\xff"[below(12)]),
                    _ => {
                        let end = at + below(data.len() - at);
                        let copy = data[at..end].to_vec();
                        data.splice(at..at, copy);
                    }
                }
            }
            super::sigv4(&data);
            super::canonical(&data);
        }
    }
}
