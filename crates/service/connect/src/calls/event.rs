//! What happens in a call, as the phone is told.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened, with its number. Numbers begin with 1 and have no gaps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberedEvent {
    /// Its number.
    pub number: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: CallEvent,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CallEvent {
    /// The call was answered.
    Started {
        /// The contact's id, which is the call's.
        contact_id: String,
        /// The instance.
        instance_arn: String,
        /// The flow that answers.
        flow_arn: String,
        /// Its name.
        flow_name: String,
    },
    /// The flow says something.
    Prompt {
        /// `text`, `ssml`, `prompt_id` or `media`.
        kind: flow::PromptKind,
        /// The text or SSML, or the id or address of a recording.
        text: String,
        /// Name of the voice.
        voice: String,
        /// The language the voice speaks.
        language: Option<String>,
    },
    /// An action of the flow was completed.
    Step {
        /// Its identifier.
        action: String,
        /// Its type.
        action_type: String,
        /// What came of it, if it says.
        result: Option<String>,
        /// How long the engine computed for it, in microseconds; the mean of those actions that
        /// were completed together. Waiting is not counted.
        engine_microseconds: u64,
    },
    /// A Lambda function was invoked.
    Lambda {
        /// Name or ARN, as the flow has it.
        function: String,
        /// How long it took, in milliseconds.
        milliseconds: u64,
        /// Its answer.
        answer: Option<Value>,
        /// Why there is none.
        error: Option<String>,
        /// The flow did not wait for it; nothing is known of its answer.
        asynchronous: bool,
    },
    /// The flow pauses.
    Pause {
        /// For so many milliseconds.
        milliseconds: u64,
    },
    /// Something the author of the flow should know.
    Warning {
        /// What.
        text: String,
    },
    /// The flow wants keys.
    WantsInput {
        /// At most so many.
        digits_max: u32,
        /// The first within so many milliseconds.
        time_limit_milliseconds: u64,
        /// Keys that end the input.
        terminator: Option<String>,
    },
    /// The call is over.
    Ended {
        /// Why, in words.
        reason: String,
        /// Why.
        cause: flow::EndReason,
    },
}
