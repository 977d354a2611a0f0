//! awsJson 1.0 and 1.1: `POST /`, the operation in `X-Amz-Target`, the whole input in the body.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response};
use shape::{Fields, Model, Operation, Reading, Struct};

use crate::fault::Facts;
use crate::json_reader::Reader;
use crate::json_value::{Style, ValueReader, ValueWriter};
use crate::{ReadError, Request};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const CHECKSUM: HeaderName = HeaderName::from_static("x-amz-crc32");

pub(crate) fn read(
    model: &Model,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let has_nothing = request.body.is_empty() || request.body.trim_ascii() == b"null";
    if model.service.json_version == "1.0" && has_nothing {
        // As DynamoDB answers it; clients send at least {}.
        return Err(ReadError::Syntax("The body is empty".to_owned()));
    }
    let mut fields = Fields::new(input);
    let mut reader = ValueReader {
        reader: Reader::new(&request.body)?,
        reading,
        style: Style::Wire,
        namespace: &model.service.error_namespace,
    };
    reader.body(&mut fields, None)?;
    fields.finish(reading);
    Ok(())
}

pub(crate) fn write(
    model: &Model,
    op: &Operation,
    output: &dyn Struct,
    request_id: &str,
) -> Response<Bytes> {
    let mut writer = ValueWriter::new(Style::Wire);
    // An operation without output answers an empty body.
    if !op.output.shape().synthetic {
        writer.structure(output, None);
    }
    respond(model, op.status, None, writer.out, request_id)
}

pub(crate) fn write_fault(model: &Model, facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let body = facts.json(Some(&facts.qualified_name(model)));
    respond(model, facts.fault.status, facts.query_error(model), body, request_id)
}

fn respond(
    model: &Model,
    status: u16,
    extra: Option<(String, String)>,
    body: Vec<u8>,
    request_id: &str,
) -> Response<Bytes> {
    // SDKs verify this checksum of DynamoDB's answers when it is there.
    let checksum = model.service.name.ends_with("dynamodb").then(|| crc32fast::hash(&body));
    let mut response = crate::response(status, extra, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(&model.service.json_version));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(checksum) = checksum {
        headers.insert(CHECKSUM, checksum.into());
    }
    response
}

fn content_type(version: &str) -> HeaderValue {
    let fallback = HeaderValue::from_static("application/x-amz-json-1.1");
    match version {
        "1.0" => HeaderValue::from_static("application/x-amz-json-1.0"),
        "1.1" => fallback,
        _ => format!("application/x-amz-json-{version}").parse().unwrap_or(fallback),
    }
}
