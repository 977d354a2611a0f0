//! `CheckHoursOfOperation`: branches on whether it is open now (block "Check hours of operation").
//!
//! ```json
//! {"Type": "CheckHoursOfOperation", "Parameters": {"HoursOfOperationId": "arn:aws:connect:…"}}
//! ```

use super::{Behavior, Outcome, Run, Spec};
use crate::effect::Effect;
use crate::event::Event;
use crate::params::Params;
use crate::state::{State, Waiting};
use crate::template::Template;
use serde_json::{Map, Value};

pub(super) const SPEC: Spec = Spec {
    name: "CheckHoursOfOperation",
    module_type: "CheckHoursOfOperation",
    terminal: false,
    build,
};

struct CheckHours {
    id: Option<Template>,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.require_errors(&["NoMatchingError"]);
    params.allow_errors(&["NoMatchingError"]);
    super::wait::exactly(params, &["True", "False"]);
    Some(Box::new(CheckHours { id: params.template("HoursOfOperationId") }))
}

impl Behavior for CheckHours {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let id = self.id.as_ref().and_then(|id| id.render(state).ok());
        id.map(|id| Map::from_iter([("HoursOfOperation".to_owned(), Value::String(id))]))
            .unwrap_or_default()
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        let id = match self.id.as_ref().map(|id| id.render(run.state)).transpose() {
            Ok(id) => id.filter(|id| !id.is_empty()),
            Err(outcome) => return outcome.into(),
        };
        run.effects.push(Effect::CheckHours { id });
        Outcome::Wait(Waiting::Hours)
    }

    fn resume(&self, _run: &mut Run<'_>, event: Event) -> Outcome {
        match event {
            Event::HoursResult { open: Some(true) } => Outcome::Result("True".to_owned()),
            Event::HoursResult { open: Some(false) } => Outcome::Result("False".to_owned()),
            _ => Outcome::failed("the hours of operation are not known"),
        }
    }
}
