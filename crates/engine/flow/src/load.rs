//! Reading and checking a flow.

use crate::actions::{self, Found};
use crate::document::{self, Document, RawAction, Report};
use crate::legacy;
use crate::lenient;
use crate::limits;
use crate::model::{Action, Condition, Flow, Format, Operator};
use crate::params::Params;
use crate::problem::{Problem, Problems};
use crate::template::Template;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Characters an identifier may not have. Source: flow language, "Identifier".
const IDENTIFIER_CHARS_FORBIDDEN: &str = "%:(\\/)=$,;[]{}";
/// Words an identifier may not be. Source: flow language, "Identifier".
const IDENTIFIERS_FORBIDDEN: &[&str] = &[
    "__proto__",
    "constructor",
    "__defineGetter__",
    "__defineSetter__",
    "toString",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "valueOf",
];

/// Reads a flow in the current or the legacy export format.
///
/// # Errors
/// All problems the flow has: each names its action. A flow that loads can run to an end.
pub fn load(text: &str) -> Result<Flow, Problems> {
    let root = parse(text).map_err(|detail| {
        Problems(vec![Problem { action: None, message: "Invalid Flow".to_owned(), detail }])
    })?;
    let mut report = Report::default();
    let (format, document) = if root.contains_key("modules") && !root.contains_key("Actions") {
        (Format::Legacy, legacy::read(&root, &mut report))
    } else {
        (Format::Current, document::read(&root, &mut report))
    };
    let by_identifier = index(&document, &mut report);
    let start = check_start(&document, format, &by_identifier, &mut report);
    let actions = document
        .actions
        .iter()
        .filter_map(|action| build(action, &by_identifier, &mut report))
        .collect::<Vec<_>>();
    report.finish(Flow { format, name: document.name, start, actions, by_identifier })
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    if text.len() > limits::TEXT_BYTES_MAX || text.chars().count() > limits::TEXT_CHARS_MAX {
        return Err(format!("the flow has more than {} characters", limits::TEXT_CHARS_MAX));
    }
    // Some tools write a byte-order mark before the document.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let value = serde_json::from_str::<Value>(text)
        .map_err(|error| format!("the flow is not JSON: {error}"))?;
    if lenient::depth(&value) > limits::JSON_DEPTH_MAX {
        return Err(format!("the flow nests deeper than {}", limits::JSON_DEPTH_MAX));
    }
    match value {
        Value::Object(root) => Ok(root),
        _ => Err("the flow is not a JSON object".to_owned()),
    }
}

/// Positions by identifier; reports bad identifiers and a wrong number of actions.
fn index(document: &Document, report: &mut Report) -> HashMap<String, usize> {
    if document.actions.len() > limits::ACTIONS_MAX {
        let detail = format!("the flow has more than {} actions", limits::ACTIONS_MAX);
        report.push(None, "Invalid Flow property value. Path: Actions", detail);
    }
    if document.actions.is_empty() && report.is_clean() {
        let detail = "the flow has no action".to_owned();
        report.push(None, "Invalid Flow property value. Path: Actions", detail);
    }
    let mut positions = HashMap::new();
    // An empty identifier is one that was missing, and was reported where it was read.
    let named = |(_, action): &(usize, &RawAction)| !action.identifier.is_empty();
    for (position, action) in document.actions.iter().enumerate().filter(named) {
        check_identifier(action, report);
        if positions.insert(action.identifier.clone(), position).is_some() {
            let path = &action.path;
            report.push(
                Some(&action.identifier),
                format!("Invalid Action property value. Path: {path}.Identifier"),
                "another action has the same Identifier",
            );
        }
    }
    positions
}

fn check_identifier(action: &RawAction, report: &mut Report) {
    let identifier = action.identifier.as_str();
    let detail = if identifier.chars().count() > limits::IDENTIFIER_CHARS_MAX {
        format!("the Identifier has more than {} characters", limits::IDENTIFIER_CHARS_MAX)
    } else if let Some(bad) = identifier.chars().find(|c| IDENTIFIER_CHARS_FORBIDDEN.contains(*c)) {
        format!("the Identifier has the character {bad:?}, which is not allowed")
    } else if IDENTIFIERS_FORBIDDEN.contains(&identifier) {
        format!("the Identifier {identifier:?} is not allowed")
    } else {
        return;
    };
    let path = &action.path;
    report.push(
        Some(identifier),
        format!("Invalid Action property value. Path: {path}.Identifier"),
        detail,
    );
}

