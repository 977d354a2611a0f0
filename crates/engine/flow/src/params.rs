//! Reads an action's parameters and transitions, noting everything wrong with them.

use crate::document::{RawAction, RawCondition, Report};
use crate::lenient;
use crate::template::{JsonTemplate, Template};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// A reader over one action. Names read are remembered: [`Params::finish`] reports the others.
pub(crate) struct Params<'a> {
    action: &'a RawAction,
    report: &'a mut Report,
    /// Where `map` is, below the action: `Parameters.DTMFConfiguration`.
    prefix: String,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Params<'a> {
    /// Over `action`'s parameters.
    pub(crate) fn new(action: &'a RawAction, report: &'a mut Report) -> Params<'a> {
        let map = &action.parameters;
        Params { action, report, prefix: "Parameters".to_owned(), map, known: Vec::new() }
    }

    /// Reports the parameters that were never asked for.
    pub(crate) fn finish(self) {
        for name in self.map.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let path = format!("{}.{}.{name}", self.action.path, self.prefix);
            self.report.push(
                Some(&self.action.identifier),
                format!("Invalid Action property name. Path: {path}"),
                format!("{} has no parameter {name:?}", self.action.action_type),
            );
        }
    }

    /// Whether `name` is given.
    pub(crate) fn has(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        !matches!(self.map.get(name), None | Some(Value::Null))
    }

    /// A text with references; none if it is not given.
    pub(crate) fn template(&mut self, name: &'static str) -> Option<Template> {
        self.text(name).map(|text| Template::parse(&text))
    }

    /// A text with references that must be given.
    pub(crate) fn required_template(&mut self, name: &'static str) -> Option<Template> {
        self.require(name);
        self.template(name)
    }

    /// A text; none if it is not given.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.get(name)?;
        let text = lenient::text(value);
        if text.is_none() {
            self.invalid(name, "is not a text");
        }
        text
    }

    /// One of `choices`, compared without case, as `choices` spells it; none if it is not given.
    pub(crate) fn choice(
        &mut self,
        name: &'static str,
        choices: &[&'static str],
    ) -> Option<&'static str> {
        let text = self.text(name)?;
        let found = choices.iter().find(|choice| choice.eq_ignore_ascii_case(&text)).copied();
        if found.is_none() {
            self.invalid(name, &format!("is {text:?}, not one of {}", choices.join(", ")));
        }
        found
    }

    /// A whole number within `range`; none if it is not given.
    pub(crate) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<i64> {
        let value = self.get(name)?;
        let number = lenient::integer(value).filter(|number| range.contains(number));
        if number.is_none() {
            let (low, high) = (range.start(), range.end());
            self.invalid(name, &format!("is not a whole number from {low} to {high}"));
        }
        number
    }

    /// A whole number within `range`, or a reference to one.
    pub(crate) fn dynamic_integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<Template> {
        let template = self.template(name)?;
        if !template.is_dynamic() {
            self.integer(name, range)?;
        }
        Some(template)
    }

    /// A boolean; none if it is not given.
    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.get(name)?;
        let flag = lenient::boolean(value);
        if flag.is_none() {
            self.invalid(name, "is not \"True\" or \"False\"");
        }
        flag
    }

    /// An object as keys and values with references; none if it is not given.
    pub(crate) fn entries(&mut self, name: &'static str) -> Option<Vec<(Template, JsonTemplate)>> {
        match self.get(name)? {
            Value::Object(map) => Some(
                map.iter().map(|(k, v)| (Template::parse(k), JsonTemplate::parse(v))).collect(),
            ),
            _ => {
                self.invalid(name, "is not an object");
                None
            }
        }
    }

    /// A list of texts; empty if it is not given.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let texts: Option<Vec<String>> =
            value.as_array().and_then(|items| items.iter().map(lenient::text).collect());
        if texts.is_none() {
            self.invalid(name, "is not a list of texts");
        }
        texts.unwrap_or_default()
    }

    /// Reads the object `name` with `read`; none if it is not given.
    pub(crate) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Params<'_>) -> T,
    ) -> Option<T> {
        let value = self.get(name)?;
        let Some(map) = value.as_object() else {
            self.invalid(name, "is not an object");
            return None;
        };
        let prefix = format!("{}.{name}", self.prefix);
        let mut inner = Params {
            action: self.action,
            report: &mut *self.report,
            prefix,
            map,
            known: Vec::new(),
        };
        let result = read(&mut inner);
        inner.finish();
        Some(result)
    }

    /// Reports `name` if it is not given.
    pub(crate) fn require(&mut self, name: &'static str) {
        if !self.has(name) {
            let path = format!("{}.{}.{name}", self.action.path, self.prefix);
            self.report.push(
                Some(&self.action.identifier),
                format!("Action is missing required property. Path: {path}"),
                format!("{} needs the parameter {name:?}", self.action.action_type),
            );
        }
    }

    /// Reports the value of `name`.
    pub(crate) fn invalid(&mut self, name: &str, detail: &str) {
        let path = format!("{}.{}.{name}", self.action.path, self.prefix);
        self.report.push(
            Some(&self.action.identifier),
            format!("Invalid Action property value. Path: {path}"),
            format!("the parameter {name:?} {detail}"),
        );
    }

    /// Reports the parameters as a whole.
    pub(crate) fn invalid_whole(&mut self, detail: &str) {
        self.report.push(
            Some(&self.action.identifier),
            format!("Invalid Action property value. Path: {}.{}", self.action.path, self.prefix),
            detail,
        );
    }

    /// The action's conditions, as written.
    pub(crate) fn conditions(&self) -> &'a [RawCondition] {
        &self.action.conditions
    }

    /// Reports the conditions as a whole.
    pub(crate) fn invalid_conditions(&mut self, detail: &str) {
        let path = format!("{}.Transitions.Conditions", self.action.path);
        self.report.push(
            Some(&self.action.identifier),
            format!("Invalid Action property value. Path: {path}"),
            detail,
        );
    }

    /// Reports every one of `errors` that has no branch.
    pub(crate) fn require_errors(&mut self, errors: &[&str]) {
        for error in errors {
            if !self.action.errors.iter().any(|(kind, _)| kind == error) {
                let path = &self.action.path;
                self.report.push(
                    Some(&self.action.identifier),
                    format!("Action is missing required error. Error: {error}, Path: {path}"),
                    format!("there is no branch for the error {error}"),
                );
            }
        }
    }

    /// Reports every error branch that is none of `errors`.
    pub(crate) fn allow_errors(&mut self, errors: &[&str]) {
        for (kind, _) in &self.action.errors {
            if !errors.contains(&kind.as_str()) {
                self.report.push(
                    Some(&self.action.identifier),
                    format!("Invalid Action error. Error: {kind}, Path: {}", self.action.path),
                    format!("{} never takes the error {kind}", self.action.action_type),
                );
            }
        }
    }

    /// Reports conditions: the action's type has no run result.
    pub(crate) fn no_conditions(&mut self) {
        if !self.action.conditions.is_empty() {
            self.report.push(
                Some(&self.action.identifier),
                format!("Action does not support conditions. Path: {}", self.action.path),
                format!("{} has no result to compare", self.action.action_type),
            );
        }
    }

    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map.get(name).filter(|value| !value.is_null())
    }
}
