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

/// The operations that look for TableName before anything else.
const TABLE_OPERATIONS: [&str; 5] =
    ["CreateTable", "DeleteTable", "DescribeTable", "DescribeTimeToLive", "UpdateTable"];

const EMPTY: &str =
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
const SEVERAL: &str = "Supplied AttributeValue has more than one datatypes set, \
                       must contain exactly one of the supported datatypes";

/// Words problems of a request. Those of attribute values have texts of their own, and are
/// looked at only if nothing else is wrong.
pub(crate) fn worded(operation: &str, problems: &[Problem]) -> Option<Fault> {
    let is_nameless = |problem: &Problem| {
        problem.path == "tableName" && problem.constraint == Constraint::Required
    };
    if TABLE_OPERATIONS.contains(&operation) && problems.iter().any(is_nameless) {
        return Some(validation(
            "The parameter 'TableName' is required but was not present in the request",
        ));
    }
    let (values, others): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|problem| matches!(problem.constraint, Constraint::Union(_)));
    if others.is_empty() {
        return values.first().map(|problem| validation(of_value(problem)));
    }
    if let [problem] = others[..] {
        if problem.path == "requestItems" && problem.constraint == Constraint::MinLength(1) {
            let message = format!("The requestItems parameter is required for {operation}");
            return Some(validation(message));
        }
        if let Some(message) = of_batch(problem).or_else(|| of_limit(operation, problem)) {
            return Some(validation(format!("1 validation error detected: {message}")));
        }
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

/// Query's Limit, which is told otherwise than Scan's.
fn of_limit(operation: &str, problem: &Problem) -> Option<String> {
    let is_low = matches!(problem.constraint, Constraint::MinValue(_));
    (operation == "Query" && problem.path == "limit" && is_low).then(|| {
        "Value at 'Limit' failed to satisfy constraint: \
         Member must have value greater than or equal to 1"
            .to_owned()
    })
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

    fn check(
        operation: &str,
        path: &str,
        value: Option<&str>,
        constraint: Constraint,
        message: &str,
    ) {
        let problem =
            Problem { path: path.to_owned(), value: value.map(str::to_owned), constraint };
        let fault = worded(operation, &[problem]).unwrap();
        assert_eq!(fault.message, message);
        assert_eq!(fault.namespace, Some("com.amazon.coral.validate"));
    }

    #[test]
    fn problems_have_dynamodbs_words() {
        let types = ["S", "N", "B"].map(str::to_owned).to_vec();
        check(
            "CreateTable",
            "attributeDefinitions.1.member.attributeType",
            Some("X"),
            Constraint::Enum(types),
            "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must satisfy enum value set: [B, N, S]",
        );
        check(
            "BatchGetItem",
            "requestItems.T.member.keys",
            Some("[…]"),
            Constraint::MaxLength(100),
            "1 validation error detected: Value at 'RequestItems.T.member.Keys' failed to satisfy constraint: Member must have length less than or equal to 100",
        );
        check(
            "BatchWriteItem",
            "requestItems.T.member",
            Some("[…]"),
            Constraint::MaxLength(25),
            "1 validation error detected: Value '{T=[…]}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 25, Member must have length greater than or equal to 1]",
        );
        check("PutItem", "item.a.member.l.1.member", None, Constraint::Union(2), SEVERAL);
        check(
            "Query",
            "expressionAttributeValues.:v.member",
            None,
            Constraint::Union(0),
            &format!("ExpressionAttributeValues contains invalid value: {EMPTY} for key :v"),
        );
    }

    #[test]
    fn some_operations_have_words_of_their_own() {
        let null = "failed to satisfy constraint: Member must not be null";
        let low = "failed to satisfy constraint: \
                   Member must have value greater than or equal to 1";
        for (operation, path, value, constraint, message) in [
            (
                "UpdateTable",
                "tableName",
                None,
                Constraint::Required,
                "The parameter 'TableName' is required but was not present in the request".into(),
            ),
            (
                "PutItem",
                "tableName",
                None,
                Constraint::Required,
                format!("1 validation error detected: Value null at 'tableName' {null}"),
            ),
            (
                "BatchGetItem",
                "requestItems",
                None,
                Constraint::MinLength(1),
                "The requestItems parameter is required for BatchGetItem".into(),
            ),
            (
                "Query",
                "limit",
                Some("0"),
                Constraint::MinValue(1.0),
                format!("1 validation error detected: Value at 'Limit' {low}"),
            ),
            (
                "Scan",
                "limit",
                Some("0"),
                Constraint::MinValue(1.0),
                format!("1 validation error detected: Value '0' at 'limit' {low}"),
            ),
        ] {
            check(operation, path, value, constraint, &message);
        }
    }
}
