//! Metric math: arithmetic and functions over series.
//!
//! Points of two series meet at the same moment; where one has none, neither has the result. What
//! is no number (a division by zero) is no point.

mod evaluate;
mod functions;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use api_cloudwatch::Error;

use crate::error::{not_served, validation};
use crate::series::Span;

pub(crate) use evaluate::Inputs;
pub(crate) use parse::Expression;

/// Values by their moment, in seconds since 1970.
pub(crate) type Points = BTreeMap<u64, f64>;

/// A time series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    /// Empty if an expression made it.
    pub label: String,
    pub points: Points,
    pub span: Span,
}

/// What a part of an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Text(String),
    Series(Series),
    List(Vec<Series>),
}

/// Why an expression cannot be computed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refused {
    /// It is none.
    Syntax(String),
    /// AWS has this, and this build does not.
    Unserved(String),
    /// Something of another kind is wanted.
    Kind(String),
}

impl Refused {
    /// What the caller of an expression is told.
    pub fn error(self, id: &str, _text: &str) -> Error {
        match self {
            Refused::Syntax(why) | Refused::Kind(why) => {
                validation(format!("Error in expression '{id}' [{why}]"))
            }
            Refused::Unserved(what) => not_served(format_args!("{what} in expression '{id}'")),
        }
    }
}

fn kind(why: impl Into<String>) -> Refused {
    Refused::Kind(why.into())
}
