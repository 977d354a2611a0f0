//! `Loop`: goes round a number of times, then on (block "Loop").
//!
//! ```json
//! {"Type": "Loop", "Parameters": {"LoopCount": "3"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::lenient;
use crate::limits::LOOP_COUNT_MAX;
use crate::params::Params;
use crate::state::State;
use crate::template::Template;
use serde_json::{Map, Value};

pub(super) const SPEC: Spec = Spec { name: "Loop", module_type: "Loop", terminal: false, build };

/// The two run results.
const RESULTS: [&str; 2] = ["ContinueLooping", "DoneLooping"];

struct Loop {
    count: Template,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.allow_errors(&["NoMatchingError"]);
    params.require("LoopCount");
    let count = params.dynamic_integer("LoopCount", 0..=LOOP_COUNT_MAX);
    super::wait::exactly(params, &RESULTS);
    Some(Box::new(Loop { count: count? }))
}

impl Behavior for Loop {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let count = self.count.render(state).unwrap_or_default();
        Map::from_iter([("LoopCount".to_owned(), Value::String(count))])
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        let count = match self.count.render(run.state) {
            Ok(count) => count,
            Err(outcome) => return outcome.into(),
        };
        let count = lenient::integer(&Value::String(count.clone()))
            .and_then(|count| u32::try_from(count).ok())
            .filter(|&count| i64::from(count) <= LOOP_COUNT_MAX);
        let Some(count) = count else {
            return Outcome::failed(format!("the loop count is not from 0 to {LOOP_COUNT_MAX}"));
        };
        let done = run.state.loops.entry(run.action.identifier.clone()).or_insert(0);
        if *done < count {
            *done += 1;
            Outcome::Result(RESULTS[0].to_owned())
        } else {
            *done = 0;
            Outcome::Result(RESULTS[1].to_owned())
        }
    }
}
