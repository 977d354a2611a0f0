//! ComparisonOperator and its AttributeValueList.

use std::cmp::Ordering;
use std::sync::Arc;

use api_dynamodb::ComparisonOperator;

use super::parameter;
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand, Path};
use crate::expression::key_condition::KeyTest;
use crate::invalid::Invalid;
use crate::value::{Value, ValueType};

/// An operator with values that go with it.
pub(super) struct Comparison {
    operator: ComparisonOperator,
    values: Vec<Arc<Value>>,
}

impl Comparison {
    /// Checks number, types and order of the values.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn new(
        operator: ComparisonOperator,
        values: Vec<Arc<Value>>,
    ) -> Result<Comparison, Invalid> {
        let name = operator.as_str();
        if !takes(&operator, values.len()) {
            return Err(parameter(&format!(
                "Invalid number of argument(s) for the {name} ComparisonOperator"
            )));
        }
        if let [first, rest @ ..] = &values[..]
            && rest.iter().any(|value| value.value_type() != first.value_type())
        {
            return Err(parameter(
                "AttributeValues inside AttributeValueList must be of same type",
            ));
        }
        let types = values.iter().map(|value| value.value_type());
        if let Some(wrong) = types.into_iter().find(|&value_type| !allows(&operator, value_type)) {
            return Err(parameter(&format!(
                "ComparisonOperator {name} is not valid for {} AttributeValue type",
                wrong.name()
            )));
        }
        if let (ComparisonOperator::Between, [low, high]) = (&operator, &values[..])
            && low.order(high) == Some(Ordering::Greater)
        {
            return Err(Invalid::new(
                "The BETWEEN condition was provided a range where the lower bound is greater than \
                 the upper bound",
            ));
        }
        Ok(Comparison { operator, values })
    }

    /// The condition that what lies at `path` compares so.
    pub fn condition(self, path: Path) -> Condition {
        let comparator = comparator(&self.operator);
        let mut values = self.values.into_iter().map(Operand::Value);
        let left = Operand::Path(path.clone());
        let contains = |part| Condition::Contains(Operand::Path(path.clone()), part);
        match (self.operator, values.next()) {
            (ComparisonOperator::Null, _) => Condition::NotExists(path),
            (ComparisonOperator::Contains, Some(part)) => contains(part),
            // What is not there contains nothing, but does not pass.
            (ComparisonOperator::NotContains, Some(part)) => Condition::And(vec![
                Condition::Exists(path.clone()),
                Condition::Not(Box::new(contains(part))),
            ]),
            (ComparisonOperator::BeginsWith, Some(prefix)) => Condition::BeginsWith(left, prefix),
            (ComparisonOperator::In, Some(first)) => Condition::In {
                operand: left,
                list: std::iter::once(first).chain(values).collect(),
            },
            (ComparisonOperator::Between, Some(low)) => {
                let high = values.next().unwrap_or_else(|| low.clone());
                Condition::Between { operand: left, low, high }
            }
            (_, Some(right)) => Condition::Compare { comparator, left, right },
            // NOT_NULL alone takes no value; `new` has counted them.
            (_, None) => Condition::Exists(path),
        }
    }

    /// The test of a key attribute.
    pub fn key_test(self) -> KeyTest {
        match (&self.operator, &self.values[..]) {
            (ComparisonOperator::Between, [low, high]) => {
                KeyTest::Between(low.clone(), high.clone())
            }
            (ComparisonOperator::BeginsWith, [prefix]) => KeyTest::BeginsWith(prefix.clone()),
            (
                ComparisonOperator::Eq
                | ComparisonOperator::Le
                | ComparisonOperator::Lt
                | ComparisonOperator::Ge
                | ComparisonOperator::Gt,
                [value],
            ) => KeyTest::Compare(comparator(&self.operator), value.clone()),
            _ => KeyTest::NotIndexable,
        }
    }
}

fn comparator(operator: &ComparisonOperator) -> Comparator {
    match operator {
        ComparisonOperator::Ne => Comparator::NotEqual,
        ComparisonOperator::Le => Comparator::LessOrEqual,
        ComparisonOperator::Lt => Comparator::Less,
        ComparisonOperator::Ge => Comparator::GreaterOrEqual,
        ComparisonOperator::Gt => Comparator::Greater,
        _ => Comparator::Equal,
    }
}

/// Whether the operator takes so many values.
fn takes(operator: &ComparisonOperator, count: usize) -> bool {
    match operator {
        ComparisonOperator::Null | ComparisonOperator::NotNull => count == 0,
        ComparisonOperator::In => count > 0,
        ComparisonOperator::Between => count == 2,
        _ => count == 1,
    }
}

/// Whether the operator takes values of that type.
fn allows(operator: &ComparisonOperator, value_type: ValueType) -> bool {
    match operator {
        ComparisonOperator::Eq | ComparisonOperator::Ne => true,
        ComparisonOperator::Contains | ComparisonOperator::NotContains => {
            value_type.is_ordered() || matches!(value_type, ValueType::Bool | ValueType::Null)
        }
        ComparisonOperator::BeginsWith => matches!(value_type, ValueType::S | ValueType::B),
        _ => value_type.is_ordered(),
    }
}
