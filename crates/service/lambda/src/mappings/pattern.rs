//! The language of filters: patterns that an event matches or does not.
//!
//! A pattern is an object like the event, whose leaves are lists of rules: one of them must hold.
//! The rules are those of EventBridge as far as AWS lists them for event source mappings.

use serde_json::{Map, Value as Json};

/// Objects within objects, in patterns.
const DEPTH_MAX: usize = 32;
/// Stars in a wildcard.
const STARS_MAX: usize = 16;

/// A pattern that was understood.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    fields: Vec<(String, Node)>,
    /// Of each list one pattern must match.
    either: Vec<Vec<Pattern>>,
}

#[derive(Debug, Clone)]
enum Node {
    Inner(Pattern),
    Rules(Vec<Rule>),
}

#[derive(Debug, Clone)]
enum Rule {
    Is(Json),
    Prefix(String),
    Suffix(String),
    IgnoringCase(String),
    /// What stands between the stars.
    Wildcard(Vec<String>),
    Numeric(Vec<(Order, f64)>),
    Exists(bool),
    But(Vec<Rule>),
}

#[derive(Debug, Clone, Copy)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Pattern {
    /// Reads a pattern; `None` for a text that is none.
    pub fn parse(text: &str) -> Option<Pattern> {
        let Json::Object(object) = serde_json::from_str(text).ok()? else { return None };
        Pattern::of(&object, 0)
    }

    fn of(object: &Map<String, Json>, depth: usize) -> Option<Pattern> {
        if depth > DEPTH_MAX {
            return None;
        }
        let mut pattern = Pattern { fields: Vec::new(), either: Vec::new() };
        for (name, value) in object {
            match value {
                Json::Array(branches) if name == "$or" => {
                    let branch = |branch: &Json| Pattern::of(branch.as_object()?, depth + 1);
                    let branches: Vec<Pattern> =
                        branches.iter().map(branch).collect::<Option<_>>()?;
                    if branches.len() < 2 {
                        return None;
                    }
                    pattern.either.push(branches);
                }
                Json::Array(rules) if !rules.is_empty() => {
                    let rules = rules.iter().map(Rule::of).collect::<Option<_>>()?;
                    pattern.fields.push((name.clone(), Node::Rules(rules)));
                }
                Json::Object(inner) if !inner.is_empty() => {
                    let inner = Pattern::of(inner, depth + 1)?;
                    pattern.fields.push((name.clone(), Node::Inner(inner)));
                }
                _ => return None,
            }
        }
        Some(pattern)
    }

    /// Whether an event matches. What is no object has no fields.
    pub fn matches(&self, event: &Json) -> bool {
        let fields = event.as_object();
        let holds = |(name, node): &(String, Node)| {
            let found = fields.and_then(|fields| fields.get(name));
            match node {
                Node::Rules(rules) => rules.iter().any(|rule| rule.holds(found)),
                Node::Inner(inner) => match found {
                    Some(Json::Array(items)) => items.iter().any(|item| inner.matches(item)),
                    found => inner.matches(found.unwrap_or(&Json::Null)),
                },
            }
        };
        self.fields.iter().all(holds)
            && self.either.iter().all(|list| list.iter().any(|one| one.matches(event)))
    }

    /// What the pattern says of a text in the field, if anything.
    pub fn wants_text(&self, field: &str) -> Option<bool> {
        let mut nodes = self.fields.iter().filter(|(name, _)| name == field);
        let inner = || self.either.iter().flatten().find_map(|one| one.wants_text(field));
        match nodes.next() {
            Some((_, node)) => Some(matches!(node, Node::Rules(_))),
            None => inner(),
        }
    }
}

impl Rule {
    fn of(rule: &Json) -> Option<Rule> {
        let object = match rule {
            Json::Object(object) => object,
            Json::Array(_) => return None,
            value => return Some(Rule::Is(value.clone())),
        };
        let (operator, operand) = object.iter().next().filter(|_| object.len() == 1)?;
        match operator.as_str() {
            "exists" => operand.as_bool().map(Rule::Exists),
            "numeric" => numeric(operand.as_array()?),
            "anything-but" => match operand {
                Json::Array(values) if !values.is_empty() => {
                    let scalar = |value: &Json| {
                        let sound = value.is_string() || value.is_number();
                        sound.then(|| Rule::Is(value.clone()))
                    };
                    Some(Rule::But(values.iter().map(scalar).collect::<Option<_>>()?))
                }
                Json::Object(inner) => {
                    let (operator, operand) = inner.iter().next().filter(|_| inner.len() == 1)?;
                    Some(Rule::But(texts(operator, operand)?))
                }
                Json::String(_) | Json::Number(_) => {
                    Some(Rule::But(vec![Rule::Is(operand.clone())]))
                }
                _ => None,
            },
            _ => Rule::text(operator, operand),
        }
    }

