//! A record of a bulk operation's input: an item, and perhaps a condition for putting it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::convert;
use crate::invalid::Invalid;
use crate::request::Expressions;
use crate::transfer::import::parse;
use crate::write::{Action, Guard, ItemWrite};

/// Reads `{"Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}`, with
/// ExpressionAttributeNames and ExpressionAttributeValues as in PutItem.
///
/// # Errors
/// If it is anything else: a member that is not understood might be a condition.
pub(crate) fn read(record: &[u8]) -> Result<ItemWrite, Invalid> {
    let value: Value = serde_json::from_str(parse::text(record)?)
        .map_err(|error| Invalid(format!("The record is not JSON: {error}")))?;
    let Value::Object(mut members) = value else { return Err(no_item()) };
    let Some(Value::Object(item)) = members.remove("Item") else { return Err(no_item()) };
    let condition = members.remove("ConditionExpression");
    let condition = condition.map(|value| text("ConditionExpression", value)).transpose()?;
    let names = object(&mut members, "ExpressionAttributeNames")?.map(texts).transpose()?;
    let values = object(&mut members, "ExpressionAttributeValues")?;
    let values = values.map(parse::map).transpose()?;
    if let Some((name, _)) = members.iter().next() {
        return Err(Invalid(format!("The record has a member that is not known: {name}")));
    }
    let expressions = Expressions {
        expressions: &[("ConditionExpression", condition.is_some())],
        legacy: &[],
        names,
        values,
    };
    expressions.check()?;
    let action = Action::put(convert::item(parse::map(item)?)?)?;
    let mut placeholders = expressions.placeholders()?;
    let guard = Guard::new(condition.as_deref(), None, &mut placeholders)?;
    placeholders.check_all_used()?;
    Ok(ItemWrite { action, guard })
}

fn no_item() -> Invalid {
    Invalid::new("The record has no member Item")
}

fn wrong(name: &str, expected: &str) -> Invalid {
    Invalid(format!("The record's member {name} is not {expected}"))
}

fn text(name: &str, value: Value) -> Result<String, Invalid> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(name, "a text")),
    }
}

fn object(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<Map<String, Value>>, Invalid> {
    match members.remove(name) {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(wrong(name, "an object")),
    }
}

fn texts(members: Map<String, Value>) -> Result<BTreeMap<String, String>, Invalid> {
    let name = "ExpressionAttributeNames";
    members.into_iter().map(|(key, value)| Ok((key, text(name, value)?))).collect()
}

/// Whether these bytes are a record that can be put somewhere; for fuzzing.
pub fn is_record(bytes: &[u8]) -> bool {
    read(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `expected`: a part of the problem, or nothing if it is a record; then whether with a
    /// condition.
    fn check(record: &str, expected: Result<bool, &str>) {
        match (read(record.as_bytes()), expected) {
            (Ok(write), Ok(has_condition)) => {
                assert_eq!(write.guard.is_some(), has_condition, "{record:.100}");
            }
            (Err(problem), Err(part)) => {
                assert!(problem.0.contains(part), "{record:.100}: {problem}");
            }
            (Ok(_), Err(part)) => panic!("{record:.100}: not {part}"),
            (Err(problem), Ok(_)) => panic!("{record:.100}: {problem}"),
        }
    }

    #[test]
    fn records() {
        check(r#"{"Item":{"pk":{"S":"a"}}}"#, Ok(false));
        check(
            r#"{"Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_exists(pk)"}"#,
            Ok(true),
        );
        check(
            r##"{"Item":{"pk":{"S":"a"}},"ConditionExpression":"#v < :v",
                "ExpressionAttributeNames":{"#v":"version"},
                "ExpressionAttributeValues":{":v":{"N":"3"}}}"##,
            Ok(true),
        );
    }

    #[test]
    fn what_is_no_record() {
        let item = r#"{"Item":{"pk":{"S":"a"}}"#;
        let large = "x".repeat(400 * 1024);
        let deep = format!("{{\"Item\":{{\"a\":{}", "{\"L\":[".repeat(100_000));
        let nested = format!("{}{{\"NULL\":true}}{}", "{\"L\":[".repeat(33), "]}".repeat(33));
        for (record, problem) in [
            ("", "not JSON"),
            ("1", "no member Item"),
            ("[]", "no member Item"),
            ("{}", "no member Item"),
            (r#"{"Item":1}"#, "no member Item"),
            (r#"{"pk":{"S":"a"}}"#, "no member Item"),
            (r#"{"Item":{"pk":{"S":1}}}"#, "must contain exactly one"),
            (r#"{"Item":{"pk":{"N":"x"}}}"#, "cannot be converted to a numeric value"),
            (&format!(r#"{item},"conditionExpression":"a"}}"#), "not known: conditionExpression"),
            (&format!(r#"{item},"ConditionExpression":1}}"#), "ConditionExpression is not a text"),
            (&format!(r#"{item},"ConditionExpression":""}}"#), "ConditionExpression"),
            (&format!(r#"{item},"ConditionExpression":"a ="}}"#), "Syntax error"),
            (&format!(r#"{item},"ConditionExpression":"a = :v"}}"#), ":v"),
            (&format!(r##"{item},"ExpressionAttributeNames":{{"#a":"a"}}}}"##), "can only be"),
            (&format!(r#"{item},"ExpressionAttributeNames":[]}}"#), "is not an object"),
            (
                &format!(
                    r##"{item},"ConditionExpression":"a = b","ExpressionAttributeNames":{{"#a":1}}}}"##
                ),
                "ExpressionAttributeNames is not a text",
            ),
            (
                &format!(
                    r#"{item},"ConditionExpression":"a = b",
                       "ExpressionAttributeValues":{{":v":{{"N":"1"}}}}}}"#
                ),
                "unused",
            ),
            (&format!(r#"{{"Item":{{"pk":{{"S":"{large}"}}}}}}"#), "maximum allowed size"),
            (&format!(r#"{{"Item":{{"pk":{nested}}}}}"#), "Nesting Levels"),
            (&deep, "not JSON"),
        ] {
            check(record, Err(problem));
        }
        assert!(read(b"\xff").is_err());
    }
}
