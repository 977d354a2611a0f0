//! `UpdateFlowAttributes`: stores values for the rest of this flow (block "Set contact
//! attributes", namespace "Flow").
//!
//! ```json
//! {"Type": "UpdateFlowAttributes", "Parameters": {"FlowAttributes": {"tries": {"Value": "1"}}}}
//! ```

use super::contact_attributes::{bytes, texts};
use super::{Behavior, Outcome, Run, Spec};
use crate::limits::FLOW_ATTRIBUTES_BYTES_MAX;
use crate::params::Params;
use crate::state::State;
use crate::template::{JsonTemplate, Template, render_entries};
use serde_json::{Map, Value};

pub(super) const SPEC: Spec =
    Spec { name: "UpdateFlowAttributes", module_type: "SetFlowAttributes", terminal: false, build };

struct Update {
    attributes: Vec<(Template, JsonTemplate)>,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.allow_errors(&["NoMatchingError"]);
    params.require("FlowAttributes");
    let attributes = params.entries("FlowAttributes")?;
    Some(Box::new(Update { attributes: attributes.into_iter().map(unwrap).collect() }))
}

/// The console wraps each value as `{"Value": …}`; a plain value is taken too.
fn unwrap((key, value): (Template, JsonTemplate)) -> (Template, JsonTemplate) {
    match value {
        JsonTemplate::Object(mut entries) if entries.len() == 1 => (key, entries.remove(0).1),
        value => (key, value),
    }
}

impl Behavior for Update {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        render_entries(&self.attributes, state).unwrap_or_default()
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        let updates = match texts(&self.attributes, run.state) {
            Ok(updates) => updates,
            Err(outcome) => return outcome.into(),
        };
        let mut attributes = run.state.flow_attributes.clone();
        attributes.extend(updates);
        let bytes = bytes(&attributes);
        if bytes > FLOW_ATTRIBUTES_BYTES_MAX {
            let limit = FLOW_ATTRIBUTES_BYTES_MAX;
            return Outcome::failed(format!("flow attributes have {bytes} bytes, over {limit}"));
        }
        run.state.flow_attributes = attributes;
        Outcome::Done
    }
}
