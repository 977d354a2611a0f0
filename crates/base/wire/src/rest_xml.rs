//! restXml: HTTP bindings, with XML bodies.

use bytes::Bytes;
use http::Response;
use shape::{Fields, Location, Member, Model, Operation, Reading, Struct, TimeFormat, Value, View};

use crate::fault::Facts;
use crate::rest::{self, Body};
use crate::xml::Element;
use crate::xml_value::{DECLARATION, Writer, read_members, read_value};
use crate::{ReadError, Request, header};

struct Xml<'a> {
    /// What refers to the structure that is the root.
    root: Option<&'a Member>,
    /// Namespace of the service, for roots that have none of their own.
    namespace: &'a str,
}

impl Body for Xml<'_> {
    fn content_type(&self) -> &'static str {
        "application/xml"
    }

    fn read_members(
        &self,
        body: &[u8],
        fields: &mut Fields,
        reading: &mut Reading,
    ) -> Result<(), ReadError> {
        if body.is_empty() {
            return Ok(());
        }
        read_members(&Element::parse(body)?, fields, Some(Location::Body), reading)
    }

    fn read_payload(
        &self,
        body: &[u8],
        member: &Member,
        value: &mut dyn Value,
        reading: &mut Reading,
    ) -> Result<(), ReadError> {
        read_value(&Element::parse(body)?, member, value, reading)
    }

    fn write_members(&self, output: &dyn Struct) -> Vec<u8> {
        let shape = output.shape();
        if !shape.members.iter().any(|member| member.location == Location::Body) {
            return Vec::new();
        }
        let mut writer = Writer::new(TimeFormat::Iso8601);
        writer.out.push_str(DECLARATION);
        let name = self.root.and_then(|root| root.location_name.as_deref());
        let name = name.or(shape.location_name.as_deref()).unwrap_or(&shape.name);
        match self.root {
            Some(root) if has_namespace(root) || self.namespace.is_empty() => {
                writer.structure(name, root, output, Some(Location::Body));
            }
            _ => {
                writer.open(name, &[("xmlns", self.namespace)]);
                writer.members(output, Some(Location::Body));
                writer.close(name);
            }
        }
        writer.out.into_bytes()
    }

    fn write_payload(&self, member: &Member, view: &View<'_>) -> Vec<u8> {
        let mut writer = Writer::new(TimeFormat::Iso8601);
        writer.out.push_str(DECLARATION);
        let shape = member.shape();
        // A name that only repeats the member's says nothing about the root.
        let own = member.location_name.as_deref().filter(|name| *name != member.name);
        let name = own.or(shape.location_name.as_deref());
        writer.value(name.unwrap_or(&shape.name), member, view);
        writer.out.into_bytes()
    }
}

fn has_namespace(member: &Member) -> bool {
    member.xml_namespace.is_some() || member.shape().xml_namespace.is_some()
}

pub(crate) fn read(
    op: &Operation,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    rest::read(op, request, input, reading, &Xml { root: None, namespace: "" })
}

pub(crate) fn write(
    model: &Model,
    op: &Operation,
    output: &dyn Struct,
    request_id: &str,
) -> Response<Bytes> {
    let body = Xml { root: Some(&op.output), namespace: &model.service.xml_namespace };
    rest::write(op, output, request_id_header(model, request_id), &body)
}

/// S3 names it without an n.
fn request_id_header(model: &Model, request_id: &str) -> (String, String) {
    let name = if is_s3(model) { "x-amz-request-id" } else { "x-amzn-requestid" };
    header(name, request_id)
}

fn is_s3(model: &Model) -> bool {
    model.service.name == "s3"
}

/// S3's errors stand alone, all others' are wrapped.
pub(crate) fn write_fault(model: &Model, facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let mut writer = Writer::new(TimeFormat::Iso8601);
    if is_s3(model) {
        writer.out.push_str(DECLARATION);
        writer.open("Error", &[]);
        writer.error(facts);
        writer.leaf("RequestId", request_id);
        writer.close("Error");
    } else {
        writer.open("ErrorResponse", &[("xmlns", &model.service.xml_namespace)]);
        writer.open("Error", &[]);
        writer.leaf("Type", facts.side());
        writer.error(facts);
        writer.close("Error");
        writer.leaf("RequestId", request_id);
        writer.close("ErrorResponse");
    }
    let own = [header("content-type", "application/xml"), request_id_header(model, request_id)];
    let bound = facts.detail().map(rest::headers).unwrap_or_default();
    crate::response(facts.fault.status, own.into_iter().chain(bound), writer.out.into_bytes())
}
