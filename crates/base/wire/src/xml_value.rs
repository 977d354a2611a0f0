//! XML by schema: restXml, and the answers of the query protocols.

use std::fmt::Write as _;

use shape::{
    Fields, Kind, Location, Member, Reading, Struct, TimeFormat, Value, View, XmlNamespace,
};

use crate::ReadError;
use crate::fault::Facts;
use crate::query::{entry_names, query_name};
use crate::scalar::{self, bad_parameter};
use crate::xml::Element;

/// What EC2 and S3 put before their answers.
pub(crate) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Reads the members of a structure that travel in the body.
pub(crate) fn read_members(
    element: &Element<'_>,
    fields: &mut Fields,
    only: Option<Location>,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let shape = fields.shape();
    for (index, member) in shape.members.iter().enumerate() {
        if only.is_some_and(|only| member.location != only) {
            continue;
        }
        if !reading.enter_member(&member.name) {
            return Err(ReadError::TooDeep);
        }
        let name = member.wire_name();
        if member.xml_attribute {
            if let Some(text) = element.attribute(name) {
                read_scalar(member, text, fields.get(index))?;
            }
        } else {
            let found = find(element, member, name);
            if !found.is_empty() {
                read_elements(&found, member, fields.get(index), reading)?;
            }
        }
        reading.leave();
    }
    Ok(())
}

/// Whether a flattened list goes by its element's name rather than its own: where the list is
/// flat everywhere, not where only this member of it is.
fn named_by_element(member: &Member) -> bool {
    member.shape().flattened && member.location_name.is_none()
}

/// The children that make up a member: several only for flattened lists and maps.
fn find<'e, 'x>(element: &'e Element<'x>, member: &Member, name: &str) -> Vec<&'e Element<'x>> {
    let named: Vec<&Element> = element.children_named(name).collect();
    let shape = member.shape();
    if !named.is_empty() || shape.kind != Kind::List || !member.is_flattened() {
        return named;
    }
    match &shape.element().location_name {
        Some(name) => element.children_named(name).collect(),
        None => named,
    }
}

