//! A call to an exported flow without any set-up: the flow engine runs in this process, Lambda
//! functions answer from files, and no time passes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use flow::{Contact, Effect, Event, Flow, FlowReference, Machine, ResponseKind};
use kernel::{Clock, SystemClock};
use serde_json::Value;

use super::{Act, Heard, Line, LineError, function_name};

/// Answers that stand in for functions, by name.
pub type Canned = BTreeMap<String, Value>;

/// Where a call goes that no cloud knows of.
pub struct LocalCall {
    /// The number of the caller, E.164.
    pub from: String,
    /// The number called, E.164.
    pub to: String,
    /// Instead of functions.
    pub canned: Canned,
    /// What `CheckHoursOfOperation` finds.
    pub open: Option<bool>,
    /// Decides `DistributeByPercentage`.
    pub seed: u64,
}

/// A flow that runs here.
pub struct LocalLine {
    machine: Machine,
    canned: Canned,
    open: Option<bool>,
    clock: SystemClock,
    events: VecDeque<Event>,
}

const INSTANCE: &str =
    "arn:aws:connect:us-east-1:000000000000:instance/00000000-0000-0000-0000-000000000000";
const CONTACT: &str = "00000000-0000-0000-0000-000000000001";

impl LocalLine {
    /// Calls `flow`; `name` is what messages call it.
    pub fn new(flow: Flow, name: &str, call: LocalCall) -> LocalLine {
        let contact = Contact::inbound_call(CONTACT, INSTANCE, "us-east-1", call.from, call.to);
        let reference = FlowReference { id: name.to_owned(), name: name.to_owned() };
        LocalLine {
            machine: Machine::start(Arc::new(flow), reference, contact, call.seed),
            canned: call.canned,
            open: call.open,
            clock: SystemClock::default(),
            events: VecDeque::from([Event::Started]),
        }
    }

    /// Takes one effect; answers what is heard of it.
    fn carry_out(&mut self, effect: Effect) -> Option<Heard> {
        match effect {
            Effect::Speak { prompt, voice } => {
                self.events.push_back(Event::SpeechDone);
                Some(Heard::Prompt { text: prompt.content, voice: voice.name })
            }
            Effect::CollectDigits { .. } => Some(Heard::WantsInput),
            Effect::InvokeLambda { arn, response, asynchronous, .. } => {
                Some(self.invoke(arn, response, asynchronous))
            }
            Effect::SetTimer { after_ms } => {
                self.events.push_back(Event::TimerFired);
                Some(Heard::Pause { pause_ms: after_ms })
            }
            Effect::CheckHours { .. } => {
                self.events.push_back(Event::HoursResult { open: self.open });
                None
            }
            Effect::TransferToFlow { id } => {
                let message = format!("the flow {id} is not at hand: only one file was given");
                self.events.push_back(Event::FlowMissing { message: message.clone() });
                Some(Heard::Warning { text: message })
            }
            Effect::UpdateAttributes { .. } => None,
            Effect::Log { entry } => Some(Heard::Step {
                action: entry.identifier,
                kind: entry.action_type,
                result: entry.result,
                engine_us: None,
            }),
            Effect::Warning { action, action_type, message } => {
                Some(Heard::Warning { text: format!("{action} ({action_type}): {message}") })
            }
            Effect::Ended { reason } => Some(Heard::Ended { reason: reason.to_string() }),
        }
    }

    fn invoke(&mut self, arn: String, response: ResponseKind, asynchronous: bool) -> Heard {
        let name = function_name(&arn);
        let outcome = match self.canned.get(&arn).or_else(|| self.canned.get(name)) {
            Some(answer) => Ok(answer.clone()),
            None => Err(format!("no answer was given for it: --lambda {name}=FILE.json")),
        };
        if !asynchronous {
            self.events.push_back(match &outcome {
                Ok(answer) => Event::LambdaResult { payload: answer.to_string(), elapsed_ms: 0 },
                Err(why) => Event::LambdaError { message: why.clone(), elapsed_ms: 0 },
            });
        }
        let kind = if response == ResponseKind::Json { " (JSON)" } else { "" };
        let (answer, error) = match outcome {
            Ok(answer) => (Some(answer), None),
            Err(why) => (None, Some(why)),
        };
        Heard::Lambda {
            function: format!("{name}{kind}"),
            elapsed_ms: 0,
            answer,
            error,
            canned: true,
        }
    }
}

impl Line for LocalLine {
    fn listen(&mut self) -> Result<Vec<Heard>, LineError> {
        let mut heard = Vec::new();
        while let Some(event) = self.events.pop_front() {
            let started = self.clock.elapsed();
            let effects = self.machine.step(event);
            let engine_us = self.clock.elapsed().saturating_sub(started).as_micros() as u64;
            let steps = effects.iter().filter(|e| matches!(e, Effect::Log { .. })).count();
            for effect in effects {
                let mut one = self.carry_out(effect);
                if let Some(Heard::Step { engine_us: each, .. }) = &mut one {
                    *each = Some(engine_us / steps.max(1) as u64);
                }
                heard.extend(one);
            }
        }
        Ok(heard)
    }

