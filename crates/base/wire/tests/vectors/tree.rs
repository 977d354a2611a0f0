//! Bodies as trees, so that order, white space and lengths do not matter.

use std::collections::BTreeMap;

use base64::Engine as _;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value as Json, json};

type Outcome = Result<(), String>;

pub fn base64(text: &str) -> Vec<u8> {
    base64::prelude::BASE64_STANDARD.decode(text).unwrap()
}

/// JSON texts, or the plain text of a payload.
pub fn same_json(wanted: &[u8], got: &[u8]) -> Outcome {
    // An empty body and one without members say the same.
    let parse = |text: &[u8]| match text {
        b"" => Some(json!({})),
        text => serde_json::from_slice::<Json>(text).ok(),
    };
    match (parse(wanted), parse(got)) {
        (Some(wanted), Some(got)) => same_tree(&wanted, &got, "body"),
        _ if wanted == got => Ok(()),
        _ => Err("the bodies differ".to_owned()),
    }
}

/// Errors: the name as clients find it (in the header, `code` or `__type`, without what is
/// before # and after :), and all other members.
pub fn same_json_error(wanted: (Option<&str>, &[u8]), got: (Option<&str>, &[u8])) -> Outcome {
    let parse = |(header, body): (Option<&str>, &[u8])| {
        let mut body: Json = serde_json::from_slice(body).unwrap_or(json!({}));
        let members = body.as_object_mut().unwrap();
        let named = ["code", "__type"].map(|key| members.remove(key));
        let name = named.iter().flatten().filter_map(Json::as_str).next();
        let name = header.or(name).unwrap_or_default();
        let name = name.split(':').next().unwrap().rsplit('#').next().unwrap();
        json!({ "name": name, "members": body })
    };
    same_tree(&parse(wanted), &parse(got), "error")
}

fn same_tree(wanted: &Json, got: &Json, at: &str) -> Outcome {
    match (wanted, got) {
        (Json::Object(wanted), Json::Object(got)) => {
            let keys: std::collections::BTreeSet<_> = wanted.keys().chain(got.keys()).collect();
            for key in keys {
                let side = |tree: &serde_json::Map<String, Json>| {
                    let value = tree.get(key).cloned().unwrap_or(Json::Null);
                    // Clients cut off what is before # and after :.
                    match (key.as_str(), value.as_str()) {
                        ("__type", Some(name)) => {
                            let name = name.rsplit('#').next().unwrap();
                            json!(name.split(':').next())
                        }
                        _ => value,
                    }
                };
                same_tree(&side(wanted), &side(got), &format!("{at}.{key}"))?;
            }
            Ok(())
        }
        (Json::Array(wanted), Json::Array(got)) if wanted.len() == got.len() => wanted
            .iter()
            .zip(got)
            .enumerate()
            .try_for_each(|(i, (wanted, got))| same_tree(wanted, got, &format!("{at}[{i}]"))),
        (Json::Number(a), Json::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (wanted, got) if wanted == got => Ok(()),
        _ => Err(format!("{at}: {got} instead of {wanted}")),
    }
}

#[derive(Debug, Default)]
struct Element {
    attributes: BTreeMap<String, String>,
    /// Children by name; only those of one name have an order.
    children: BTreeMap<String, Vec<Element>>,
    text: String,
    /// Text beside children is only layout.
    parent: bool,
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        let layout = |e: &Self| e.parent || (e.text.contains('\n') && e.text.trim().is_empty());
        let all = |e: &Self| if layout(e) { e.text.trim().to_owned() } else { e.text.clone() };
        self.attributes == other.attributes
            && self.children == other.children
            && all(self) == all(other)
    }
}

/// Ours to choose, and not in all vectors.
const FREE: [&str; 4] = ["RequestId", "requestId", "RequestID", "ResponseMetadata"];

/// How the vectors' models name the keys of maps.
const KEYS: [&str; 5] = ["key", "K", "Attribute", "OuterKey", "InnerKey"];

/// XML documents, or the plain text of a payload.
pub fn same_xml(wanted: &[u8], got: &[u8]) -> Outcome {
    if wanted == got {
        return Ok(());
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|e| e.to_string());
    let (wanted, got) = (parse_xml(text(wanted)?)?, parse_xml(text(got)?)?);
    if wanted == got { Ok(()) } else { Err("the documents differ".to_owned()) }
}

