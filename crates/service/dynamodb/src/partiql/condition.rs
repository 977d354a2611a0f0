//! Makes conditions of WHERE clauses.

use super::ast::{Expr, ExprKind};
use super::literal::{Binder, path};
use super::parser::{Result, misplaced};
use crate::expression::ast::Comparator;
use crate::expression::bind;
use crate::expression::bound::{Condition, Operand};
use crate::invalid::Invalid;
use crate::value::{Value, ValueType};

impl Binder {
    /// The condition that an expression is.
    pub fn condition(&self, expr: &Expr) -> Result<Condition> {
        let all = |terms: &[Expr]| {
            terms.iter().map(|term| self.condition(term)).collect::<Result<Vec<_>>>()
        };
        match &expr.kind {
            ExprKind::And(terms) => Ok(Condition::And(all(terms)?)),
            ExprKind::Or(terms) => Ok(Condition::Or(all(terms)?)),
            ExprKind::Not(inner) => Ok(Condition::Not(Box::new(self.condition(inner)?))),
            ExprKind::Binary(symbol, left, right) => self.comparison(symbol, left, right, expr),
            ExprKind::Between(operand, low, high) => {
                let operand = self.operand(operand)?;
                let (low, high) = (self.operand(low)?, self.operand(high)?);
                bind::between(operand, low, high).map_err(Invalid)
            }
            ExprKind::In(operand, list) => self.membership(operand, list),
            ExprKind::Is(operand, name) => self.is(operand, name, expr),
            ExprKind::Call(name, arguments) => self.function(name, arguments, expr),
            _ => Err(misplaced("Unexpected expression in WHERE clause", expr.at)),
        }
    }

