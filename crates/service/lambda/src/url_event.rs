//! What a function gets from its URL, and what becomes of its answer: the payload format 2.0.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HeaderName, HeaderValue, SET_COOKIE};
use http::{HeaderMap, Response, StatusCode};
use kernel::{Ctx, Principal};
use serde_json::{Map, Value, json};
use shape::ByteStream;

use crate::urls::UrlRequest;

/// The event.
pub(crate) fn event(request: &UrlRequest, caller: &Ctx, signed: bool) -> Value {
    let ctx = &request.ctx;
    let headers = headers(request);
    let origin = ctx.origin();
    let source_ip = origin.and_then(|origin| origin.source_ip).map(|ip| ip.to_string());
    let now = ctx.now();
    let mut context = json!({
        "accountId": if signed { caller.principal().account() } else { "anonymous" },
        "apiId": request.id,
        "domainName": request.host,
        "domainPrefix": request.id,
        "http": {
            "method": request.method.as_str(),
            "path": decoded(&request.path),
            "protocol": "HTTP/1.1",
            "sourceIp": source_ip,
            "userAgent": headers.get("user-agent").cloned().unwrap_or(Value::Null),
        },
        "requestId": ctx.request_id(),
        "routeKey": "$default",
        "stage": "$default",
        "time": now.civil("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": now.epoch_ms,
    });
    if signed {
        context["authorizer"] = json!({ "iam": iam(caller) });
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": decoded(&request.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": context,
        "isBase64Encoded": false,
    });
    let cookies = cookies(&request.headers);
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    let parameters = parameters(&request.query);
    if !parameters.is_empty() {
        event["queryStringParameters"] = json!(parameters);
    }
    if !request.body.is_empty() {
        match std::str::from_utf8(&request.body) {
            Ok(text) if is_text(&request.headers) => event["body"] = text.into(),
            _ => {
                event["body"] = BASE64.encode(&request.body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event
}

/// Names in lower case; several values of one name with commas between.
fn headers(request: &UrlRequest) -> Map<String, Value> {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        all.entry(name.as_str()).or_default().push(text);
    }
    let origin = request.ctx.origin();
    let is_secure = origin.is_some_and(|origin| origin.is_secure);
    let mut headers: Map<String, Value> =
        all.into_iter().map(|(name, values)| (name.to_owned(), values.join(",").into())).collect();
    headers.remove("connection");
    headers.insert("x-forwarded-proto".into(), if is_secure { "https" } else { "http" }.into());
    if let Some(ip) = origin.and_then(|origin| origin.source_ip) {
        headers.insert("x-forwarded-for".into(), ip.to_string().into());
    }
    let host = request.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    let port = host.and_then(|host| host.rsplit_once(':')).map(|(_, port)| port);
    let port = port.unwrap_or(if is_secure { "443" } else { "80" });
    headers.insert("x-forwarded-port".into(), port.into());
    headers
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let one = |cookie: &str| cookie.trim().to_owned();
    lines.flat_map(|line| line.split(';').map(one)).filter(|cookie| !cookie.is_empty()).collect()
}

/// Decoded; several values of one name with commas between.
fn parameters(query: &str) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")));
        found
            .entry(name)
            .and_modify(|all| {
                all.push(',');
                all.push_str(&value);
            })
            .or_insert(value);
    }
    found
}

/// Without percent signs; what is not UTF-8 is replaced.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| (*byte as char).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
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
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a body is passed on as text. Forms are not: AWS encodes them, too.
fn is_text(headers: &HeaderMap) -> bool {
    if headers.contains_key(http::header::CONTENT_ENCODING) {
        return false;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "application/json" | "application/xml" | "application/javascript"
        )
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
}

/// Who signed.
fn iam(caller: &Ctx) -> Value {
    let principal = caller.principal();
    let user_id = match principal {
        Principal::User(user) => user.id.clone(),
        Principal::AssumedRole(role) => format!("{}:{}", role.role_id, role.session_name),
        other => other.account().to_owned(),
    };
    let key = caller.origin().and_then(|origin| origin.access_key_id.clone());
    json!({
        "accessKey": key,
        "accountId": principal.account(),
        "callerId": user_id,
        "cognitoIdentity": null,
        "principalOrgId": null,
        "userArn": principal.arn(),
        "userId": user_id,
    })
}

/// The answer to whoever called: as the function describes it, or its JSON as it is.
pub(crate) fn answer(payload: &Bytes) -> Response<ByteStream> {
    let described = match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(described)) if described.contains_key("statusCode") => described,
        _ => return plain(StatusCode::OK, payload.clone()),
    };
    let body = match described.get("body") {
        None | Some(Value::Null) => Some(Bytes::new()),
        Some(Value::String(text)) => match described.get("isBase64Encoded") {
            Some(Value::Bool(true)) => BASE64.decode(text).ok().map(Bytes::from),
            _ => Some(Bytes::from(text.clone())),
        },
        Some(other) => Some(Bytes::from(other.to_string())),
    };
    match (head(&described, StatusCode::BAD_GATEWAY), body) {
        (Some(head), Some(body)) => head.map(|_| ByteStream::Bytes(body)),
        _ => failed(),
    }
}

