//! Requests signed by botocore itself are verified, and no longer so once anything changes.
//!
//! Needs a Python with botocore (`GUREUM_PYTHON`, else `python3`); says so and stops without one.

use gateway::sigv4::{self, AuthError, Rules, Verifier};
use http::Request;
use http::request::Parts;
use serde_json::Value;
use std::process::Command;

const SIGNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/main/botocore_signer.py");
const BOTOCORE_ABSENT: i32 = 77;

/// Runs the signer; `None`, loudly, where it cannot run.
fn signed(seed: u32, count: u32) -> Option<Vec<Value>> {
    let python = std::env::var("GUREUM_PYTHON").unwrap_or_else(|_| "python3".into());
    let arguments = [seed.to_string(), count.to_string()];
    let Ok(output) = Command::new(&python).arg(SIGNER).args(arguments).output() else {
        eprintln!("SKIPPED: no {python} to sign with (set GUREUM_PYTHON)");
        return None;
    };
    if output.status.code() == Some(BOTOCORE_ABSENT) {
        eprintln!("SKIPPED: {python} has no botocore (set GUREUM_PYTHON)");
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    Some(text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().expect("a string")
}

fn parts(case: &Value) -> Parts {
    let url = text(case, "url").splitn(4, '/').nth(3).map(|rest| format!("/{rest}"));
    let mut request = Request::builder()
        .method(text(case, "method"))
        .uri(url.expect("a path"))
        .header("host", text(case, "host"));
    for pair in case["headers"].as_array().expect("headers") {
        let (name, value) = (pair[0].as_str().expect("a name"), pair[1].as_str().expect("a value"));
        request = request.header(name, value.as_bytes());
    }
    request.body(()).expect("a request").into_parts().0
}

fn verify(
    verifier: &Verifier,
    case: &Value,
    parts: &Parts,
    secret: &str,
    body: &[u8],
    late_s: i64,
) -> Result<(), AuthError> {
    let s3 = case["s3"].as_bool().expect("a flag");
    let rules = Rules { service: text(case, "service"), s3, unsigned_payload: false };
    let now_s = sigv4::parse_basic(text(case, "signed_at")).expect("a date") + late_s;
    let claim = sigv4::read(parts)?.ok_or(AuthError::Missing)?;
    assert_eq!(claim.session_token.as_deref(), case["token"].as_str());
    claim.check(parts, rules, now_s)?;
    let digest = sigv4::sha256_hex(body);
    verifier.verify(parts, &claim, rules, secret, Some(&digest)).map(|_| ())
}

#[test]
fn botocore_signatures_are_verified() {
    let Some(cases) = signed(20_261_122, 400) else { return };
    let verifier = Verifier::default();
    for case in &cases {
        let (secret, body) = (text(case, "secret"), text(case, "body").as_bytes());
        let parts = parts(case);
        let check = |parts: &Parts, secret: &str, body: &[u8], late_s: i64| {
            verify(&verifier, case, parts, secret, body, late_s)
        };
        assert_eq!(check(&parts, secret, body, 0), Ok(()), "{case}");
        assert_eq!(check(&parts, "other", body, 0), Err(AuthError::Mismatch), "{case}");
        let presigned = case["presigned"].as_bool().expect("a flag");
        let good_s = if presigned { case["expires_s"].as_i64().expect("seconds") } else { 900 };
        assert_eq!(check(&parts, secret, body, good_s), Ok(()), "{case}");
        let late = check(&parts, secret, body, good_s + 1);
        assert!(matches!(late, Err(AuthError::Expired { .. })), "{case}: {late:?}");

        let mut changed = parts.clone();
        changed.method = http::Method::PATCH;
        assert_eq!(check(&changed, secret, body, 0), Err(AuthError::Mismatch), "{case}");
        let mut changed = parts.clone();
        changed.headers.insert("host", http::HeaderValue::from_static("example.com"));
        assert_eq!(check(&changed, secret, body, 0), Err(AuthError::Mismatch), "{case}");
        let mut changed = parts.clone();
        let joint = if parts.uri.query().is_some() { '&' } else { '?' };
        changed.uri = format!("{}{joint}extra=1", parts.uri).parse().expect("a URI");
        assert_eq!(check(&changed, secret, body, 0), Err(AuthError::Mismatch), "{case}");
        if !presigned && !case["s3"].as_bool().expect("a flag") {
            let longer = [body, b"x"].concat();
            assert_eq!(check(&parts, secret, &longer, 0), Err(AuthError::Mismatch), "{case}");
        }
    }
    assert_eq!(cases.len(), 400);
}
