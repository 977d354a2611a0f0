//! `UpdateFlowLoggingBehavior`: turns the flow log on or off (block "Set logging behavior").
//!
//! ```json
//! {"Type": "UpdateFlowLoggingBehavior", "Parameters": {"FlowLoggingBehavior": "Enabled"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::params::Params;
use crate::state::State;
use serde_json::{Map, Value, json};

pub(super) const SPEC: Spec = Spec {
    name: "UpdateFlowLoggingBehavior",
    module_type: "SetLoggingBehavior",
    terminal: false,
    build,
};

struct Logging {
    enabled: bool,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.allow_errors(&[]);
    params.require("FlowLoggingBehavior");
    let behavior = params.choice("FlowLoggingBehavior", &["Enabled", "Disabled"])?;
    Some(Box::new(Logging { enabled: behavior == "Enabled" }))
}

impl Behavior for Logging {
    fn parameters(&self, _state: &State) -> Map<String, Value> {
        let behavior = if self.enabled { "Enable" } else { "Disable" };
        Map::from_iter([("LoggingBehavior".to_owned(), json!(behavior))])
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        run.state.logging = self.enabled;
        Outcome::Done
    }
}
