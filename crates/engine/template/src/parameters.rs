//! Parameters: what was given or the default, checked against what the template allows.

use std::collections::BTreeMap;

use crate::node::{Error, Node, Value};
use crate::template::Template;

/// The values of all parameters.
///
/// # Errors
/// Values that are missing, not allowed, or given for no parameter.
pub(crate) fn resolve(
    template: &Template,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Node>, Error> {
    let mut values = BTreeMap::new();
    for (key, declared) in template.section("Parameters") {
        let name = &key.text;
        let kind = declared.get("Type").and_then(Node::as_text);
        let kind =
            kind.ok_or_else(|| Error::new(key.at, format!("parameter {name} needs a Type")))?;
        let value = match (given.get(name), declared.get("Default")) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => default.as_text().unwrap_or_default(),
            (None, None) => {
                let message = format!(
                    "the parameter {name} has no Default: give it with --parameter-overrides {name}=…"
                );
                return Err(Error::new(key.at, message));
            }
        };
        let problem = problem(declared, &kind, &value);
        if let Some(problem) = problem {
            // What was given on the command line may be a secret (NoEcho), so it is not repeated.
            return Err(Error::new(key.at, format!("the value of parameter {name} {problem}")));
        }
        let list = kind == "CommaDelimitedList" || kind.starts_with("List<");
        let value = match list {
            true => {
                Value::List(value.split(',').map(|item| Node::text(key.at, item.trim())).collect())
            }
            false => Value::Text(value),
        };
        values.insert(name.clone(), Node { at: key.at, value });
    }
    Ok(values)
}

fn problem(declared: &Node, kind: &str, value: &str) -> Option<String> {
    let bound = |name: &str| declared.get(name).and_then(Node::as_text)?.parse::<f64>().ok();
    let items: Vec<&str> = match kind {
        "CommaDelimitedList" | "List<Number>" => value.split(',').map(str::trim).collect(),
        _ => vec![value],
    };
    if let Some(allowed) = declared.get("AllowedValues") {
        let allowed: Vec<String> = allowed.items().iter().filter_map(Node::as_text).collect();
        if !items.iter().all(|item| allowed.iter().any(|one| one == item)) {
            return Some(format!("must be one of {}", allowed.join(", ")));
        }
    }
    if matches!(kind, "Number" | "List<Number>") {
        for item in items {
            let Ok(number) = item.parse::<f64>() else { return Some("must be a number".into()) };
            if bound("MinValue").is_some_and(|least| number < least)
                || bound("MaxValue").is_some_and(|most| number > most)
            {
                return Some("is out of MinValue and MaxValue".into());
            }
        }
        return None;
    }
    let length = value.chars().count() as f64;
    if bound("MinLength").is_some_and(|least| length < least)
        || bound("MaxLength").is_some_and(|most| length > most)
    {
        return Some("is out of MinLength and MaxLength".into());
    }
    None
}
