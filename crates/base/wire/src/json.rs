//! awsJson 1.0 and 1.1: `POST /`, the operation in `X-Amz-Target`, the whole input in the body.

use bytes::Bytes;
use http::Response;
use shape::{Fields, Model, Operation, Reading, Struct};

use crate::fault::Facts;
use crate::json_reader::Reader;
use crate::json_value::{Style, ValueReader, ValueWriter};
use crate::{ReadError, Request, header};

pub(crate) fn read(
    model: &Model,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    if request.body.is_empty() && model.service.json_version == "1.0" {
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
    let version = &model.service.json_version;
    // SDKs verify this checksum of DynamoDB's answers when it is there.
    let checksum = model
        .service
        .name
        .ends_with("dynamodb")
        .then(|| header("x-amz-crc32", crc32fast::hash(&body).to_string()));
    let headers = [
        header("content-type", format!("application/x-amz-json-{version}")),
        header("x-amzn-requestid", request_id),
    ];
    crate::response(status, headers.into_iter().chain(extra).chain(checksum), body)
}
