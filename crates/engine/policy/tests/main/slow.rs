//! The language once more: straight from the JSON, slow, without any of the engine's ideas.
//!
//! A decision is a formula over "which statements apply", not a walk through gates.

use serde_json::Value;

use crate::random::{Case, WHO};

/// What the engine's decision is compared with: `allowed`, or `explicit TYPE`, or `implicit TYPE`.
pub fn decide(case: &Case) -> String {
    let (kind, arn, behind) = WHO[case.who];
    let account = arn.split(':').nth(4).unwrap_or("");
    let has_account = !account.is_empty();
    let one = |policy: &Option<Value>| policy.iter().cloned().collect::<Vec<_>>();
    let mut types = vec![("resource-based policy", one(&case.resource))];
    if has_account {
        types.push(("identity-based policy", case.identity.clone()));
        types.push(("permissions boundary", one(&case.boundary)));
        types.push(("session policy", case.session.clone()));
    }
    for (name, policies) in &types {
        if policies.iter().any(|policy| !applying(policy, "Deny", case).is_empty()) {
            return format!("explicit {name}");
        }
    }
    let allows = |name: &str| {
        types
            .iter()
            .filter(|t| t.0 == name)
            .flat_map(|t| &t.1)
            .any(|policy| !applying(policy, "Allow", case).is_empty())
    };
    let levels: Vec<String> = case
        .resource
        .iter()
        .flat_map(|policy| applying(policy, "Allow", case))
        .map(|statement| {
            let named = principals(&statement["Principal"]);
            let has = |value: &str| named.iter().any(|(_, n)| n == value);
            if has("*") || has(arn) || kind == "root" && has(account) {
                "itself".to_owned()
            } else if !behind.is_empty() && has(behind) {
                "behind".to_owned()
            } else {
                "account".to_owned()
            }
        })
        .collect();
    let level = |name: &str| levels.iter().any(|level| level == name);
    let granted = !levels.is_empty();
    if !has_account {
        return if granted { "allowed" } else { "implicit resource-based policy" }.to_owned();
    }
    let bounded = case.boundary.is_some() && !allows("permissions boundary");
    let narrowed =
        (kind == "federated-user" || !case.session.is_empty()) && !allows("session policy");
    let identity = kind == "root" || allows("identity-based policy");
    let is_same = account == case.resource_account;
    let answer = match () {
        () if is_same && level("itself") => "",
        () if is_same && level("behind") && bounded => "permissions boundary",
        () if is_same && level("behind") && narrowed => "session policy",
        () if is_same && level("behind") => "",
        () if is_same && case.is_required && !granted => "resource-based policy",
        () if !identity => "identity-based policy",
        () if bounded => "permissions boundary",
        () if narrowed => "session policy",
        () if !is_same && !granted => "resource-based policy",
        () => "",
    };
    if answer.is_empty() { "allowed".to_owned() } else { format!("implicit {answer}") }
}

/// Statements with this effect that apply.
fn applying<'v>(policy: &'v Value, effect: &str, case: &Case) -> Vec<&'v Value> {
    let is_new = policy["Version"] == "2012-10-17";
    policy["Statement"]
        .as_array()
        .expect("a list of statements")
        .iter()
        .filter(|statement| statement["Effect"] == effect && applies(statement, is_new, case))
        .collect()
}

fn applies(statement: &Value, is_new: bool, case: &Case) -> bool {
    let is_deny = statement["Effect"] == "Deny";
    let lower = case.action.to_lowercase();
    let action_in =
        |list: &Value| texts(list).iter().any(|p| glob(&plain(&p.to_lowercase()), &lower));
    let action = match statement.get("NotAction") {
        Some(list) => !action_in(list),
        None => action_in(&statement["Action"]),
    };
    // A pattern whose variable has no value fits a Deny's wishes and an Allow's fears.
    let resource_in = |list: &Value, unknown: bool| {
        texts(list).iter().any(|pattern| resource_fits(pattern, is_new, case).unwrap_or(unknown))
    };
    let resource = match statement.get("NotResource") {
        Some(list) => !resource_in(list, !is_deny),
        None => resource_in(&statement["Resource"], is_deny),
    };
    let conditions =
        statement["Condition"].as_object().into_iter().flatten().all(|(name, keys)| {
            keys.as_object()
                .expect("keys")
                .iter()
                .all(|(key, values)| condition(name, key, &texts(values), is_new, is_deny, case))
        });
    action && resource && conditions && speaks_of(statement, case)
}

fn speaks_of(statement: &Value, case: &Case) -> bool {
    let (kind, arn, behind) = WHO[case.who];
    let account = arn.split(':').nth(4).unwrap_or("");
    let is_listed = |element: &Value, value: &str| {
        !value.is_empty() && principals(element).iter().any(|(_, named)| named == value)
    };
    if let Some(element) = statement.get("Principal") {
        return ["*", arn, behind, account].iter().any(|value| match *value {
            "*" => is_listed(element, "*"),
            value => is_listed(element, value),
        });
    }
    let Some(element) = statement.get("NotPrincipal") else { return true };
    let all = match kind {
        "anonymous" => vec!["*"],
        "service" => vec![arn],
        "root" => vec![account],
        "user" => vec![arn, account],
        _ => vec![arn, behind, account],
    };
    !is_listed(element, "*") && !all.iter().all(|value| is_listed(element, value))
}

