//! Callers and a world that do anything.

use crate::support::caller;
use flow::{Effect, EndReason, Event, Flow, FlowReference, Machine, Waiting};
use std::sync::Arc;

/// Events after which the caller loses patience.
const EVENTS_MAX: u32 = 120;

/// One call with a random caller, random Lambda answers and random flows to transfer to.
pub fn call(flow: &Arc<Flow>, seed: u64, texts: &[&str]) -> EndReason {
    let mut random = Random(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1);
    let mut contact = caller();
    if random.below(10) == 0 {
        contact.channel = "CHAT".to_owned();
    }
    let mut machine = Machine::start(Arc::clone(flow), FlowReference::default(), contact, seed);
    let mut event = Event::Started;
    for _ in 0..EVENTS_MAX {
        let effects = machine.step(event);
        if let Some(Effect::Ended { reason }) = effects.last() {
            assert_eq!(machine.waiting(), Waiting::Ended);
            assert!(machine.step(Event::SpeechDone).is_empty(), "an ended contact did something");
            return reason.clone();
        }
        let quiet = machine.waiting() == Waiting::Timer;
        assert!(
            quiet || !effects.is_empty(),
            "no effect while waiting for {:?}",
            machine.waiting()
        );
        event = answer(&machine, &mut random, texts);
    }
    match machine.step(Event::CustomerHungUp).pop() {
        Some(Effect::Ended { reason }) => reason,
        other => panic!("hanging up gave {other:?}"),
    }
}

/// What a random caller or world does next.
fn answer(machine: &Machine, random: &mut Random, texts: &[&str]) -> Event {
    if random.below(50) == 0 {
        return Event::CustomerHungUp;
    }
    match machine.waiting() {
        Waiting::Start => Event::Started,
        Waiting::Speech => Event::SpeechDone,
        Waiting::Digits => match random.below(4) {
            0 => Event::InputTimeout,
            _ => Event::Digits { digits: random.keys() },
        },
        Waiting::Lambda => match random.below(6) {
            0 => Event::LambdaError { message: "failed".to_owned(), elapsed_ms: 5 },
            1 => Event::LambdaTimeout { elapsed_ms: 8_000 },
            _ => Event::LambdaResult { payload: random.payload(), elapsed_ms: random.below(9_000) },
        },
        Waiting::Timer if random.below(2) == 0 => Event::CustomerReturned,
        Waiting::Timer => Event::TimerFired,
        Waiting::Hours => {
            Event::HoursResult { open: [Some(true), Some(false), None][random.below(3) as usize] }
        }
        Waiting::Flow => match random.below(3) {
            0 => Event::FlowMissing { message: "no such flow".to_owned() },
            _ => Event::FlowLoaded {
                reference: FlowReference::default(),
                content: texts[random.below(texts.len() as u64) as usize].to_owned(),
            },
        },
        Waiting::Ended => Event::CustomerHungUp,
    }
}

/// Xorshift: enough for a caller's whims.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn keys(&mut self) -> String {
        let length = self.below(12);
        (0..length).map(|_| char::from(b"0123456789*#"[self.below(12) as usize])).collect()
    }

    fn payload(&mut self) -> String {
        match self.below(5) {
            0 => r#"{"nested": {"a": 1}}"#.to_owned(),
            1 => "null".to_owned(),
            2 => "not json".to_owned(),
            _ => {
                let rule = ["Message", "DTMFMenu", "Queue", "Terminate"][self.below(4) as usize];
                serde_json::json!({
                    "NextRuleType": rule, "language": "한국어", "active_task_tracker": self.below(3),
                    "CurrentRule_message": "안녕하세요", "prompt": "arn:aws:connect:::prompt/1",
                })
                .to_string()
            }
        }
    }
}
