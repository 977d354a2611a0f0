//! A call can be stored between two events, and replayed.

use crate::support::{action, caller, flow, line, machine, when};
use flow::{Event, Machine, State};
use serde_json::json;
use std::sync::Arc;

/// Events of a call with every kind of wait, and what they are answered with.
fn events() -> Vec<Event> {
    vec![
        Event::Started,
        Event::AttributesChanged { attributes: [("by".to_owned(), "program".to_owned())].into() },
        Event::SpeechDone,
        Event::Digits { digits: "42#".to_owned() },
        Event::LambdaResult { payload: r#"{"a": "b"}"#.to_owned(), elapsed_ms: 3 },
        Event::HoursResult { open: Some(true) },
    ]
}

fn text() -> String {
    let error = &["NoMatchingError"];
    let input = json!({"StoreInput": "True", "InputTimeLimitSeconds": 5,
        "InputValidation": {"CustomValidation": {"MaximumLength": 5}}});
    let lambda = json!({"LambdaFunctionARN": "fn", "InvocationTimeLimitSeconds": 3,
        "LambdaInvocationAttributes": {"x": "$.StoredCustomerInput", "by": "$.Attributes.by"}});
    flow(vec![
        action("say", "MessageParticipant", json!({"Text": "hi"}), "in", error),
        action("in", "GetParticipantInput", input, "fn", error),
        action("fn", "InvokeLambdaFunction", lambda, "split", error),
        action("split", "DistributeByPercentage", json!({}), "hours", &["NoMatchingCondition"]),
        when(
            action("hours", "CheckHoursOfOperation", json!({}), "end", error),
            &[("True", "end"), ("False", "end")],
        ),
    ])
}

/// The effects of the call; `store` says what happens to the machine between events.
fn run(store: impl Fn(Machine) -> Machine) -> Vec<String> {
    let mut machine = machine(&text(), caller(), 99);
    let mut lines = Vec::new();
    for event in events() {
        let written = serde_json::to_string(&event).expect("an event as JSON");
        let event: Event = serde_json::from_str(&written).expect("the same event");
        lines.extend(machine.step(event).iter().map(line));
        machine = store(machine);
    }
    lines
}

#[test]
fn stored_and_resumed_is_the_same_call() {
    let straight = run(|machine| machine);
    let stored = run(|machine| {
        let written = serde_json::to_string(machine.state()).expect("a state as JSON");
        let state: State = serde_json::from_str(&written).expect("the same state");
        assert_eq!(&state, machine.state());
        Machine::resume(Arc::clone(machine.flow()), state)
    });
    assert_eq!(straight, stored);
    let asked = straight.iter().find(|line| line.starts_with("invoke")).expect("a function");
    assert!(asked.ends_with(r#"{"x":"42","by":"program"}"#), "{asked}");
    assert!(straight.last().is_some_and(|line| line.starts_with("ended")), "{straight:#?}");
}

#[test]
fn a_state_of_another_flow_ends_clearly() {
    let mut started = machine(&text(), caller(), 1);
    started.step(Event::Started);
    let other = flow::load(&flow(vec![])).expect("a flow");
    let mut resumed = Machine::resume(Arc::new(other), started.state().clone());
    let effects = resumed.step(Event::SpeechDone);
    assert_eq!(
        effects.iter().map(line).collect::<Vec<_>>(),
        ["ended: the flow has no action \"say\""]
    );
}
