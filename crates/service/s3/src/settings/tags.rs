//! Tags of buckets and objects: their rules, and the `x-amz-tagging` header.

use std::collections::BTreeSet;

use api_s3::Tag;
use kernel::Fault;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

use super::refusal::{invalid_argument, malformed_xml};

/// S3's limit for an object.
pub(crate) const OBJECT_TAGS_MAX: usize = 10;
/// S3's limit for a bucket.
pub(crate) const BUCKET_TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
/// `Tagging`, `TagSet`, `Tag`, `Key`.
const XML_DEPTH_MAX: usize = 4;
const VALUE_CHARS_MAX: usize = 256;

/// Names and values, in the order given.
pub(crate) type Tags = Vec<(String, String)>;

/// Checks the tags of an object.
pub(crate) fn of_object(tags: Vec<Tag>) -> Result<Tags, Fault> {
    if tags.len() > OBJECT_TAGS_MAX {
        return Err(Fault::sender("BadRequest", "Object tags cannot be greater than 10"));
    }
    checked(tags.into_iter().map(|tag| (tag.key, tag.value)))
}

/// Checks the tags of a bucket.
pub(crate) fn of_bucket(tags: Vec<Tag>) -> Result<Tags, Fault> {
    if tags.len() > BUCKET_TAGS_MAX {
        return Err(Fault::sender("BadRequest", "Bucket tag count cannot be greater than 50"));
    }
    checked(tags.into_iter().map(|tag| (tag.key, tag.value)))
}

/// As the API shows them.
pub(crate) fn to_api(tags: &[(String, String)]) -> Vec<Tag> {
    let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
    tags.iter().map(tag).collect()
}

/// Reads the value of an `x-amz-tagging` header: a form-encoded query.
pub(crate) fn from_header(text: &str) -> Result<Tags, Fault> {
    let unreadable = || {
        invalid_argument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query \
             parameters without tag name duplicates.",
        )
    };
    let mut tags = Vec::new();
    let mut seen = BTreeSet::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (form_decode(key), form_decode(value));
        let (Some(key), Some(value)) = (key, value) else { return Err(unreadable()) };
        if !seen.insert(key.clone()) {
            return Err(unreadable());
        }
        tags.push((key, value));
        if tags.len() > OBJECT_TAGS_MAX {
            return Err(Fault::sender("BadRequest", "Object tags cannot be greater than 10"));
        }
    }
    checked(tags.into_iter())
}

fn checked(tags: impl Iterator<Item = (String, String)>) -> Result<Tags, Fault> {
    let invalid = |text: &'static str| Err(Fault::sender("InvalidTag", text));
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for (key, value) in tags {
        let length = key.chars().count();
        if length == 0 || length > KEY_CHARS_MAX || !key.chars().all(is_tag_char) {
            return invalid("The TagKey you have provided is invalid");
        }
        if value.chars().count() > VALUE_CHARS_MAX || !value.chars().all(is_tag_char) {
            return invalid("The TagValue you have provided is invalid");
        }
        if key.starts_with("aws:") {
            return invalid("System tags cannot be added/updated by requester");
        }
        if !seen.insert(key.clone()) {
            return invalid("Cannot provide multiple Tags with the same key");
        }
        kept.push((key, value));
    }
    Ok(kept)
}

