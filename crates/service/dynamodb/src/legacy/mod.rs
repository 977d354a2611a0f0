//! The parameters that expressions replaced: AttributesToGet, Expected, AttributeUpdates,
//! KeyConditions, QueryFilter, ScanFilter and ConditionalOperator.
//!
//! They are made into what expressions are bound to, so nothing behind the request knows the
//! difference. They name whole attributes only: a name with dots in it is a name.

mod comparison;
mod expected;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;

use api_dynamodb::{AttributeValue, ConditionalOperator};

use crate::convert;
use crate::expression::bound::{Condition, Path, Projection, Step};
use crate::expression::key_condition::KeyConditions;
use crate::invalid::Invalid;
use crate::value::Value;
use comparison::Comparison;

pub(crate) use expected::expected;
pub(crate) use updates::updates;

/// A parameter that gives each attribute a condition.
pub(crate) type Conditions = BTreeMap<String, api_dynamodb::Condition>;

/// Checks that ConditionalOperator, if given, has `count` conditions to join.
///
/// # Errors
/// In DynamoDB's words, if it has not at least two.
pub(crate) fn check_operator(
    operator: Option<&ConditionalOperator>,
    count: usize,
) -> Result<(), Invalid> {
    match (operator, count) {
        (Some(_), 0) => {
            Err(Invalid::new("ConditionalOperator cannot be used without Filter or Expected"))
        }
        (Some(_), 1) => Err(Invalid::new(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        _ => Ok(()),
    }
}

/// What AttributesToGet asks for.
///
/// # Errors
/// In DynamoDB's words, if it names an attribute twice.
pub(crate) fn attributes_to_get(names: Option<&[String]>) -> Result<Option<Projection>, Invalid> {
    let Some(names) = names else { return Ok(None) };
    let mut paths = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            return Err(parameter(&format!("Duplicate value in attribute name: {name}")));
        }
        paths.push(path(name)?);
    }
    Ok(Some(Projection(paths)))
}

/// What QueryFilter or ScanFilter asks for; nothing if it is empty.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn filter(
    conditions: Option<Conditions>,
    operator: Option<&ConditionalOperator>,
) -> Result<Option<Condition>, Invalid> {
    let mut terms = Vec::new();
    for (name, comparison) in comparisons(conditions)? {
        terms.push(comparison.condition(path(&name)?));
    }
    Ok(joined(terms, operator))
}

/// What KeyConditions asks for, at most `most` of them.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn key_conditions(
    conditions: Conditions,
    most: usize,
) -> Result<KeyConditions, Invalid> {
    let mut tests = Vec::new();
    for (name, comparison) in comparisons(Some(conditions))? {
        tests.push((name, comparison.key_test()));
    }
    let conditions = KeyConditions(tests);
    conditions.check_count(most)?;
    Ok(conditions)
}

fn comparisons(conditions: Option<Conditions>) -> Result<Vec<(String, Comparison)>, Invalid> {
    let conditions = conditions.unwrap_or_default().into_iter();
    conditions
        .map(|(name, condition)| {
            let values = values(condition.attribute_value_list.unwrap_or_default())?;
            Ok((name, Comparison::new(condition.comparison_operator, values)?))
        })
        .collect()
}

fn values(given: Vec<AttributeValue>) -> Result<Vec<Arc<Value>>, Invalid> {
    given.into_iter().map(|attribute| Ok(Arc::new(convert::value(attribute)?))).collect()
}

/// One condition of several; nothing if there are none.
fn joined(mut terms: Vec<Condition>, operator: Option<&ConditionalOperator>) -> Option<Condition> {
    match (terms.len(), operator) {
        (0 | 1, _) => terms.pop(),
        (_, Some(ConditionalOperator::Or)) => Some(Condition::Or(terms)),
        _ => Some(Condition::And(terms)),
    }
}

fn path(name: &str) -> Result<Path, Invalid> {
    if name.is_empty() {
        return Err(parameter("Empty attribute name"));
    }
    Ok(Path(vec![Step::Name(name.into())]))
}

fn parameter(problem: &str) -> Invalid {
    Invalid(format!("One or more parameter values were invalid: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_join_two_or_more() {
        let without = "ConditionalOperator cannot be used without Filter or Expected";
        let single = "ConditionalOperator can only be used when Filter or Expected has two or more \
                      elements";
        for (operator, count, expected) in [
            (None, 0, Ok(())),
            (None, 1, Ok(())),
            (Some(ConditionalOperator::And), 0, Err(without)),
            (Some(ConditionalOperator::Or), 1, Err(single)),
            (Some(ConditionalOperator::Or), 2, Ok(())),
        ] {
            let got = check_operator(operator.as_ref(), count);
            assert_eq!(got, expected.map_err(Invalid::new));
        }
    }
}
