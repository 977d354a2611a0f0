//! Computing an expression.

use std::collections::BTreeMap;

use super::functions::call;
use super::parse::Operator;
use super::{Expression, Refused, Series, Value, kind};

/// Points that all series of a request may have together while expressions make new ones.
const POINTS_MAX: usize = 2_000_000;

/// What expressions compute from.
#[derive(Default)]
pub(crate) struct Inputs {
    /// Series of metrics by the ids of their queries, in the request's order.
    pub metrics: Vec<(String, Series)>,
    /// Expressions by their ids that are computed.
    done: BTreeMap<String, Value>,
    /// Ids of expressions that are being computed.
    open: Vec<String>,
    /// Points made so far.
    points: usize,
}

impl Inputs {
    /// The series of a metric's query.
    pub fn metric(&self, id: &str) -> Option<&Series> {
        self.metrics.iter().find(|(have, _)| have == id).map(|(_, series)| series)
    }

    /// The series that an expression gives.
    pub fn evaluate(
        &mut self,
        expression: &Expression,
        others: &BTreeMap<&str, &Expression>,
    ) -> Result<Vec<Series>, Refused> {
        match self.value(expression, others)? {
            Value::Series(series) => Ok(vec![Series { label: String::new(), ..series }]),
            Value::List(list) => Ok(list),
            Value::Number(_) | Value::Text(_) => {
                Err(kind("The expression must return a time series"))
            }
        }
    }

    fn value(
        &mut self,
        expression: &Expression,
        others: &BTreeMap<&str, &Expression>,
    ) -> Result<Value, Refused> {
        let value = match expression {
            Expression::Number(number) => return Ok(Value::Number(*number)),
            Expression::Text(text) => return Ok(Value::Text(text.clone())),
            Expression::Name(name) => self.named(name, others)?,
            Expression::List(items) => {
                let mut list = Vec::new();
                for item in items {
                    match self.value(item, others)? {
                        Value::Series(series) => list.push(series),
                        Value::List(more) => list.extend(more),
                        _ => return Err(kind("An array holds time series only")),
                    }
                }
                Value::List(list)
            }
            Expression::Call(name, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.value(argument, others)?);
                }
                call(self, name, values)?
            }
            Expression::Negative(inner) => {
                let inner = self.value(inner, others)?;
                binary(Operator::Subtract, Value::Number(0.0), inner)?
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.value(left, others)?, self.value(right, others)?);
                binary(*operator, left, right)?
            }
        };
        self.points += match &value {
            Value::Series(series) => series.points.len(),
            Value::List(list) => list.iter().map(|series| series.points.len()).sum(),
            _ => 0,
        };
        if self.points > POINTS_MAX {
            return Err(kind("The expression has too many data points"));
        }
        Ok(value)
    }

    fn named(
        &mut self,
        name: &str,
        others: &BTreeMap<&str, &Expression>,
    ) -> Result<Value, Refused> {
        if let Some(series) = self.metric(name) {
            return Ok(Value::Series(series.clone()));
        }
        if let Some(done) = self.done.get(name) {
            return Ok(done.clone());
        }
        if ["REPEAT", "LINEAR"].contains(&name) {
            return Ok(Value::Text(name.to_owned()));
        }
        let Some(expression) = others.get(name) else {
            return Err(Refused::Syntax(format!("Unknown identifier: {name}")));
        };
        if self.open.iter().any(|open| open == name) {
            return Err(Refused::Syntax(format!("{name} refers to itself")));
        }
        self.open.push(name.to_owned());
        let value = self.value(expression, others);
        self.open.pop();
        let value = value?;
        self.done.insert(name.to_owned(), value.clone());
        Ok(value)
    }
}

/// Two values with an operator between them.
pub(super) fn binary(operator: Operator, left: Value, right: Value) -> Result<Value, Refused> {
    Ok(match (left, right) {
        (Value::Number(a), Value::Number(b)) => Value::Number(apply(operator, a, b)),
        (Value::Series(a), Value::Number(b)) => {
            Value::Series(map(a, |_, value| apply(operator, value, b)))
        }
        (Value::Number(a), Value::Series(b)) => {
            Value::Series(map(b, |_, value| apply(operator, a, value)))
        }
        (Value::Series(a), Value::Series(b)) => Value::Series(meet(operator, a, &b)),
        (Value::List(a), Value::List(b)) if a.len() == b.len() => {
            let pairs = a.into_iter().zip(b);
            Value::List(pairs.map(|(a, b)| meet(operator, a, &b)).collect())
        }
        (Value::List(_), Value::List(_)) => {
            return Err(kind("Both arrays must have the same number of time series"));
        }
        (Value::List(list), Value::Number(b)) => {
            let each = |series| map(series, |_, value| apply(operator, value, b));
            Value::List(list.into_iter().map(each).collect())
        }
        (Value::Number(a), Value::List(list)) => {
            let each = |series| map(series, |_, value| apply(operator, a, value));
            Value::List(list.into_iter().map(each).collect())
        }
        (Value::List(list), Value::Series(b)) => {
            Value::List(list.into_iter().map(|series| meet(operator, series, &b)).collect())
        }
        (Value::Series(a), Value::List(list)) => {
            let each = |series: Series| {
                let label = series.label.clone();
                Series { label, ..meet(operator, a.clone(), &series) }
            };
            Value::List(list.into_iter().map(each).collect())
        }
        (Value::Text(_), _) | (_, Value::Text(_)) => {
            return Err(kind("A text is no operand"));
        }
    })
}

fn apply(operator: Operator, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match operator {
        Operator::Or => truth(a != 0.0 || b != 0.0),
        Operator::And => truth(a != 0.0 && b != 0.0),
        Operator::Equal => truth(a == b),
        Operator::Unequal => truth(a != b),
        Operator::Less => truth(a < b),
        Operator::LessOrEqual => truth(a <= b),
        Operator::Greater => truth(a > b),
        Operator::GreaterOrEqual => truth(a >= b),
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Power => a.powf(b),
    }
}

/// Changes every value; what becomes no number is dropped.
pub(super) fn map(mut series: Series, change: impl Fn(u64, f64) -> f64) -> Series {
    series.points.retain(|at_s, value| {
        *value = change(*at_s, *value);
        value.is_finite()
    });
    series
}

fn meet(operator: Operator, a: Series, b: &Series) -> Series {
    map(a, |at_s, value| match b.points.get(&at_s) {
        Some(other) => apply(operator, value, *other),
        None => f64::NAN,
    })
}
