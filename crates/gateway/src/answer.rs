//! Turning faults into answers, in the form the caller's protocol has.

use crate::gateway::Arrival;
use crate::http::{BodyError, Reply, full, packed};
use crate::sigv4::{AuthError, ChunkError, Family};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use shape::{Fault, Model, Operation, Protocol, Struct};

/// The header every answer but S3's names its request by.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Of the bytes of the body as they are sent.
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

const S3_REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// The family of a service's errors.
pub(crate) fn family(model: &Model) -> Family {
    match model.service.protocol {
        Protocol::Json | Protocol::Cbor => Family::Json,
        Protocol::RestJson => Family::Rest,
        Protocol::Query => Family::Query,
        Protocol::Ec2 => Family::Ec2,
        Protocol::RestXml if is_s3(model) => Family::S3,
        Protocol::RestXml => Family::Query,
    }
}

/// Whether the rules of S3 hold.
pub(crate) fn is_s3(model: &Model) -> bool {
    model.service.signing_name == "s3"
}

/// A fault of AWS's common front end, which has a namespace of its own where errors have one.
pub(crate) fn front(model: &Model, fault: Fault) -> Fault {
    match model.service.error_namespace.is_empty() {
        true => fault,
        false => fault.in_namespace("com.amazon.coral.service"),
    }
}

/// A signature that is not right.
pub(crate) fn auth_fault(model: &Model, error: &AuthError) -> Fault {
    let answer = error.answer(family(model));
    front(model, Fault::new(answer.code, answer.status, answer.message))
}

/// A body that could not be read.
pub(crate) fn body_fault(model: Option<&Model>, operation: &str, error: BodyError) -> Fault {
    let family = model.map(family);
    let exception = matches!(family, Some(Family::Json | Family::Rest));
    let text = error.to_string();
    let fault = match error {
        BodyError::TooLarge(_) if family == Some(Family::S3) => Fault::new(
            "EntityTooLarge",
            400,
            "Your proposed upload exceeds the maximum allowed size",
        ),
        BodyError::TooLarge(_) if exception => {
            let operation = if operation == "Invoke" { "InvokeFunction" } else { operation };
            Fault::new(
                "RequestTooLargeException",
                413,
                format!("{text} for the {operation} operation"),
            )
        }
        BodyError::TooLarge(_) => Fault::new("RequestEntityTooLarge", 413, text),
        BodyError::Incomplete => Fault::new("IncompleteBody", 400, text),
        BodyError::Timeout if exception => Fault::new("RequestTimeoutException", 408, text),
        BodyError::Timeout => Fault::new("RequestTimeout", 400, text),
        BodyError::Busy if exception => Fault::new("ServiceUnavailableException", 503, text),
        BodyError::Busy => Fault::new("ServiceUnavailable", 503, text),
        BodyError::Encoding if exception => Fault::new("SerializationException", 400, text),
        BodyError::Encoding => Fault::new("MalformedInput", 400, text),
    };
    match model {
        Some(model) => front(model, fault),
        None => fault,
    }
}

/// A stream that is not what it says.
pub(crate) fn chunk_fault(error: ChunkError) -> Fault {
    let (status, code, message) = error.answer();
    Fault::new(code, status, message)
}

/// An operation nobody has.
pub(crate) fn unknown_operation(model: &Model, name: &str) -> Fault {
    let version = &model.service.api_version;
    match family(model) {
        Family::Json => front(model, Fault::new("UnknownOperationException", 400, "")),
        Family::Rest => Fault::new(
            "UnknownOperationException",
            404,
            format!("The request matches no operation of {} served here.", model.service.id),
        ),
        Family::S3 => Fault::new(
            "MethodNotAllowed",
            405,
            "The specified method is not allowed against this resource.",
        ),
        Family::Query | Family::Ec2 if name.is_empty() => {
            Fault::new("MissingAction", 400, "The request must contain the parameter Action")
        }
        Family::Ec2 => Fault::new(
            "InvalidAction",
            400,
            format!("The action {} is not valid for this web service.", shown(name)),
        ),
        Family::Query => Fault::new(
            "InvalidAction",
            400,
            format!("Could not find operation {} for version {version}", shown(name)),
        ),
    }
}

/// An operation's output in the caller's protocol. That of a service that has checksums of what it
/// sends, and so of DynamoDB, is compressed for who asks; the checksum is then of what is sent.
pub(crate) fn written(
    model: &'static Model,
    op: &'static Operation,
    output: &dyn Struct,
    arrival: &Arrival,
) -> Response<Bytes> {
    let mut response = wire::write_response(model, op, output, &arrival.request_id);
    if !response.headers().contains_key(CHECKSUM) {
        return response;
    }
    if let Some((encoding, packed)) = packed(&arrival.parts.headers, response.body()) {
        let headers = response.headers_mut();
        headers.insert(CHECKSUM, crc32fast::hash(&packed).into());
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        *response.body_mut() = packed;
    }
    response
}

/// Someone else's text inside an error.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// A fault for a request whose service is not known, or not served: in the XML of S3 or of the
/// query protocols if it looks like theirs, else in JSON.
pub(crate) fn without_service(
    parts: &Parts,
    service: &str,
    fault: &Fault,
    request_id: &str,
) -> Reply {
    // The services of AWS that speak restXml, by signing name.
    const REST_XML: [&str; 3] = ["cloudfront", "route53", "s3express"];
    if service == "s3" {
        return s3_xml(fault, request_id);
    }
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or("");
    let form = content_type.starts_with("application/x-www-form-urlencoded")
        || content_type.contains("xml")
        || REST_XML.contains(&service)
        || parts.uri.query().is_some_and(|query| query.contains("Action="));
    match form {
        true => xml(fault, request_id),
        false => json(fault, request_id),
    }
}

/// A fault as JSON, readable by clients of all JSON protocols.
pub(crate) fn json(fault: &Fault, request_id: &str) -> Reply {
    let body = serde_json::json!({ "__type": fault.code, "message": fault.message });
    let mut reply = plain(fault.status, "application/json", body.to_string());
    if let Ok(code) = HeaderValue::from_str(&fault.code) {
        reply.headers_mut().insert("x-amzn-errortype", code);
    }
    name_request(&mut reply, request_id);
    reply
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn s3_xml(fault: &Fault, request_id: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
         <RequestId>{request_id}</RequestId></Error>",
        escape(&fault.code),
        escape(&fault.message)
    );
    let mut reply = plain(fault.status, "application/xml", body);
    if let Ok(value) = HeaderValue::from_str(request_id) {
        reply.headers_mut().insert("x-amz-request-id", value);
    }
    reply
}

fn xml(fault: &Fault, request_id: &str) -> Reply {
    let side = if fault.status >= 500 { "Receiver" } else { "Sender" };
    let body = format!(
        "<ErrorResponse><Error><Type>{side}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(&fault.code),
        escape(&fault.message)
    );
    let mut reply = plain(fault.status, "text/xml", body);
    name_request(&mut reply, request_id);
    reply
}

/// An answer with a body at hand.
pub(crate) fn plain(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(full(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// Names the request in the answer, unless the protocol's own writer did.
pub(crate) fn name_request(reply: &mut Reply, request_id: &str) {
    let headers = reply.headers_mut();
    if headers.contains_key(REQUEST_ID) || headers.contains_key(S3_REQUEST_ID) {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
}
