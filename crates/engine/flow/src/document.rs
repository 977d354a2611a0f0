//! The current export format, read into [`Document`] without judging the actions.

use crate::lenient;
use crate::limits;
use crate::problem::{Problem, Problems};
use serde_json::{Map, Value};

/// A flow as written, in the terms of the current format.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Identifier of the first action.
    pub(crate) start: Option<String>,
    /// The flow's name, if the document carries it.
    pub(crate) name: Option<String>,
    /// The actions, in order.
    pub(crate) actions: Vec<RawAction>,
}

/// An action as written.
#[derive(Debug, Default)]
pub(crate) struct RawAction {
    /// Where it stands, for messages: `Actions[3]`.
    pub(crate) path: String,
    pub(crate) identifier: String,
    pub(crate) action_type: String,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) next: Option<String>,
    /// Error type, next action.
    pub(crate) errors: Vec<(String, String)>,
    pub(crate) conditions: Vec<RawCondition>,
}

/// A condition as written.
#[derive(Debug)]
pub(crate) struct RawCondition {
    pub(crate) operator: String,
    pub(crate) operands: Vec<String>,
    pub(crate) next: String,
}

/// Collects problems, up to [`limits::PROBLEMS_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
}

impl Report {
    /// Notes a problem of `action`, or of the flow; an action without an identifier is none.
    pub(crate) fn push(
        &mut self,
        action: Option<&str>,
        message: impl Into<String>,
        detail: impl Into<String>,
    ) {
        if self.problems.len() < limits::PROBLEMS_MAX {
            self.problems.push(Problem {
                action: action.filter(|action| !action.is_empty()).map(str::to_owned),
                message: message.into(),
                detail: detail.into(),
            });
        }
    }

    /// `value` if there was no problem.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, Problems> {
        if self.problems.is_empty() { Ok(value) } else { Err(Problems(self.problems)) }
    }

    /// Whether no problem was noted yet.
    pub(crate) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads a document of the current format.
pub(crate) fn read(root: &Map<String, Value>, report: &mut Report) -> Document {
    match root.get("Version").and_then(lenient::text).as_deref() {
        Some("2019-10-30") => {}
        Some(other) => report.push(
            None,
            "Invalid Flow property value. Path: Version",
            format!("Version is {other:?}; the only version is \"2019-10-30\""),
        ),
        None => report.push(
            None,
            "Flow is missing required property. Path: Version",
            "the flow has no Version",
        ),
    }
    let start = root.get("StartAction").and_then(|value| value.as_str()).map(str::to_owned);
    let mut document = Document { start, name: name(root), actions: Vec::new() };
    match root.get("Actions") {
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate().take(limits::ACTIONS_MAX + 1) {
                document.actions.push(action(index, item, report));
            }
        }
        Some(_) => {
            report.push(None, "Invalid Flow property value. Path: Actions", "Actions is not a list")
        }
        None => report.push(
            None,
            "Flow is missing required property. Path: Actions",
            "the flow has no Actions",
        ),
    }
    document
}

/// The console writes the flow's name as `Metadata.name`; some tools capitalise it.
fn name(root: &Map<String, Value>) -> Option<String> {
    let metadata = root.get("Metadata").or_else(|| root.get("metadata"))?.as_object()?;
    let (_, name) = metadata.iter().find(|(key, _)| key.eq_ignore_ascii_case("name"))?;
    name.as_str().map(str::to_owned)
}

fn action(index: usize, item: &Value, report: &mut Report) -> RawAction {
    let path = format!("Actions[{index}]");
    let Some(map) = item.as_object() else {
        report.push(
            None,
            format!("Invalid Action property value. Path: {path}"),
            format!("{path} is not an object"),
        );
        return RawAction { path, ..RawAction::default() };
    };
    let identifier = string(map, "Identifier", &path, None, report);
    let action_type = string(map, "Type", &path, Some(&identifier), report);
    let mut action = RawAction { path, identifier, action_type, ..RawAction::default() };
    match map.get("Parameters") {
        Some(Value::Object(parameters)) => action.parameters = parameters.clone(),
        Some(Value::Null) | None => {}
        Some(_) => ill_typed(&action, "Parameters", "an object", report),
    }
    match map.get("Transitions") {
        Some(Value::Object(transitions)) => read_transitions(transitions, &mut action, report),
        Some(Value::Null) | None => {}
        Some(_) => ill_typed(&action, "Transitions", "an object", report),
    }
    action
}

fn string(
    map: &Map<String, Value>,
    key: &str,
    path: &str,
    identifier: Option<&str>,
    report: &mut Report,
) -> String {
    match map.get(key) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(_) => {
            report.push(
                identifier,
                format!("Invalid Action property value. Path: {path}.{key}"),
                format!("{key} of {path} is not a string, or is empty"),
            );
            String::new()
        }
        None => {
            report.push(
                identifier,
                format!("Action is missing required property. Path: {path}.{key}"),
                format!("{path} has no {key}"),
            );
            String::new()
        }
    }
}

fn ill_typed(action: &RawAction, key: &str, expected: &str, report: &mut Report) {
    report.push(
        Some(&action.identifier),
        format!("Invalid Action property value. Path: {}.{key}", action.path),
        format!("{key} is not {expected}"),
    );
}

fn read_transitions(map: &Map<String, Value>, action: &mut RawAction, report: &mut Report) {
    match map.get("NextAction") {
        Some(Value::String(next)) => action.next = Some(next.clone()),
        Some(Value::Null) | None => {}
        Some(_) => ill_typed(action, "Transitions.NextAction", "a string", report),
    }
    for (index, error) in list(map, "Errors", action, report).iter().enumerate() {
        let kind = error.get("ErrorType").and_then(Value::as_str);
        let next = error.get("NextAction").and_then(Value::as_str);
        match (kind, next) {
            (Some(kind), Some(next)) => action.errors.push((kind.to_owned(), next.to_owned())),
            _ => ill_typed(
                action,
                &format!("Transitions.Errors[{index}]"),
                "an ErrorType with a NextAction",
                report,
            ),
        }
    }
    for (index, item) in list(map, "Conditions", action, report).iter().enumerate() {
        match condition(item) {
            Some(condition) => action.conditions.push(condition),
            None => ill_typed(
                action,
                &format!("Transitions.Conditions[{index}]"),
                "an Operator with Operands and a NextAction",
                report,
            ),
        }
    }
}

fn list<'a>(
    map: &'a Map<String, Value>,
    key: &str,
    action: &RawAction,
    report: &mut Report,
) -> &'a [Value] {
    match map.get(key) {
        Some(Value::Array(items)) => items,
        Some(Value::Null) | None => &[],
        Some(_) => {
            ill_typed(action, &format!("Transitions.{key}"), "a list", report);
            &[]
        }
    }
}

fn condition(item: &Value) -> Option<RawCondition> {
    let condition = item.get("Condition")?;
    let operands = condition.get("Operands")?.as_array()?;
    Some(RawCondition {
        operator: condition.get("Operator")?.as_str()?.to_owned(),
        operands: operands.iter().map(lenient::text).collect::<Option<Vec<_>>>()?,
        next: item.get("NextAction")?.as_str()?.to_owned(),
    })
}