    fn text(operator: &str, operand: &Json) -> Option<Rule> {
        let text = operand.as_str()?.to_owned();
        Some(match operator {
            "prefix" => Rule::Prefix(text),
            "suffix" => Rule::Suffix(text),
            "equals-ignore-case" => Rule::IgnoringCase(text.to_lowercase()),
            "wildcard" => {
                let parts: Vec<String> = text.split('*').map(str::to_owned).collect();
                let doubled = text.contains("**");
                return (!doubled && parts.len() <= STARS_MAX + 1).then_some(Rule::Wildcard(parts));
            }
            _ => return None,
        })
    }

    /// Whether the rule holds of a field, or of one of the values of a list in it.
    fn holds(&self, found: Option<&Json>) -> bool {
        if let Rule::Exists(exists) = self {
            return found.is_some_and(|value| !value.is_object()) == *exists;
        }
        match found {
            None => false,
            Some(Json::Array(items)) => items.iter().any(|item| self.holds_of(item)),
            Some(value) => self.holds_of(value),
        }
    }

    fn holds_of(&self, value: &Json) -> bool {
        let text = || value.as_str();
        match self {
            Rule::Is(other) => same(other, value),
            Rule::Prefix(prefix) => text().is_some_and(|text| text.starts_with(prefix)),
            Rule::Suffix(suffix) => text().is_some_and(|text| text.ends_with(suffix)),
            Rule::IgnoringCase(other) => text().is_some_and(|text| text.to_lowercase() == *other),
            Rule::Wildcard(parts) => text().is_some_and(|text| wildcard(parts, text)),
            Rule::Numeric(bounds) => value.as_f64().is_some_and(|number| {
                bounds.iter().all(|(order, bound)| order.holds(number, *bound))
            }),
            Rule::But(rules) => {
                !value.is_object() && !rules.iter().any(|rule| rule.holds_of(value))
            }
            // Answered for the field as a whole.
            Rule::Exists(_) => false,
        }
    }
}

/// `{"prefix": "a"}` or `{"prefix": ["a", "b"]}`.
fn texts(operator: &str, operand: &Json) -> Option<Vec<Rule>> {
    match operand {
        Json::Array(operands) if !operands.is_empty() => {
            operands.iter().map(|operand| Rule::text(operator, operand)).collect()
        }
        operand => Some(vec![Rule::text(operator, operand)?]),
    }
}

