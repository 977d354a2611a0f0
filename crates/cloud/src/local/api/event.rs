//! Requests as events: payload formats 1.0 (REST APIs, and HTTP APIs that ask for it) and 2.0.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{HeaderMap, Request};
use serde_json::{Map, Value, json};
use template::sam::Flavour;

use super::route::decode;
use super::{Visit, answer};
use crate::local::project::ACCOUNT;

/// The API's id in events.
const API_ID: &str = "1234567890";

/// Values of headers or parameters, in order of their coming.
type Several = Vec<(String, String)>;

/// Names and values of a query.
pub fn query(request: &Request<Bytes>) -> Several {
    let text = request.uri().query().unwrap_or_default();
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (decode(&name.replace('+', " ")), decode(&value.replace('+', " "))))
        .collect()
}

/// Names and values of headers, names as they are written on the wire by most: `Content-Type`.
fn headers(map: &HeaderMap, titled: bool) -> Several {
    let one = |name: &str| {
        let mut up = true;
        let letter = |letter: char| {
            let written = if up { letter.to_ascii_uppercase() } else { letter };
            up = letter == '-';
            written
        };
        if titled { name.chars().map(letter).collect() } else { name.to_owned() }
    };
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    map.iter().map(|(name, value)| (one(name.as_str()), text(value))).collect()
}

/// The last value of each; `null` where there is none.
fn single(all: &Several) -> Value {
    let map: Map<String, Value> = all.iter().map(|(n, v)| (n.clone(), v.as_str().into())).collect();
    if map.is_empty() { Value::Null } else { map.into() }
}

fn multiple(all: &Several) -> Value {
    let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in all {
        map.entry(name).or_default().push(value);
    }
    if map.is_empty() { Value::Null } else { json!(map) }
}

/// Values of the same name together, with commas.
fn joined(all: &Several) -> Map<String, Value> {
    let mut map: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in all {
        map.entry(name).or_default().push(value);
    }
    map.into_iter().map(|(name, values)| (name.to_owned(), values.join(",").into())).collect()
}

fn or_null<T: serde::Serialize>(map: &BTreeMap<String, T>) -> Value {
    if map.is_empty() { Value::Null } else { json!(map) }
}

/// The body as text, or as base64 where it is binary.
fn body(visit: &Visit<'_>) -> (Value, bool) {
    let bytes = visit.request.body();
    if bytes.is_empty() {
        return (Value::Null, false);
    }
    let kind = visit.request.headers().get(http::header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let binary = match visit.found.api.flavour {
        Flavour::Rest => answer::is_binary(&visit.found.api.binary, kind),
        Flavour::Http => !is_text(kind),
    };
    match std::str::from_utf8(bytes) {
        Ok(text) if !binary => (text.into(), false),
        _ => (BASE64.encode(bytes).into(), true),
    }
}

/// HTTP APIs decide by the type alone.
fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = [
        "application/json",
        "application/javascript",
        "application/xml",
        "application/x-www-form-urlencoded",
    ];
    kind.is_empty()
        || kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || known.contains(&kind.as_str())
}

fn agent(request: &Request<Bytes>) -> Value {
    let agent = request.headers().get(http::header::USER_AGENT).and_then(|v| v.to_str().ok());
    agent.map_or(Value::Null, Value::from)
}

fn host(visit: &Visit<'_>) -> String {
    let host = visit.request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok());
    host.map_or_else(|| visit.address.to_string(), str::to_owned)
}

/// Format 1.0.
pub fn version_1(visit: &Visit<'_>, authorizer: Option<Value>) -> Value {
    let (request, found) = (visit.request, visit.found);
    let (query, headers) = (query(request), headers(request.headers(), true));
    let (body, encoded) = body(visit);
    let (method, path) = (request.method().as_str(), request.uri().path());
    let resource = if found.route.path == "$default" { "$default" } else { &found.route.path };
    let mut context = json!({
        "accountId": ACCOUNT, "apiId": API_ID, "resourceId": "123456", "stage": found.api.stage,
        "domainName": host(visit), "domainPrefix": API_ID, "extendedRequestId": visit.request_id,
        "requestId": visit.request_id, "httpMethod": method, "path": path, "resourcePath": resource,
        "protocol": "HTTP/1.1",
        "requestTime": visit.now.civil("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": visit.now.epoch_ms,
        "identity": {
            "accountId": null, "apiKey": null, "caller": null, "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null, "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null, "sourceIp": visit.peer.ip().to_string(), "user": null,
            "userAgent": agent(request), "userArn": null,
        },
    });
    if let Some(authorizer) = authorizer {
        context["authorizer"] = authorizer;
    }
    let mut event = json!({
        "resource": resource, "path": path, "httpMethod": method,
        "headers": single(&headers), "multiValueHeaders": multiple(&headers),
        "queryStringParameters": single(&query), "multiValueQueryStringParameters": multiple(&query),
        "pathParameters": or_null(&found.parameters),
        "stageVariables": or_null(&found.api.variables),
        "requestContext": context, "body": body, "isBase64Encoded": encoded,
    });
    if found.api.flavour == Flavour::Http {
        event["version"] = "1.0".into();
    }
    event
}

/// Format 2.0.
pub fn version_2(visit: &Visit<'_>, authorizer: Option<Value>) -> Value {
    let (request, found) = (visit.request, visit.found);
    let mut lower = headers(request.headers(), false);
    let cookies: Vec<String> = lower
        .iter()
        .filter(|(name, _)| name == "cookie")
        .flat_map(|(_, value)| value.split(';').map(|cookie| cookie.trim().to_owned()))
        .collect();
    lower.retain(|(name, _)| name != "cookie");
    let (body, encoded) = body(visit);
    let (method, path) = (request.method().as_str(), request.uri().path());
    let route = match found.route.path.as_str() {
        "$default" => "$default".to_owned(),
        path => format!("{} {path}", found.route.method),
    };
    let mut context = json!({
        "accountId": ACCOUNT, "apiId": API_ID, "domainName": host(visit), "domainPrefix": API_ID,
        "http": {
            "method": method, "path": path, "protocol": "HTTP/1.1",
            "sourceIp": visit.peer.ip().to_string(), "userAgent": agent(request),
        },
        "requestId": visit.request_id, "routeKey": route, "stage": found.api.stage,
        "time": visit.now.civil("%d/%b/%Y:%H:%M:%S +0000"), "timeEpoch": visit.now.epoch_ms,
    });
    if let Some(authorizer) = authorizer {
        context["authorizer"] = authorizer;
    }
    let mut event = json!({
        "version": "2.0", "routeKey": route, "rawPath": path,
        "rawQueryString": request.uri().query().unwrap_or_default(),
        "headers": joined(&lower), "requestContext": context, "isBase64Encoded": encoded,
    });
    let query = joined(&query(request));
    // What is empty is left out of this format.
    let optional = [
        ("cookies", json!(cookies), cookies.is_empty()),
        ("queryStringParameters", query.clone().into(), query.is_empty()),
        ("pathParameters", or_null(&found.parameters), found.parameters.is_empty()),
        ("stageVariables", or_null(&found.api.variables), found.api.variables.is_empty()),
        ("body", body.clone(), body.is_null()),
    ];
    for (name, value, empty) in optional {
        if !empty {
            event[name] = value;
        }
    }
    event
}
