//! What the machine asks of its host.

use crate::actions::voice::Voice;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// What kind of prompt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// Plain text to speak.
    Text,
    /// SSML to speak.
    Ssml,
    /// A recorded prompt, by id or ARN.
    PromptId,
    /// An audio file, by its S3 address.
    Media,
}

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// What kind it is.
    pub kind: PromptKind,
    /// The text, SSML, prompt id or address.
    pub content: String,
}

/// How a Lambda function's answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ResponseKind {
    /// A flat object of plain values.
    StringMap,
    /// Any JSON.
    Json,
}

/// One line of the flow log. The host adds the time and the contact's id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// The flow's ARN, or its id when it has none.
    pub flow: String,
    /// The flow's name.
    pub flow_name: String,
    /// The action's identifier.
    pub identifier: String,
    /// The action's type in the flow language.
    pub action_type: String,
    /// The block's name in Connect's flow logs (`ContactFlowModuleType`).
    pub module_type: String,
    /// The parameters, references filled in.
    pub parameters: Map<String, Value>,
    /// What came of it: a run result or an error.
    pub result: Option<String>,
    /// A Lambda function's answer.
    pub external: Option<Value>,
    /// Whether flow logging was on, so that the entry belongs in the log group.
    pub recorded: bool,
}

/// Why a contact ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EndReason {
    /// The flow disconnected it.
    Disconnected,
    /// The flow came to its end.
    FlowEnded,
    /// The caller hung up.
    CustomerHungUp,
    /// An action failed and had no branch for it.
    NoErrorBranch {
        /// The action's identifier.
        action: String,
        /// Its type.
        action_type: String,
        /// The error.
        error: String,
        /// What went wrong.
        message: String,
    },
    /// The action had nowhere to go next.
    NoNextAction {
        /// The action's identifier.
        action: String,
        /// Its type.
        action_type: String,
    },
    /// Too many actions without the caller or a timer having a turn.
    ActionLimit {
        /// The limit.
        actions: u32,
        /// The identifier of the action that was next.
        action: String,
    },
    /// The stored state does not belong to the flow it was resumed with.
    UnknownAction {
        /// The identifier the state names.
        action: String,
    },
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndReason::Disconnected => f.write_str("the flow disconnected the contact"),
            EndReason::FlowEnded => f.write_str("the flow ended"),
            EndReason::CustomerHungUp => f.write_str("the caller hung up"),
            EndReason::NoErrorBranch { action, action_type, error, message } => {
                write!(f, "action {action:?} ({action_type}) failed: {message}; ")?;
                write!(f, "it has no branch for {error}")
            }
            EndReason::NoNextAction { action, action_type } => {
                write!(f, "action {action:?} ({action_type}) has no next action")
            }
            EndReason::ActionLimit { actions, action } => {
                write!(f, "{actions} actions without the caller or a timer having a turn; ")?;
                write!(f, "stopped before action {action:?}")
            }
            EndReason::UnknownAction { action } => {
                write!(f, "the flow has no action {action:?}")
            }
        }
    }
}

/// An output of the machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Effect {
    /// Say something.
    Speak {
        /// What.
        prompt: Prompt,
        /// In which voice.
        voice: Voice,
    },
    /// Take keys from the caller, who may interrupt the prompt spoken just before.
    CollectDigits {
        /// Time for the first key, in milliseconds, from the end of the prompt.
        first_digit_timeout_ms: u64,
        /// Time between keys, in milliseconds.
        interdigit_timeout_ms: u64,
        /// Stop after this many keys.
        digits_max: u32,
        /// Stop when this sequence is keyed in.
        terminator: Option<String>,
        /// Whether `*` clears what was keyed in.
        cancel_key: bool,
    },
    /// Invoke a Lambda function.
    InvokeLambda {
        /// The function's ARN (or whatever the flow names).
        arn: String,
        /// The event to invoke it with.
        event: Value,
        /// How long to wait, in milliseconds.
        timeout_ms: u64,
        /// How its answer will be judged.
        response: ResponseKind,
        /// Invoke it and do not wait: no event is expected.
        asynchronous: bool,
    },
    /// Fire a timer.
    SetTimer {
        /// After this many milliseconds.
        after_ms: u64,
    },
    /// Load another flow.
    TransferToFlow {
        /// Its id or ARN.
        id: String,
    },
    /// Find out whether it is open now.
    CheckHours {
        /// Hours of operation, by id or ARN; those of the contact's queue if none.
        id: Option<String>,
    },
    /// Contact attributes changed.
    UpdateAttributes {
        /// All of them, as they are now.
        attributes: BTreeMap<String, String>,
    },
    /// An action was completed.
    Log {
        /// The entry.
        entry: LogEntry,
    },
    /// Something the author of the flow should know.
    Warning {
        /// The action's identifier.
        action: String,
        /// Its type.
        action_type: String,
        /// What.
        message: String,
    },
    /// The contact ended. Always the last effect.
    Ended {
        /// Why.
        reason: EndReason,
    },
}
