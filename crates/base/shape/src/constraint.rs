//! Constraints of the model, checked before a handler sees the request.
//!
//! All problems are collected and worded as AWS's services word them:
//! `2 validation errors detected: Value null at 'tableName' failed to satisfy constraint:
//! Member must not be null; Value …`.

use std::fmt;

use crate::reading::{push_element, push_lower_first};
use crate::redact::fmt_view;
use crate::{Kind, Map, Member, Reading, Shape, Struct, View};

/// One broken constraint.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// `keySchema.1.member.keyType`.
    pub path: String,
    /// The value as AWS prints it; `None` where it must not be printed.
    pub value: Option<String>,
    /// What it breaks.
    pub constraint: Constraint,
}

/// Kinds of constraints.
#[derive(Debug, Clone, PartialEq)]
pub enum Constraint {
    /// A required member is absent.
    Required,
    /// Least length.
    MinLength(u64),
    /// Greatest length.
    MaxLength(u64),
    /// Least value.
    MinValue(f64),
    /// Greatest value.
    MaxValue(f64),
    /// Regular expression, as the model has it.
    Pattern(String),
    /// The values of an enum.
    Enum(Vec<String>),
    /// A union with this many members set instead of one.
    Union(usize),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.constraint, &self.value) {
            (Constraint::Required, _) => write!(f, "Value null at '{}'", self.path)?,
            (_, Some(value)) => write!(f, "Value '{value}' at '{}'", self.path)?,
            (_, None) => write!(f, "Value at '{}'", self.path)?,
        }
        write!(f, " failed to satisfy constraint: {}", self.constraint)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constraint::Required => f.write_str("Member must not be null"),
            Constraint::MinLength(n) => {
                write!(f, "Member must have length greater than or equal to {n}")
            }
            Constraint::MaxLength(n) => {
                write!(f, "Member must have length less than or equal to {n}")
            }
            Constraint::MinValue(n) => {
                write!(f, "Member must have value greater than or equal to {n}")
            }
            Constraint::MaxValue(n) => {
                write!(f, "Member must have value less than or equal to {n}")
            }
            Constraint::Pattern(p) => {
                write!(f, "Member must satisfy regular expression pattern: {p}")
            }
            Constraint::Enum(values) => {
                write!(f, "Member must satisfy enum value set: [{}]", values.join(", "))
            }
            Constraint::Union(_) => f.write_str("Member must have exactly one member set"),
        }
    }
}

/// All problems in one message, as AWS words it.
pub fn problems_message(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(Problem::to_string).collect();
    let noun = if problems.len() == 1 { "error" } else { "errors" };
    format!("{} validation {noun} detected: {}", problems.len(), texts.join("; "))
}

/// Most problems that are reported: as many as DynamoDB reports (dynalite's authors probed it). It also bounds the answer to a hostile request.
const PROBLEMS_MAX: usize = 10;
/// Paths have the keys of maps in them, which may be of any length.
const PATH_CHARS_MAX: usize = 10_000;

/// Checks a request that a codec has filled; `reading` knows what was absent.
pub fn validate(input: &dyn Struct, reading: &Reading) -> Vec<Problem> {
    let mut checker = Checker { reading, path: String::new(), problems: Vec::new() };
    checker.structure(input);
    for (path, set) in reading.bad_unions().iter().take(PROBLEMS_MAX) {
        checker.problems.push(Problem {
            path: path.clone(),
            value: None,
            constraint: Constraint::Union(*set),
        });
    }
    checker.problems
}

