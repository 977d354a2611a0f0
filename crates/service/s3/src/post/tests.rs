//! Forms and their policies.

use bytes::Bytes;
use kernel::Timestamp;
use serde_json::json;

use super::{Fields, FormError, Parser, Policy, Step};

const TYPE: &str = "multipart/form-data; charset=utf-8; boundary=\"b0undary\"";

type Form = (Vec<(String, String)>, Vec<u8>);

/// What a form is read as when it arrives in pieces of so many bytes.
fn parsed(body: &[u8], piece: usize) -> Result<Form, FormError> {
    let mut parser = Parser::new(TYPE)?;
    let mut pieces = body.chunks(piece);
    let (mut fields, mut file) = (Vec::new(), Vec::new());
    loop {
        match parser.step()? {
            Step::More => match pieces.next() {
                Some(piece) => parser.push(piece),
                None => parser.end(),
            },
            Step::Field { name, value } => fields.push((name, value)),
            Step::File { name, content_type } => {
                fields
                    .push(("file".into(), format!("{name} {}", content_type.unwrap_or_default())));
            }
            Step::Data(data) => file.extend_from_slice(&data),
            Step::End => return Ok((fields, file)),
        }
    }
}

fn part(disposition: &str, value: &str) -> String {
    format!("--b0undary\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
}

#[test]
fn forms_are_read_however_they_arrive() {
    let body = [
        "preamble\r\n",
        &part("name=\"key\"", "a/${filename}"),
        &part("name=empty", ""),
        &part("name=\"quo\\\"ted\"", "two\r\nlines"),
        "--b0undary  \r\ncontent-disposition: form-data; name=file; filename=\"C:\\x %22.txt\"\r\n",
        "Content-Type: text/plain\r\n\r\n",
        "bytes\r\n--b0undar\r\n\r\nand more\r\n--b0undary\r\n",
        "Content-Disposition: form-data; name=late\r\n\r\nignored\r\n--b0undary--\r\nepilogue",
    ]
    .concat();
    let expected = [
        ("key", "a/${filename}"),
        ("empty", ""),
        ("quo\"ted", "two\r\nlines"),
        ("file", "C:\\x \".txt text/plain"),
    ];
    for piece in [1, 2, 3, 7, 11, 64, 100_000] {
        let (fields, file) = parsed(body.as_bytes(), piece).expect("a form");
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(fields, expected, "pieces of {piece}");
        assert_eq!(Bytes::from(file), "bytes\r\n--b0undar\r\n\r\nand more", "pieces of {piece}");
    }
}

#[test]
fn broken_forms_are_refused() {
    let check = |body: &str, expected: FormError| {
        for piece in [1, 5, 100_000] {
            assert_eq!(parsed(body.as_bytes(), piece), Err(expected), "{body:.40} in {piece}");
        }
    };
    check("", FormError::Malformed);
    check("no boundary", FormError::Malformed);
    check("--b0undary", FormError::Incomplete);
    check("--b0undaryjunk\r\n\r\n\r\n", FormError::Malformed);
    check("--b0undary\r\nno colon\r\n\r\nx\r\n--b0undary--", FormError::Malformed);
    check("--b0undary\r\nA: b\r\n\r\nx\r\n--b0undary--", FormError::Malformed);
    check(&part("name=a", "open")[..60], FormError::Incomplete);
    check(&part("name=file", "cut")[..58], FormError::Incomplete);
    check(&part("name=a", &"x".repeat(21_000)), FormError::FieldsTooLarge);
    check(&"x".repeat(21_000), FormError::FieldsTooLarge);
    for kind in ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary=\"\""] {
        assert!(Parser::new(kind).is_err(), "{kind}");
    }
}

#[test]
fn policies_decide() {
    let now = Timestamp::from_ms(1_700_000_000_000);
    let check = |conditions: serde_json::Value, fields: &[(&str, &str)], expected: &str| {
        let document = json!({"expiration": "2030-01-01T00:00:00Z", "conditions": conditions});
        let mut form = Fields::default();
        fields.iter().for_each(|(name, value)| form.add(name, (*value).to_owned()));
        let got = Policy::read(document.to_string().as_bytes())
            .and_then(|policy| policy.check("b", &form, now))
            .map_or_else(|fault| fault.to_string(), |()| "fine".into());
        assert!(got.contains(expected), "{conditions}: {got} lacks {expected}");
    };
    let key = [("Key", "a/b")];
    check(json!([{"bucket": "b"}, ["starts-with", "$key", "a/"]]), &key, "fine");
    check(json!([{"bucket": "c"}, {"key": "a/b"}]), &key, "[\"eq\", \"$bucket\", \"c\"]");
    check(json!([["eq", "$Key", "x"]]), &key, "Policy Condition failed: [\"eq\", \"$Key\", \"x\"]");
    check(json!([["starts-with", "$key", ""]]), &key, "fine");
    check(json!([["starts-with", "$acl", ""], {"key": "a/b"}]), &key, "Condition failed");
    check(json!([]), &key, "Extra input fields: key");
    check(json!([{"key": "k"}]), &[("key", "k"), ("x-ignore-me", "1"), ("policy", "p")], "fine");
    check(json!([["content-length-range", 1, 2], {"key": "a/b"}]), &key, "fine");
    check(json!([["matches", "$key", "x"]]), &key, "InvalidPolicyDocument");
    check(json!([["eq", "key", "x"]]), &key, "InvalidPolicyDocument");
    check(json!([7]), &key, "InvalidPolicyDocument");
    let types = [("content-type", "image/png, image/gif")];
    check(json!([["starts-with", "$Content-Type", "image/"]]), &types, "fine");
    check(json!([["starts-with", "$Content-Type", "image/p"]]), &types, "Condition failed");
}

#[test]
fn documents_are_checked() {
    let check = |document: &str, expected: &str| {
        let got = Policy::read(document.as_bytes());
        let got = got.map_or_else(|fault| fault.to_string(), |policy| format!("{policy:?}"));
        assert!(got.contains(expected), "{document}: {got} lacks {expected}");
    };
    check("", "Invalid JSON");
    check("[]", "Invalid JSON");
    check("{}", "missing expiration");
    check(r#"{"expiration":"soon","conditions":[]}"#, "Invalid 'expiration' value: \"soon\"");
    check(r#"{"expiration":"2030-01-01T00:00:00.000Z"}"#, "missing conditions");
    let past = r#"{"expiration":"2020-01-01T00:00:00Z","conditions":[]}"#;
    let policy = Policy::read(past.as_bytes()).expect("a policy");
    let fault = policy
        .check("b", &Fields::default(), Timestamp::from_ms(1_700_000_000_000))
        .expect_err("it has expired");
    assert_eq!(fault.message, "Invalid according to Policy: Policy expired.");
    let range = r#"{"expiration":"2030-01-01T00:00:00Z",
        "conditions":[["content-length-range","5",10],["content-length-range",1,8]]}"#;
    assert_eq!(Policy::read(range.as_bytes()).expect("a policy").length(), (5, 8));
}
