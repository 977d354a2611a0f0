//! What a query's key condition asks for.

use std::sync::Arc;

use super::ast::Comparator;
use super::bound::{Condition, Operand, Path};
use crate::invalid::Invalid;
use crate::value::Value;

/// Conditions on attributes, at most one on each, before it is known which of
/// them are keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyConditions(pub Vec<(String, KeyTest)>);

/// What an attribute must be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum KeyTest {
    /// By any comparator but `<>`.
    Compare(Comparator, Arc<Value>),
    Between(Arc<Value>, Arc<Value>),
    BeginsWith(Arc<Value>),
    /// Something that the parameters of old can ask for and no key can answer.
    NotIndexable,
}

/// Conditions on keys of one or two attributes.
pub const SIMPLE_CONDITIONS_MAX: usize = 2;
/// Conditions on keys of up to four attributes for the partition and four to sort by.
pub const CONDITIONS_MAX: usize = 8;

impl KeyTest {
    /// The values the attribute is held against.
    pub fn values(&self) -> Vec<&Value> {
        match self {
            KeyTest::Compare(_, value) | KeyTest::BeginsWith(value) => vec![value],
            KeyTest::Between(low, high) => vec![low, high],
            KeyTest::NotIndexable => Vec::new(),
        }
    }

    /// The one value that passes, if there is only one.
    pub fn equal(&self) -> Option<&Value> {
        match self {
            KeyTest::Compare(Comparator::Equal, value) => Some(value),
            _ => None,
        }
    }

    /// Whether a value passes.
    pub fn holds(&self, value: &Value) -> bool {
        match self {
            KeyTest::Compare(comparator, other) => {
                value.order(other).is_some_and(|order| match comparator {
                    Comparator::Equal => order.is_eq(),
                    Comparator::NotEqual => order.is_ne(),
                    Comparator::Less => order.is_lt(),
                    Comparator::LessOrEqual => order.is_le(),
                    Comparator::Greater => order.is_gt(),
                    Comparator::GreaterOrEqual => order.is_ge(),
                })
            }
            KeyTest::Between(low, high) => {
                value.order(low).is_some_and(|order| order.is_ge())
                    && value.order(high).is_some_and(|order| order.is_le())
            }
            KeyTest::BeginsWith(prefix) => match (value, &**prefix) {
                (Value::S(text), Value::S(prefix)) => text.starts_with(prefix.as_str()),
                (Value::B(bytes), Value::B(prefix)) => bytes.starts_with(prefix),
                _ => false,
            },
            KeyTest::NotIndexable => false,
        }
    }
}

impl KeyConditions {
    /// Takes a condition apart.
    ///
    /// # Errors
    /// In DynamoDB's words, if it is more than comparisons of attributes with
    /// values of the request, joined by AND, at most `most` of them.
    pub fn new(condition: &Condition, most: usize) -> Result<KeyConditions, Invalid> {
        let mut conditions = KeyConditions(Vec::new());
        conditions.add(condition)?;
        conditions.check_count(most)?;
        Ok(conditions)
    }

    /// Checks that there are conditions, and at most so many.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_count(&self, most: usize) -> Result<(), Invalid> {
        if (1..=most).contains(&self.0.len()) {
            return Ok(());
        }
        Err(Invalid::new("Conditions can be of length 1 or 2 only"))
    }

    /// What is asked of that attribute.
    pub fn get(&self, attribute: &str) -> Option<&KeyTest> {
        self.0.iter().find(|(name, _)| name == attribute).map(|(_, test)| test)
    }

    fn add(&mut self, condition: &Condition) -> Result<(), Invalid> {
        let refused = match condition {
            Condition::And(terms) => return terms.iter().try_for_each(|term| self.add(term)),
            Condition::Compare { comparator: Comparator::NotEqual, .. } => "<>",
            Condition::Compare { comparator, left, right } => {
                return self.add_comparison(*comparator, left, right);
            }
            Condition::Between { operand, low, high } => {
                let path = first_operand("BETWEEN", operand)?;
                let path = only_path(&[low, high], path)?;
                let test = KeyTest::Between(value(low)?, value(high)?);
                return self.push(path, test);
            }
            Condition::BeginsWith(operand, prefix) => {
                let path = first_operand("begins_with", operand)?;
                let path = only_path(&[prefix], path)?;
                return self.push(path, KeyTest::BeginsWith(value(prefix)?));
            }
            Condition::Or(_) => "OR",
            Condition::Not(_) => "NOT",
            Condition::In { .. } => "IN",
            Condition::Exists(_) => "attribute_exists",
            Condition::NotExists(_) => "attribute_not_exists",
            Condition::HasType(..) => "attribute_type",
            Condition::Contains(..) => "contains",
        };
        Err(Invalid(format!("Invalid operator used in KeyConditionExpression: {refused}")))
    }

    fn add_comparison(
        &mut self,
        comparator: Comparator,
        left: &Operand,
        right: &Operand,
    ) -> Result<(), Invalid> {
        match (left, right) {
            (Operand::Size(_) | Operand::Test(_), _) => Err(nested()),
            (Operand::Path(path), other) => {
                let path = only_path(&[other], path)?;
                self.push(path, KeyTest::Compare(comparator, value(other)?))
            }
            (Operand::Value(value), Operand::Path(path)) => {
                let path = only_path(&[], path)?;
                self.push(path, KeyTest::Compare(comparator.mirrored(), value.clone()))
            }
            (Operand::Value(_), Operand::Size(_) | Operand::Test(_)) => Err(nested()),
            (Operand::Value(_), Operand::Value(_)) => Err(Invalid::new(
                "Invalid condition in KeyConditionExpression: No key attribute specified",
            )),
        }
    }

    fn push(&mut self, path: &Path, test: KeyTest) -> Result<(), Invalid> {
        let name = path.attribute();
        if self.get(name).is_some() {
            return Err(Invalid::new(
                "KeyConditionExpressions must only contain one condition per key",
            ));
        }
        self.0.push((name.to_owned(), test));
        Ok(())
    }
}

fn nested() -> Invalid {
    Invalid::new("KeyConditionExpressions cannot contain nested operations")
}

fn first_operand<'a>(operator: &str, operand: &'a Operand) -> Result<&'a Path, Invalid> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(Invalid(format!(
            "Invalid condition in KeyConditionExpression: {operator} operator must have the key \
             attribute as its first operand"
        ))),
    }
}

/// The path, which must be an attribute's name and the only one.
fn only_path<'a>(others: &[&Operand], path: &'a Path) -> Result<&'a Path, Invalid> {
    if path.is_nested() {
        return Err(Invalid::new(
            "KeyConditionExpressions cannot have conditions on nested attributes",
        ));
    }
    for other in others {
        match other {
            Operand::Path(_) => {
                return Err(Invalid::new(
                    "Invalid condition in KeyConditionExpression: \
                     Multiple attribute names used in one condition",
                ));
            }
            Operand::Size(_) | Operand::Test(_) => return Err(nested()),
            Operand::Value(_) => {}
        }
    }
    Ok(path)
}

fn value(operand: &Operand) -> Result<Arc<Value>, Invalid> {
    match operand {
        Operand::Value(value) => Ok(value.clone()),
        _ => Err(nested()),
    }
}