fn check_start(
    document: &Document,
    format: Format,
    positions: &HashMap<String, usize>,
    report: &mut Report,
) -> usize {
    let key = match format {
        Format::Current => "StartAction",
        Format::Legacy => "start",
    };
    let Some(start) = &document.start else {
        report.push(
            None,
            format!("Flow is missing required property. Path: {key}"),
            format!("the flow has no {key}"),
        );
        return 0;
    };
    positions.get(start).copied().unwrap_or_else(|| {
        report.push(
            None,
            format!("Invalid Flow property value. Path: {key}"),
            format!("{key} is {start:?}, and no action has that Identifier"),
        );
        0
    })
}

/// Builds one action; none if its type is unknown or its parameters are wrong.
fn build(
    raw: &RawAction,
    positions: &HashMap<String, usize>,
    report: &mut Report,
) -> Option<Action> {
    let next = raw.next.as_deref().map(|next| target(raw, next, "NextAction", positions, report));
    let mut errors = Vec::new();
    for (at, (kind, next)) in raw.errors.iter().enumerate() {
        let path = format!("Errors[{at}].NextAction");
        errors.push((kind.clone(), target(raw, next, &path, positions, report)));
    }
    let conditions = conditions(raw, positions, report);
    let (module_type, supported, behavior) = match actions::find(&raw.action_type) {
        Found::Supported(spec) => {
            if !spec.terminal && next.is_none() {
                let path = format!("{}.Transitions.NextAction", raw.path);
                report.push(
                    Some(&raw.identifier),
                    format!("Action is missing required property. Path: {path}"),
                    "there is no NextAction",
                );
            }
            let mut params = Params::new(raw, report);
            let behavior = (spec.build)(&mut params);
            params.finish();
            (spec.module_type, true, behavior?)
        }
        Found::Unsupported(module_type) => (module_type, false, actions::unsupported()),
        // A missing type was reported where it was read.
        Found::Unknown if raw.action_type.is_empty() => return None,
        Found::Unknown => {
            let (kind, path) = (&raw.action_type, &raw.path);
            report.push(
                Some(&raw.identifier),
                format!("Invalid Action type. Type: {kind}, Path: {path}.Type"),
                format!("there is no action type {kind:?}"),
            );
            return None;
        }
    };
    Some(Action {
        identifier: raw.identifier.clone(),
        action_type: raw.action_type.clone(),
        module_type: behavior.module_type().unwrap_or(module_type).to_owned(),
        supported,
        behavior,
        next,
        errors,
        conditions,
    })
}

/// The position of the action `next`. One that does not exist is reported, and the flow refused,
/// so the position given for it is never used.
fn target(
    raw: &RawAction,
    next: &str,
    path: &str,
    positions: &HashMap<String, usize>,
    report: &mut Report,
) -> usize {
    positions.get(next).copied().unwrap_or_else(|| {
        report.push(
            Some(&raw.identifier),
            format!("Invalid Action property value. Path: {}.Transitions.{path}", raw.path),
            format!("{path} is {next:?}, and no action has that Identifier"),
        );
        0
    })
}

fn conditions(
    raw: &RawAction,
    positions: &HashMap<String, usize>,
    report: &mut Report,
) -> Vec<Condition> {
    let mut targets = Vec::new();
    for (at, condition) in raw.conditions.iter().enumerate() {
        let path = format!("Conditions[{at}].NextAction");
        targets.push(target(raw, &condition.next, &path, positions, report));
    }
    let mut invalid = |path: String, detail: String| {
        let path = format!("{}.Transitions.{path}", raw.path);
        let message = format!("Invalid Action property value. Path: {path}");
        report.push(Some(&raw.identifier), message, detail);
    };
    if raw.conditions.len() > limits::CONDITIONS_MAX {
        let detail = format!("there are more than {} conditions", limits::CONDITIONS_MAX);
        invalid("Conditions".to_owned(), detail);
    }
    let mut conditions = Vec::new();
    for (at, (condition, target)) in raw.conditions.iter().zip(targets).enumerate() {
        let path = format!("Conditions[{at}].Condition");
        if condition.operands.is_empty() || condition.operands.iter().any(String::is_empty) {
            invalid(format!("{path}.Operands"), "an operand is missing or empty".to_owned());
        }
        let Some(operator) = Operator::named(&condition.operator) else {
            let detail = format!("there is no operator {:?}", condition.operator);
            invalid(format!("{path}.Operator"), detail);
            continue;
        };
        let operands = condition.operands.iter().map(|text| Template::parse(text)).collect();
        conditions.push(Condition { operator, operands, target });
    }
    conditions
}
