//! Flows with something broken in them: the loader refuses them, or they run to an end.

use crate::random_caller::{Random, call};
use flow::load;
use serde_json::{Value, json};
use std::sync::Arc;

/// Broken flows that are tried.
const ROUNDS: u64 = 800;

fn example() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/flight-desk/flow.json");
    let text = std::fs::read_to_string(path).expect("the example of the repository");
    serde_json::from_str(&text).expect("JSON")
}

/// Every place in `value`, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.push(format!("{at}/{index}"));
                places(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                found.push(format!("{at}/{key}"));
                places(item, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// Something that may stand anywhere.
fn anything(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(1e300),
        4 => json!(""),
        5 => json!("$.External.status"),
        6 => json!("$.Attributes['"),
        7 => json!("find-by-phone"),
        8 => json!([]),
        9 => json!({}),
        10 => json!({"Text": ["$."]}),
        _ => json!("x".repeat(7_000)),
    }
}

#[test]
fn broken_flows_are_refused_or_run() {
    let whole = example();
    let mut all = Vec::new();
    places(&whole["Actions"], "/Actions", &mut all);
    let (mut refused, mut ran) = (0, 0);
    for seed in 1..=ROUNDS {
        let mut random = Random(seed);
        let mut broken = whole.clone();
        for _ in 0..=random.below(2) {
            let place = &all[random.below(all.len() as u64) as usize];
            let new = match random.below(3) {
                0 => whole.pointer(&all[random.below(all.len() as u64) as usize]).cloned(),
                _ => Some(anything(&mut random)),
            };
            if let (Some(old), Some(new)) = (broken.pointer_mut(place), new) {
                *old = new;
            }
        }
        let mut text = broken.to_string();
        if random.below(20) == 0 {
            let cut = text.floor_char_boundary(random.below(text.len() as u64) as usize);
            text.truncate(cut);
        }
        match load(&text) {
            Ok(flow) => {
                call(&Arc::new(flow), seed, &[text.as_str(), "{}"]);
                ran += 1;
            }
            Err(problems) => {
                assert!(!problems.0.is_empty(), "refused without a reason: {text}");
                refused += 1;
            }
        }
    }
    assert!(refused > ROUNDS / 4 && ran > ROUNDS / 20, "{refused} refused, {ran} ran");
}
