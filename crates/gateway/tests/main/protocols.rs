//! Good requests by every way a service can be named, and bad ones in each protocol's words.

use crate::client::{Answer, Cloud, bytes, parrot};
use http::Request;

const ROOT: &str = "arn:aws:iam::000000000000:root";

fn request(method: &str, uri: &str, service: &str) -> http::request::Builder {
    Request::builder().method(method).uri(uri).header("service", service)
}

/// Status, code (as `__type`, `<Code>` or error header) and whether the body has the text.
fn expect(answer: &Answer, status: u16, text: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(text), "{text} is not in {answer:?}");
    let id = answer.header("x-amzn-requestid").or_else(|| answer.header("x-amz-request-id"));
    assert!(id.is_some_and(|id| id.len() >= 16), "no request id: {answer:?}");
}

#[tokio::test]
async fn json_is_routed_by_target() {
    let cloud = Cloud::start(|_| ()).await;
    let said = cloud.call(parrot("Say", r#"{"Text":"안녕"}"#)).await;
    expect(&said, 200, r#""Text":"안녕""#);
    expect(&said, 200, ROOT);
    expect(&said, 200, "ap-northeast-2");
    let tired = cloud.call(parrot("Say", r#"{"Text":"fault"}"#)).await;
    expect(&tired, 400, "The parrot is tired.");
    expect(&tired, 400, "com.example.parrot#ParrotTired");
    let invalid = cloud.call(parrot("Say", "{}")).await;
    expect(&invalid, 400, "1 validation error detected: Value null at 'text' failed to satisfy");
    let broken = cloud.call(parrot("Say", "{")).await;
    expect(&broken, 400, "com.amazon.coral.service#SerializationException");
    let unserved = cloud.call(parrot("Fly", "{}")).await;
    expect(&unserved, 501, "Gureum does not implement Parrot Fly.");
    let unknown = cloud.call(parrot("Swim", "{}")).await;
    expect(&unknown, 400, "com.amazon.coral.service#UnknownOperationException");
    assert_eq!(cloud.calls(), 2);
}

#[tokio::test]
async fn rest_is_routed_by_path() {
    let cloud = Cloud::start(|_| ()).await;
    let get = |uri: &'static str| request("GET", uri, "shelf").body("").expect("a request");
    expect(&cloud.call(get("/shelves/a%2Fb%20c")).await, 200, r#""Text":"a/b c""#);
    expect(&cloud.call(get("/shelves/x/y/books")).await, 200, r#""Text":"x/y""#);
    let unknown = cloud.call(get("/nowhere")).await;
    expect(&unknown, 404, "matches no operation of Shelf");
    assert_eq!(unknown.header("x-amzn-errortype"), Some("UnknownOperationException"));
    // Unsigned, the path alone says whose request it is.
    let unsigned = cloud.raw("GET /shelves/a HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    expect(&unsigned, 403, r#""Missing Authentication Token""#);
    assert_eq!(unsigned.header("x-amzn-errortype"), Some("MissingAuthenticationTokenException"));
}

#[tokio::test]
async fn queries_are_routed_by_action() {
    let cloud = Cloud::start(|_| ()).await;
    let ask = |body: &'static str| {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        request("POST", "/", "desk").header("content-type", form).body(body).expect("a request")
    };
    let good = cloud.call(ask("Action=Ask&Version=2026-02-02&Text=a+b")).await;
    expect(&good, 200, "<Text>a b</Text>");
    expect(&good, 200, ROOT);
    let unserved = cloud.call(ask("Action=Sit&Version=2026-02-02")).await;
    expect(&unserved, 501, "Gureum does not implement Desk Sit.");
    let unknown = cloud.call(ask("Action=Run&Version=2026-02-02")).await;
    expect(&unknown, 400, "Could not find operation Run for version 2026-02-02");
    let none = cloud.call(ask("Version=2026-02-02")).await;
    expect(&none, 400, "<Code>MissingAction</Code>");
    // Unsigned: found by Action and Version, in the body or the query.
    let raw = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: \
               application/x-www-form-urlencoded\r\ncontent-length: 29\r\n\r\n\
               Action=Ask&Version=2026-02-02";
    expect(&cloud.raw(raw).await, 403, "<Code>MissingAuthenticationToken</Code>");
    let raw = "GET /?Action=Ask&Version=2026-02-02 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    expect(&cloud.raw(raw).await, 403, "<Code>MissingAuthenticationToken</Code>");
}

#[tokio::test]
async fn hosts_name_service_and_region() {
    let cloud = Cloud::start(|_| ()).await;
    let free = |host: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: {host}\r\nx-amz-target: Parrot_20260101.Free\r\n\
             content-type: application/x-amz-json-1.0\r\ncontent-length: 12\r\n\r\n{{\"Text\":\"x\"}}"
        )
    };
    let answer = cloud.raw(free("parrot.eu-west-1.localhost:4566")).await;
    expect(&answer, 200, r#""Region":"eu-west-1""#);
    expect(&answer, 200, r#""Who":"anonymous""#);
    expect(&cloud.raw(free("localhost")).await, 200, r#""Region":"us-east-1""#);
    expect(&cloud.raw(free("parrot.us-west-2.amazonaws.com")).await, 200, "us-west-2");
    let unknown = cloud.raw(free("evil.example")).await;
    expect(&unknown, 421, "The host 'evil.example' is none this installation answers to.");
    let bare = "GET / HTTP/1.1\r\nhost: kinesis.us-east-1.localhost\r\n\r\n";
    expect(&cloud.raw(bare).await, 501, "Gureum does not implement the service kinesis.");
    let bare = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    expect(&cloud.raw(bare).await, 404, "The request names no service");
    let request = request("GET", "/", "glacier").body("").expect("a request");
    expect(&cloud.call(request).await, 501, "Gureum does not implement the service glacier.");
    let request = self::request("GET", "/", "route53").body("").expect("a request");
    expect(&cloud.call(request).await, 501, "<Code>NotImplementedException</Code>");
}

#[tokio::test]
async fn signatures_are_checked_in_the_words_of_each_protocol() {
    let cloud = Cloud::start(|_| ()).await;
    let now_s = cloud.now_s();
    let mismatch = "The request signature we calculated does not match the signature you provided. \
                    Check your AWS Secret Access Key and signing method. Consult the service \
                    documentation for details.";
    let say = || parrot("Say", r#"{"Text":"x"}"#);
    let wrong = cloud.raw(cloud.signed(say(), "wrong", now_s)).await;
    expect(&wrong, 400, mismatch);
    expect(&wrong, 400, "com.amazon.coral.service#InvalidSignatureException");
    let early = cloud.raw(cloud.signed(say(), "test", now_s + 1000)).await;
    expect(&early, 400, "Signature not yet current: ");
    let late = cloud.raw(cloud.signed(say(), "test", now_s - 1000)).await;
    expect(&late, 400, "Signature expired: ");
    expect(&late, 400, " - 15 min.)");

    let rest = || request("GET", "/shelves/a", "shelf").body("").expect("a request");
    let wrong = cloud.raw(cloud.signed(rest(), "wrong", now_s)).await;
    expect(&wrong, 403, mismatch);
    assert_eq!(wrong.header("x-amzn-errortype"), Some("InvalidSignatureException"));

    let query = request("POST", "/", "desk").body("Action=Ask&Version=2026-02-02&Text=a");
    let wrong = cloud.raw(cloud.signed(query.expect("a request"), "wrong", now_s)).await;
    expect(&wrong, 403, "<Code>SignatureDoesNotMatch</Code>");

    // Signed for one service, sent to another.
    let mut other = say();
    other.headers_mut().insert("service", "desk".parse().expect("a value"));
    let scoped = cloud.call(other).await;
    expect(&scoped, 400, "Credential should be scoped to correct service: 'parrot'.");

    let unknown = cloud.signed(say(), "test", now_s);
    let unknown = String::from_utf8(unknown).expect("text").replace("=test/", "=AKIANOBODY/");
    let unknown = cloud.raw(unknown).await;
    expect(&unknown, 400, "com.amazon.coral.service#UnrecognizedClientException");
    expect(&unknown, 400, "The security token included in the request is invalid.");
    assert_eq!(cloud.calls(), 0);
}

#[tokio::test]
async fn a_changed_request_is_refused() {
    let cloud = Cloud::start(|_| ()).await;
    let signed = cloud.signed(parrot("Say", r#"{"Text":"x"}"#), "test", cloud.now_s());
    let signed = String::from_utf8(signed).expect("text");
    let check = async |from: &str, to: &str, status: u16| {
        let changed = signed.replace(from, to);
        assert!(changed != signed || from == to, "{from}");
        assert_eq!(cloud.raw(changed).await.status, status, "{from} -> {to}");
    };
    check("x", "x", 200).await;
    check(r#""Text":"x""#, r#""Text":"y""#, 400).await;
    check("Parrot_20260101.Say", "Parrot_20260101.Panic", 400).await;
    check("POST / ", "PUT / ", 400).await;
    check("POST / ", "POST /x ", 400).await;
    check("host: 127.0.0.1", "host: localhost", 400).await;
    check("\r\n\r\n", "\r\nx-amz-new: 1\r\n\r\n", 400).await;
    assert_eq!(cloud.calls(), 1);
}

#[tokio::test]
async fn sessions_and_accounts() {
    let cloud = Cloud::start(|_| ()).await;
    let call = async |key: &str, secret: &str, token: Option<&str>| {
        let (mut parts, body) = parrot("Say", r#"{"Text":"x"}"#).into_parts();
        parts.headers.remove("service");
        parts.headers.insert("host", "localhost".parse().expect("a host"));
        let signer = gateway::sigv4::Signer {
            access_key_id: key,
            secret,
            session_token: token,
            region: "us-east-1",
            service: "parrot",
        };
        signer.sign(&mut parts, body.as_bytes(), cloud.now_s()).expect("signed");
        cloud.raw(bytes(&parts, body)).await
    };
    expect(&call("123456789012", "test", None).await, 200, "arn:aws:iam::123456789012:root");
    expect(&call("123456789012", "tset", None).await, 400, "InvalidSignatureException");
    let kernel = &cloud.kernel;
    let mint = |until_ms: i64| {
        let principal = kernel::Principal::AssumedRole(std::sync::Arc::new(kernel::AssumedRole {
            account: "000000000000".into(),
            path: "/".into(),
            role: "desk".into(),
            role_id: "AROAX".into(),
            session_name: "call".into(),
            session: kernel::SessionFacts::new(0, until_ms),
        }));
        kernel.credentials().issue(kernel.random(), &principal, 0).expect("it is small")
    };
    let good = mint(kernel.clock().now().epoch_ms + 60_000);
    let (id, secret) = (good.access_key_id.as_str(), good.secret_access_key.as_str());
    let token = good.session_token.as_str();
    expect(&call(id, secret, Some(token)).await, 200, ":assumed-role/desk/call");
    expect(&call(id, secret, None).await, 400, "UnrecognizedClientException");
    expect(&call(id, secret, Some("AAAA")).await, 400, "UnrecognizedClientException");
    expect(&call(id, "other", Some(token)).await, 400, "InvalidSignatureException");
    let over = mint(1000);
    let answer =
        call(&over.access_key_id, &over.secret_access_key, Some(&over.session_token)).await;
    expect(&answer, 400, "ExpiredTokenException");
    expect(&answer, 400, "The security token included in the request is expired");
}
