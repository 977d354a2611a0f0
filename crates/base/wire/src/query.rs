//! awsQuery: a form with `Action`, structures as dotted names, lists as `.member.1`, maps as
//! `.entry.1.key`; answers in XML. ec2Query reads the same form with names of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::Response;
use shape::{Fields, Kind, Member, Model, Operation, Reading, Shape, Struct, TimeFormat, Value};

use crate::fault::Facts;
use crate::form::query_pairs;
use crate::scalar::{self, bad_parameter};
use crate::xml_value::Writer;
use crate::{ReadError, Request, header};

/// Most nodes of a form's tree. The largest requests of these services have some thousands.
const MAX_NODES: usize = 200_000;

/// The two languages of forms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Query,
    Ec2,
}

impl Dialect {
    fn name(self, member: &Member) -> Cow<'_, str> {
        match (self, &member.query_name, &member.location_name) {
            (Dialect::Query, ..) => query_name(member).into(),
            (Dialect::Ec2, Some(name), _) => name.into(),
            (Dialect::Ec2, None, Some(name)) => capital(name).into(),
            (Dialect::Ec2, None, None) => capital(&member.name).into(),
        }
    }
}

/// A member's name in awsQuery. Only services that moved from awsQuery to JSON have names for it
/// that are not those of their own protocol.
pub(crate) fn query_name(member: &Member) -> &str {
    member.query_name.as_deref().unwrap_or(member.wire_name())
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// A dotted name's part: its own value and what stands under it.
#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn parse(form: &str) -> Result<Node, ReadError> {
        let mut root = Node::default();
        let mut count = 0;
        for (name, value) in query_pairs(form)? {
            let mut node = &mut root;
            for (depth, part) in name.split('.').enumerate() {
                count += 1;
                if depth > 2 * shape::MAX_DEPTH {
                    return Err(ReadError::TooDeep);
                }
                if count > MAX_NODES {
                    return Err(ReadError::TooLarge);
                }
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.value = Some(value.into_owned());
        }
        Ok(root)
    }

    /// `.1`, `.2`, … in order; gaps do not matter.
    fn numbered(&self) -> Vec<&Node> {
        let mut items: Vec<(u64, &Node)> = self
            .children
            .iter()
            .filter_map(|(name, node)| Some((name.parse().ok()?, node)))
            .collect();
        items.sort_by_key(|(number, _)| *number);
        items.into_iter().map(|(_, node)| node).collect()
    }
}

/// The form of a request: its body, or its query where the client sends a GET.
pub(crate) fn form<'r>(request: &'r Request<'_>) -> Result<&'r str, ReadError> {
    if request.body.is_empty() {
        return Ok(request.query);
    }
    std::str::from_utf8(&request.body)
        .map_err(|e| crate::error::syntax("The form is not UTF-8", e.valid_up_to()))
}

pub(crate) fn read(
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    read_form(form(request)?, Dialect::Query, input, reading)
}

pub(crate) fn read_form(
    form: &str,
    dialect: Dialect,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let root = Node::parse(form)?;
    let mut fields = Fields::new(input);
    let mut reader = FormReader { dialect, reading, name: String::new() };
    reader.members(&root, &mut fields)?;
    fields.finish(reading);
    Ok(())
}

struct FormReader<'r> {
    dialect: Dialect,
    reading: &'r mut Reading,
    /// Where we are, in the form's own notation, for messages.
    name: String,
}

