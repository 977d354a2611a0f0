//! Filter policies: which messages a subscriber wants. Pure.
//!
//! A policy is an object. Each key names an attribute (or a member of the body) and holds a list of
//! conditions of which one must hold; all keys must hold. `$or` holds a list of objects of which
//! one must. In the scope of the body, objects nest.

use std::net::IpAddr;

use serde_json::{Map, Number, Value as Json};

use crate::record::Attribute;

/// Longest policy in bytes.
const POLICY_BYTES_MAX: usize = 256 * 1024;
/// Most keys of a policy, whatever their depth.
const KEYS_MAX: usize = 5;
/// Most combinations of values.
const COMBINATIONS_MAX: usize = 150;
/// Deepest nesting.
const DEPTH_MAX: usize = 20;
/// Least and greatest number in a policy.
const NUMBER_MAX: f64 = 1_000_000_000.0;

/// Refuses what is no policy; the text says why.
pub(crate) fn check(text: &str, in_body: bool) -> Result<(), String> {
    let refused = |why: &str| Err(format!("FilterPolicy: {why}"));
    if text.len() > POLICY_BYTES_MAX {
        return refused("Policy is too large");
    }
    let Ok(Json::Object(policy)) = serde_json::from_str(text) else {
        return refused("failed to parse JSON.");
    };
    let mut sums = Sums { keys: 0, combinations: 1 };
    check_object(&policy, in_body, 1, &mut sums)?;
    if sums.keys > KEYS_MAX {
        return refused("Filter policy can not have more than 5 keys");
    }
    if sums.combinations > COMBINATIONS_MAX {
        return refused("Filter policy is too complex");
    }
    Ok(())
}

struct Sums {
    keys: usize,
    combinations: usize,
}

