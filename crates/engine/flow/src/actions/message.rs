//! `MessageParticipant`: says something (block "Play prompt").
//!
//! ```json
//! {"Type": "MessageParticipant", "Parameters": {"Text": "안녕하세요, $.External.name님"}}
//! ```

use super::prompt::PromptTemplate;
use super::{Behavior, Outcome, Run, Spec};
use crate::params::Params;
use crate::state::{State, Waiting};
use serde_json::{Map, Value};

pub(super) const SPEC: Spec =
    Spec { name: "MessageParticipant", module_type: "PlayPrompt", terminal: false, build };

struct Message {
    prompt: PromptTemplate,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.allow_errors(&["NoMatchingError"]);
    let prompt = PromptTemplate::read(params, true);
    // Skips the prompt when keys were pressed ahead of it. Nothing is ever buffered here, so the
    // prompt is always spoken, whatever it says.
    params.boolean("SkipWhenDTMFBufferNonEmpty");
    Some(Box::new(Message { prompt: prompt? }))
}

impl Behavior for Message {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let mut parameters = Map::new();
        self.prompt.log(state, &mut parameters);
        parameters
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        match self.prompt.speak(run) {
            Ok(()) => Outcome::Wait(Waiting::Speech),
            Err(outcome) => outcome,
        }
    }
}
