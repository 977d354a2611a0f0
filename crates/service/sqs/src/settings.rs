//! The attributes of a queue that can be set, with their bounds and how they read back.

use api_sqs::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::error::{bad_value, fault, modeled};

/// Longest message in bytes that any queue takes (1 MiB since August 2025).
pub(crate) const MESSAGE_BYTES_MAX: u32 = 1_048_576;
/// Twelve hours, the longest a message can be invisible after a receipt.
pub(crate) const VISIBILITY_S_MAX: u32 = 43_200;
/// Fifteen minutes.
pub(crate) const DELAY_S_MAX: u32 = 900;
/// The longest poll.
pub(crate) const WAIT_S_MAX: u32 = 20;

/// What a queue is set to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub visibility_s: u32,
    pub message_bytes_max: u32,
    pub retention_s: u32,
    pub delay_s: u32,
    pub wait_s: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive_allow: Option<RedriveAllow>,
    /// Only in FIFO queues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fifo: Option<Fifo>,
    /// Whether messages are sealed with the installation's key at rest.
    pub sealed: bool,
    /// The key of KMS that seals them instead: an id, an ARN or an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms: Option<String>,
    /// How long a data key of KMS is used, in seconds.
    #[serde(default = "reuse_s")]
    pub reuse_s: u32,
}

/// Five minutes.
fn reuse_s() -> u32 {
    300
}

