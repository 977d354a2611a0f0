//! Makes a case smaller while the disagreement stays.

use serde_json::Value;

use crate::random::Case;
use crate::{Oracle, oracles};

/// The smallest case found by leaving out one thing after another.
pub fn reduce(mut case: Case, oracle: &Oracle) -> Case {
    let differs = |case: &Case| oracles::ours(case) != (oracle.decide)(case);
    loop {
        let mut is_smaller = false;
        for at in (0..case.identity.len()).rev() {
            let policy = case.identity.remove(at);
            if differs(&case) {
                is_smaller = true;
            } else {
                case.identity.insert(at, policy);
            }
        }
        for at in 0..case.identity.len() {
            for smaller in shrink(&case.identity[at]) {
                let before = std::mem::replace(&mut case.identity[at], smaller);
                let has_statement = case.identity[at]["Statement"] != Value::Array(Vec::new());
                if has_statement && differs(&case) {
                    is_smaller = true;
                    break;
                }
                case.identity[at] = before;
            }
        }
        for key in case.context.keys().copied().collect::<Vec<_>>() {
            let values = case.context.remove(key).unwrap_or_default();
            if differs(&case) {
                is_smaller = true;
            } else {
                case.context.insert(key, values);
            }
        }
        if !is_smaller {
            return case;
        }
    }
}

/// The same policy with one thing less.
fn shrink(policy: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let statements = policy["Statement"].as_array().map_or(0, Vec::len);
    for at in 0..statements {
        let path = format!("/Statement/{at}");
        let mut less = policy.clone();
        if let Some(statements) = less["Statement"].as_array_mut() {
            statements.remove(at);
        }
        found.push(less);
        for element in ["Action", "NotAction", "Resource", "NotResource"] {
            shrink_value(policy, &format!("{path}/{element}"), &mut found);
            if policy.pointer(&path).is_some_and(|s| s.get(element).is_some()) && element.len() < 9
            {
                let mut less = policy.clone();
                if less.pointer(&format!("{path}/{element}")) != Some(&"*".into()) {
                    less.pointer_mut(&path).expect("a statement")[element] = "*".into();
                    found.push(less);
                }
            }
        }
        let Some(Value::Object(operators)) = policy.pointer(&format!("{path}/Condition")) else {
            continue;
        };
        for (operator, keys) in operators {
            let mut less = policy.clone();
            if let Some(Value::Object(all)) = less.pointer_mut(&format!("{path}/Condition")) {
                all.remove(operator);
            }
            found.push(less);
            for key in keys.as_object().into_iter().flat_map(|keys| keys.keys()) {
                let key = key.replace('/', "~1");
                shrink_value(policy, &format!("{path}/Condition/{operator}/{key}"), &mut found);
            }
        }
    }
    found
}

/// A list without each of its items, and an item in the place of a list of one.
fn shrink_value(policy: &Value, path: &str, found: &mut Vec<Value>) {
    let Some(Value::Array(items)) = policy.pointer(path) else { return };
    for at in 0..items.len() {
        let mut less = policy.clone();
        let value = less.pointer_mut(path).expect("the same path");
        match value {
            Value::Array(items) if items.len() > 1 => {
                items.remove(at);
            }
            Value::Array(items) => *value = items.remove(0),
            _ => {}
        }
        found.push(less);
    }
}
