//! The rules of one field.

use std::net::IpAddr;

use serde_json::Value as Json;

use crate::{Invalid, refused};

/// Stars in a wildcard.
const STARS_MAX: usize = 16;
/// Greatest number in a pattern, and least.
const NUMBER_MAX: f64 = 5_000_000_000.0;

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

pub(crate) fn is_operator(name: &str) -> bool {
    OPERATORS.contains(&name)
}

#[derive(Debug, Clone)]
pub(crate) enum Rule {
    Is(Json),
    Prefix(String),
    Suffix(String),
    /// All in lower case.
    PrefixIgnoringCase(String),
    SuffixIgnoringCase(String),
    IgnoringCase(String),
    /// What stands between the stars.
    Wildcard(Vec<String>),
    Numeric(Vec<(Order, f64)>),
    /// An address, and how many of its bits count.
    Cidr(IpAddr, u32),
    Exists(bool),
    But(Vec<Rule>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Rule {
    pub(crate) fn of(rule: &Json) -> Result<Rule, Invalid> {
        let object = match rule {
            Json::Object(object) => object,
            Json::Array(_) => {
                return refused("Match value must be String, number, true, false, or null");
            }
            value => return Ok(Rule::Is(value.clone())),
        };
        let Some((operator, operand)) = object.iter().next().filter(|_| object.len() == 1) else {
            return refused("Only one key allowed in match expression");
        };
        match operator.as_str() {
            "exists" => match operand {
                Json::Bool(exists) => Ok(Rule::Exists(*exists)),
                _ => refused("exists match pattern must be either true or false."),
            },
            "numeric" => numeric(operand),
            "anything-but" => anything_but(operand),
            _ => Rule::text(operator, operand),
        }
    }

    /// An operator whose operand is a text.
    fn text(operator: &str, operand: &Json) -> Result<Rule, Invalid> {
        if let ("prefix" | "suffix", Json::Object(inner)) = (operator, operand) {
            return match inner.iter().next().filter(|_| inner.len() == 1) {
                Some((name, Json::String(text))) if name == "equals-ignore-case" => {
                    let text = text.to_lowercase();
                    Ok(match operator {
                        "prefix" => Rule::PrefixIgnoringCase(text),
                        _ => Rule::SuffixIgnoringCase(text),
                    })
                }
                Some((name, _)) if name == "equals-ignore-case" => {
                    refused("equals-ignore-case match pattern must be a string")
                }
                Some((name, _)) => refused(format!("Unsupported {operator} pattern: {name}")),
                None => refused("Only one key allowed in match expression"),
            };
        }
        if !is_operator(operator) {
            return refused(format!("Unrecognized match type {operator}"));
        }
        let Some(text) = operand.as_str().map(str::to_owned) else {
            return refused(format!("{operator} match pattern must be a string"));
        };
        match operator {
            "prefix" => Ok(Rule::Prefix(text)),
            "suffix" => Ok(Rule::Suffix(text)),
            "equals-ignore-case" => Ok(Rule::IgnoringCase(text.to_lowercase())),
            "wildcard" => wildcard(&text),
            "cidr" => cidr(&text),
            other => refused(format!("Unrecognized match type {other}")),
        }
    }

    /// Whether the rule holds of a field, or of one of the values of a list in it.
    pub(crate) fn holds(&self, found: Option<&Json>) -> bool {
        match (self, found) {
            (Rule::Exists(exists), found) => found.is_some_and(is_leaf) == *exists,
            (_, None) => false,
            (_, Some(Json::Array(items))) => items.iter().any(|item| self.holds(Some(item))),
            (_, Some(value)) => self.holds_of(value),
        }
    }

    fn holds_of(&self, value: &Json) -> bool {
        let text = || value.as_str();
        match self {
            Rule::Is(other) => same(other, value),
            Rule::Prefix(prefix) => text().is_some_and(|text| text.starts_with(prefix)),
            Rule::Suffix(suffix) => text().is_some_and(|text| text.ends_with(suffix)),
            Rule::PrefixIgnoringCase(prefix) => {
                text().is_some_and(|text| text.to_lowercase().starts_with(prefix))
            }
            Rule::SuffixIgnoringCase(suffix) => {
                text().is_some_and(|text| text.to_lowercase().ends_with(suffix))
            }
            Rule::IgnoringCase(other) => text().is_some_and(|text| text.to_lowercase() == *other),
            Rule::Wildcard(parts) => text().is_some_and(|text| fits(parts, text)),
            Rule::Numeric(bounds) => value.as_f64().is_some_and(|number| {
                bounds.iter().all(|(order, bound)| order.holds(number, *bound))
            }),
            Rule::Cidr(net, bits) => text()
                .and_then(|text| text.parse::<IpAddr>().ok())
                .is_some_and(|address| is_within(address, *net, *bits)),
            Rule::But(rules) => {
                !value.is_object() && !rules.iter().any(|rule| rule.holds_of(value))
            }
            // Answered for the field as a whole.
            Rule::Exists(_) => false,
        }
    }
}

/// Only what is neither an object nor an empty list is there.
fn is_leaf(value: &Json) -> bool {
    match value {
        Json::Object(_) => false,
        Json::Array(items) => items.iter().any(is_leaf),
        _ => true,
    }
}

fn anything_but(operand: &Json) -> Result<Rule, Invalid> {
    match operand {
        Json::Array(values) if values.is_empty() => refused("Empty arrays are not allowed"),
        Json::Array(values) => {
            if let Some(odd) = values.iter().find(|v| !v.is_string() && !v.is_number()) {
                let kind = match odd {
                    Json::Null | Json::Bool(_) => "start|null|boolean",
                    _ => "start",
                };
                return refused(format!("Inside anything but list, {kind} is not supported."));
            }
            if values.iter().any(Json::is_string) && values.iter().any(Json::is_number) {
                return refused(
                    "Inside anything but list, either all values are number or string, mixed type \
                     is not supported",
                );
            }
            Ok(Rule::But(values.iter().cloned().map(Rule::Is).collect()))
        }
        Json::Object(inner) => {
            let Some((operator, operand)) = inner.iter().next().filter(|_| inner.len() == 1) else {
                return refused("Only one key allowed in match expression");
            };
            let known =
                ["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(&operator.as_str());
            if !known {
                return refused(format!("Unsupported anything-but pattern: {operator}"));
            }
            match operand {
                Json::Array(operands) if operands.is_empty() => {
                    refused("Empty arrays are not allowed")
                }
                Json::Array(operands) => {
                    let rules = operands.iter().map(|operand| Rule::text(operator, operand));
                    Ok(Rule::But(rules.collect::<Result<_, _>>()?))
                }
                operand => Ok(Rule::But(vec![Rule::text(operator, operand)?])),
            }
        }
        Json::String(_) | Json::Number(_) => Ok(Rule::But(vec![Rule::Is(operand.clone())])),
        _ => refused("Value of anything-but must be an array or single string/number value."),
    }
}

fn numeric(operand: &Json) -> Result<Rule, Invalid> {
    let Some(parts) = operand.as_array() else {
        return refused("Value of numeric must be an array.");
    };
    if parts.is_empty() {
        return refused("Invalid member in numeric match: ]");
    }
    if parts.len() > 4 {
        return refused("Too many terms in numeric range expression");
    }
    let mut bounds = Vec::new();
    for pair in parts.chunks(2) {
        let name = match &pair[0] {
            Json::String(name) => name.as_str(),
            other => return refused(format!("Invalid member in numeric match: {other}")),
        };
        let order = match name {
            "=" => Order::Equal,
            "<" => Order::Less,
            "<=" => Order::LessOrEqual,
            ">" => Order::Greater,
            ">=" => Order::GreaterOrEqual,
            other => return refused(format!("Unrecognized numeric range operator: {other}")),
        };
        match pair.get(1).and_then(Json::as_f64) {
            Some(number) if number.abs() <= NUMBER_MAX => bounds.push((order, number)),
            Some(_) => return refused("Value must be between -5.0E9 and 5.0E9, inclusive"),
            None => return refused(format!("Value of {name} must be numeric")),
        }
    }
    if let [(low, from), (high, to)] = bounds[..] {
        let directed = match low {
            Order::Greater | Order::GreaterOrEqual => {
                matches!(high, Order::Less | Order::LessOrEqual)
            }
            _ => false,
        };
        if !directed {
            return refused(format!("Bad numeric range operator: {}", parts[2]));
        }
        if from >= to {
            return refused("Bottom must be less than top");
        }
    }
    Ok(Rule::Numeric(bounds))
}

/// `\*` and `\\` are the characters themselves.
fn wildcard(text: &str) -> Result<Rule, Invalid> {
    let mut parts = vec![String::new()];
    let mut after_star = false;
    let mut characters = text.chars().enumerate();
    while let Some((at, character)) = characters.next() {
        let literal = match character {
            '*' if after_star => {
                return refused(format!("Consecutive wildcard characters at pos {}", at - 1));
            }
            '*' => None,
            '\\' => match characters.next() {
                Some((_, escaped @ ('*' | '\\'))) => Some(escaped),
                _ => return refused(format!("Invalid escape character at pos {at}")),
            },
            other => Some(other),
        };
        after_star = literal.is_none();
        match literal {
            Some(literal) => parts.last_mut().expect("never empty").push(literal),
            None => parts.push(String::new()),
        }
    }
    if parts.len() > STARS_MAX + 1 {
        return refused("Rule is too complex - try using fewer wildcard characters");
    }
    Ok(Rule::Wildcard(parts))
}

fn cidr(text: &str) -> Result<Rule, Invalid> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) if !bits.contains('/') => (address, Some(bits)),
        Some(_) => return refused("Malformed CIDR, one '/' required"),
        // A single address.
        None => (text, None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return refused(match bits {
            Some(_) => "Malformed CIDR, not an IP address",
            None => "Malformed CIDR, one '/' required",
        });
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    match bits.map_or(Ok(most), str::parse::<u32>) {
        Ok(bits) if bits <= most => Ok(Rule::Cidr(address, bits)),
        Ok(_) => refused(format!("Malformed CIDR, mask bits must be < {}", most + 1)),
        Err(_) => refused("Malformed CIDR, mask bits must be an integer"),
    }
}

fn is_within(address: IpAddr, net: IpAddr, bits: u32) -> bool {
    match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

impl Order {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Order::Equal => number == bound,
            Order::Less => number < bound,
            Order::LessOrEqual => number <= bound,
            Order::Greater => number > bound,
            Order::GreaterOrEqual => number >= bound,
        }
    }
}

fn same(one: &Json, other: &Json) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// Never looks at a character twice for one star.
fn fits(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else { return parts.first().is_some_and(|p| p == text) };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last.as_str())
}
