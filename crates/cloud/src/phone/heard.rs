//! What comes over the line, and what the testing caller is told besides. As JSON it is what
//! `/_gureum/calls` answers and what `--json` prints.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that happens on the flow's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Heard {
    /// A prompt.
    Prompt {
        /// The text or SSML, or the address of a recording.
        text: String,
        /// Name of the voice.
        voice: String,
    },
    /// An action of the flow was completed.
    Step {
        /// Its identifier.
        action: String,
        /// Its type.
        kind: String,
        /// What came of it, if it says.
        result: Option<String>,
        /// How long the engine computed, in microseconds, waiting not counted; none if unknown.
        engine_us: Option<u64>,
    },
    /// A Lambda function was invoked.
    Lambda {
        /// Name or ARN.
        function: String,
        /// How long the flow waited for it, in milliseconds.
        elapsed_ms: u64,
        /// Its answer.
        answer: Option<Value>,
        /// Why there is no answer.
        error: Option<String>,
        /// The answer came from a file, not from a function.
        canned: bool,
    },
    /// The flow pauses.
    Pause {
        /// How long, in milliseconds.
        pause_ms: u64,
    },
    /// Something the author of the flow should know.
    Warning {
        /// What.
        text: String,
    },
    /// The flow wants keys.
    WantsInput,
    /// The call is over.
    Ended {
        /// Why.
        reason: String,
    },
}
