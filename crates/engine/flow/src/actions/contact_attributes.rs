//! `UpdateContactAttributes`: stores values with the contact (block "Set contact attributes").
//!
//! ```json
//! {"Type": "UpdateContactAttributes",
//!  "Parameters": {"Attributes": {"flightNo": "$.External.flightNo"}, "TargetContact": "Current"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::effect::Effect;
use crate::limits::ATTRIBUTES_BYTES_MAX;
use crate::params::Params;
use crate::state::State;
use crate::template::{JsonTemplate, Template, TooLong, render_entries};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(super) const SPEC: Spec =
    Spec { name: "UpdateContactAttributes", module_type: "SetAttributes", terminal: false, build };

struct Update {
    attributes: Vec<(Template, JsonTemplate)>,
    related: bool,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.require_errors(&["NoMatchingError"]);
    params.allow_errors(&["NoMatchingError"]);
    params.require("Attributes");
    let attributes = params.entries("Attributes");
    // Exports of the console leave TargetContact out when it is the current contact.
    let target = params.choice("TargetContact", &["Current", "Related"]);
    let related = target == Some("Related");
    Some(Box::new(Update { attributes: attributes?, related }))
}

impl Behavior for Update {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        render_entries(&self.attributes, state).unwrap_or_default()
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        if self.related {
            run.warn("contacts have no related contact yet; taking the NoMatchingError branch");
            return Outcome::failed("the contact has no related contact");
        }
        let updates = match texts(&self.attributes, run.state) {
            Ok(updates) => updates,
            Err(outcome) => return outcome.into(),
        };
        let mut attributes = run.state.attributes.clone();
        attributes.extend(updates);
        let bytes = bytes(&attributes);
        if bytes > ATTRIBUTES_BYTES_MAX {
            let message =
                format!("the attributes have {bytes} bytes, more than {ATTRIBUTES_BYTES_MAX}");
            return Outcome::failed(message);
        }
        run.state.attributes = attributes.clone();
        run.effects.push(Effect::UpdateAttributes { attributes });
        Outcome::Done
    }
}

/// The entries as texts. What is no text becomes its JSON, what does not exist the empty text.
pub(super) fn texts(
    entries: &[(Template, JsonTemplate)],
    state: &State,
) -> Result<BTreeMap<String, String>, TooLong> {
    let rendered = render_entries(entries, state)?;
    Ok(rendered
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) => (key, text),
            Value::Null => (key, String::new()),
            other => (key, other.to_string()),
        })
        .collect())
}

/// Bytes of all keys and values.
pub(super) fn bytes(attributes: &BTreeMap<String, String>) -> usize {
    attributes.iter().map(|(key, value)| key.len() + value.len()).sum()
}
