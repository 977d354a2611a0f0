//! What restJson1 and restXml have in common: labels, queries, headers, status, payload.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Response};
use shape::{
    Fields, Kind, Location, Map, Member, Mismatch, Operation, Reading, Scalar, Struct, TimeFormat,
    Value, View,
};

use crate::form::{Pair, query_pairs};
use crate::scalar::{self, bad_parameter};
use crate::{ReadError, Request, header, route};

/// The format of bodies: the part that differs between the two protocols.
pub(crate) trait Body {
    /// `application/json`.
    fn content_type(&self) -> &'static str;
    /// Reads the members that travel in the body.
    fn read_members(
        &self,
        body: &[u8],
        fields: &mut Fields,
        reading: &mut Reading,
    ) -> Result<(), ReadError>;
    /// Reads a body that is one member, neither blob nor string.
    fn read_payload(
        &self,
        body: &[u8],
        member: &Member,
        value: &mut dyn Value,
        reading: &mut Reading,
    ) -> Result<(), ReadError>;
    /// Writes the members that travel in the body. An output without any may be no body at all.
    fn write_members(&self, output: &dyn Struct) -> Vec<u8>;
    /// Writes a body that is one member, neither blob nor string.
    fn write_payload(&self, member: &Member, view: &View<'_>) -> Vec<u8>;
}

pub(crate) fn read(
    op: &Operation,
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
    body: &dyn Body,
) -> Result<(), ReadError> {
    let mut fields = Fields::new(input);
    let shape = fields.shape();
    let labels = route::labels(op, request.path).unwrap_or_default();
    let query = query_pairs(request.query)?;
    let streamed = shape.streamed();
    for (index, member) in shape.members.iter().enumerate() {
        let _ = reading.enter_member(&member.name);
        let name = member.wire_name();
        match member.location {
            Location::Uri => {
                if let Some((_, text)) = labels.iter().find(|(label, _)| *label == name) {
                    put(member, name, text, TimeFormat::Iso8601, fields.get(index))?;
                }
            }
            Location::QueryString => read_query(op, &query, index, &mut fields)?,
            Location::Header => read_header(request.headers, member, index, &mut fields)?,
            Location::Headers => read_headers(request.headers, member, index, &mut fields)?,
            Location::StatusCode => {}
            // The gateway hands it over; it is there even if it is empty.
            Location::Body if streamed == Some(index) && request.body.is_empty() => {
                let _ = fields.get(index);
            }
            Location::Body if shape.payload == Some(index as u32) => {
                read_payload(&request.body, member, index, &mut fields, reading, body)?;
            }
            Location::Body => {}
        }
        reading.leave();
    }
    let in_body = |member: &Member| member.location == Location::Body;
    if shape.payload.is_none() && shape.members.iter().any(in_body) {
        body.read_members(&request.body, &mut fields, reading)?;
    }
    fields.finish(reading);
    Ok(())
}

fn put(
    member: &Member,
    name: &str,
    text: &str,
    times: TimeFormat,
    value: &mut dyn Value,
) -> Result<(), ReadError> {
    let bad = |mismatch| bad_parameter(name, text, mismatch);
    if member.json_value {
        let json = BASE64_STANDARD.decode(text).map_err(|_| bad(Mismatch::Format))?;
        let json = String::from_utf8(json).map_err(|_| bad(Mismatch::Format))?;
        return value.put(Scalar::Str(json.into())).map_err(bad);
    }
    scalar::read(member, text, times).and_then(|scalar| value.put(scalar)).map_err(bad)
}

fn read_query(
    op: &Operation,
    query: &[Pair<'_>],
    index: usize,
    fields: &mut Fields,
) -> Result<(), ReadError> {
    let shape = fields.shape();
    let member = &shape.members[index];
    let name = member.wire_name();
    match member.shape().kind {
        Kind::Map => {
            // Everything but the URI's own literals: also what named members have got.
            let literal = |key: &str| route::literals(&op.uri).any(|(literal, _)| literal == key);
            let free: Vec<_> = query.iter().filter(|(key, _)| !literal(key)).collect();
            if free.is_empty() {
                return Ok(());
            }
            let map = fields.get(index).map().map_err(|m| bad_parameter(name, "", m))?;
            read_query_map(member, &free, map)
        }
        Kind::List => {
            let texts: Vec<_> = query.iter().filter(|(key, _)| key == name).collect();
            if texts.is_empty() {
                return Ok(());
            }
            let list = fields.get(index).list().map_err(|m| bad_parameter(name, "", m))?;
            for (_, text) in texts {
                put(member.shape().element(), name, text, TimeFormat::Iso8601, list.push())?;
            }
            Ok(())
        }
        _ => match query.iter().find(|(key, _)| key == name) {
            Some((_, text)) => put(member, name, text, TimeFormat::Iso8601, fields.get(index)),
            None => Ok(()),
        },
    }
}

fn read_query_map(
    member: &Member,
    pairs: &[&Pair<'_>],
    map: &mut dyn Map,
) -> Result<(), ReadError> {
    let element = member.shape().element();
    let mut lists: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (key, text) in pairs {
        if element.shape().kind == Kind::List {
            lists.entry(key).or_default().push(text);
        } else {
            put(element, key, text, TimeFormat::Iso8601, map.insert(key))?;
        }
    }
    for (key, texts) in lists {
        let list = map.insert(key).list().map_err(|m| bad_parameter(key, "", m))?;
        for text in texts {
            put(element.shape().element(), key, text, TimeFormat::Iso8601, list.push())?;
        }
    }
    Ok(())
}

/// A header's text; several of one name are one list.
fn header_text(headers: &HeaderMap, name: &str) -> Result<Option<String>, ReadError> {
    let mut text: Option<String> = None;
    for value in headers.get_all(name) {
        let part = std::str::from_utf8(value.as_bytes())
            .map_err(|_| bad_parameter(name, "", Mismatch::Format))?;
        match &mut text {
            None => text = Some(part.trim().to_owned()),
            Some(text) => {
                text.push(',');
                text.push_str(part.trim());
            }
        }
    }
    Ok(text)
}

fn read_header(
    headers: &HeaderMap,
    member: &Member,
    index: usize,
    fields: &mut Fields,
) -> Result<(), ReadError> {
    let name = member.wire_name();
    let Some(text) = header_text(headers, name)? else { return Ok(()) };
    if member.shape().kind != Kind::List {
        return put(member, name, &text, TimeFormat::HttpDate, fields.get(index));
    }
    let element = member.shape().element();
    let items =
        split_list(&text, element).ok_or_else(|| bad_parameter(name, &text, Mismatch::Format))?;
    let list = fields.get(index).list().map_err(|m| bad_parameter(name, "", m))?;
    for item in items {
        put(element, name, &item, TimeFormat::HttpDate, list.push())?;
    }
    Ok(())
}

/// Splits a header list at its commas: HTTP dates have one of their own, quoted strings any.
fn split_list(text: &str, element: &Member) -> Option<Vec<String>> {
    let dates = element.shape().kind == Kind::Timestamp
        && element.time_format().unwrap_or(TimeFormat::HttpDate) == TimeFormat::HttpDate;
    if dates {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        return Some(parts.chunks(2).map(|date| date.join(", ")).collect());
    }
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let item;
        (item, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_string(quoted)?
        } else {
            let (item, rest) = rest.split_once(',').map_or((rest, None), |(i, r)| (i, Some(r)));
            (item.trim().to_owned(), rest.map_or("", str::trim_start))
        };
        items.push(item);
    }
    Some(items)
}

/// Reads to the closing quote and over the comma after it.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => item.push(chars.next()?.1),
            '"' => {
                let rest = text[at + 1..].trim_start();
                let rest = if rest.is_empty() { rest } else { rest.strip_prefix(',')? };
                return Some((item, rest.trim_start()));
            }
            c => item.push(c),
        }
    }
    None
}

