//! The machine: events in, effects out.

use crate::actions::{Outcome, Run};
use crate::contact::Contact;
use crate::effect::{Effect, EndReason, LogEntry};
use crate::event::Event;
use crate::limits::ACTIONS_PER_TURN_MAX;
use crate::model::{Action, Flow};
use crate::state::{State, Waiting};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Which flow it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowReference {
    /// Its ARN or id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// A contact running through flows.
#[derive(Debug, Clone)]
pub struct Machine {
    flow: Arc<Flow>,
    state: State,
}

/// What the log says of an action.
struct Done {
    parameters: Map<String, Value>,
    external: Option<Value>,
}

/// Where to go after an action.
enum Next {
    Action(usize),
    Stop,
}

impl Machine {
    /// A contact about to enter `flow`; `seed` decides `DistributeByPercentage`.
    pub fn start(
        flow: Arc<Flow>,
        reference: FlowReference,
        contact: Contact,
        seed: u64,
    ) -> Machine {
        Machine { flow, state: State::new(reference, contact, seed) }
    }

    /// A contact stored earlier: `flow` is the flow that `state.flow` names.
    pub fn resume(flow: Arc<Flow>, state: State) -> Machine {
        Machine { flow, state }
    }

    /// What the machine waits for.
    pub fn waiting(&self) -> Waiting {
        self.state.waiting
    }

    /// Everything that must be stored to go on later.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The flow running now.
    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Takes `event` and runs on to the next wait, or to the end. An event that is not awaited
    /// has no effect.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.state.waiting == Waiting::Ended {
            return effects;
        }
        if event == Event::CustomerHungUp {
            self.end(EndReason::CustomerHungUp, &mut effects);
            return effects;
        }
        if let Event::AttributesChanged { attributes } = event {
            self.state.attributes = attributes;
            return effects;
        }
        if !answers(&event, self.state.waiting) {
            return effects;
        }
        if is_turn(&event) {
            self.state.actions_this_turn = 0;
        }
        let mut next = self.first(event, &mut effects);
        while let Next::Action(position) = next {
            next = self.enter(position, &mut effects);
        }
        effects
    }

    /// Starts the flow, or hands `event` to the action that waits for it.
    fn first(&mut self, event: Event, effects: &mut Vec<Effect>) -> Next {
        if event == Event::Started {
            return Next::Action(self.flow.start);
        }
        let flow = Arc::clone(&self.flow);
        let identifier = self.state.action.clone().unwrap_or_default();
        let Some(action) =
            flow.by_identifier.get(&identifier).and_then(|&position| flow.actions.get(position))
        else {
            self.end(EndReason::UnknownAction { action: identifier }, effects);
            return Next::Stop;
        };
        let parameters = std::mem::take(&mut self.state.entered);
        let mut run = Run { state: &mut self.state, effects, action, external: None };
        let outcome = action.behavior.resume(&mut run, event);
        let done = Done { parameters, external: run.external };
        self.apply(action, outcome, done, effects)
    }

    fn enter(&mut self, position: usize, effects: &mut Vec<Effect>) -> Next {
        let flow = Arc::clone(&self.flow);
        let action = &flow.actions[position];
        if self.state.actions_this_turn >= ACTIONS_PER_TURN_MAX {
            let action = action.identifier.clone();
            self.end(EndReason::ActionLimit { actions: ACTIONS_PER_TURN_MAX, action }, effects);
            return Next::Stop;
        }
        self.state.actions_this_turn += 1;
        self.state.action = Some(action.identifier.clone());
        let parameters = action.behavior.parameters(&self.state);
        let mut run = Run { state: &mut self.state, effects, action, external: None };
        let outcome = action.behavior.enter(&mut run);
        let done = Done { parameters, external: run.external };
        self.apply(action, outcome, done, effects)
    }

    fn apply(
        &mut self,
        action: &Action,
        outcome: Outcome,
        done: Done,
        effects: &mut Vec<Effect>,
    ) -> Next {
        let branch = match outcome {
            Outcome::Wait(waiting) => {
                self.state.waiting = waiting;
                self.state.entered = done.parameters;
                return Next::Stop;
            }
            Outcome::End(reason) => {
                effects.push(self.log(action, done, None));
                Err(reason)
            }
            Outcome::Transfer { reference, flow } => {
                effects.push(self.log(action, done, None));
                self.state.loops.clear();
                self.state.flow_attributes.clear();
                self.state.flow = reference;
                self.flow = flow;
                Ok(self.flow.start)
            }
            Outcome::Done => {
                effects.push(self.log(action, done, None));
                action.next.ok_or_else(|| EndReason::NoNextAction {
                    action: action.identifier.clone(),
                    action_type: action.action_type.clone(),
                })
            }
            Outcome::Result(result) => {
                effects.push(self.log(action, done, Some(result.clone())));
                on_result(action, &result, &self.state)
            }
            Outcome::Error { error, message } => {
                effects.push(self.log(action, done, Some(message.clone())));
                on_error(action, &error, message)
            }
        };
        match branch {
            Ok(position) => Next::Action(position),
            Err(reason) => {
                self.end(reason, effects);
                Next::Stop
            }
        }
    }

    fn log(&self, action: &Action, done: Done, result: Option<String>) -> Effect {
        Effect::Log {
            entry: LogEntry {
                flow: self.state.flow.id.clone(),
                flow_name: self.state.flow.name.clone(),
                identifier: action.identifier.clone(),
                action_type: action.action_type.clone(),
                module_type: action.module_type.clone(),
                parameters: done.parameters,
                result,
                external: done.external,
                recorded: self.state.logging,
            },
        }
    }

    fn end(&mut self, reason: EndReason, effects: &mut Vec<Effect>) {
        self.state.waiting = Waiting::Ended;
        effects.push(Effect::Ended { reason });
    }
}

