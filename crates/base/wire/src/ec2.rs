//! ec2Query: forms as awsQuery has them, but every list is flat and names are capitalised;
//! answers in XML without a wrapper.

use bytes::Bytes;
use http::Response;
use shape::{Model, Operation, Reading, Struct, TimeFormat};

use crate::fault::Facts;
use crate::query::{Dialect, form, read_form};
use crate::xml_value::{DECLARATION, Writer};
use crate::{ReadError, Request, header};

pub(crate) fn read(
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    read_form(form(request)?, Dialect::Ec2, input, reading)
}

pub(crate) fn write(
    model: &Model,
    op: &Operation,
    output: &dyn Struct,
    request_id: &str,
) -> Response<Bytes> {
    let mut writer = Writer::new(TimeFormat::Iso8601);
    writer.out.push_str(DECLARATION);
    let root = format!("{}Response", op.name);
    writer.open(&root, &[("xmlns", &model.service.xml_namespace)]);
    writer.leaf("requestId", request_id);
    writer.members(output, None);
    writer.close(&root);
    respond(op.status, writer.out, request_id)
}

pub(crate) fn write_fault(facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let mut writer = Writer::new(TimeFormat::Iso8601);
    writer.out.push_str(DECLARATION);
    for tag in ["Response", "Errors", "Error"] {
        writer.open(tag, &[]);
    }
    writer.error(facts);
    writer.close("Error");
    writer.close("Errors");
    writer.leaf("RequestID", request_id);
    writer.close("Response");
    respond(facts.fault.status, writer.out, request_id)
}

fn respond(status: u16, body: String, request_id: &str) -> Response<Bytes> {
    let headers =
        [header("content-type", "text/xml;charset=UTF-8"), header("x-amzn-requestid", request_id)];
    crate::response(status, headers, body.into_bytes())
}
