//! What the tests share.

use expect_test::Expect;
use flow::{Contact, Effect, Event, FlowReference, Machine, State, load};
use serde_json::{Value, json};
use std::sync::Arc;

/// A flow that starts at its first action.
pub fn document(actions: Value) -> String {
    let start = actions[0]["Identifier"].clone();
    json!({"Version": "2019-10-30", "StartAction": start, "Actions": actions}).to_string()
}

/// An action whose every error goes to `end`.
pub fn action(id: &str, kind: &str, parameters: Value, next: &str, errors: &[&str]) -> Value {
    let errors: Vec<Value> =
        errors.iter().map(|e| json!({"ErrorType": e, "NextAction": "failed"})).collect();
    json!({
        "Identifier": id, "Type": kind, "Parameters": parameters,
        "Transitions": {"NextAction": next, "Errors": errors, "Conditions": []},
    })
}

/// Adds `Equals` conditions: operand, target.
pub fn when(mut action: Value, conditions: &[(&str, &str)]) -> Value {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(operand, next)| {
            json!({"NextAction": next, "Condition": {"Operator": "Equals", "Operands": [operand]}})
        })
        .collect();
    action["Transitions"]["Conditions"] = json!(conditions);
    action
}

/// The two ends every test flow has: `end` and `failed`.
pub fn ends() -> [Value; 2] {
    ["end", "failed"].map(|id| {
        json!({"Identifier": id, "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}})
    })
}

/// A flow of `actions` and the two ends.
pub fn flow(actions: Vec<Value>) -> String {
    let mut actions = actions;
    actions.extend(ends());
    document(Value::Array(actions))
}

/// A call from Seoul.
pub fn caller() -> Contact {
    Contact::inbound_call(
        "11111111-2222-3333-4444-555555555555",
        "arn:aws:connect:ap-northeast-2:000000000000:instance/99999999-8888-7777-6666-555555555555",
        "ap-northeast-2",
        "+821012345678",
        "+82215550100",
    )
}

/// A machine about to run `text`.
pub fn machine(text: &str, contact: Contact, seed: u64) -> Machine {
    let flow = load(text).unwrap_or_else(|problems| panic!("{problems}"));
    let reference = FlowReference { id: "flow".to_owned(), name: "Test".to_owned() };
    Machine::start(Arc::new(flow), reference, contact, seed)
}

/// The effects of `events`, a line each; `Started` comes first by itself.
pub fn play(machine: &mut Machine, events: Vec<Event>) -> String {
    let mut lines = String::new();
    for event in std::iter::once(Event::Started).chain(events) {
        for effect in machine.step(event) {
            lines.push_str(&line(&effect));
            lines.push('\n');
        }
    }
    lines
}

/// An effect in one line.
pub fn line(effect: &Effect) -> String {
    match effect {
        Effect::Speak { prompt, voice } => {
            let language = voice.language.as_deref().unwrap_or("?");
            format!("speak {:?} {}/{language}: {}", prompt.kind, voice.name, prompt.content)
        }
        Effect::CollectDigits {
            first_digit_timeout_ms,
            interdigit_timeout_ms,
            digits_max,
            terminator,
            cancel_key,
        } => format!(
            "collect {digits_max} in {first_digit_timeout_ms}+{interdigit_timeout_ms} ms, \
             end {terminator:?}, cancel {cancel_key}"
        ),
        Effect::InvokeLambda { arn, event, timeout_ms, response, asynchronous } => format!(
            "invoke {arn} within {timeout_ms} ms, {response:?}, async {asynchronous}, {}",
            event["Details"]["Parameters"]
        ),
        Effect::SetTimer { after_ms } => format!("timer {after_ms} ms"),
        Effect::TransferToFlow { id } => format!("transfer {id}"),
        Effect::CheckHours { id } => format!("hours {id:?}"),
        Effect::UpdateAttributes { attributes } => {
            let short = |text: &str| text.chars().take(40).collect::<String>();
            let all: Vec<String> =
                attributes.iter().map(|(key, value)| format!("{key}={}", short(value))).collect();
            format!("attributes {}", all.join(", "))
        }
        Effect::Log { entry } => {
            let result = entry.result.as_deref().unwrap_or("ok");
            format!("  {} {}: {result}", entry.module_type, entry.identifier)
        }
        Effect::Warning { action, message, .. } => format!("warning {action}: {message}"),
        Effect::Ended { reason } => format!("ended: {reason}"),
    }
}

/// The effects of `events` on a call into `actions`.
pub fn check(actions: Vec<Value>, events: Vec<Event>, expected: Expect) -> State {
    check_contact(caller(), actions, events, expected)
}

/// As [`check`], for any contact.
pub fn check_contact(
    contact: Contact,
    actions: Vec<Value>,
    events: Vec<Event>,
    expected: Expect,
) -> State {
    let mut machine = machine(&flow(actions), contact, 7);
    expected.assert_eq(&play(&mut machine, events));
    machine.state().clone()
}

/// Keys.
pub fn digits(keys: &str) -> Event {
    Event::Digits { digits: keys.to_owned() }
}

/// A Lambda function's answer.
pub fn answer(payload: Value) -> Event {
    Event::LambdaResult { payload: payload.to_string(), elapsed_ms: 10 }
}

/// A prompt.
pub fn say(id: &str, text: &str, next: &str) -> Value {
    action(id, "MessageParticipant", json!({"Text": text}), next, &["NoMatchingError"])
}

/// A Lambda function, with more parameters.
pub fn lambda(id: &str, next: &str, more: Value) -> Value {
    let mut parameters = json!({"LambdaFunctionARN": "arn:fn", "InvocationTimeLimitSeconds": "8"});
    parameters.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
    action(id, "InvokeLambdaFunction", parameters, next, &["NoMatchingError"])
}