fn read_headers(
    headers: &HeaderMap,
    member: &Member,
    index: usize,
    fields: &mut Fields,
) -> Result<(), ReadError> {
    let prefix = member.wire_name().to_ascii_lowercase();
    let prefix = member.location_name.as_ref().map_or("", |_| prefix.as_str());
    let names = headers.keys().filter_map(|name| name.as_str().strip_prefix(prefix));
    let keys: Vec<&str> = names.collect();
    if keys.is_empty() {
        return Ok(());
    }
    let map = fields.get(index).map().map_err(|m| bad_parameter(prefix, "", m))?;
    for key in keys {
        let name = format!("{prefix}{key}");
        let text = header_text(headers, &name)?.unwrap_or_default();
        let element = member.shape().element();
        put(element, &name, &text, TimeFormat::HttpDate, map.insert(key))?;
    }
    Ok(())
}

fn read_payload(
    bytes: &Bytes,
    member: &Member,
    index: usize,
    fields: &mut Fields,
    reading: &mut Reading,
    body: &dyn Body,
) -> Result<(), ReadError> {
    if bytes.is_empty() {
        return Ok(());
    }
    let name = &member.name;
    let scalar = match member.shape().kind {
        Kind::Blob => Scalar::Blob(bytes.clone()),
        Kind::String => Scalar::Str(
            std::str::from_utf8(bytes)
                .map_err(|_| bad_parameter(name, "", Mismatch::Format))?
                .into(),
        ),
        _ => return body.read_payload(bytes, member, fields.get(index), reading),
    };
    fields.get(index).put(scalar).map_err(|m| bad_parameter(name, "", m))
}