/// Type and value of each; accounts by their number.
fn principals(element: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (kind, values) in element.as_object().expect("an object of principals") {
        for value in texts(values) {
            let number = value.strip_suffix(":root").and_then(|v| v.rsplit(':').next());
            all.push((kind.clone(), number.unwrap_or(&value).to_owned()));
        }
    }
    all
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Bool(value) => vec![value.to_string()],
        other => panic!("{other} in a policy"),
    }
}

/// A character that must be there, or a wildcard.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Is(char),
    One,
    Any,
}

fn plain(pattern: &str) -> Vec<Part> {
    pattern
        .chars()
        .map(|c| match c {
            '*' => Part::Any,
            '?' => Part::One,
            c => Part::Is(c),
        })
        .collect()
}

/// With variables; one without a value may be anything, and then the answer is not sure.
fn expand(pattern: &str, is_new: bool, case: &Case, wildcards: bool) -> (Vec<Part>, bool) {
    let plain = |text: &str| match wildcards {
        true => plain(text),
        false => text.chars().map(Part::Is).collect(),
    };
    let mut is_sure = true;
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${").filter(|_| is_new) {
        parts.extend(plain(before));
        let (name, behind) = after.split_once('}').expect("a whole variable");
        rest = behind;
        let value = match name {
            "*" => "*",
            name => match case.context.get(name.to_lowercase().as_str()).map(Vec::as_slice) {
                Some([value]) => value,
                _ => {
                    is_sure = false;
                    parts.push(Part::Any);
                    continue;
                }
            },
        };
        parts.extend(value.chars().map(Part::Is));
    }
    parts.extend(plain(rest));
    (parts, is_sure)
}

/// `None`: it depends on a variable without value.
fn fits(pattern: (Vec<Part>, bool), text: &str) -> Option<bool> {
    match glob(&pattern.0, text) {
        true if !pattern.1 => None,
        fits => Some(fits),
    }
}

fn glob(pattern: &[Part], text: &str) -> bool {
    let mut chars = text.chars();
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Part::Any, rest)) => {
            glob(rest, text) || chars.next().is_some() && glob(pattern, chars.as_str())
        }
        Some((Part::One, rest)) => chars.next().is_some() && glob(rest, chars.as_str()),
        Some((Part::Is(c), rest)) => chars.next() == Some(*c) && glob(rest, chars.as_str()),
    }
}

/// Part by part. The patterns of this world have no colon in a variable but of its name.
fn resource_fits(pattern: &str, is_new: bool, case: &Case) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    arn_fits(pattern, case.resource_arn, is_new, case)
}

fn arn_fits(pattern: &str, arn: &str, is_new: bool, case: &Case) -> Option<bool> {
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let values: Vec<&str> = arn.splitn(6, ':').collect();
    let mut all = Some(true);
    for (part, value) in parts.iter().zip(&values) {
        match fits(expand(part, is_new, case, true), value) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn condition(
    name: &str,
    key: &str,
    operands: &[String],
    is_new: bool,
    is_deny: bool,
    case: &Case,
) -> bool {
    let (set, rest) = name.split_once(':').unwrap_or(("", name));
    let operator = rest.trim_end_matches("IfExists");
    let none = Vec::new();
    let values = case.context.get(key.to_lowercase().as_str()).unwrap_or(&none);
    if operator == "Null" {
        return operands.iter().any(|operand| (operand == "true") == values.is_empty());
    }
    let is_negated = operator.contains("Not");
    if values.is_empty() {
        return rest.ends_with("IfExists") || set == "ForAllValues" || set.is_empty() && is_negated;
    }
    let fits = |value: &&str| {
        let results: Vec<Option<bool>> = operands
            .iter()
            .map(|operand| compare(&operator.replace("Not", ""), value, operand, is_new, case))
            .collect();
        let is_equal = if results.contains(&Some(true)) {
            Some(true)
        } else if results.contains(&None) {
            None
        } else {
            Some(false)
        };
        is_equal.map_or(is_deny, |is_equal| is_equal != is_negated)
    };
    match set {
        "ForAllValues" => values.iter().all(fits),
        "ForAnyValue" => values.iter().any(fits),
        _ if is_deny => values.iter().any(fits),
        _ => values.iter().all(fits),
    }
}

/// `None`: the operand has a variable without value.
fn compare(op: &str, value: &str, operand: &str, is_new: bool, case: &Case) -> Option<bool> {
    let number = |text: &str| text.parse::<f64>().expect("a number");
    Some(match op {
        "StringEquals" => fits(expand(operand, is_new, case, false), value)?,
        "StringEqualsIgnoreCase" => operand.to_lowercase() == value.to_lowercase(),
        "StringLike" => fits(expand(operand, is_new, case, true), value)?,
        "NumericEquals" => number(value) == number(operand),
        "NumericLessThan" => number(value) < number(operand),
        "NumericGreaterThanEquals" => number(value) >= number(operand),
        // All in one form and zone, so their texts sort as they do.
        "DateLessThan" => value < operand,
        "DateGreaterThan" => value > operand,
        "Bool" => value == operand,
        "IpAddress" => address_in(value, operand),
        "ArnLike" | "ArnEquals" => arn_fits(operand, value, is_new, case)?,
        other => panic!("{other}"),
    })
}

/// Bit by bit.
fn address_in(address: &str, range: &str) -> bool {
    let bits = |text: &str| -> Vec<bool> {
        let bytes = match text.parse().expect("an address") {
            std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
            std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect()
    };
    let (network, length) = range.split_once('/').unwrap_or((range, ""));
    let (network, address) = (bits(network), bits(address));
    let length = length.parse().unwrap_or(network.len());
    network.len() == address.len() && network[..length] == address[..length]
}