fn check_object(
    policy: &Map<String, Json>,
    in_body: bool,
    depth: usize,
    sums: &mut Sums,
) -> Result<(), String> {
    let refused = |why: String| Err(format!("FilterPolicy: {why}"));
    if depth > DEPTH_MAX {
        return refused("Policy is nested too deeply".into());
    }
    for (name, value) in policy {
        match value {
            Json::Array(branches) if name == "$or" && is_or(branches) => {
                for branch in branches.iter().filter_map(Json::as_object) {
                    check_object(branch, in_body, depth + 1, sums)?;
                }
            }
            Json::Array(conditions) if conditions.is_empty() => {
                return refused("Empty arrays are not allowed".into());
            }
            Json::Array(conditions) => {
                sums.keys += 1;
                sums.combinations = sums.combinations.saturating_mul(conditions.len());
                conditions.iter().try_for_each(check_condition)?;
            }
            Json::Object(inner) if in_body => check_object(inner, in_body, depth + 1, sums)?,
            Json::Object(_) => {
                return refused(
                    "Filter policy scope MessageAttributes does not support nested filter policy"
                        .to_owned(),
                );
            }
            _ => return refused(format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(())
}

/// A list of objects that are no conditions; otherwise `$or` is a name like any other.
fn is_or(branches: &[Json]) -> bool {
    branches.len() > 1
        && branches.iter().all(|branch| {
            branch.as_object().is_some_and(|branch| {
                !branch.is_empty() && !branch.keys().any(|key| OPERATORS.contains(&key.as_str()))
            })
        })
}

const OPERATORS: [&str; 8] = [
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
];

fn check_condition(condition: &Json) -> Result<(), String> {
    let refused = |why: String| Err(format!("FilterPolicy: {why}"));
    let rule = match condition {
        Json::Object(rule) => rule,
        Json::Number(number) => return check_number(number),
        Json::Array(_) => {
            return refused("Match value must be String, number, true, false, or null".into());
        }
        _ => return Ok(()),
    };
    let Some((operator, operand)) = rule.iter().next().filter(|_| rule.len() == 1) else {
        return refused("Only one key allowed in match expression".into());
    };
    match operator.as_str() {
        "exists" if operand.is_boolean() => Ok(()),
        "exists" => refused("exists match pattern must be either true or false.".into()),
        "prefix" | "suffix" | "equals-ignore-case" if operand.is_string() => Ok(()),
        "wildcard" if operand.as_str().is_some_and(|text| !text.contains("**")) => Ok(()),
        "cidr" if operand.as_str().is_some_and(|text| cidr(text).is_some()) => Ok(()),
        "cidr" => refused("Malformed CIDR, one '/' required".into()),
        "prefix" | "suffix" | "equals-ignore-case" | "wildcard" => {
            refused(format!("{operator} match pattern must be a string"))
        }
        "numeric" => check_numeric(operand),
        "anything-but" => check_anything_but(operand),
        other => refused(format!("Unrecognized match type {other}")),
    }
}

fn check_number(number: &Number) -> Result<(), String> {
    match number.as_f64() {
        Some(value) if value.abs() <= NUMBER_MAX => Ok(()),
        _ => Err("FilterPolicy: Value must be between -1.0E9 and 1.0E9, inclusive".into()),
    }
}

fn check_numeric(operand: &Json) -> Result<(), String> {
    let refused = |why: &str| Err(format!("FilterPolicy: {why}"));
    let Some(parts) = operand.as_array() else {
        return refused("Value of numeric must be an array.");
    };
    if parts.is_empty() || parts.len() > 4 {
        return refused("Invalid member in numeric match: ]");
    }
    for pair in parts.chunks(2) {
        let Some(operator) = pair[0].as_str().filter(|o| ["=", "<", "<=", ">", ">="].contains(o))
        else {
            return refused("Unrecognized numeric range operator");
        };
        let Some(Json::Number(number)) = pair.get(1) else {
            return Err(format!("FilterPolicy: Value of {operator} must be numeric"));
        };
        check_number(number)?;
    }
    if let [low, from, high, to] = &parts[..] {
        let directions = (low.as_str().unwrap_or(""), high.as_str().unwrap_or(""));
        if !directions.0.starts_with('>') || !directions.1.starts_with('<') {
            return refused("Bad numeric range operator");
        }
        if from.as_f64() >= to.as_f64() {
            return refused("Bottom must be less than top");
        }
    }
    Ok(())
}

fn check_anything_but(operand: &Json) -> Result<(), String> {
    let scalar = |value: &Json| value.is_string() || value.is_number();
    let sound = match operand {
        Json::Array(values) => !values.is_empty() && values.iter().all(scalar),
        Json::Object(rule) => {
            rule.len() == 1
                && rule.iter().all(|(name, value)| {
                    let known = ["prefix", "suffix", "wildcard", "equals-ignore-case", "cidr"];
                    let texts = value.as_array().is_some_and(|v| v.iter().all(Json::is_string));
                    known.contains(&name.as_str()) && (value.is_string() || texts)
                })
        }
        value => scalar(value),
    };
    if sound {
        Ok(())
    } else {
        Err("FilterPolicy: Inside anything-but list, value is not valid".into())
    }
}

/// Whether a message with these attributes is wanted.
pub(crate) fn wants_attributes<'a>(
    policy: &str,
    attributes: impl Iterator<Item = (&'a String, &'a Attribute)>,
) -> bool {
    let Ok(Json::Object(policy)) = serde_json::from_str(policy) else { return false };
    let fields = attributes.filter_map(|(name, attribute)| {
        let base = attribute.data_type.split('.').next().unwrap_or_default();
        let value = match attribute.data_type.as_str() {
            "String.Array" => serde_json::from_str(&attribute.value).ok()?,
            _ if base == "Number" => serde_json::from_str(&attribute.value).ok()?,
            _ if base == "Binary" => return None,
            _ => Json::String(attribute.value.clone()),
        };
        Some((name.clone(), value))
    });
    holds(&policy, &fields.collect())
}

/// Whether a message with this body is wanted; one that is no JSON object is not.
pub(crate) fn wants_body(policy: &str, body: &str) -> bool {
    match (serde_json::from_str(policy), serde_json::from_str(body)) {
        (Ok(Json::Object(policy)), Ok(Json::Object(body))) => holds(&policy, &body),
        _ => false,
    }
}

fn holds(policy: &Map<String, Json>, fields: &Map<String, Json>) -> bool {
    policy.iter().all(|(name, value)| match value {
        Json::Array(branches) if name == "$or" && is_or(branches) => {
            branches.iter().filter_map(Json::as_object).any(|branch| holds(branch, fields))
        }
        Json::Array(conditions) => {
            let found = fields.get(name);
            conditions.iter().any(|condition| matches(condition, found))
        }
        Json::Object(inner) => match fields.get(name) {
            Some(Json::Object(found)) => holds(inner, found),
            Some(Json::Array(items)) => {
                items.iter().filter_map(Json::as_object).any(|item| holds(inner, item))
            }
            _ => holds(inner, &Map::new()),
        },
        _ => false,
    })
}

/// Whether a condition holds of a value, or of one of the values of a list.
fn matches(condition: &Json, found: Option<&Json>) -> bool {
    if let Some(exists) = condition.get("exists") {
        return found.is_some_and(|value| !value.is_object()) == (exists == &Json::Bool(true));
    }
    match found {
        None => false,
        Some(Json::Array(items)) => match condition.get("anything-but") {
            Some(_) => !items.is_empty() && items.iter().all(|item| one(condition, item)),
            None => items.iter().any(|item| one(condition, item)),
        },
        Some(value) => one(condition, value),
    }
}

fn one(condition: &Json, value: &Json) -> bool {
    let Json::Object(rule) = condition else { return same(condition, value) };
    let Some((operator, operand)) = rule.iter().next() else { return false };
    match operator.as_str() {
        "anything-but" => match operand {
            Json::Array(values) => !values.iter().any(|other| same(other, value)),
            Json::Object(rule) => rule.iter().all(|(operator, operand)| match operand {
                Json::Array(operands) => {
                    !operands.iter().any(|operand| text_rule(operator, operand, value))
                }
                operand => !text_rule(operator, operand, value),
            }),
            other => !same(other, value),
        },
        "numeric" => value.as_f64().is_some_and(|number| {
            let parts = operand.as_array().map(Vec::as_slice).unwrap_or_default();
            parts.chunks(2).all(|pair| compare(pair, number))
        }),
        _ => text_rule(operator, operand, value),
    }
}

fn text_rule(operator: &str, operand: &Json, value: &Json) -> bool {
    let (Some(operand), Some(text)) = (operand.as_str(), value.as_str()) else { return false };
    match operator {
        "prefix" => text.starts_with(operand),
        "suffix" => text.ends_with(operand),
        "equals-ignore-case" => text.to_lowercase() == operand.to_lowercase(),
        "wildcard" => wildcard(operand, text),
        "cidr" => in_cidr(operand, text),
        _ => false,
    }
}

fn same(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn compare(pair: &[Json], number: f64) -> bool {
    let (Some(operator), Some(bound)) = (pair[0].as_str(), pair.get(1).and_then(Json::as_f64))
    else {
        return false;
    };
    match operator {
        "=" => number == bound,
        "<" => number < bound,
        "<=" => number <= bound,
        ">" => number > bound,
        ">=" => number >= bound,
        _ => false,
    }
}

/// `*` stands for any characters. Never looks at a character of `text` twice for one star.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn cidr(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}

fn in_cidr(range: &str, text: &str) -> bool {
    let (Some((network, bits)), Ok(address)) = (cidr(range), text.parse::<IpAddr>()) else {
        return false;
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - bits;
            let cut = |ip: std::net::Ipv4Addr| u32::from(ip).checked_shr(shift).unwrap_or(0);
            cut(network) == cut(address)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let shift = 128 - bits;
            let cut = |ip: std::net::Ipv6Addr| u128::from(ip).checked_shr(shift).unwrap_or(0);
            cut(network) == cut(address)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(policy: &str, body: &str) -> bool {
        check(policy, true).unwrap();
        wants_body(policy, body)
    }

    #[test]
    fn conditions() {
        for (condition, value, expected) in [
            (r#""a""#, r#""a""#, true),
            (r#""a""#, r#""A""#, false),
            ("1", "1.0", true),
            ("null", "null", true),
            ("true", r#""true""#, false),
            (r#"{"prefix": "ab"}"#, r#""abc""#, true),
            (r#"{"suffix": "bc"}"#, r#""abc""#, true),
            (r#"{"equals-ignore-case": "ABC"}"#, r#""abc""#, true),
            (r#"{"wildcard": "a*c*e"}"#, r#""abcde""#, true),
            (r#"{"wildcard": "a*a"}"#, r#""a""#, false),
            (r#"{"cidr": "10.0.0.0/8"}"#, r#""10.1.2.3""#, true),
            (r#"{"cidr": "10.0.0.0/8"}"#, r#""11.1.2.3""#, false),
            (r#"{"cidr": "::/0"}"#, r#""fe80::1""#, true),
            (r#"{"anything-but": ["a", "b"]}"#, r#""c""#, true),
            (r#"{"anything-but": ["a", "b"]}"#, r#""b""#, false),
            (r#"{"anything-but": {"prefix": "a"}}"#, r#""ab""#, false),
            (r#"{"anything-but": "a"}"#, r#"["b", "a"]"#, false),
            (r#"{"numeric": [">", 1, "<=", 5]}"#, "5", true),
            (r#"{"numeric": [">", 1, "<=", 5]}"#, "1", false),
            (r#"{"numeric": ["=", 3.5]}"#, "3.5", true),
            (r#"{"exists": true}"#, "null", true),
            (r#"{"exists": false}"#, "0", false),
            (r#""a""#, r#"["x", "a"]"#, true),
        ] {
            let policy = format!(r#"{{"k": [{condition}]}}"#);
            assert_eq!(
                wants(&policy, &format!(r#"{{"k": {value}}}"#)),
                expected,
                "{condition} {value}"
            );
        }
        assert!(wants(r#"{"k": [{"exists": false}]}"#, "{}"));
        assert!(!wants(r#"{"k": [{"anything-but": "a"}]}"#, "{}"));
    }

    #[test]
    fn keys_nest_and_branch() {
        let policy = r#"{"a": {"b": [1]}, "$or": [{"c": ["x"]}, {"d": [{"exists": true}]}]}"#;
        assert!(wants(policy, r#"{"a": {"b": 1}, "c": "x"}"#));
        assert!(wants(policy, r#"{"a": [{"b": 2}, {"b": 1}], "d": 0}"#));
        assert!(!wants(policy, r#"{"a": {"b": 1}, "c": "y"}"#));
        assert!(!wants(policy, r#"{"a": {"b": 2}, "c": "x"}"#));
    }

    #[test]
    fn what_is_no_policy() {
        for (policy, in_body) in [
            ("[]", true),
            (r#"{"a": "x"}"#, true),
            (r#"{"a": []}"#, true),
            (r#"{"a": {"b": ["x"]}}"#, false),
            (r#"{"a": [["x"]]}"#, true),
            (r#"{"a": [{"like": "x"}]}"#, true),
            (r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#, true),
            (r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#, true),
            (r#"{"a": [{"exists": "yes"}]}"#, true),
            (r#"{"a": [1], "b": [1], "c": [1], "d": [1], "e": [1], "f": [1]}"#, true),
        ] {
            assert!(check(policy, in_body).is_err(), "{policy}");
        }
    }
}
