//! Functions' answers as responses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;
use template::sam::Flavour;

use super::Visit;

/// What a function may answer in format 1.0.
const KNOWN: [&str; 6] =
    ["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "cookies"];

/// Whether a media type is one of the binary ones; `*/*` is all, `image/*` all images.
pub fn is_binary(types: &[String], kind: &str) -> bool {
    let kind = kind.split([';', ',']).next().unwrap_or_default().trim();
    types.iter().any(|one| {
        one == "*/*" || one.eq_ignore_ascii_case(kind) || {
            let family = one.strip_suffix('*');
            !kind.is_empty() && family.is_some_and(|family| kind.starts_with(family))
        }
    })
}

/// Reads an answer, or says why it is none.
pub fn read(payload: &[u8], visit: &Visit<'_>) -> Result<Response<Bytes>, String> {
    let value: Value =
        serde_json::from_slice(payload).map_err(|e| format!("its answer is no JSON: {e}"))?;
    let second = visit.found.route.payload == "2.0";
    if second && value.get("statusCode").is_none() {
        // Format 2.0 takes anything as a body.
        let body = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        return Ok(super::serve::json(StatusCode::OK, &body));
    }
    let Value::Object(fields) = &value else {
        return Err("its answer must be an object with a statusCode".into());
    };
    if !second && let Some(other) = fields.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(format!("its answer must not have {other:?}; it has {}", KNOWN.join(", ")));
    }
    let status = status(fields.get("statusCode"))?;
    let encoded = match fields.get("isBase64Encoded") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(encoded)) => *encoded,
        Some(_) => return Err("isBase64Encoded must be true or false".into()),
    };
    let text = match fields.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => return Err("its body must be text: JSON.stringify() it".into()),
    };
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = status;
    headers(fields, &mut answer)?;
    if !answer.headers().contains_key(CONTENT_TYPE) {
        let usual = if second { "text/plain;charset=UTF-8" } else { "application/json" };
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(usual));
    }
    let decodes = encoded && decodes(visit, &answer);
    *answer.body_mut() = match decodes {
        true => BASE64.decode(text.as_bytes()).map_err(|_| "its body is no base64")?.into(),
        false => text.into(),
    };
    Ok(answer)
}

/// REST APIs decode for binary types only, by what the caller accepts or what it gets.
fn decodes(visit: &Visit<'_>, answer: &Response<Bytes>) -> bool {
    let api = visit.found.api;
    let text = |value: Option<&HeaderValue>| {
        value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    api.flavour == Flavour::Http
        || is_binary(&api.binary, &text(visit.request.headers().get(ACCEPT)))
        || is_binary(&api.binary, &text(answer.headers().get(CONTENT_TYPE)))
}

fn status(found: Option<&Value>) -> Result<StatusCode, String> {
    let number = match found {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let number = number.and_then(|number| u16::try_from(number).ok());
    let status = number.and_then(|number| StatusCode::from_u16(number).ok());
    status.ok_or_else(|| "its answer needs a statusCode".into())
}

fn headers(
    fields: &serde_json::Map<String, Value>,
    answer: &mut Response<Bytes>,
) -> Result<(), String> {
    let object = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.iter().collect()),
        Some(_) => Err(format!("its {name} must be an object")),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pair = |name: &str, value: &Value| -> Result<(HeaderName, HeaderValue), String> {
        let wrong = |_| format!("its header {name:?} is not valid");
        let value = HeaderValue::from_bytes(text(value).as_bytes()).map_err(|_| wrong(()))?;
        Ok((HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(()))?, value))
    };
    for (name, value) in object("headers")? {
        let (name, value) = pair(name, value)?;
        answer.headers_mut().insert(name, value);
    }
    for (name, values) in object("multiValueHeaders")? {
        let values =
            values.as_array().ok_or_else(|| format!("multiValueHeaders: {name} must be a list"))?;
        for (place, value) in values.iter().enumerate() {
            let (name, value) = pair(name, value)?;
            match place {
                // These come before single values of the same name.
                0 => drop(answer.headers_mut().insert(name, value)),
                _ => drop(answer.headers_mut().append(name, value)),
            }
        }
    }
    for cookie in fields.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        let (_, value) = pair("set-cookie", cookie)?;
        answer.headers_mut().append(SET_COOKIE, value);
    }
    // The length is the body's.
    answer.headers_mut().remove(http::header::CONTENT_LENGTH);
    answer.headers_mut().remove(http::header::TRANSFER_ENCODING);
    Ok(())
}