    fn act(&mut self, act: &Act) -> Result<(), LineError> {
        self.events.push_back(match act {
            Act::Press(digits) => Event::Digits { digits: digits.clone() },
            // A flow of this language version listens to keys only.
            Act::Say(_) | Act::Wait => Event::InputTimeout,
            Act::HangUp => Event::CustomerHungUp,
        });
        Ok(())
    }

    fn attributes(&mut self) -> Result<BTreeMap<String, String>, LineError> {
        Ok(self.machine.state().attributes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::{Script, run, transcript::Printed};

    const FLOW: &str = r#"{"Version":"2019-10-30","StartAction":"look","Metadata":{},"Actions":[
        {"Identifier":"look","Type":"InvokeLambdaFunction",
         "Parameters":{"LambdaFunctionARN":"arn:aws:lambda:us-east-1:000000000000:function:find","InvocationTimeLimitSeconds":"8"},
         "Transitions":{"NextAction":"ask","Errors":[{"NextAction":"sorry","ErrorType":"NoMatchingError"}],"Conditions":[]}},
        {"Identifier":"ask","Type":"GetParticipantInput",
         "Parameters":{"Text":"$.External.flightNo 편 문의신가요?","StoreInput":"False","InputTimeLimitSeconds":"5"},
         "Transitions":{"NextAction":"sorry","Errors":[{"NextAction":"sorry","ErrorType":"NoMatchingError"},{"NextAction":"sorry","ErrorType":"NoMatchingCondition"},{"NextAction":"ask","ErrorType":"InputTimeLimitExceeded"}],
          "Conditions":[{"NextAction":"keep","Condition":{"Operator":"Equals","Operands":["1"]}}]}},
        {"Identifier":"keep","Type":"UpdateContactAttributes","Parameters":{"Attributes":{"flight":"$.External.flightNo"}},
         "Transitions":{"NextAction":"bye","Errors":[{"NextAction":"sorry","ErrorType":"NoMatchingError"}],"Conditions":[]}},
        {"Identifier":"sorry","Type":"MessageParticipant","Parameters":{"Text":"죄송합니다."},
         "Transitions":{"NextAction":"bye","Errors":[],"Conditions":[]}},
        {"Identifier":"bye","Type":"DisconnectParticipant","Parameters":{},"Transitions":{}}]}"#;

    fn check(script: &str, expected: expect_test::Expect) {
        let canned = Canned::from([("find".into(), serde_json::json!({"flightNo": "GR412"}))]);
        let call = LocalCall {
            from: "+821000001001".into(),
            to: "+8221000000".into(),
            canned,
            open: None,
            seed: 1,
        };
        let mut line = LocalLine::new(flow::load(FLOW).unwrap(), "test", call);
        let mut text = Vec::new();
        let mut transcript = Printed { out: &mut text, steps: false, indent: "" };
        let script = Script::parse(script).unwrap();
        let outcome = run(&script, &mut line, &mut transcript).unwrap();
        let verdict = outcome.failure.map_or("as expected".to_owned(), |f| f.to_string());
        expected.assert_eq(&format!("{}{verdict}\n", String::from_utf8(text).unwrap()));
    }

    #[test]
    fn a_script_that_fits() {
        check(
            "expect \"GR412 편\"\nwait\nexpect \"GR412\"\npress 1\nexpect-end\nattribute flight \"GR412\"",
            expect_test::expect![[r#"
                λ find (0 ms, canned answer) {"flightNo":"GR412"}
                < GR412 편 문의신가요?
                > (silence)
                < GR412 편 문의신가요?
                > [1]
                = the flow disconnected the contact
                as expected
            "#]],
        );
    }

    #[test]
    fn scripts_that_do_not_fit() {
        check(
            "expect \"GR999\"",
            expect_test::expect![[r#"
                λ find (0 ms, canned answer) {"flightNo":"GR412"}
                < GR412 편 문의신가요?
                > (hangs up)
                = the caller hung up
                line 1: expected "GR999", but the flow waits for input; last said: "GR412 편 문의신가요?"
            "#]],
        );
        check(
            "refuse \"죄송\"\npress 9\nexpect-end",
            expect_test::expect![[r#"
                λ find (0 ms, canned answer) {"flightNo":"GR412"}
                < GR412 편 문의신가요?
                > [9]
                < 죄송합니다.
                = the flow disconnected the contact
                line 1: "죄송" was said: "죄송합니다."
            "#]],
        );
        check(
            "press 1\npress 2",
            expect_test::expect![[r#"
                λ find (0 ms, canned answer) {"flightNo":"GR412"}
                < GR412 편 문의신가요?
                > [1]
                = the flow disconnected the contact
                line 2: the call ended before [2]
            "#]],
        );
    }
}
