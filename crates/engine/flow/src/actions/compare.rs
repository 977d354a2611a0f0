//! `Compare`: branches on a value (block "Check contact attributes").
//!
//! ```json
//! {"Type": "Compare", "Parameters": {"ComparisonValue": "$.External.isReserved"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::params::Params;
use crate::path::Path;
use crate::state::State;
use crate::template::Template;
use serde_json::{Map, Value};

pub(super) const SPEC: Spec =
    Spec { name: "Compare", module_type: "CheckAttribute", terminal: false, build };

struct Compare {
    path: Path,
    source: Template,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.require_errors(&["NoMatchingCondition"]);
    params.allow_errors(&["NoMatchingCondition"]);
    params.require("ComparisonValue");
    let text = params.text("ComparisonValue")?;
    let Some(path) = Path::whole(&text) else {
        params.invalid("ComparisonValue", &format!("is {text:?}, which is not one reference"));
        return None;
    };
    Some(Box::new(Compare { path, source: Template::parse(&text) }))
}

impl Behavior for Compare {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let mut parameters = Map::new();
        if let Ok(value) = self.source.render(state) {
            parameters.insert("Value".to_owned(), Value::String(value));
        }
        parameters
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        // A value that is not there equals nothing, not even the empty text.
        if matches!(run.state.value(&self.path), None | Some(Value::Null)) {
            return Outcome::error("NoMatchingCondition", "the value does not exist");
        }
        let mut result = String::new();
        run.state.append(&self.path, &mut result);
        Outcome::Result(result)
    }
}