fn parse_xml(text: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(text);
    let mut open = vec![(String::new(), Element::default())];
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(tag) => open.push(start(&tag)),
            Event::Empty(tag) => {
                open.push(start(&tag));
                close(&mut open);
            }
            Event::End(_) => close(&mut open),
            Event::Text(text) => push_text(&mut open, &text.into_inner()),
            Event::CData(text) => push_text(&mut open, &text.into_inner()),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&reference).unwrap().to_owned(),
                };
                push_text(&mut open, &text);
            }
            Event::Eof => return Ok(open.pop().unwrap().1),
            _ => {}
        }
    }
}

fn start(tag: &BytesStart<'_>) -> (String, Element) {
    let attributes = tag.attributes().map(|attribute| {
        let attribute = attribute.unwrap();
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
        (attribute.key.as_ref().to_owned(), value.into_owned())
    });
    let element = Element { attributes: attributes.collect(), ..Element::default() };
    (tag.local_name().as_ref().to_owned(), element)
}

fn close(open: &mut Vec<(String, Element)>) {
    let (name, mut element) = open.pop().unwrap();
    // A map's entries have no order.
    for children in element.children.values_mut() {
        let key = |entry: &Element| {
            KEYS.iter().find_map(|key| Some(entry.children.get(*key)?[0].text.clone()))
        };
        children.sort_by_cached_key(key);
    }
    open.last_mut().unwrap().1.parent = true;
    if !FREE.contains(&name.as_str()) {
        open.last_mut().unwrap().1.children.entry(name).or_default().push(element);
    }
}

fn push_text(open: &mut [(String, Element)], text: &str) {
    open.last_mut().unwrap().1.text.push_str(text);
}

pub fn same_cbor(wanted: &[u8], got: &[u8]) -> Outcome {
    let parse = |bytes: &[u8]| {
        if bytes.is_empty() { json!({}) } else { Cbor { bytes, at: 0 }.item() }
    };
    same_tree(&parse(wanted), &parse(got), "body")
}

/// Reads the vectors' well-formed CBOR into a JSON tree: blobs, tags and special numbers as text.
struct Cbor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cbor<'_> {
    fn take(&mut self, length: usize) -> &[u8] {
        self.at += length;
        &self.bytes[self.at - length..self.at]
    }

    fn number(&mut self, length: usize) -> u64 {
        self.take(length).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    fn at_break(&mut self) -> bool {
        let is = self.bytes[self.at] == 0xff;
        self.at += usize::from(is);
        is
    }

    fn item(&mut self) -> Json {
        let initial = self.number(1);
        let (major, info) = (initial >> 5, initial & 31);
        let argument = match info {
            0..=23 => Some(info),
            24..=27 => Some(self.number(1 << (info - 24))),
            _ => None,
        };
        match (major, argument) {
            (0, Some(n)) => json!(n),
            (1, Some(n)) => json!(-1 - i64::try_from(n).unwrap()),
            (2, Some(n)) => json!(format!("bytes {:?}", self.take(n as usize))),
            (3, Some(n)) => json!(String::from_utf8(self.take(n as usize).to_vec()).unwrap()),
            (3, None) => {
                let mut whole = String::new();
                while !self.at_break() {
                    whole.push_str(self.item().as_str().unwrap());
                }
                json!(whole)
            }
            (4, length) => {
                let mut items = Vec::new();
                while length.map_or_else(|| !self.at_break(), |n| (items.len() as u64) < n) {
                    items.push(self.item());
                }
                json!(items)
            }
            (5, length) => {
                let mut items = serde_json::Map::new();
                let mut count = 0;
                while length.map_or_else(|| !self.at_break(), |n| count < n) {
                    let key = self.item().as_str().unwrap().to_owned();
                    let value = self.item();
                    items.insert(key, value);
                    count += 1;
                }
                Json::Object(items)
            }
            (6, Some(tag)) => json!(format!("tag {tag} {:?}", self.item().as_f64())),
            (7, Some(n)) => match info {
                20 | 21 => json!(info == 21),
                25 => float(half(n)),
                26 => float(f64::from(f32::from_bits(n as u32))),
                27 => float(f64::from_bits(n)),
                _ => Json::Null,
            },
            other => panic!("unexpected CBOR {other:?}"),
        }
    }
}

fn half(bits: u64) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 31, (bits & 1023) as f64);
    let size = match exponent {
        0 => fraction / 1024.0 / 16384.0,
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent as i32 - 15),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

fn float(value: f64) -> Json {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}
