//! Expressions with their placeholders looked up, checked and ready to be
//! applied to items.

use std::fmt;
use std::sync::Arc;

use super::ast::{Comparator, Section};
use crate::value::{Value, ValueType};

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// An element of a list.
    Index(u32),
    /// An attribute of an item or member of a map.
    Name(Arc<str>),
}

/// A document path; its first step is an attribute's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The attribute the path begins at.
    pub fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// Whether it goes into an attribute.
    pub fn is_nested(&self) -> bool {
        self.0.len() > 1
    }
}

/// As messages write paths: `[a, [1], b]`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, step) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            match step {
                Step::Name(name) => write!(f, "{separator}{name}")?,
                Step::Index(index) => write!(f, "{separator}[{index}]")?,
            }
        }
        f.write_str("]")
    }
}

/// What a condition compares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    /// Whatever the item has there.
    Path(Path),
    /// A value of the request.
    Value(Arc<Value>),
    /// The size of an operand.
    Size(Box<Operand>),
    /// Whether a condition holds (PartiQL only).
    Test(Box<Condition>),
}

impl Operand {
    /// The type, as far as it does not depend on the item.
    pub fn static_type(&self) -> Option<ValueType> {
        match self {
            Operand::Path(_) => None,
            Operand::Value(value) => Some(value.value_type()),
            Operand::Size(_) => Some(ValueType::N),
            Operand::Test(_) => Some(ValueType::Bool),
        }
    }
}

/// A condition, filter or key condition.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Condition {
    Or(Vec<Condition>),
    And(Vec<Condition>),
    Not(Box<Condition>),
    Compare { comparator: Comparator, left: Operand, right: Operand },
    Between { operand: Operand, low: Operand, high: Operand },
    In { operand: Operand, list: Vec<Operand> },
    Exists(Path),
    NotExists(Path),
    HasType(Operand, ValueType),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

impl Condition {
    /// Calls `visit` with every path of the condition, as written.
    pub fn each_path<'a>(&'a self, visit: &mut dyn FnMut(&'a Path)) {
        let mut operand = |operand: &'a Operand| {
            let mut operand = operand;
            while let Operand::Size(inner) = operand {
                operand = inner;
            }
            match operand {
                Operand::Path(path) => visit(path),
                Operand::Test(condition) => condition.each_path(visit),
                Operand::Value(_) | Operand::Size(_) => {}
            }
        };
        match self {
            Condition::Or(terms) | Condition::And(terms) => {
                terms.iter().for_each(|term| term.each_path(visit));
            }
            Condition::Not(term) => term.each_path(visit),
            Condition::Compare { left, right, .. }
            | Condition::BeginsWith(left, right)
            | Condition::Contains(left, right) => {
                operand(left);
                operand(right);
            }
            Condition::Between { operand: value, low, high } => {
                operand(value);
                operand(low);
                operand(high);
            }
            Condition::In { operand: value, list } => {
                operand(value);
                list.iter().for_each(operand);
            }
            Condition::Exists(path) | Condition::NotExists(path) => visit(path),
            Condition::HasType(value, _) => operand(value),
        }
    }
}

/// The right side of a SET action.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum SetValue {
    Path(Path),
    Value(Arc<Value>),
    /// A value of AttributeUpdates: ADD appends it to a list, too, and what is
    /// said of a type that does not fit differs.
    Attribute(Arc<Value>),
    IfNotExists(Path, Box<SetValue>),
    ListAppend(Box<SetValue>, Box<SetValue>),
    Plus(Box<SetValue>, Box<SetValue>),
    Minus(Box<SetValue>, Box<SetValue>),
}

/// One action of an update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// The section it stands in.
    pub section: Section,
    /// What it changes.
    pub path: Path,
    /// What with: none for REMOVE, always a [`SetValue::Value`] or
    /// [`SetValue::Attribute`] for ADD and DELETE.
    pub value: Option<SetValue>,
}

/// An update; no two of its paths overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update(pub Vec<Action>);

/// A projection; no two of its paths overlap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Projection(pub Vec<Path>);
