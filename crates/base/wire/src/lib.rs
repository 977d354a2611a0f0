//! The six wire protocols of AWS, the server's side of each, and the JSON door.
//!
//! Every codec is written once against [`shape::Struct`] and serves every service:
//! awsJson ([`json`]), restJson1, restXml, awsQuery, ec2Query and rpcv2Cbor, one file each.
//! Nothing here does I/O. Sizes of bodies are the gateway's to bound; depth, and the number of
//! elements where a tree is built, are bounded here.
//!
//! ```text
//! match_operation(model, request)  which operation is it?
//! read_request(…, input, reading)  bytes → input; then shape::validate(input, reading)
//! write_response(…)                output → HTTP response
//! write_fault(…)                   Fault → HTTP response
//! ```

mod cbor;
mod cbor_item;
pub mod door;
mod ec2;
mod error;
mod fault;
mod form;
mod json;
mod json_reader;
mod json_value;
mod query;
mod rest;
mod rest_json;
mod rest_xml;
mod route;
mod scalar;
mod xml;
mod xml_value;

use bytes::Bytes;
use http::Response;
use shape::{Fault, Model, Operation, Protocol, Reading, Struct};

pub use error::ReadError;
pub use form::{Pair, decode_path, query_pairs};
pub use route::{Routed, match_operation};

/// An HTTP request as the gateway has it, its body complete and free of transfer encodings.
pub struct Request<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The path as it came, still percent-encoded, without query.
    pub path: &'a str,
    /// The query as it came, without the question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Reads a request into `input`, an empty value of the operation's input shape. What is absent
/// is noted in `reading`, for [`shape::validate`].
pub fn read_request(
    model: &'static Model,
    op: &'static Operation,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    match model.service.protocol {
        Protocol::Json => json::read(model, request, input, reading),
        Protocol::RestJson => rest_json::read(model, op, request, input, reading),
        Protocol::RestXml => rest_xml::read(op, request, input, reading),
        Protocol::Query => query::read(request, input, reading),
        Protocol::Ec2 => ec2::read(request, input, reading),
        Protocol::Cbor => cbor::read(request, input, reading),
    }
}

/// Writes a successful answer.
pub fn write_response(
    model: &'static Model,
    op: &'static Operation,
    output: &dyn Struct,
    request_id: &str,
) -> Response<Bytes> {
    match model.service.protocol {
        Protocol::Json => json::write(model, op, output, request_id),
        Protocol::RestJson => rest_json::write(op, output, request_id),
        Protocol::RestXml => rest_xml::write(model, op, output, request_id),
        Protocol::Query => query::write(model, op, output, request_id),
        Protocol::Ec2 => ec2::write(model, op, output, request_id),
        Protocol::Cbor => cbor::write(op, output, request_id),
    }
}

/// Writes an error answer: code, message, and all members of a modeled error.
/// `op` is absent when the request did not get as far as an operation.
pub fn write_fault(
    model: &'static Model,
    op: Option<&'static Operation>,
    fault: &Fault,
    request_id: &str,
) -> Response<Bytes> {
    let facts = fault::Facts::new(model, op, fault);
    match model.service.protocol {
        Protocol::Json => json::write_fault(model, &facts, request_id),
        Protocol::RestJson => rest_json::write_fault(&facts, request_id),
        Protocol::RestXml => rest_xml::write_fault(model, &facts, request_id),
        Protocol::Query => query::write_fault(model, &facts, request_id),
        Protocol::Ec2 => ec2::write_fault(&facts, request_id),
        Protocol::Cbor => cbor::write_fault(model, &facts, request_id),
    }
}

/// A response from its parts. Header values that HTTP cannot carry lose what it cannot.
pub(crate) fn response(
    status: u16,
    headers: impl IntoIterator<Item = (String, String)>,
    body: Vec<u8>,
) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        let Ok(name) = http::HeaderName::from_bytes(name.as_bytes()) else { continue };
        let clean: Vec<u8> =
            value.bytes().filter(|b| *b == b'\t' || (*b >= 0x20 && *b != 0x7f)).collect();
        if let Ok(value) = http::HeaderValue::from_bytes(&clean) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A header from literals.
pub(crate) fn header(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}