impl FormReader<'_> {
    fn members(&mut self, node: &Node, fields: &mut Fields) -> Result<(), ReadError> {
        let shape = fields.shape();
        for (index, member) in shape.members.iter().enumerate() {
            let name = self.dialect.name(member);
            let named = node.children.get(&*name);
            // A flattened list may go by its element's name instead of its own.
            let by_element = || {
                let shape = member.shape();
                let flat = shape.kind == Kind::List && member.is_flattened();
                let name = flat.then(|| shape.element().location_name.as_ref()).flatten();
                name.and_then(|name| node.children.get(name))
            };
            let Some(child) = named.or_else(by_element) else { continue };
            if !self.reading.enter_member(&member.name) {
                return Err(ReadError::TooDeep);
            }
            let mark = self.name.len();
            if mark > 0 {
                self.name.push('.');
            }
            self.name.push_str(&name);
            self.value(child, member, fields.get(index))?;
            self.name.truncate(mark);
            self.reading.leave();
        }
        Ok(())
    }

    fn value(
        &mut self,
        node: &Node,
        member: &Member,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        let shape = member.shape();
        let bad =
            |mismatch| bad_parameter(&self.name, node.value.as_deref().unwrap_or(""), mismatch);
        match shape.kind {
            Kind::Structure => {
                let mut fields = Fields::new(value.structure().map_err(bad)?);
                self.members(node, &mut fields)?;
                fields.finish(self.reading);
            }
            Kind::List => self.list(node, member, value)?,
            Kind::Map => self.map(node, member, value)?,
            _ => {
                let text = node.value.as_deref().ok_or_else(|| {
                    // AWS's text for dotted names under what the model has as a scalar.
                    ReadError::Type("Start of structure or map found where not expected".into())
                })?;
                let scalar = scalar::read(member, text, TimeFormat::Iso8601).map_err(bad)?;
                value.put(scalar).map_err(bad)?;
            }
        }
        Ok(())
    }

    fn list(
        &mut self,
        node: &Node,
        member: &Member,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        let element = member.shape().element();
        let wrapper = element.location_name.as_deref().unwrap_or("member");
        let flat = self.dialect == Dialect::Ec2 || member.is_flattened();
        let items = match (flat, node.children.get(wrapper)) {
            (true, _) => node.numbered(),
            (false, Some(inner)) => inner.numbered(),
            (false, None) => Vec::new(),
        };
        let list = value.list().map_err(|m| bad_parameter(&self.name, "", m))?;
        for (index, item) in items.into_iter().enumerate() {
            if !self.reading.enter_element(index) {
                return Err(ReadError::TooDeep);
            }
            let mark = self.name.len();
            if !flat {
                self.name.push('.');
                self.name.push_str(wrapper);
            }
            self.name.push_str(&format!(".{}", index + 1));
            self.value(item, element, list.push())?;
            self.name.truncate(mark);
            self.reading.leave();
        }
        Ok(())
    }

    fn map(
        &mut self,
        node: &Node,
        member: &Member,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        let shape: &Shape = member.shape();
        let [key_name, value_name] = entry_names(shape, self.dialect == Dialect::Query);
        let entries = match (member.is_flattened(), node.children.get("entry")) {
            (true, _) => node.numbered(),
            (false, Some(inner)) => inner.numbered(),
            (false, None) => Vec::new(),
        };
        let map = value.map().map_err(|m| bad_parameter(&self.name, "", m))?;
        for entry in entries {
            let key = entry.children.get(key_name).and_then(|node| node.value.as_deref());
            let Some(key) = key else {
                return Err(ReadError::Syntax(format!("An entry of {} has no key", self.name)));
            };
            if !self.reading.enter_entry(key) {
                return Err(ReadError::TooDeep);
            }
            let slot = map.insert(key);
            match entry.children.get(value_name) {
                Some(node) => self.value(node, shape.element(), slot)?,
                None => self.reading.note_null(),
            }
            self.reading.leave();
        }
        Ok(())
    }
}

/// The names of a map entry's two parts.
pub(crate) fn entry_names(map: &Shape, by_query_name: bool) -> [&str; 2] {
    [part(map.key(), by_query_name, "key"), part(map.element(), by_query_name, "value")]
}

fn part<'a>(member: &'a Member, by_query_name: bool, usual: &'a str) -> &'a str {
    let query_name = member.query_name.as_deref().filter(|_| by_query_name);
    query_name.or(member.location_name.as_deref()).unwrap_or(usual)
}

pub(crate) fn write(
    model: &Model,
    op: &Operation,
    output: &dyn Struct,
    request_id: &str,
) -> Response<Bytes> {
    let mut writer = Writer::of_query();
    let root = format!("{}Response", op.name);
    writer.open(&root, &[("xmlns", &model.service.xml_namespace)]);
    if !op.result_wrapper.is_empty() {
        writer.open(&op.result_wrapper, &[]);
        writer.members(output, None);
        writer.close(&op.result_wrapper);
    } else {
        writer.members(output, None);
    }
    writer.open("ResponseMetadata", &[]);
    writer.leaf("RequestId", request_id);
    writer.close("ResponseMetadata");
    writer.close(&root);
    respond(op.status, writer.out, request_id)
}

pub(crate) fn write_fault(model: &Model, facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let mut writer = Writer::of_query();
    writer.open("ErrorResponse", &[("xmlns", &model.service.xml_namespace)]);
    writer.open("Error", &[]);
    writer.leaf("Type", facts.side());
    writer.error(facts);
    writer.close("Error");
    writer.leaf("RequestId", request_id);
    writer.close("ErrorResponse");
    respond(facts.fault.status, writer.out, request_id)
}

fn respond(status: u16, body: String, request_id: &str) -> Response<Bytes> {
    let headers = [header("content-type", "text/xml"), header("x-amzn-requestid", request_id)];
    crate::response(status, headers, body.into_bytes())
}