/// What FIFO queues have besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fifo {
    pub content_based: bool,
    /// `queue` or `messageGroup`.
    pub scope: String,
    /// `perQueue` or `perMessageGroupId`. There is no other throughput here than the machine's.
    pub throughput: String,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Redrive {
    pub target: String,
    pub receives_max: u32,
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RedriveAllow {
    All,
    None,
    Sources(Vec<String>),
}

impl Settings {
    /// What a queue has that is made without attributes.
    pub fn new(fifo: bool) -> Self {
        Settings {
            visibility_s: 30,
            message_bytes_max: MESSAGE_BYTES_MAX,
            retention_s: 345_600,
            delay_s: 0,
            wait_s: 0,
            policy: None,
            redrive: None,
            redrive_allow: None,
            fifo: fifo.then(|| Fifo {
                content_based: false,
                scope: "queue".into(),
                throughput: "perQueue".into(),
            }),
            sealed: true,
            kms: None,
            reuse_s: reuse_s(),
        }
    }

    /// Sets one attribute from its text.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Error> {
        match name {
            "VisibilityTimeout" => self.visibility_s = number(name, text, 0, VISIBILITY_S_MAX)?,
            "MaximumMessageSize" => {
                self.message_bytes_max = number(name, text, 1024, MESSAGE_BYTES_MAX)?;
            }
            "MessageRetentionPeriod" => self.retention_s = number(name, text, 60, 1_209_600)?,
            "DelaySeconds" => self.delay_s = number(name, text, 0, DELAY_S_MAX)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait_s = number(name, text, 0, WAIT_S_MAX)?,
            "Policy" if text.is_empty() => self.policy = None,
            "Policy" => self.policy = Some(checked_policy(text)?),
            "RedrivePolicy" if text.is_empty() => self.redrive = None,
            "RedrivePolicy" => self.redrive = Some(redrive(text)?),
            "RedriveAllowPolicy" if text.is_empty() => self.redrive_allow = None,
            "RedriveAllowPolicy" => self.redrive_allow = Some(redrive_allow(text)?),
            "SqsManagedSseEnabled" => self.set_managed(boolean(name, text)?),
            "KmsMasterKeyId" if text.is_empty() => self.kms = None,
            "KmsMasterKeyId" if text.len() > 2048 => return Err(bad(name)),
            "KmsMasterKeyId" => {
                self.kms = Some(text.to_owned());
                self.sealed = false;
            }
            "KmsDataKeyReusePeriodSeconds" => self.reuse_s = number(name, text, 60, 86_400)?,
            "FifoQueue" => return self.set_type(text),
            "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => {
                return self.set_fifo(name, text);
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// With a key of the installation there is none of KMS.
    fn set_managed(&mut self, on: bool) {
        self.sealed = on;
        if on {
            self.kms = None;
        }
    }

    fn set_type(&mut self, text: &str) -> Result<(), Error> {
        match (text, &self.fifo) {
            ("true", Some(_)) => Ok(()),
            ("false", None) => Err(unknown("FifoQueue")),
            _ => Err(bad("FifoQueue")),
        }
    }

    fn set_fifo(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let Some(fifo) = &mut self.fifo else { return Err(unknown(name)) };
        match (name, text) {
            ("ContentBasedDeduplication", text) => fifo.content_based = boolean(name, text)?,
            ("DeduplicationScope", "queue" | "messageGroup") => fifo.scope = text.into(),
            ("FifoThroughputLimit", "perQueue" | "perMessageGroupId") => {
                fifo.throughput = text.into();
            }
            _ => return Err(bad(name)),
        }
        Ok(())
    }

    /// What must hold of all attributes together.
    pub fn check(&self) -> Result<(), Error> {
        match &self.fifo {
            Some(fifo) if fifo.throughput == "perMessageGroupId" && fifo.scope == "queue" => {
                Err(modeled!(
                    InvalidAttributeValue,
                    "The perMessageGroupId value is allowed only when the value for \
                     DeduplicationScope is messageGroup."
                ))
            }
            _ => Ok(()),
        }
    }

    /// An attribute as clients see it; nothing for what is not set and what is no setting.
    pub fn get(&self, name: &str) -> Option<String> {
        let fifo = self.fifo.as_ref();
        Some(match name {
            "VisibilityTimeout" => self.visibility_s.to_string(),
            "MaximumMessageSize" => self.message_bytes_max.to_string(),
            "MessageRetentionPeriod" => self.retention_s.to_string(),
            "DelaySeconds" => self.delay_s.to_string(),
            "ReceiveMessageWaitTimeSeconds" => self.wait_s.to_string(),
            "Policy" => self.policy.clone()?,
            "RedrivePolicy" => self.redrive.as_ref()?.text(),
            "RedriveAllowPolicy" => self.redrive_allow.as_ref()?.text(),
            "SqsManagedSseEnabled" => self.sealed.to_string(),
            "KmsMasterKeyId" => self.kms.clone()?,
            "KmsDataKeyReusePeriodSeconds" => {
                self.kms.as_ref().map(|_| self.reuse_s.to_string())?
            }
            "FifoQueue" => fifo.map(|_| "true".to_owned())?,
            "ContentBasedDeduplication" => fifo?.content_based.to_string(),
            "DeduplicationScope" => fifo?.scope.clone(),
            "FifoThroughputLimit" => fifo?.throughput.clone(),
            _ => return None,
        })
    }
}

impl Redrive {
    fn text(&self) -> String {
        json!({"deadLetterTargetArn": self.target, "maxReceiveCount": self.receives_max})
            .to_string()
    }
}

impl RedriveAllow {
    fn text(&self) -> String {
        match self {
            RedriveAllow::All => json!({"redrivePermission": "allowAll"}),
            RedriveAllow::None => json!({"redrivePermission": "denyAll"}),
            RedriveAllow::Sources(arns) => {
                json!({"redrivePermission": "byQueue", "sourceQueueArns": arns})
            }
        }
        .to_string()
    }

    /// Whether the queue with this ARN may send its dead letters here.
    pub fn permits(&self, source: &str) -> bool {
        match self {
            RedriveAllow::All => true,
            RedriveAllow::None => false,
            RedriveAllow::Sources(arns) => arns.iter().any(|arn| arn == source),
        }
    }
}

/// `InvalidAttributeName`.
pub(crate) fn unknown(name: &str) -> Error {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    modeled!(InvalidAttributeName, "Unknown Attribute {shown}.")
}

/// `InvalidAttributeValue`.
fn bad(name: &str) -> Error {
    modeled!(InvalidAttributeValue, "Invalid value for the parameter {name}.")
}

fn number(name: &str, text: &str, min: u32, max: u32) -> Result<u32, Error> {
    let number = text.parse().ok().filter(|n| (min..=max).contains(n));
    number.ok_or_else(|| bad(name))
}

fn boolean(name: &str, text: &str) -> Result<bool, Error> {
    match text {
        "true" | "TRUE" | "True" => Ok(true),
        "false" | "FALSE" | "False" => Ok(false),
        _ => Err(bad(name)),
    }
}

/// A policy must be one that can be evaluated.
fn checked_policy(text: &str) -> Result<String, Error> {
    match policy::Policy::parse(text, policy::Kind::Resource) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(bad("Policy")),
    }
}

fn redrive(text: &str) -> Result<Redrive, Error> {
    let refused = |reason: &str| Error::from(bad_value("RedrivePolicy", &text, reason));
    let map = match serde_json::from_str(text) {
        Ok(Json::Object(map)) => map,
        _ => return Err(refused("Redrive policy is not a valid JSON map.")),
    };
    let lacks = |name: &str| {
        refused(&format!("Redrive policy does not contain mandatory attribute: {name}."))
    };
    let target = map.get("deadLetterTargetArn").ok_or_else(|| lacks("deadLetterTargetArn"))?;
    let count = map.get("maxReceiveCount").ok_or_else(|| lacks("maxReceiveCount"))?;
    let number = match count {
        Json::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    let Some(receives_max) = number.filter(|n| (1..=1000).contains(n)) else {
        let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        return Err(refused(&format!(
            "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both \
             inclusive."
        )));
    };
    let target = target.as_str().filter(|arn| crate::name::QueueName::of_arn(arn).is_some());
    let target = target.ok_or_else(|| refused("Invalid value for deadLetterTargetArn."))?;
    Ok(Redrive { target: target.to_owned(), receives_max: receives_max as u32 })
}

fn redrive_allow(text: &str) -> Result<RedriveAllow, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Policy {
        redrive_permission: String,
        #[serde(default)]
        source_queue_arns: Vec<String>,
    }
    let refused = |reason: &str| {
        let message = format!("Value {text} for parameter RedriveAllowPolicy is invalid. {reason}");
        Error::from(fault("InvalidParameterValue", message))
    };
    let policy: Policy = serde_json::from_str(text)
        .map_err(|_| refused("Reason: Amazon SQS can't create the redrive allow policy."))?;
    match (policy.redrive_permission.as_str(), policy.source_queue_arns) {
        ("allowAll", arns) if arns.is_empty() => Ok(RedriveAllow::All),
        ("denyAll", arns) if arns.is_empty() => Ok(RedriveAllow::None),
        ("byQueue", arns) if (1..=10).contains(&arns.len()) => Ok(RedriveAllow::Sources(arns)),
        _ => Err(refused("Reason: Amazon SQS can't create the redrive allow policy.")),
    }
}