/// The headers that a structure's members travel in.
pub(crate) fn headers(value: &dyn Struct) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for (index, member) in value.shape().members.iter().enumerate() {
        match (member.location, value.field(index)) {
            (Location::Headers, View::Map(map)) => {
                let prefix = member.location_name.as_deref().unwrap_or("");
                map.visit(&mut |key, view| {
                    out.extend(
                        header_value(member.shape().element(), &view)
                            .map(|value| (format!("{prefix}{key}"), value)),
                    );
                });
            }
            (Location::Header, view) => {
                let text = header_value(member, &view);
                out.extend(text.map(|text| (member.wire_name().to_owned(), text)));
            }
            _ => {}
        }
    }
    out
}

fn header_value(member: &Member, view: &View<'_>) -> Option<String> {
    if let View::List(list) = view {
        let element = member.shape().element();
        let items: Vec<String> = (0..list.len())
            .filter_map(|index| scalar::write(element, &list.get(index), TimeFormat::HttpDate))
            .map(|text| if element.shape().kind == Kind::String { quoted(text) } else { text })
            .collect();
        return (!items.is_empty()).then(|| items.join(", "));
    }
    let text = scalar::write(member, view, TimeFormat::HttpDate)?;
    Some(if member.json_value { BASE64_STANDARD.encode(text) } else { text })
}

/// A string in a header list, in quotes if it has what would end it.
fn quoted(text: String) -> String {
    if !text.contains([',', '"']) {
        return text;
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writes a successful answer.
pub(crate) fn write(
    op: &Operation,
    output: &dyn Struct,
    request_id: (String, String),
    body: &dyn Body,
) -> Response<Bytes> {
    let shape = output.shape();
    let mut all = vec![request_id];
    let (bytes, content_type) = match shape.payload {
        Some(index) => payload(&shape.members[index as usize], &output.field(index as usize), body),
        None => match body.write_members(output) {
            empty if empty.is_empty() || op.status == 204 => (Vec::new(), None),
            bytes => (bytes, Some(body.content_type())),
        },
    };
    all.extend(content_type.map(|value| header("content-type", value)));
    all.extend(headers(output));
    let status = shape.members.iter().enumerate().find_map(|(index, member)| {
        match (member.location, output.field(index)) {
            (Location::StatusCode, View::Int(status)) => u16::try_from(status).ok(),
            _ => None,
        }
    });
    let status = status.filter(|status| (100..1000).contains(status)).unwrap_or(op.status);
    crate::response(status, all, bytes)
}

fn payload(member: &Member, view: &View<'_>, body: &dyn Body) -> (Vec<u8>, Option<&'static str>) {
    match view {
        View::Absent => (Vec::new(), None),
        // The gateway writes it.
        View::Stream(_) => (Vec::new(), Some("application/octet-stream")),
        View::Blob(bytes) => (bytes.to_vec(), Some("application/octet-stream")),
        View::Str(text) => (text.as_bytes().to_vec(), Some("text/plain")),
        view => (body.write_payload(member, view), Some(body.content_type())),
    }
}
