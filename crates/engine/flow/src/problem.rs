//! What is wrong with a flow.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing wrong with a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Identifier of the action concerned; none when it is the flow as a whole.
    pub action: Option<String>,
    /// The message as Connect words it in `InvalidContactFlowException.problems`: it names the
    /// action by its index. (Known from messages people have published; where none was found we
    /// follow the same pattern.)
    pub message: String,
    /// What exactly is wrong, in our words.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Some(action) => write!(f, "action {action:?}: {} ({})", self.detail, self.message),
            None => write!(f, "{} ({})", self.detail, self.message),
        }
    }
}

/// Everything wrong with a flow. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
