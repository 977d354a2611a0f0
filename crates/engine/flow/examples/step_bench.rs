//! Measures a step without I/O: `cargo run --release -p flow --example step_bench [ROUNDS]`.
//!
//! One step here is what the engine does between two events: four comparisons, two attribute
//! updates with references, a loop and a prompt. The promise is p99 < 100 µs.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use flow::{Contact, Event, FlowReference, Machine, load};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20_000_usize);
    let flow = Arc::new(load(&document()).expect("the benchmark's flow loads"));
    let mut contact = Contact::inbound_call("id", "arn", "ap-northeast-2", "+8210", "+822");
    contact.attributes.extend([("a".to_owned(), "비버".to_owned())]);
    let mut times_ns = Vec::with_capacity(rounds);
    let mut machine =
        Machine::start(Arc::clone(&flow), FlowReference::default(), contact.clone(), 1);
    let mut event = Event::Started;
    for round in 0..rounds {
        let start = Instant::now();
        let effects = machine.step(event);
        times_ns.push(start.elapsed().as_nanos() as u64);
        assert!(effects.len() > 5, "the step did nothing: {effects:?}");
        event = Event::SpeechDone;
        if round % 100 == 99 {
            machine =
                Machine::start(Arc::clone(&flow), FlowReference::default(), contact.clone(), 1);
            event = Event::Started;
        }
    }
    times_ns.sort_unstable();
    let at = |part: f64| times_ns[((rounds - 1) as f64 * part) as usize] as f64 / 1_000.0;
    println!("flow step without I/O, {rounds} steps of 8 actions each");
    println!("p50 {:.1} us, p99 {:.1} us, max {:.1} us", at(0.50), at(0.99), at(1.0));
}

fn document() -> String {
    let compare = |id: &str, next: &str| {
        json!({"Identifier": id, "Type": "Compare",
            "Parameters": {"ComparisonValue": "$.Attributes.a"},
            "Transitions": {"NextAction": next,
                "Conditions": [{"NextAction": next,
                    "Condition": {"Operator": "TextStartsWith", "Operands": ["비"]}}],
                "Errors": [{"ErrorType": "NoMatchingCondition", "NextAction": next}]}})
    };
    let update = |id: &str, next: &str| {
        json!({"Identifier": id, "Type": "UpdateContactAttributes",
            "Parameters": {"Attributes": {id: "$.Attributes.a $.CustomerEndpoint.Address"}},
            "Transitions": {"NextAction": next,
                "Errors": [{"ErrorType": "NoMatchingError", "NextAction": next}]}})
    };
    json!({"Version": "2019-10-30", "StartAction": "c1", "Actions": [
        compare("c1", "c2"), compare("c2", "u1"), update("u1", "c3"), compare("c3", "u2"),
        update("u2", "c4"), compare("c4", "loop"),
        {"Identifier": "loop", "Type": "Loop", "Parameters": {"LoopCount": "100"},
         "Transitions": {"NextAction": "say", "Conditions": [
            {"NextAction": "say", "Condition": {"Operator": "Equals", "Operands": ["ContinueLooping"]}},
            {"NextAction": "say", "Condition": {"Operator": "Equals", "Operands": ["DoneLooping"]}}]}},
        {"Identifier": "say", "Type": "MessageParticipant",
         "Parameters": {"Text": "$.Attributes.u1님, 안녕하세요. $.Channel"},
         "Transitions": {"NextAction": "c1",
            "Errors": [{"ErrorType": "NoMatchingError", "NextAction": "c1"}]}}]})
    .to_string()
}