fn numeric(parts: &[Json]) -> Option<Rule> {
    if parts.is_empty() || parts.len() > 4 {
        return None;
    }
    let bound = |pair: &[Json]| {
        let order = match pair[0].as_str()? {
            "=" => Order::Equal,
            "<" => Order::Less,
            "<=" => Order::LessOrEqual,
            ">" => Order::Greater,
            ">=" => Order::GreaterOrEqual,
            _ => return None,
        };
        Some((order, pair.get(1)?.as_f64()?))
    };
    let bounds: Vec<(Order, f64)> = parts.chunks(2).map(bound).collect::<Option<_>>()?;
    if let [(low, from), (high, to)] = bounds[..] {
        let directed = matches!(low, Order::Greater | Order::GreaterOrEqual)
            && matches!(high, Order::Less | Order::LessOrEqual);
        if !directed || from >= to {
            return None;
        }
    }
    Some(Rule::Numeric(bounds))
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
fn wildcard(parts: &[String], text: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, event: &str, expected: bool) {
        let parsed = Pattern::parse(pattern).expect(pattern);
        let event: Json = serde_json::from_str(event).unwrap();
        assert_eq!(parsed.matches(&event), expected, "{pattern} of {event}");
    }

    #[test]
    fn rules() {
        for (rule, value, expected) in [
            (r#""a""#, r#""a""#, true),
            (r#""a""#, r#""A""#, false),
            ("1", "1.0", true),
            ("1", r#""1""#, false),
            ("null", "null", true),
            (r#""""#, r#""""#, true),
            ("true", r#""true""#, false),
            (r#"{"prefix": "ab"}"#, r#""abc""#, true),
            (r#"{"prefix": "b"}"#, r#""abc""#, false),
            (r#"{"suffix": "bc"}"#, r#""abc""#, true),
            (r#"{"equals-ignore-case": "ABC"}"#, r#""abc""#, true),
            (r#"{"wildcard": "a*c*e"}"#, r#""abcde""#, true),
            (r#"{"wildcard": "abc"}"#, r#""abc""#, true),
            (r#"{"wildcard": "a*a"}"#, r#""a""#, false),
            (r#"{"anything-but": ["a", "b"]}"#, r#""c""#, true),
            (r#"{"anything-but": ["a", "b"]}"#, r#""b""#, false),
            (r#"{"anything-but": 3}"#, "4", true),
            (r#"{"anything-but": {"prefix": "a"}}"#, r#""ab""#, false),
            (r#"{"anything-but": {"suffix": ["x", "b"]}}"#, r#""ab""#, false),
            (r#"{"numeric": [">", 1, "<=", 5]}"#, "5", true),
            (r#"{"numeric": [">", 1, "<=", 5]}"#, "1", false),
            (r#"{"numeric": ["=", 3.5]}"#, "3.5", true),
            (r#"{"numeric": ["=", 3.5]}"#, r#""3.5""#, false),
            (r#"{"exists": true}"#, "null", true),
            (r#"{"exists": true}"#, "{}", false),
            (r#"{"exists": false}"#, "0", false),
            (r#""a""#, r#"["x", "a"]"#, true),
        ] {
            check(&format!(r#"{{"k": [{rule}]}}"#), &format!(r#"{{"k": {value}}}"#), expected);
        }
        check(r#"{"k": [{"exists": false}]}"#, "{}", true);
        check(r#"{"k": [{"anything-but": "a"}]}"#, "{}", false);
        check(r#"{"k": ["a", {"numeric": ["<", 0]}]}"#, r#"{"k": -1}"#, true);
    }

    #[test]
    fn fields_nest_and_branch() {
        let pattern = r#"{"a": {"b": [1]}, "$or": [{"c": ["x"]}, {"d": [{"exists": true}]}]}"#;
        check(pattern, r#"{"a": {"b": 1}, "c": "x"}"#, true);
        check(pattern, r#"{"a": [{"b": 2}, {"b": 1}], "d": 0}"#, true);
        check(pattern, r#"{"a": {"b": 1}, "c": "y"}"#, false);
        check(pattern, r#"{"a": {"b": 2}, "c": "x"}"#, false);
        check(pattern, r#"{"a": 1, "c": "x"}"#, false);
        check(r#"{"a": {"b": [{"exists": false}]}}"#, "{}", true);
        check("{}", r#"{"a": 1}"#, true);
        check(
            r#"{"dynamodb": {"Keys": {"id": {"S": [{"prefix": "u#"}]}}}}"#,
            r#"{"dynamodb": {"Keys": {"id": {"S": "u#1"}}}}"#,
            true,
        );
    }

    #[test]
    fn what_is_no_pattern() {
        let deep = format!("{}[1]{}", r#"{"a":"#.repeat(40), "}".repeat(40));
        for text in [
            "",
            "[]",
            "1",
            r#"{"a": "x"}"#,
            r#"{"a": 1}"#,
            r#"{"a": []}"#,
            r#"{"a": {}}"#,
            r#"{"a": [["x"]]}"#,
            r#"{"a": [{"like": "x"}]}"#,
            r#"{"a": [{"prefix": 1}]}"#,
            r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#,
            r#"{"a": [{"numeric": ["<", 5, ">", 1]}]}"#,
            r#"{"a": [{"numeric": [">", 5, "<", 1]}]}"#,
            r#"{"a": [{"numeric": [">"]}]}"#,
            r#"{"a": [{"exists": "yes"}]}"#,
            r#"{"a": [{"anything-but": []}]}"#,
            r#"{"a": [{"wildcard": "a**"}]}"#,
            r#"{"$or": [{"a": [1]}]}"#,
            &deep,
        ] {
            assert!(Pattern::parse(text).is_none(), "{text}");
        }
    }
}