/// Whether `event` is what is waited for.
fn answers(event: &Event, waiting: Waiting) -> bool {
    let answered = match event {
        Event::Started => Waiting::Start,
        Event::SpeechDone => Waiting::Speech,
        Event::Digits { .. } | Event::InputTimeout => Waiting::Digits,
        Event::LambdaResult { .. } | Event::LambdaError { .. } | Event::LambdaTimeout { .. } => {
            Waiting::Lambda
        }
        Event::TimerFired | Event::CustomerReturned => Waiting::Timer,
        Event::HoursResult { .. } => Waiting::Hours,
        Event::FlowLoaded { .. } | Event::FlowMissing { .. } => Waiting::Flow,
        // Both are heard at any time.
        Event::CustomerHungUp | Event::AttributesChanged { .. } => return true,
    };
    answered == waiting
}

/// Whether the caller or a timer had a turn.
fn is_turn(event: &Event) -> bool {
    matches!(
        event,
        Event::Started
            | Event::Digits { .. }
            | Event::InputTimeout
            | Event::TimerFired
            | Event::CustomerReturned
    )
}

/// The first condition that holds, else `NoMatchingCondition`, else the next action.
fn on_result(action: &Action, result: &str, state: &State) -> Result<usize, EndReason> {
    for condition in &action.conditions {
        match condition.holds(result, state) {
            Ok(true) => return Ok(condition.target),
            Ok(false) => {}
            Err(_) => {
                let message = "an operand is too long".to_owned();
                return on_error(action, "NoMatchingCondition", message);
            }
        }
    }
    branch(action, "NoMatchingCondition").or(action.next).ok_or_else(|| EndReason::NoErrorBranch {
        action: action.identifier.clone(),
        action_type: action.action_type.clone(),
        error: "NoMatchingCondition".to_owned(),
        message: format!("no condition holds for {result:?}"),
    })
}

/// The branch for `error`, else the one for `NoMatchingError`.
fn on_error(action: &Action, error: &str, message: String) -> Result<usize, EndReason> {
    branch(action, error).or_else(|| branch(action, "NoMatchingError")).ok_or_else(|| {
        EndReason::NoErrorBranch {
            action: action.identifier.clone(),
            action_type: action.action_type.clone(),
            error: error.to_owned(),
            message,
        }
    })
}

fn branch(action: &Action, error: &str) -> Option<usize> {
    action.errors.iter().find(|(kind, _)| kind == error).map(|&(_, position)| position)
}