struct Checker<'a> {
    reading: &'a Reading,
    path: String,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn structure(&mut self, value: &dyn Struct) {
        for (i, member) in value.shape().members.iter().enumerate() {
            // Most of what clients send in bulk has no constraint at all in it.
            if self.reading.is_clean() && !member.shape().is_constrained() {
                continue;
            }
            let view = value.field(i);
            if self.reading.is_clean() && matches!(view, View::Absent) {
                continue;
            }
            let mark = self.path.len();
            if mark > 0 {
                self.path.push('.');
            }
            push_lower_first(&mut self.path, &member.name);
            if self.reading.is_missing(&self.path) {
                self.problem(None, Constraint::Required);
            } else {
                self.value(member, &view);
            }
            self.path.truncate(mark);
        }
    }

    fn value(&mut self, member: &Member, view: &View<'_>) {
        let shape = member.shape();
        match view {
            View::Str(text) => self.string(member, shape, text),
            View::Int(n) => self.number(member, shape, view, *n as f64),
            View::Float(n) => self.number(member, shape, view, f64::from(*n)),
            View::Double(n) => self.number(member, shape, view, *n),
            View::Blob(bytes) => self.length(member, shape, view, bytes.len()),
            View::Struct(inner) => self.structure(*inner),
            View::List(list) => {
                self.length(member, shape, view, list.len());
                if self.reading.is_clean() && !shape.element().shape().is_constrained() {
                    return;
                }
                for i in 0..list.len() {
                    let mark = self.path.len();
                    push_element(&mut self.path, i);
                    self.nested(mark, shape.element(), &list.get(i));
                }
            }
            View::Map(map) => {
                self.length(member, shape, view, map.len());
                self.entries(shape, *map);
            }
            View::Absent | View::Bool(_) | View::Time(_) | View::Document(_) | View::Stream(_) => {}
        }
    }

    fn entries(&mut self, shape: &Shape, map: &dyn Map) {
        let has_plain_values = self.reading.is_clean() && !shape.element().shape().is_constrained();
        if has_plain_values && !shape.key().shape().is_constrained() {
            return;
        }
        let key_shape = shape.key().shape();
        let only_bounds = key_shape.pattern.is_none() && key_shape.values.is_empty();
        map.visit(&mut |key, value| {
            if has_plain_values && only_bounds && is_surely_in_bounds(key_shape, key) {
                return;
            }
            let mark = self.path.len();
            self.path.push('.');
            self.path.push_str(key);
            let step = self.path.len();
            self.path.push_str(".key");
            self.nested(step, shape.key(), &View::Str(key));
            if !has_plain_values {
                self.path.push_str(".member");
                self.nested(step, shape.element(), &value);
            }
            self.path.truncate(mark);
        });
    }

    /// Checks a value at the present path, then returns to the path's first `mark` bytes.
    fn nested(&mut self, mark: usize, member: &Member, view: &View<'_>) {
        if self.reading.is_missing(&self.path) {
            self.problem(None, Constraint::Required);
        } else {
            self.value(member, view);
        }
        self.path.truncate(mark);
    }

    fn string(&mut self, member: &Member, shape: &Shape, text: &str) {
        let view = View::Str(text);
        if shape.kind != Kind::String {
            return;
        }
        if !is_surely_in_bounds(shape, text) {
            self.length(member, shape, &view, text.chars().count());
        }
        if let Some(pattern) = &shape.pattern
            && pattern.regex().is_some_and(|regex| !regex.is_match(text))
        {
            self.broken(member, &view, Constraint::Pattern(pattern.text.clone()));
        }
        if !shape.values.is_empty() && !shape.values.iter().any(|v| v == text) {
            self.broken(member, &view, Constraint::Enum(shape.values.clone()));
        }
    }

    fn length(&mut self, member: &Member, shape: &Shape, view: &View<'_>, length: usize) {
        if let Some(min) = shape.min.filter(|min| (length as f64) < *min) {
            self.broken(member, view, Constraint::MinLength(min as u64));
        }
        if let Some(max) = shape.max.filter(|max| (length as f64) > *max) {
            self.broken(member, view, Constraint::MaxLength(max as u64));
        }
    }

    fn number(&mut self, member: &Member, shape: &Shape, view: &View<'_>, number: f64) {
        if let Some(min) = shape.min.filter(|min| number < *min) {
            self.broken(member, view, Constraint::MinValue(min));
        }
        if let Some(max) = shape.max.filter(|max| number > *max) {
            self.broken(member, view, Constraint::MaxValue(max));
        }
    }

    fn broken(&mut self, member: &Member, view: &View<'_>, constraint: Constraint) {
        if self.problems.len() >= PROBLEMS_MAX {
            return;
        }
        let value = (!member.shape().sensitive).then(|| Printed(member, view).to_string());
        self.problem(value, constraint);
    }

    fn problem(&mut self, value: Option<String>, constraint: Constraint) {
        if self.problems.len() < PROBLEMS_MAX {
            let path = self.path.chars().take(PATH_CHARS_MAX).collect();
            self.problems.push(Problem { path, value, constraint });
        }
    }
}

/// Whether a text's length fits whatever its characters are: they take one to four bytes each.
fn is_surely_in_bounds(shape: &Shape, text: &str) -> bool {
    let least = text.len().div_ceil(4) as f64;
    shape.max.is_none_or(|max| text.len() as f64 <= max) && shape.min.is_none_or(|min| least >= min)
}

struct Printed<'a>(&'a Member, &'a View<'a>);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_view(self.0, self.1, f)
    }
}
