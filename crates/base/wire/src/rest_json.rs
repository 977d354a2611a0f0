//! restJson1: HTTP bindings, with JSON bodies.

use bytes::Bytes;
use http::Response;
use shape::{Fields, Location, Member, Model, Operation, Reading, Struct, Value, View};

use crate::fault::Facts;
use crate::json_reader::Reader;
use crate::json_value::{Style, ValueReader, ValueWriter};
use crate::rest::{self, Body};
use crate::{ReadError, Request, header};

struct Json<'a> {
    namespace: &'a str,
}

impl Json<'_> {
    fn reader<'a, 'r>(
        &'a self,
        body: &'a [u8],
        reading: &'r mut Reading,
    ) -> Result<ValueReader<'a, 'r>, ReadError> {
        let reader = Reader::new(body)?;
        Ok(ValueReader { reader, reading, style: Style::Wire, namespace: self.namespace })
    }
}

impl Body for Json<'_> {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn read_members(
        &self,
        body: &[u8],
        fields: &mut Fields,
        reading: &mut Reading,
    ) -> Result<(), ReadError> {
        self.reader(body, reading)?.body(fields, Some(Location::Body))
    }

    fn read_payload(
        &self,
        body: &[u8],
        member: &Member,
        value: &mut dyn Value,
        reading: &mut Reading,
    ) -> Result<(), ReadError> {
        self.reader(body, reading)?.payload(member, value)
    }

    fn write_members(&self, output: &dyn Struct) -> Vec<u8> {
        let mut writer = ValueWriter::new(Style::Wire);
        if !output.shape().synthetic {
            writer.structure(output, Some(Location::Body));
        }
        writer.out
    }

    fn write_payload(&self, member: &Member, view: &View<'_>) -> Vec<u8> {
        let mut writer = ValueWriter::new(Style::Wire);
        match view {
            View::Struct(value) => writer.structure(*value, None),
            View::List(value) => writer.value(member, View::List(*value)),
            View::Map(value) => writer.value(member, View::Map(*value)),
            View::Document(value) => writer.value(member, View::Document(value)),
            _ => {}
        }
        writer.out
    }
}

pub(crate) fn read(
    model: &Model,
    op: &Operation,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let body = Json { namespace: &model.service.error_namespace };
    rest::read(op, request, input, reading, &body)
}

pub(crate) fn write(op: &Operation, output: &dyn Struct, request_id: &str) -> Response<Bytes> {
    rest::write(op, output, header("x-amzn-requestid", request_id), &Json { namespace: "" })
}

pub(crate) fn write_fault(facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let headers = [
        header("content-type", "application/json"),
        header("x-amzn-requestid", request_id),
        header("x-amzn-errortype", facts.type_name()),
    ];
    let bound = facts.detail().map(rest::headers).unwrap_or_default();
    crate::response(facts.fault.status, headers.into_iter().chain(bound), facts.json(None))
}