/// Reads a `Tagging` document, as forms have it in a field.
pub(crate) fn from_xml(xml: &str) -> Result<Tags, Fault> {
    let mut reader = Reader::from_str(xml);
    let (mut tags, mut path) = (Vec::new(), Vec::<String>::new());
    let (mut key, mut value) = (String::new(), String::new());
    loop {
        match reader.read_event().map_err(|_| malformed_xml())? {
            Event::Start(tag) if path.len() < XML_DEPTH_MAX => {
                path.push(tag.local_name().as_ref().to_owned());
            }
            Event::Empty(_) => {}
            Event::End(_) => {
                if path.pop().as_deref() == Some("Tag") {
                    tags.push(Tag {
                        key: std::mem::take(&mut key),
                        value: std::mem::take(&mut value),
                    });
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match path.last().map(String::as_str) {
                    Some("Key") => key.push_str(&text),
                    Some("Value") => value.push_str(&text),
                    _ => {}
                }
            }
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|_| malformed_xml())?;
                let named = || resolve_xml_entity(&reference).map(str::to_owned);
                let text = character.map(String::from).or_else(named).ok_or_else(malformed_xml)?;
                match path.last().map(String::as_str) {
                    Some("Key") => key.push_str(&text),
                    Some("Value") => value.push_str(&text),
                    _ => return Err(malformed_xml()),
                }
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof if path.is_empty() => return of_object(tags),
            _ => return Err(malformed_xml()),
        }
    }
}

/// Encodes for a query: everything but unreserved characters.
pub(crate) fn form_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
            continue;
        }
        out.push('%');
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
        }
    }
    out
}

/// Letters, numbers and white space of any script, and eight signs.
fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

/// Decodes a form's text: `+` is a space. Nothing if it is broken or no UTF-8.
pub(crate) fn form_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                out.push((digit(at + 1)? * 16 + digit(at + 2)?) as u8);
                at += 3;
            }
            byte => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(result: Result<Tags, Fault>) -> String {
        match result {
            Ok(tags) => tags.iter().map(|(k, v)| format!("{k}={v};")).collect(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn headers_are_read() {
        let check = |text: &str, expected: &str| {
            let got = shown(from_header(text));
            assert!(got.contains(expected), "{text}: {got} lacks {expected}");
        };
        check("", "");
        check("a=1&b=two+words%2B", "a=1;b=two words+;");
        check("flag", "flag=;");
        check("k=a=b", "k=a=b;");
        check("a=1&a=2", "shall be encoded");
        check("a=%zz", "shall be encoded");
        check("a=%ff", "shall be encoded");
        check("aws:x=1", "System tags");
        check("a=%00", "TagValue");
        check("=1", "TagKey");
        check("k1=&k2=&k3=&k4=&k5=&k6=&k7=&k8=&k9=&k10=&k11=", "greater than 10");
    }

    #[test]
    fn documents_are_read() {
        let check = |inner: &str, expected: &str| {
            let xml = format!("<Tagging><TagSet>{inner}</TagSet></Tagging>");
            let got = shown(from_xml(&xml));
            assert!(got.contains(expected), "{inner}: {got} lacks {expected}");
        };
        let tag =
            |key: &str, value: &str| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
        check("", "");
        check(&(tag("a", "1") + &tag("b &#x2b;", "")), "a=1;b +=;");
        check(&tag("a", "&lt;"), "TagValue");
        check("<Tag><Key>a</Key>", "MalformedXML");
        check("<Tag><Key><Key><Key>a</Key></Key></Key></Tag>", "MalformedXML");
        check("<!DOCTYPE x>", "MalformedXML");
        assert_eq!(form_encode("a b/+ü"), "a%20b%2F%2B%C3%BC");
    }

    #[test]
    fn sets_are_checked() {
        let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
        let check = |tags: Vec<Tag>, expected: &str| {
            let got = shown(of_bucket(tags));
            assert!(got.contains(expected), "{got} lacks {expected}");
        };
        check(vec![tag("Ünïcode _.:/=+-@", "ok")], "Ünïcode _.:/=+-@=ok;");
        check(vec![tag("a", "1"), tag("a", "2")], "multiple Tags");
        check(vec![tag(&"k".repeat(129), "")], "TagKey");
        check(vec![tag("k", &"v".repeat(257))], "TagValue");
        check(vec![tag("k", "semi;colon")], "TagValue");
        check((0..51).map(|n| tag(&n.to_string(), "")).collect(), "greater than 50");
    }
}
