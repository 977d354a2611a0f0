//! `TransferToFlow`: goes on in another flow (block "Transfer to flow").
//!
//! ```json
//! {"Type": "TransferToFlow", "Parameters": {"ContactFlowId": "arn:aws:connect:…"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::effect::Effect;
use crate::event::Event;
use crate::load::load;
use crate::params::Params;
use crate::state::{State, Waiting};
use crate::template::Template;
use serde_json::{Map, Value};
use std::sync::Arc;

pub(super) const SPEC: Spec =
    Spec { name: "TransferToFlow", module_type: "Transfer", terminal: false, build };

struct Transfer {
    id: Template,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.require_errors(&["NoMatchingError"]);
    params.allow_errors(&["NoMatchingError"]);
    let id = params.required_template("ContactFlowId")?;
    Some(Box::new(Transfer { id }))
}

impl Behavior for Transfer {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let id = self.id.render(state).unwrap_or_default();
        Map::from_iter([("ContactFlowId".to_owned(), Value::String(id))])
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        match self.id.render(run.state) {
            Ok(id) if id.trim().is_empty() => Outcome::failed("no flow is named"),
            Ok(id) => {
                run.effects.push(Effect::TransferToFlow { id });
                Outcome::Wait(Waiting::Flow)
            }
            Err(outcome) => outcome.into(),
        }
    }

    fn resume(&self, _run: &mut Run<'_>, event: Event) -> Outcome {
        match event {
            Event::FlowLoaded { reference, content } => match load(&content) {
                Ok(flow) => Outcome::Transfer { reference, flow: Arc::new(flow) },
                Err(problems) => {
                    let (first, more) = (&problems.0[0], problems.0.len() - 1);
                    Outcome::failed(format!("the flow is invalid: {first}; {more} more problems"))
                }
            },
            Event::FlowMissing { message } => Outcome::failed(message),
            _ => Outcome::failed("no flow was loaded"),
        }
    }
}
