//! restXml: HTTP bindings, with XML bodies.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
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
        if let Some(text) = lone_text(output) {
            writer.open(text.0, &[("xmlns", self.namespace)]);
            writer.text(text.1);
            writer.close(text.0);
            return writer.out.into_bytes();
        }
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

/// The root of S3's `GetBucketLocation` is its one member itself; nothing in botocore's model says
/// so (Smithy's `s3UnwrappedXmlOutput` does).
fn lone_text(output: &dyn Struct) -> Option<(&str, &str)> {
    if output.shape().name != "GetBucketLocationOutput" {
        return None;
    }
    match output.field(0) {
        View::Str(text) => Some(("LocationConstraint", text)),
        _ => Some(("LocationConstraint", "")),
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
    let mut response = rest::write(op, output, request_id_header(model, request_id), &body);
    if is_s3(model)
        && let Ok(value) = host_id(request_id).try_into()
    {
        response.headers_mut().insert("x-amz-id-2", value);
    }
    response
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
        let more = facts.fault.more.as_ref();
        for (name, text) in more.into_iter().flat_map(|more| &more.elements) {
            writer.leaf(name, text);
        }
        writer.leaf("RequestId", request_id);
        writer.leaf("HostId", &host_id(request_id));
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
    let mut headers = vec![request_id_header(model, request_id)];
    if is_s3(model) {
        headers.push(header("x-amz-id-2", host_id(request_id)));
    }
    let more = facts.fault.more.as_ref();
    headers.extend(
        more.into_iter().flat_map(|more| &more.headers).map(|(name, text)| header(name, text)),
    );
    headers.extend(facts.detail().map(rest::headers).unwrap_or_default());
    // What has not changed has no body.
    let body = match facts.fault.status {
        304 => Vec::new(),
        _ => {
            headers.push(header("content-type", "application/xml"));
            writer.out.into_bytes()
        }
    };
    crate::response(facts.fault.status, headers, body)
}

/// S3's second name of a request.
fn host_id(request_id: &str) -> String {
    BASE64_STANDARD.encode(request_id)
}
