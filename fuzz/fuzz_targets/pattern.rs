//! Event patterns: the text up to the first zero is the pattern, the rest the event. Within one more
//! object both, it is the same question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pattern::Pattern;
use serde_json::{Value, json};

/// Objects within objects that a pattern may have.
const DEPTH_MAX: usize = 32;

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(inner) => 1 + inner.values().map(depth).max().unwrap_or(0),
        Value::Array(inner) => inner.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fuzz_target!(|text: &str| {
    let (pattern_text, event) = text.split_once('\0').unwrap_or((text, "{\"a\": [1, \"b\"]}"));
    let Ok(pattern) = Pattern::parse(pattern_text) else { return };
    let Ok(event) = serde_json::from_str::<Value>(event) else { return };
    let matches = pattern.matches(&event);
    let source: Value = serde_json::from_str(pattern_text).expect("a pattern is JSON");
    if pattern.is_empty() || depth(&source) >= DEPTH_MAX || !event.is_object() {
        return;
    }
    let within = json!({ "within": source }).to_string();
    let within = Pattern::parse(&within).expect("a pattern in an object is one");
    assert_eq!(within.matches(&json!({ "within": event })), matches, "{pattern_text}");
});
