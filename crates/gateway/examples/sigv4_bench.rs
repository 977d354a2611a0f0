//! Measures the checking of a signature: `cargo run --release -p gateway --example sigv4_bench
//! [ROUNDS]`.
//!
//! The request is a `PutObject` as boto3 sends it: all its headers are signed, also the digest of
//! the body, which is compared elsewhere. Its signing key has been used before, as those of all
//! requests but the first of a day. The promise is a median of at most 6 µs: the mean is at the
//! mercy of what else the machine does.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::time::Instant;

use gateway::sigv4::{Rules, Signer, Verifier, format_basic, read, sha256_hex};
use http::Request;

const NOW_S: i64 = 1_795_373_100;
const WARM: usize = 1000;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100_000_usize);
    let request = Request::put("/photos-2026/albums/summer/a%20day%20at%20the%20lake.jpg")
        .header("host", "127.0.0.1:4566")
        .header("accept-encoding", "identity")
        .header("amz-sdk-invocation-id", "5b9c1e2a-6f0d-4d0e-8f57-0a1c9b5e8a11")
        .header("amz-sdk-request", "attempt=1")
        .header("content-type", "image/jpeg")
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .header("x-amz-content-sha256", sha256_hex(b"a picture"))
        .header("x-amz-date", format_basic(NOW_S))
        .header("x-amz-sdk-checksum-algorithm", "CRC32");
    let mut parts = request.body(()).expect("a request").into_parts().0;
    let signer = Signer {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session_token: None,
        region: "eu-central-1",
        service: "s3",
    };
    signer.sign(&mut parts, b"", NOW_S).expect("header values");
    parts.headers.insert("content-length", 1024.into());
    let rules = Rules { service: "s3", s3: true, unsigned_payload: false };
    let verifier = Verifier::default();
    let mut times_ns = Vec::with_capacity(rounds);
    for round in 0..rounds + WARM {
        let start = Instant::now();
        let claim = read(&parts).expect("a claim that can be read").expect("a claim");
        claim.check(&parts, rules, NOW_S + 1).expect("a good claim");
        let verified = verifier.verify(&parts, &claim, rules, signer.secret, None);
        let ns = start.elapsed().as_nanos() as u64;
        assert!(verified.is_ok());
        if round >= WARM {
            times_ns.push(ns);
        }
    }
    times_ns.sort_unstable();
    let at = |part: f64| times_ns[((rounds - 1) as f64 * part) as usize] as f64 / 1_000.0;
    println!("{rounds} signatures over 10 headers");
    println!("p50 {:.1} us, p99 {:.1} us, max {:.1} us", at(0.50), at(0.99), at(1.0));
}
