//! What was sent: the body and its attributes.

use std::collections::BTreeMap;

use api_sqs::{MessageAttributeValue, MessageSystemAttributeValue};
use bytes::Bytes;
use kernel::Fault;
use serde::{Deserialize, Serialize};
use shape::Blob;

use crate::error::{invalid, modeled};
use crate::seal;

/// Most attributes of a message.
const ATTRIBUTES_MAX: usize = 10;
/// Longest name and longest type of an attribute, in characters.
const NAME_CHARS_MAX: usize = 256;
/// The one system attribute that can be sent.
pub(crate) const TRACE: &str = "AWSTraceHeader";

/// A message as it was sent; it never changes.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    pub message_id: String,
    pub body: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Attribute>,
    /// User id of who sent it.
    pub sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<String>,
}

/// An attribute.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Attribute {
    pub data_type: String,
    pub value: Value,
}

/// What an attribute holds.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Value {
    /// `String` and `Number`.
    #[serde(rename = "t")]
    Text(String),
    /// `Binary`.
    #[serde(rename = "b", with = "seal::base64_bytes")]
    Bytes(Vec<u8>),
}

impl Attribute {
    /// Bytes that count towards the size of the message, without the name.
    fn size(&self) -> usize {
        let value = match &self.value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
        };
        self.data_type.len() + value
    }

    /// For the answer.
    pub fn output(&self) -> MessageAttributeValue {
        let (string_value, binary_value) = match &self.value {
            Value::Text(text) => (Some(text.clone()), None),
            Value::Bytes(bytes) => (None, Some(Blob(Bytes::copy_from_slice(bytes)))),
        };
        let data_type = self.data_type.clone();
        MessageAttributeValue { string_value, binary_value, data_type, ..Default::default() }
    }
}

/// Bytes of a message that count: body, and names, types and values of attributes.
pub(crate) fn size(body: &str, attributes: &BTreeMap<String, Attribute>) -> usize {
    let attributes = attributes.iter().map(|(name, attribute)| name.len() + attribute.size());
    body.len() + attributes.sum::<usize>()
}

/// Refuses characters that a message must not contain.
pub(crate) fn check_body(body: &str) -> Result<(), Fault> {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..);
    if body.chars().all(fits) {
        return Ok(());
    }
    let refused = modeled!(
        InvalidMessageContents,
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF \
         | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    );
    Err(refused.into())
}

/// Attributes as they were sent.
pub(crate) fn attributes(
    sent: Option<BTreeMap<String, MessageAttributeValue>>,
) -> Result<BTreeMap<String, Attribute>, Fault> {
    let sent = sent.unwrap_or_default();
    if sent.len() > ATTRIBUTES_MAX {
        return Err(invalid(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{ATTRIBUTES_MAX}].",
            sent.len()
        )));
    }
    let checked = sent.into_iter().map(|(name, value)| {
        check_name(&name)?;
        let lists = value.string_list_values.is_some() || value.binary_list_values.is_some();
        if lists {
            return Err(fault_of_lists());
        }
        let attribute = attribute(&name, value.data_type, value.string_value, value.binary_value)?;
        Ok((name, attribute))
    });
    checked.collect()
}

/// The trace header, the only system attribute there is.
pub(crate) fn trace(
    sent: Option<BTreeMap<String, MessageSystemAttributeValue>>,
) -> Result<Option<Attribute>, Fault> {
    let Some((name, value)) = sent.into_iter().flatten().next() else { return Ok(None) };
    let attribute = attribute(&name, value.data_type, value.string_value, value.binary_value)?;
    if attribute.data_type != "String" {
        let message = format!("The message system attribute '{TRACE}' must be of type 'String'.");
        return Err(invalid(message));
    }
    Ok(Some(attribute))
}

fn fault_of_lists() -> Fault {
    let message = "Message attribute list values in SendMessage operation are not supported.";
    modeled!(UnsupportedOperation, "{message}").into()
}

fn check_name(name: &str) -> Result<(), Fault> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let lower = name.to_ascii_lowercase();
    let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "The length of message attribute name must be between 1 and {NAME_CHARS_MAX}."
        )));
    }
    if !name.chars().all(plain) || dots || reserved {
        let shown: String = name.chars().filter(|c| !c.is_control()).collect();
        return Err(invalid(format!(
            "The message attribute name '{shown}' is invalid. Attribute name can contain A-Z, a-z, \
             0-9, underscore (_), hyphen (-), and period (.) characters."
        )));
    }
    Ok(())
}

fn attribute(
    name: &str,
    data_type: String,
    text: Option<String>,
    bytes: Option<Blob>,
) -> Result<Attribute, Fault> {
    if data_type.is_empty() {
        return Err(invalid(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        )));
    }
    let prefix = data_type.split('.').next().unwrap_or_default();
    let is_text = matches!(prefix, "String" | "Number");
    if !is_text && prefix != "Binary" || data_type.chars().count() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "The message attribute '{name}' has an invalid message attribute type, the set of \
             supported type prefixes is Binary, Number, and String."
        )));
    }
    let value = match (is_text, text, bytes) {
        (true, Some(text), None) if !text.is_empty() => Value::Text(text),
        (false, None, Some(bytes)) if !bytes.0.is_empty() => Value::Bytes(bytes.0.to_vec()),
        (true, None, Some(_)) | (false, Some(_), None) => {
            let field = if is_text { "String" } else { "Binary" };
            return Err(invalid(format!(
                "The message attribute '{name}' with type '{prefix}' must use field '{field}'."
            )));
        }
        _ => {
            return Err(invalid(format!(
                "The message attribute '{name}' must contain non-empty message attribute value \
                 for message attribute type '{data_type}'."
            )));
        }
    };
    check_value(name, prefix, &value)?;
    Ok(Attribute { data_type, value })
}

fn check_value(name: &str, prefix: &str, value: &Value) -> Result<(), Fault> {
    let Value::Text(text) = value else { return Ok(()) };
    if prefix == "Number" && !is_number(text) {
        return Err(invalid(format!("Could not cast message attribute '{name}' value to number.")));
    }
    check_body(text)
}

/// Digits with at most one point, a sign, an exponent.
fn is_number(text: &str) -> bool {
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    digits && text.parse::<f64>().is_ok_and(f64::is_finite)
}
