//! `Wait`: pauses for a time or until the customer comes back (block "Wait").
//!
//! ```json
//! {"Type": "Wait", "Parameters": {"TimeLimitSeconds": "900", "Events": ["CustomerReturned"]}}
//! ```
//!
//! A call does not wait: on the voice channel the plain block takes its error branch. (Source:
//! admin guide, "Wait", supported channels.)

use super::{Behavior, Outcome, Run, Spec};
use crate::effect::Effect;
use crate::event::Event;
use crate::lenient;
use crate::limits::WAIT_SECONDS_MAX;
use crate::params::Params;
use crate::state::{State, Waiting};
use crate::template::Template;
use serde_json::{Map, Value};

pub(super) const SPEC: Spec = Spec { name: "Wait", module_type: "Wait", terminal: false, build };

struct Wait {
    seconds: Template,
    customer_returned: bool,
    bot_disconnected: bool,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.require_errors(&["NoMatchingError"]);
    params.allow_errors(&["NoMatchingError", "ParticipantNotFound"]);
    params.require("TimeLimitSeconds");
    let seconds = params.dynamic_integer("TimeLimitSeconds", 1..=WAIT_SECONDS_MAX);
    let events = params.texts("Events");
    for event in &events {
        if !["CustomerReturned", "BotParticipantDisconnected"].contains(&event.as_str()) {
            params.invalid("Events", &format!("has {event:?}, which is no event"));
        }
    }
    let mut results = vec!["WaitCompleted"];
    results.extend(events.iter().map(String::as_str));
    exactly(params, &results);
    Some(Box::new(Wait {
        seconds: seconds?,
        customer_returned: events.iter().any(|event| event == "CustomerReturned"),
        bot_disconnected: events.iter().any(|event| event == "BotParticipantDisconnected"),
    }))
}

/// Reports conditions that are not exactly one `Equals` for each of `results`.
pub(super) fn exactly(params: &mut Params<'_>, results: &[&str]) {
    let conditions = params.conditions();
    let has = |result: &str| {
        conditions.iter().any(|c| c.operator == "Equals" && c.operands.iter().any(|o| o == result))
    };
    if conditions.len() != results.len() || !results.iter().all(|result| has(result)) {
        let expected = results.join(", ");
        params.invalid_conditions(&format!("there must be one Equals for each of {expected}"));
    }
}

impl Behavior for Wait {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let seconds = self.seconds.render(state).unwrap_or_default();
        Map::from_iter([("TimeoutSeconds".to_owned(), Value::String(seconds))])
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        if run.state.contact.is_voice() {
            run.warn("a call does not wait; taking the NoMatchingError branch");
            return Outcome::failed("Wait is not supported on the voice channel");
        }
        if self.bot_disconnected {
            return Outcome::error("ParticipantNotFound", "the contact has no bot participant");
        }
        let seconds = match self.seconds.render(run.state) {
            Ok(seconds) => lenient::integer(&Value::String(seconds)),
            Err(outcome) => return outcome.into(),
        };
        match seconds.filter(|seconds| (1..=WAIT_SECONDS_MAX).contains(seconds)) {
            Some(seconds) => {
                run.effects.push(Effect::SetTimer { after_ms: seconds as u64 * 1_000 });
                Outcome::Wait(Waiting::Timer)
            }
            None => Outcome::failed(format!("the time is not from 1 to {WAIT_SECONDS_MAX} s")),
        }
    }

    fn resume(&self, _run: &mut Run<'_>, event: Event) -> Outcome {
        match event {
            Event::CustomerReturned if self.customer_returned => {
                Outcome::Result("CustomerReturned".to_owned())
            }
            Event::CustomerReturned => Outcome::Wait(Waiting::Timer),
            _ => Outcome::Result("WaitCompleted".to_owned()),
        }
    }
}
