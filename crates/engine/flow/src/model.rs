//! A loaded flow: every action checked, every reference parsed, every target an index.

use crate::actions::Behavior;
use crate::state::State;
use crate::template::{Template, TooLong};
use std::collections::HashMap;
use std::fmt;

/// The format a flow was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Flow language 2019-10-30.
    Current,
    /// The console's older export (`modules`), translated when it was loaded.
    Legacy,
}

/// A flow that can run.
#[derive(Debug)]
pub struct Flow {
    pub(crate) format: Format,
    pub(crate) name: Option<String>,
    pub(crate) start: usize,
    pub(crate) actions: Vec<Action>,
    pub(crate) by_identifier: HashMap<String, usize>,
}

impl Flow {
    /// The format it was written in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Its name, if the document carries one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How many actions it has.
    pub fn action_count(&self) -> usize {
        self.actions.len()
    }

    /// The actions this engine does not carry out: identifier and type. Each takes its error
    /// branch, with a warning, when the flow reaches it.
    pub fn unsupported(&self) -> impl Iterator<Item = (&str, &str)> {
        self.actions
            .iter()
            .filter(|action| !action.supported)
            .map(|action| (action.identifier.as_str(), action.action_type.as_str()))
    }
}

/// An action that can run.
pub(crate) struct Action {
    pub(crate) identifier: String,
    pub(crate) action_type: String,
    pub(crate) module_type: String,
    pub(crate) supported: bool,
    pub(crate) behavior: Box<dyn Behavior>,
    pub(crate) next: Option<usize>,
    pub(crate) errors: Vec<(String, usize)>,
    pub(crate) conditions: Vec<Condition>,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.action_type, self.identifier)
    }
}

/// A branch taken when the run result compares.
#[derive(Debug)]
pub(crate) struct Condition {
    pub(crate) operator: Operator,
    pub(crate) operands: Vec<Template>,
    pub(crate) target: usize,
}

/// How a run result is compared with an operand. Comparison is case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equals,
    TextStartsWith,
    TextEndsWith,
    TextContains,
    NumberGreaterThan,
    NumberGreaterOrEqualTo,
    NumberLessThan,
    NumberLessOrEqualTo,
}

impl Operator {
    /// The operator of this name.
    pub(crate) fn named(name: &str) -> Option<Operator> {
        Some(match name {
            "Equals" => Operator::Equals,
            "TextStartsWith" => Operator::TextStartsWith,
            "TextEndsWith" => Operator::TextEndsWith,
            "TextContains" => Operator::TextContains,
            "NumberGreaterThan" => Operator::NumberGreaterThan,
            "NumberGreaterOrEqualTo" => Operator::NumberGreaterOrEqualTo,
            "NumberLessThan" => Operator::NumberLessThan,
            "NumberLessOrEqualTo" => Operator::NumberLessOrEqualTo,
            _ => return None,
        })
    }

    /// Whether `value` compares with `operand`. A number operator never holds for a text that is
    /// no number.
    pub(crate) fn holds(self, value: &str, operand: &str) -> bool {
        let numbers = || {
            let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
            Some((number(value)?, number(operand)?))
        };
        let compare = |test: fn(f64, f64) -> bool| numbers().is_some_and(|(a, b)| test(a, b));
        match self {
            Operator::Equals => value == operand,
            Operator::TextStartsWith => value.starts_with(operand),
            Operator::TextEndsWith => value.ends_with(operand),
            Operator::TextContains => value.contains(operand),
            Operator::NumberGreaterThan => compare(|a, b| a > b),
            Operator::NumberGreaterOrEqualTo => compare(|a, b| a >= b),
            Operator::NumberLessThan => compare(|a, b| a < b),
            Operator::NumberLessOrEqualTo => compare(|a, b| a <= b),
        }
    }
}

impl Condition {
    /// Whether `result` compares with any of the operands.
    pub(crate) fn holds(&self, result: &str, state: &State) -> Result<bool, TooLong> {
        for operand in &self.operands {
            if self.operator.holds(result, &operand.render(state)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
