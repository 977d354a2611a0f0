//! What can happen to a contact.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An input of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The contact begins.
    Started,
    /// The prompt was spoken to its end.
    SpeechDone,
    /// The caller keyed something in: `0`-`9`, `*` and `#`, as pressed, up to the key that ended
    /// the input (which may be included).
    Digits {
        /// The keys.
        digits: String,
    },
    /// The time for the first digit passed and nothing was keyed in.
    InputTimeout,
    /// The Lambda function answered.
    LambdaResult {
        /// Its answer, JSON.
        payload: String,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// The Lambda function could not be invoked, or failed.
    LambdaError {
        /// Why, for the log.
        message: String,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// The Lambda function did not answer in the time the effect gave.
    LambdaTimeout {
        /// How long was waited, in milliseconds.
        elapsed_ms: u64,
    },
    /// The timer of [`crate::Effect::SetTimer`] fired.
    TimerFired,
    /// The customer came back to a chat.
    CustomerReturned,
    /// Answer to [`crate::Effect::CheckHours`]: whether it is open now, none if that is unknown.
    HoursResult {
        /// Open, closed, or unknown.
        open: Option<bool>,
    },
    /// Answer to [`crate::Effect::TransferToFlow`]: the flow's text.
    FlowLoaded {
        /// Which flow it is.
        reference: crate::FlowReference,
        /// Its content, JSON.
        content: String,
    },
    /// Answer to [`crate::Effect::TransferToFlow`]: there is no such flow.
    FlowMissing {
        /// Why, for the log.
        message: String,
    },
    /// A program changed the contact's attributes. Heard at any time; has no effects.
    AttributesChanged {
        /// All of them, as they are now.
        attributes: BTreeMap<String, String>,
    },
    /// The caller hung up.
    CustomerHungUp,
}
