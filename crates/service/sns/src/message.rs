//! What is published: checks, and the text for each protocol.

use std::collections::BTreeMap;

use api_sns::MessageAttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Fault;
use serde_json::Value as Json;

use crate::error::invalid;
use crate::record::Attribute;

/// Longest message with its attributes, in bytes.
const MESSAGE_BYTES_MAX: usize = 262_144;
/// Longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 100;

/// A message as a request has it.
#[derive(Default)]
pub(crate) struct Given {
    pub message: String,
    pub subject: Option<String>,
    pub structure: Option<String>,
    pub attributes: Option<BTreeMap<String, MessageAttributeValue>>,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
}

/// A message that may be published.
pub(crate) struct Message {
    text: String,
    /// Texts by protocol, when the message's structure is JSON.
    by_protocol: Option<BTreeMap<String, String>>,
    pub subject: Option<String>,
    pub attributes: BTreeMap<String, Attribute>,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
}

impl Message {
    /// Checks a message.
    pub fn new(given: Given) -> Result<Self, Fault> {
        if given.message.is_empty() {
            return Err(invalid("Empty message"));
        }
        let attributes = attributes(given.attributes.unwrap_or_default())?;
        let sizes = attributes.iter().map(|(n, a)| n.len() + a.data_type.len() + a.value.len());
        if given.message.len() + sizes.sum::<usize>() > MESSAGE_BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        if let Some(subject) = &given.subject {
            let plain = subject.chars().all(|c| !c.is_control());
            if subject.is_empty() || subject.chars().count() > SUBJECT_CHARS_MAX || !plain {
                return Err(invalid("Subject"));
            }
        }
        let by_protocol = match given.structure.as_deref() {
            None | Some("") => None,
            Some("json") => Some(by_protocol(&given.message)?),
            Some(_) => return Err(invalid("Unrecognized Message Structure")),
        };
        let Given { message: text, subject, group, deduplication_id, .. } = given;
        Ok(Message { text, by_protocol, subject, attributes, group, deduplication_id })
    }

    /// The text for subscribers of a protocol.
    pub fn text(&self, protocol: &str) -> &str {
        match &self.by_protocol {
            None => &self.text,
            Some(texts) => {
                texts.get(protocol).or_else(|| texts.get("default")).map_or("", String::as_str)
            }
        }
    }
}

fn by_protocol(text: &str) -> Result<BTreeMap<String, String>, Fault> {
    let Ok(Json::Object(texts)) = serde_json::from_str(text) else {
        return Err(invalid("Message Structure - JSON message body failed to parse"));
    };
    if !texts.get("default").is_some_and(Json::is_string) {
        return Err(invalid("Message Structure - No default entry in JSON message body"));
    }
    let texts = texts.into_iter().filter_map(|(name, text)| match text {
        Json::String(text) => Some((name, text)),
        _ => None,
    });
    Ok(texts.collect())
}

fn attributes(
    given: BTreeMap<String, MessageAttributeValue>,
) -> Result<BTreeMap<String, Attribute>, Fault> {
    let refused = |message: String| Err(Fault::sender("ParameterValueInvalid", message));
    let mut attributes = BTreeMap::new();
    for (name, value) in given {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.len() > 256 || !name.chars().all(plain) {
            return Err(invalid("Message attribute name"));
        }
        let base = value.data_type.split('.').next().unwrap_or_default();
        if value.data_type.is_empty() {
            return refused(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            ));
        }
        if !matches!(base, "String" | "Number" | "Binary") {
            return refused(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of \
                 supported type prefixes is Binary, Number, and String."
            ));
        }
        let text = match (base, value.string_value, value.binary_value) {
            ("Binary", None, Some(bytes)) if !bytes.0.is_empty() => STANDARD.encode(&bytes.0),
            ("String" | "Number", Some(text), None) if !text.is_empty() => text,
            ("Binary", Some(_), None) | ("String" | "Number", None, Some(_)) => {
                let field = if base == "Binary" { "Binary" } else { "String" };
                return refused(format!(
                    "The message attribute '{name}' with type '{}' must use field '{field}'.",
                    value.data_type
                ));
            }
            _ => {
                return refused(format!(
                    "The message attribute '{name}' must contain non-empty message attribute \
                     value for message attribute type '{}'.",
                    value.data_type
                ));
            }
        };
        if base == "Number" && text.parse::<f64>().is_err() {
            return refused(format!("Could not cast message attribute '{name}' value to number."));
        }
        attributes.insert(name, Attribute { data_type: value.data_type, value: text });
    }
    Ok(attributes)
}