/// Status, headers and cookies as a function describes them; `usual` is the status where it says
/// none. Nothing if what it describes is no response.
pub(crate) fn head(
    described: &Map<String, Value>,
    usual: StatusCode,
) -> Option<Response<ByteStream>> {
    let status = match described.get("statusCode") {
        None => Some(u64::from(usual.as_u16())),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    let status = StatusCode::from_u16(u16::try_from(status?).ok()?).ok()?;
    let mut response = plain(status, Bytes::new());
    let out = response.headers_mut();
    if let Some(Value::Object(headers)) = described.get("headers") {
        for (name, value) in headers {
            if !set(out, name, value) {
                return None;
            }
        }
    }
    for cookie in described.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        if let Some(value) = cookie.as_str().and_then(|text| HeaderValue::from_str(text).ok()) {
            out.append(SET_COOKIE, value);
        }
    }
    Some(response)
}

/// Sets a header that a function describes; false where that is none. Those that frame the message
/// are ours.
fn set(out: &mut HeaderMap, name: &str, value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return false,
    };
    let name = HeaderName::from_bytes(name.as_bytes());
    let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&text)) else { return false };
    if !matches!(name.as_str(), "connection" | "content-length" | "transfer-encoding" | "upgrade") {
        out.insert(name, value);
    }
    true
}

/// What callers get when the function failed: nothing of why.
pub(crate) fn failed() -> Response<ByteStream> {
    plain(StatusCode::BAD_GATEWAY, Bytes::from_static(b"Internal Server Error"))
}

/// An answer of JSON.
pub(crate) fn plain(status: StatusCode, body: Bytes) -> Response<ByteStream> {
    let mut answer = Response::new(ByteStream::Bytes(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(payload: &str, status: u16, kind: &str, body: &str) {
        let answer = answer(&Bytes::from(payload.to_owned()));
        assert_eq!(answer.status().as_u16(), status, "{payload}");
        assert_eq!(answer.headers()[CONTENT_TYPE], kind, "{payload}");
        let ByteStream::Bytes(bytes) = answer.body() else { panic!("bytes") };
        assert_eq!(bytes, body.as_bytes(), "{payload}");
    }

    #[test]
    fn answers() {
        let json = "application/json";
        check(r#""text""#, 200, json, r#""text""#);
        check(r#"{"a":1}"#, 200, json, r#"{"a":1}"#);
        check("null", 200, json, "null");
        check(r#"{"statusCode":201}"#, 201, json, "");
        check(r#"{"statusCode":"404","body":"no"}"#, 404, json, "no");
        check(
            r#"{"statusCode":200,"headers":{"Content-Type":"text/html"},"body":"<p>"}"#,
            200,
            "text/html",
            "<p>",
        );
        check(r#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#, 200, json, "hi");
        check(r#"{"statusCode":9,"body":"x"}"#, 502, json, "Internal Server Error");
        check(r#"{"statusCode":200,"headers":{"a b":"x"}}"#, 502, json, "Internal Server Error");
    }

    #[test]
    fn queries() {
        let found = parameters("a=1&b=%EB%91%98&a=2&c&d=x+y%2");
        let expected = [("a", "1,2"), ("b", "둘"), ("c", ""), ("d", "x y%2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(found, BTreeMap::from(expected));
    }
}