fn read_elements(
    found: &[&Element<'_>],
    member: &Member,
    value: &mut dyn Value,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let shape = member.shape();
    let flattened = member.is_flattened() && matches!(shape.kind, Kind::List | Kind::Map);
    match found {
        _ if flattened && shape.kind == Kind::List => read_list(found, member, value, reading),
        _ if flattened => read_map(found, member, value, reading),
        [one] => read_value(one, member, value, reading),
        _ => Err(ReadError::Syntax(format!("More than one element {}", member.wire_name()))),
    }
}

/// Reads any value from its element.
pub(crate) fn read_value(
    element: &Element<'_>,
    member: &Member,
    value: &mut dyn Value,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let shape = member.shape();
    match shape.kind {
        Kind::Structure => {
            let target = value.structure().map_err(|m| bad_parameter(&member.name, "", m))?;
            let mut fields = Fields::new(target);
            read_members(element, &mut fields, None, reading)?;
            fields.finish(reading);
            Ok(())
        }
        Kind::List => {
            let name = shape.element().location_name.as_deref().unwrap_or("member");
            let items: Vec<&Element> = element.children_named(name).collect();
            read_list(&items, member, value, reading)
        }
        Kind::Map => {
            let entries: Vec<&Element> = element.children_named("entry").collect();
            read_map(&entries, member, value, reading)
        }
        _ if element.has_children() => {
            Err(ReadError::Syntax(format!("Elements inside {}", member.wire_name())))
        }
        _ => read_scalar(member, &element.text, value),
    }
}

/// Text that does not fit is malformed XML to AWS, wherever it stands in the document.
fn read_scalar(member: &Member, text: &str, value: &mut dyn Value) -> Result<(), ReadError> {
    scalar::read(member, text, TimeFormat::Iso8601)
        .and_then(|scalar| value.put(scalar))
        .map_err(|mismatch| ReadError::Type(format!("{}: {mismatch}", member.name)))
}

fn read_list(
    items: &[&Element<'_>],
    member: &Member,
    value: &mut dyn Value,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let list = value.list().map_err(|m| bad_parameter(&member.name, "", m))?;
    for (index, item) in items.iter().enumerate() {
        if !reading.enter_element(index) {
            return Err(ReadError::TooDeep);
        }
        read_value(item, member.shape().element(), list.push(), reading)?;
        reading.leave();
    }
    Ok(())
}

fn read_map(
    entries: &[&Element<'_>],
    member: &Member,
    value: &mut dyn Value,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let shape = member.shape();
    let key_name = shape.key().location_name.as_deref().unwrap_or("key");
    let value_name = shape.element().location_name.as_deref().unwrap_or("value");
    let map = value.map().map_err(|m| bad_parameter(&member.name, "", m))?;
    for entry in entries {
        let Some(key) = entry.children_named(key_name).next() else {
            return Err(ReadError::Syntax(format!("An entry of {} has no key", member.name)));
        };
        if !reading.enter_entry(&key.text) {
            return Err(ReadError::TooDeep);
        }
        let slot = map.insert(&key.text);
        match entry.children_named(value_name).next() {
            Some(element) => read_value(element, shape.element(), slot, reading)?,
            None => reading.note_null(),
        }
        reading.leave();
    }
    Ok(())
}

/// Writes XML by schema.
pub(crate) struct Writer {
    pub out: String,
    times: TimeFormat,
    /// Members go by their names in awsQuery.
    by_query_name: bool,
}

impl Writer {
    pub fn new(times: TimeFormat) -> Self {
        Writer { out: String::with_capacity(256), times, by_query_name: false }
    }

    /// A writer of awsQuery's answers.
    pub fn of_query() -> Self {
        Writer { by_query_name: true, ..Writer::new(TimeFormat::Iso8601) }
    }

    fn name<'m>(&self, member: &'m Member) -> &'m str {
        if self.by_query_name { query_name(member) } else { member.wire_name() }
    }

    /// A start tag; attributes without value are left out.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.out.push('<');
        self.out.push_str(name);
        for (key, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            self.attribute(key, value);
        }
        self.out.push('>');
    }

    fn attribute(&mut self, name: &str, value: &str) {
        // Writing into a string cannot fail.
        let _ = write!(self.out, " {name}=\"");
        self.escaped(value);
        self.out.push('"');
    }

    pub fn close(&mut self, name: &str) {
        let _ = write!(self.out, "</{name}>");
    }

    /// `<name>text</name>`.
    pub fn leaf(&mut self, name: &str, text: &str) {
        self.open(name, &[]);
        self.escaped(text);
        self.close(name);
    }

    /// Text between tags.
    pub fn text(&mut self, text: &str) {
        self.escaped(text);
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                // Line ends would be normalised by the reader, other controls are not text.
                '\r' | '\u{85}' | '\u{2028}' => {
                    let _ = write!(self.out, "&#x{:X};", u32::from(c));
                }
                c if c < ' ' && !matches!(c, '\t' | '\n') => {
                    let _ = write!(self.out, "&#x{:X};", u32::from(c));
                }
                c => self.out.push(c),
            }
        }
    }

    fn start(&mut self, name: &str, member: &Member, attributes: Option<&dyn Struct>) {
        self.out.push('<');
        self.out.push_str(name);
        if let Some(namespace) =
            member.xml_namespace.as_ref().or(member.shape().xml_namespace.as_ref())
        {
            self.namespace(namespace);
        }
        for (index, member) in attributes.iter().flat_map(|s| s.shape().members.iter().enumerate())
        {
            let Some(value) = attributes.filter(|_| member.xml_attribute) else { continue };
            if let Some(text) = scalar::write(member, &value.field(index), self.times) {
                self.attribute(member.wire_name(), &text);
            }
        }
        self.out.push('>');
    }

    fn namespace(&mut self, namespace: &XmlNamespace) {
        match &namespace.prefix {
            Some(prefix) => self.attribute(&format!("xmlns:{prefix}"), &namespace.uri),
            None => self.attribute("xmlns", &namespace.uri),
        }
    }

    /// The members of a structure as elements; with `only`, those that travel there.
    pub fn members(&mut self, value: &dyn Struct, only: Option<Location>) {
        for (index, member) in value.shape().members.iter().enumerate() {
            if !member.xml_attribute && only.is_none_or(|only| member.location == only) {
                self.value(self.name(member), member, &value.field(index));
            }
        }
    }

    /// A structure as an element of this name; `member` is what refers to it.
    pub fn structure(
        &mut self,
        name: &str,
        member: &Member,
        value: &dyn Struct,
        only: Option<Location>,
    ) {
        self.start(name, member, Some(value));
        self.members(value, only);
        self.close(name);
    }

    /// Any value as an element of this name, or several for what is flattened.
    pub fn value(&mut self, name: &str, member: &Member, view: &View<'_>) {
        let shape = member.shape();
        match view {
            View::Absent => {}
            View::Struct(inner) => self.structure(name, member, *inner, None),
            View::List(list) => {
                let element = shape.element();
                let flattened = member.is_flattened();
                let inner_name = match (&element.location_name, flattened) {
                    (Some(inner_name), false) => inner_name,
                    (None, false) => "member",
                    (Some(inner_name), true) if named_by_element(member) => inner_name,
                    (_, true) => name,
                };
                if !flattened {
                    self.start(name, member, None);
                }
                for index in 0..list.len() {
                    self.value(inner_name, element, &list.get(index));
                }
                if !flattened {
                    self.close(name);
                }
            }
            View::Map(map) => {
                let flattened = member.is_flattened();
                if !flattened {
                    self.start(name, member, None);
                }
                let entry = if flattened { name } else { "entry" };
                map.visit(&mut |key, value| self.entry(entry, member, key, &value));
                if !flattened {
                    self.close(name);
                }
            }
            scalar => {
                let text = scalar::write(member, scalar, self.times).unwrap_or_default();
                self.start(name, member, None);
                self.escaped(&text);
                self.close(name);
            }
        }
    }

    fn entry(&mut self, name: &str, map: &Member, key: &str, value: &View<'_>) {
        let shape = map.shape();
        // A flattened entry stands for the map itself.
        match map.is_flattened() {
            true => self.start(name, map, None),
            false => self.open(name, &[]),
        }
        let [key_name, value_name] = entry_names(shape, self.by_query_name);
        self.value(key_name, shape.key(), &View::Str(key));
        self.value(value_name, shape.element(), value);
        self.close(name);
    }

    /// Code, message and the members of a modeled error that travel in the body.
    pub fn error(&mut self, facts: &Facts<'_>) {
        self.leaf("Code", facts.code());
        if let Some(message) = facts.extra_message() {
            self.leaf("Message", message);
        }
        let Some(detail) = facts.detail() else { return };
        for (index, member) in detail.shape().members.iter().enumerate() {
            if member.location == Location::Body && !member.name.eq_ignore_ascii_case("code") {
                // Clients look for this very name, whatever the model has.
                let message = member.name.eq_ignore_ascii_case("message");
                let name = if message { "Message" } else { member.wire_name() };
                self.value(name, member, &detail.field(index));
            }
        }
    }
}
