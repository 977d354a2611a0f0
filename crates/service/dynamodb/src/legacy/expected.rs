//! Expected: what attributes must be for a write to happen.

use std::collections::BTreeMap;

use api_dynamodb::{ConditionalOperator, ExpectedAttributeValue};

use super::comparison::Comparison;
use super::{joined, parameter, path, values};
use crate::convert;
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand, Path};
use crate::invalid::Invalid;

/// What Expected asks for; nothing if it is empty.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn expected(
    given: Option<BTreeMap<String, ExpectedAttributeValue>>,
    operator: Option<&ConditionalOperator>,
) -> Result<Option<Condition>, Invalid> {
    let mut terms = Vec::new();
    for (name, expected) in given.unwrap_or_default() {
        let path = path(&name)?;
        terms.push(term(&name, path, expected)?);
    }
    Ok(joined(terms, operator))
}

fn term(name: &str, path: Path, expected: ExpectedAttributeValue) -> Result<Condition, Invalid> {
    let ExpectedAttributeValue { value, exists, comparison_operator, attribute_value_list } =
        expected;
    if value.is_some() && attribute_value_list.is_some() {
        return Err(clash(name, "Value and AttributeValueList cannot be used together"));
    }
    let Some(operator) = comparison_operator else {
        if attribute_value_list.is_some() {
            return Err(clash(
                name,
                "AttributeValueList can only be used with a ComparisonOperator",
            ));
        }
        return equals(name, path, value, exists);
    };
    if exists.is_some() {
        return Err(clash(name, "Exists and ComparisonOperator cannot be used together"));
    }
    let has_values = value.is_some() || attribute_value_list.is_some();
    let needs_values = !matches!(operator.as_str(), "NULL" | "NOT_NULL");
    if needs_values && !has_values {
        let operator = operator.as_str();
        let problem =
            format!("Value or AttributeValueList must be used with ComparisonOperator: {operator}");
        return Err(clash(name, &problem));
    }
    let list = attribute_value_list.unwrap_or_else(|| value.into_iter().collect());
    Ok(Comparison::new(operator, values(list)?)?.condition(path))
}

/// The form without a ComparisonOperator: a value that the attribute must have, or that it must
/// not exist.
fn equals(
    name: &str,
    path: Path,
    value: Option<api_dynamodb::AttributeValue>,
    exists: Option<bool>,
) -> Result<Condition, Invalid> {
    let Some(value) = value else {
        let exists = match exists {
            Some(false) => return Ok(Condition::NotExists(path)),
            Some(true) => "true",
            None => "null",
        };
        return Err(clash(name, &format!("Value must be provided when Exists is {exists}")));
    };
    if exists == Some(false) {
        return Err(clash(name, "Value cannot be used when Exists is false"));
    }
    let right = Operand::Value(convert::value(value)?.into());
    Ok(Condition::Compare { comparator: Comparator::Equal, left: Operand::Path(path), right })
}

fn clash(name: &str, problem: &str) -> Invalid {
    parameter(&format!("{problem} for Attribute: {name}"))
}