    fn comparison(
        &self,
        symbol: &str,
        left: &Expr,
        right: &Expr,
        whole: &Expr,
    ) -> Result<Condition> {
        let comparator = match symbol {
            "=" => Comparator::Equal,
            "<>" => Comparator::NotEqual,
            "<" => Comparator::Less,
            "<=" => Comparator::LessOrEqual,
            ">" => Comparator::Greater,
            ">=" => Comparator::GreaterOrEqual,
            _ => return Err(misplaced(&format!("Unsupported operator: {symbol}"), whole.at)),
        };
        // An attribute may be compared with MISSING for equality.
        let other = match (&left.kind, &right.kind) {
            (ExprKind::Missing, _) => Some(right),
            (_, ExprKind::Missing) => Some(left),
            _ => None,
        };
        match (other, comparator) {
            (Some(other), Comparator::Equal) => Ok(Condition::NotExists(path(other)?)),
            (Some(other), Comparator::NotEqual) => Ok(Condition::Exists(path(other)?)),
            _ => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                bind::compare(comparator, left, right).map_err(Invalid)
            }
        }
    }

    fn membership(&self, operand: &Expr, list: &Expr) -> Result<Condition> {
        let ExprKind::List(elements) = &list.kind else {
            return Err(misplaced("The right side of IN must be a list", list.at));
        };
        let operand = self.operand(operand)?;
        if elements.is_empty() {
            return Err(misplaced("The right side of IN must not be empty", list.at));
        }
        if elements.len() > bind::IN_MAX {
            return Err(Invalid(format!(
                "The IN operator is provided with too many operands; number of operands: {}",
                elements.len()
            )));
        }
        let list = elements.iter().map(|element| self.operand(element));
        let list = list.collect::<Result<Vec<_>>>()?;
        for other in &list {
            bind::distinct("IN", &operand, other).map_err(Invalid)?;
        }
        Ok(Condition::In { operand, list })
    }

    fn is(&self, operand: &Expr, name: &str, whole: &Expr) -> Result<Condition> {
        match name {
            "missing" => Ok(Condition::NotExists(path(operand)?)),
            "null" => Ok(Condition::HasType(self.operand(operand)?, ValueType::Null)),
            _ => {
                let name = name.to_ascii_uppercase();
                Err(misplaced(&format!("Unsupported type: {name}"), whole.at))
            }
        }
    }

    /// What is compared. A condition is a value as well, true or false.
    fn operand(&self, expr: &Expr) -> Result<Operand> {
        match &expr.kind {
            ExprKind::Path(_) => path(expr).map(Operand::Path),
            ExprKind::Call(name, arguments) if name == "size" => {
                let [argument] = self.arguments::<1>(name, arguments)?;
                let has_size = |value_type| {
                    !matches!(value_type, ValueType::N | ValueType::Bool | ValueType::Null)
                };
                bind::allow_types(name, &[&argument], has_size).map_err(Invalid)?;
                Ok(Operand::Size(Box::new(argument)))
            }
            ExprKind::And(_)
            | ExprKind::Or(_)
            | ExprKind::Not(_)
            | ExprKind::Binary(..)
            | ExprKind::Between(..)
            | ExprKind::In(..)
            | ExprKind::Is(..)
            | ExprKind::Call(..) => Ok(Operand::Test(Box::new(self.condition(expr)?))),
            ExprKind::Sign(_) => Err(misplaced("Unsupported operator", expr.at)),
            _ => self.value(expr).map(Operand::Value),
        }
    }

    /// So many operands that a function takes.
    fn arguments<const N: usize>(&self, function: &str, given: &[Expr]) -> Result<[Operand; N]> {
        let count = given.len();
        if count != N {
            return Err(Invalid(format!(
                "Incorrect number of operands for operator or function; \
                 operator or function: {function}, number of operands: {count}"
            )));
        }
        let operands = given.iter().map(|argument| self.operand(argument));
        let operands = operands.collect::<Result<Vec<_>>>()?;
        // There are as many as were given.
        operands.try_into().map_err(|_| Invalid::new("Incorrect number of operands"))
    }

    fn function(&self, name: &str, given: &[Expr], whole: &Expr) -> Result<Condition> {
        match name {
            "attribute_exists" | "attribute_not_exists" => {
                let [Operand::Path(path)] = self.arguments::<1>(name, given)? else {
                    return Err(Invalid(bind::path_required(name)));
                };
                Ok(match name {
                    "attribute_exists" => Condition::Exists(path),
                    _ => Condition::NotExists(path),
                })
            }
            "attribute_type" => {
                let [operand, named] = self.arguments::<2>(name, given)?;
                Ok(Condition::HasType(operand, type_named(&named)?))
            }
            "begins_with" => {
                let [operand, prefix] = self.arguments::<2>(name, given)?;
                bind::distinct(name, &operand, &prefix).map_err(Invalid)?;
                let allowed = |value_type| matches!(value_type, ValueType::S | ValueType::B);
                bind::allow_types(name, &[&operand, &prefix], allowed).map_err(Invalid)?;
                Ok(Condition::BeginsWith(operand, prefix))
            }
            "contains" => {
                let [operand, part] = self.arguments::<2>(name, given)?;
                bind::distinct(name, &operand, &part).map_err(Invalid)?;
                Ok(Condition::Contains(operand, part))
            }
            _ => Err(misplaced(&format!("Unrecognized function: {name}"), whole.at)),
        }
    }
}

/// The type that `attribute_type`'s second argument names.
fn type_named(operand: &Operand) -> Result<ValueType> {
    match operand {
        Operand::Value(value) => match &**value {
            Value::S(name) => ValueType::from_name(name).ok_or_else(|| {
                Invalid(format!(
                    "Invalid attribute type name found; type: {name}, \
                     valid types: {{N,BS,L,B,NULL,M,S,SS,NS,BOOL}}"
                ))
            }),
            other => Err(wrong_type(other.value_type().name())),
        },
        Operand::Size(_) => Err(wrong_type("N")),
        Operand::Test(_) => Err(wrong_type("BOOL")),
        Operand::Path(_) => Err(wrong_type("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
    }
}

fn wrong_type(name: &str) -> Invalid {
    Invalid(bind::wrong_type("attribute_type", name))
}
