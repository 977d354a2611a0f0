//! Broken constraints of the model, in DynamoDB's words where they are its own.

use kernel::Fault;
use shape::{Constraint, Problem, problems_message};

use crate::fault::validation;

/// The values of enums in the order in which DynamoDB lists them, by the parameter's name.
const ENUMS: [(&str, &[&str]); 12] = [
    ("attributeType", &["B", "N", "S"]),
    ("billingMode", &["PROVISIONED", "PAY_PER_REQUEST"]),
    (
        "comparisonOperator",
        &[
            "IN",
            "NULL",
            "BETWEEN",
            "LT",
            "NOT_CONTAINS",
            "EQ",
            "GT",
            "NOT_NULL",
            "NE",
            "LE",
            "BEGINS_WITH",
            "GE",
            "CONTAINS",
        ],
    ),
    ("conditionalOperator", &["OR", "AND"]),
    ("action", &["ADD", "DELETE", "PUT"]),
    ("keyType", &["HASH", "RANGE"]),
    ("projectionType", &["ALL", "INCLUDE", "KEYS_ONLY"]),
    ("returnConsumedCapacity", &["INDEXES", "TOTAL", "NONE"]),
    ("returnItemCollectionMetrics", &["SIZE", "NONE"]),
    ("returnValues", &["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"]),
    ("returnValuesOnConditionCheckFailure", &["ALL_OLD", "NONE"]),
    ("select", &["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"]),
];

const EMPTY: &str =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const SEVERAL: &str = "Supplied AttributeValue has more than one datatypes set, \
                       must contain exactly one of the supported datatypes";

/// Words problems of a request. Those of attribute values have texts of their own, and are
/// looked at only if nothing else is wrong.
pub(crate) fn worded(problems: &[Problem]) -> Option<Fault> {
    let (values, others): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|problem| matches!(problem.constraint, Constraint::Union(_)));
    if others.is_empty() {
        return values.first().map(|problem| validation(of_value(problem)));
    }
    if let [problem] = others[..]
        && let Some(message) = of_batch(problem)
    {
        return Some(validation(format!("1 validation error detected: {message}")));
    }
    let others: Vec<Problem> = others.into_iter().cloned().map(in_order).collect();
    Some(validation(problems_message(&others)))
}

fn of_value(problem: &Problem) -> String {
    let text = if problem.constraint == Constraint::Union(0) { EMPTY } else { SEVERAL };
    let key = problem.path.strip_prefix("expressionAttributeValues.");
    match key.and_then(|rest| rest.split('.').next()) {
        Some(key) => {
            format!("ExpressionAttributeValues contains invalid value: {text} for key {key}")
        }
        None => text.to_owned(),
    }
}

/// Too many requests for one table of a batch.
fn of_batch(problem: &Problem) -> Option<String> {
    let Constraint::MaxLength(most) = problem.constraint else { return None };
    let rest = problem.path.strip_prefix("requestItems.")?;
    if let Some(table) = rest.strip_suffix(".member.keys") {
        return Some(format!(
            "Value at 'RequestItems.{table}.member.Keys' failed to satisfy constraint: \
             Member must have length less than or equal to {most}"
        ));
    }
    let table = rest.strip_suffix(".member")?;
    let value = problem.value.as_deref().unwrap_or_default();
    Some(format!(
        "Value '{{{table}={value}}}' at 'requestItems' failed to satisfy constraint: Map value \
         must satisfy constraint: [Member must have length less than or equal to {most}, Member \
         must have length greater than or equal to 1]"
    ))
}

/// The same problem, the values of an enum in DynamoDB's order.
fn in_order(mut problem: Problem) -> Problem {
    let name = problem.path.rsplit('.').next().unwrap_or_default();
    if let Constraint::Enum(values) = &mut problem.constraint
        && let Some((_, order)) = ENUMS.iter().find(|(known, _)| *known == name)
    {
        // Values that are newer than this list stay, behind the others.
        let place = |value: &String| order.iter().position(|known| known == value);
        values.sort_by_key(|value| place(value).unwrap_or(order.len()));
    }
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, value: Option<&str>, constraint: Constraint, message: &str) {
        let problem =
            Problem { path: path.to_owned(), value: value.map(str::to_owned), constraint };
        let fault = worded(&[problem]).unwrap();
        assert_eq!(fault.message, message);
        assert_eq!(fault.namespace, Some("com.amazon.coral.validate"));
    }

    #[test]
    fn problems_have_dynamodbs_words() {
        let types = ["S", "N", "B"].map(str::to_owned).to_vec();
        check(
            "attributeDefinitions.1.member.attributeType",
            Some("X"),
            Constraint::Enum(types),
            "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
        );
        check(
            "requestItems.T.member.keys",
            Some("[…]"),
            Constraint::MaxLength(100),
            "1 validation error detected: Value at 'RequestItems.T.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100",
        );
        check(
            "requestItems.T.member",
            Some("[…]"),
            Constraint::MaxLength(25),
            "1 validation error detected: Value '{T=[…]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]",
        );
        check("item.a.member.l.1.member", None, Constraint::Union(2), SEVERAL);
        check(
            "expressionAttributeValues.:v.member",
            None,
            Constraint::Union(0),
            &format!("ExpressionAttributeValues contains invalid value: {EMPTY} for key :v"),
        );
    }
}
