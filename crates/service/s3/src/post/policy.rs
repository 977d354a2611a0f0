//! The policy document of a form: what its fields may be, how long the file, and until when.

use kernel::{Fault, Timestamp};
use serde_json::Value as Json;
use shape::TimeFormat;

use crate::settings::refusal::access_denied;

/// Conditions of a policy; S3 knows no limit but that of the form, which is 20 KiB.
const CONDITIONS_MAX: usize = 1000;
/// Fields that need no condition.
const FREE: [&str; 5] = ["x-amz-signature", "policy", "file", "awsaccesskeyid", "signature"];

/// The fields of a form, in order; names in lower case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

/// A policy whose conditions have been read.
#[derive(Debug)]
pub(crate) struct Policy {
    /// Milliseconds since 1970.
    until_ms: i64,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equals {
        field: String,
        value: String,
        shown: String,
    },
    StartsWith {
        field: String,
        start: String,
        shown: String,
    },
    /// Bytes of the file, inclusive.
    Length {
        from: u64,
        to: u64,
    },
}

impl Fields {
    /// Adds a field; a name that comes twice keeps its first value.
    pub fn add(&mut self, name: &str, value: String) {
        let name = name.to_ascii_lowercase();
        if self.get(&name).is_none() {
            self.0.push((name, value));
        }
    }

    /// A field by its name in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Changes a field.
    pub fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some(field) => field.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Policy {
    /// Reads a document, already decoded from Base64.
    pub fn read(document: &[u8]) -> Result<Self, Fault> {
        let document: Json = serde_json::from_slice(document)
            .map_err(|_| invalid("Invalid Policy: Invalid JSON."))?;
        let Json::Object(document) = document else {
            return Err(invalid("Invalid Policy: Invalid JSON."));
        };
        let Some(expiration) = document.get("expiration") else {
            return Err(invalid("Invalid Policy: Policy missing expiration."));
        };
        let until = expiration
            .as_str()
            .and_then(|text| Timestamp::parse(text, TimeFormat::Iso8601).ok())
            .ok_or_else(|| {
                let shown: String = expiration.to_string().chars().take(100).collect();
                invalid(format!("Invalid Policy: Invalid 'expiration' value: {shown}"))
            })?;
        let Some(Json::Array(conditions)) = document.get("conditions") else {
            return Err(invalid("Invalid Policy: Policy missing conditions."));
        };
        if conditions.len() > CONDITIONS_MAX {
            return Err(invalid("Invalid Policy: Too many conditions."));
        }
        let mut read = Vec::with_capacity(conditions.len());
        for condition in conditions {
            Condition::read(condition, &mut read)?;
        }
        Ok(Self { until_ms: until.epoch_ms, conditions: read })
    }

    /// Whether the form may be taken now. Every field has to be named by a condition.
    pub fn check(&self, bucket: &str, fields: &Fields, now: Timestamp) -> Result<(), Fault> {
        if now.epoch_ms > self.until_ms {
            return Err(refused("Policy expired."));
        }
        let value = |field: &str| match field {
            "bucket" => Some(bucket),
            other => fields.get(other),
        };
        for condition in &self.conditions {
            let (holds, shown) = match condition {
                Condition::Equals { field, value: wanted, shown } => {
                    (value(field).unwrap_or("") == wanted, shown)
                }
                Condition::StartsWith { field, start, shown } => {
                    (value(field).is_some_and(|text| starts(field, text, start)), shown)
                }
                Condition::Length { .. } => continue,
            };
            if !holds {
                return Err(refused(format!("Policy Condition failed: {shown}")));
            }
        }
        let named = |name: &str| {
            self.conditions.iter().any(|condition| match condition {
                Condition::Equals { field, .. } | Condition::StartsWith { field, .. } => {
                    field == name
                }
                Condition::Length { .. } => false,
            })
        };
        let extra: Vec<&str> = fields
            .iter()
            .map(|(name, _)| name)
            .filter(|name| !FREE.contains(name) && !name.starts_with("x-ignore-") && !named(name))
            .collect();
        match extra.is_empty() {
            true => Ok(()),
            false => Err(refused(format!("Extra input fields: {}", extra.join(", ")))),
        }
    }

    /// How many bytes the file may have.
    pub fn length(&self) -> (u64, u64) {
        self.conditions.iter().fold((0, u64::MAX), |(least, most), condition| match condition {
            Condition::Length { from, to } => (least.max(*from), most.min(*to)),
            _ => (least, most),
        })
    }
}

/// A list of content types, separated by commas, has to fit as a whole.
fn starts(field: &str, text: &str, start: &str) -> bool {
    match field {
        "content-type" => text.split(',').all(|part| part.trim_start().starts_with(start)),
        _ => text.starts_with(start),
    }
}

impl Condition {
    fn read(condition: &Json, into: &mut Vec<Self>) -> Result<(), Fault> {
        let wrong = || {
            let shown: String = condition.to_string().chars().take(200).collect();
            invalid(format!("Invalid Policy: Invalid condition: {shown}"))
        };
        match condition {
            Json::Object(pairs) if !pairs.is_empty() => {
                for (name, value) in pairs {
                    let value = value.as_str().ok_or_else(wrong)?.to_owned();
                    let shown = shown(["eq", &format!("${name}"), &value]);
                    into.push(Self::Equals { field: name.to_ascii_lowercase(), value, shown });
                }
                Ok(())
            }
            Json::Array(parts) => {
                let [operator, first, second] = parts.as_slice() else { return Err(wrong()) };
                let operator = operator.as_str().ok_or_else(wrong)?.to_ascii_lowercase();
                if operator == "content-length-range" {
                    let (from, to) = (number(first), number(second));
                    let (Some(from), Some(to)) = (from, to) else { return Err(wrong()) };
                    into.push(Self::Length { from, to });
                    return Ok(());
                }
                let (name, value) = (first.as_str().ok_or_else(wrong)?, second.as_str());
                let value = value.ok_or_else(wrong)?.to_owned();
                let field = name.strip_prefix('$').ok_or_else(wrong)?.to_ascii_lowercase();
                let shown = shown([&operator, name, &value]);
                into.push(match operator.as_str() {
                    "eq" => Self::Equals { field, value, shown },
                    "starts-with" => Self::StartsWith { field, start: value, shown },
                    _ => return Err(wrong()),
                });
                Ok(())
            }
            _ => Err(wrong()),
        }
    }
}

/// Some signers write the range's ends as strings.
fn number(value: &Json) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A condition as S3's error shows it.
fn shown(parts: [&str; 3]) -> String {
    let parts = parts.map(|part| Json::from(part).to_string());
    let text = format!("[{}]", parts.join(", "));
    text.chars().take(300).collect()
}

fn invalid(text: impl Into<String>) -> Fault {
    Fault::sender("InvalidPolicyDocument", text)
}

fn refused(text: impl std::fmt::Display) -> Fault {
    access_denied(format!("Invalid according to Policy: {text}"))
}
