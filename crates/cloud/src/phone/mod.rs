//! Calls as a caller lives them: what is heard, and what is done about it.

mod heard;
pub mod interactive;
pub mod junit;
pub mod local;
pub mod remote;
mod runner;
mod script;
mod transcript;

use std::collections::BTreeMap;
use std::fmt;

pub use heard::Heard;
pub use runner::run;
pub use script::{Script, Step, number};
pub use transcript::{Printed, Recorded, Transcript};

/// What a caller does when the flow wants something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Presses keys: `0`-`9`, `*`, `#`.
    Press(String),
    /// Says something.
    Say(String),
    /// Does nothing until the time for input has passed.
    Wait,
    /// Hangs up.
    HangUp,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Act::Press(keys) => write!(f, "[{keys}]"),
            Act::Say(words) => f.write_str(words),
            Act::Wait => f.write_str("(silence)"),
            Act::HangUp => f.write_str("(hangs up)"),
        }
    }
}

/// One side of a call that goes on: the flow at the other end, wherever it runs.
pub trait Line {
    /// What is heard since the last [`Act`], up to where the flow wants input or ends. The first
    /// time, everything since the call was answered.
    fn listen(&mut self) -> Result<Vec<Heard>, LineError>;

    /// Does something. The flow must want input, except for [`Act::HangUp`].
    fn act(&mut self, act: &Act) -> Result<(), LineError>;

    /// The attributes of the contact as they are now.
    fn attributes(&mut self) -> Result<BTreeMap<String, String>, LineError>;
}

/// The line is dead: not the flow's fault but the cloud's or the way there.
#[derive(Debug)]
pub struct LineError(pub String);

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LineError {}

/// The name in a function's ARN, without version or alias; else the text itself.
fn function_name(arn: &str) -> &str {
    match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "lambda", _, _, "function", name, ..] => name,
        _ => arn,
    }
}
