//! EventBridge's event patterns, which Lambda's event source mappings filter by, too: read, refused
//! with a reason, matched. Pure.
//!
//! A pattern is an object like the event, whose leaves are lists of rules: one of them must hold.
//! All fields must match; of `$or`, a list of objects, one must.

mod rule;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json};

use rule::Rule;

/// Objects within objects, in patterns.
const DEPTH_MAX: usize = 32;
/// Combinations of the branches of all `$or` of a pattern.
const COMBINATIONS_MAX: usize = 1000;

/// A pattern that was understood.
#[derive(Debug, Clone)]
pub struct Pattern {
    fields: Vec<(String, Node)>,
    /// Of each list one pattern must match.
    either: Vec<Vec<Pattern>>,
}

#[derive(Debug, Clone)]
enum Node {
    Inner(Pattern),
    Rules(Vec<Rule>),
}

/// Why a text is no pattern, in the words of AWS's matcher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(pub String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

fn refused<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Pattern, Invalid> {
        match serde_json::from_str(text) {
            Ok(Json::Object(object)) => {
                let mut combinations = 1;
                Pattern::of(&object, 0, &mut combinations)
            }
            Ok(_) => refused("Filter is not an object"),
            Err(error) => refused(format!("Invalid JSON: {error}")),
        }
    }

    fn of(
        object: &Map<String, Json>,
        depth: usize,
        combinations: &mut usize,
    ) -> Result<Pattern, Invalid> {
        if depth > DEPTH_MAX {
            return refused("Event pattern is nested too deeply");
        }
        let mut pattern = Pattern { fields: Vec::new(), either: Vec::new() };
        for (name, value) in object {
            match value {
                Json::Array(branches) if name == "$or" && is_or(branches) => {
                    *combinations = combinations.saturating_mul(branches.len());
                    if *combinations > COMBINATIONS_MAX {
                        return refused(format!(
                            "There are {combinations} combinations of $or, more than the limit of \
                             {COMBINATIONS_MAX}"
                        ));
                    }
                    let branches = branches.iter().filter_map(Json::as_object);
                    let branches: Result<_, Invalid> =
                        branches.map(|b| Pattern::of(b, depth + 1, combinations)).collect();
                    pattern.either.push(branches?);
                }
                Json::Array(rules) if rules.is_empty() => {
                    return refused("Empty arrays are not allowed");
                }
                Json::Array(rules) => {
                    let rules: Result<_, Invalid> = rules.iter().map(Rule::of).collect();
                    pattern.fields.push((name.clone(), Node::Rules(rules?)));
                }
                Json::Object(inner) if inner.is_empty() => {
                    return refused("Empty objects are not allowed");
                }
                Json::Object(inner) => {
                    let inner = Pattern::of(inner, depth + 1, combinations)?;
                    pattern.fields.push((name.clone(), Node::Inner(inner)));
                }
                _ => return refused(format!("\"{name}\" must be an object or an array")),
            }
        }
        Ok(pattern)
    }

    /// Whether any of its rules is one for addresses.
    pub fn has_addresses(&self) -> bool {
        let in_field = |(_, node): &(String, Node)| match node {
            Node::Inner(inner) => inner.has_addresses(),
            Node::Rules(rules) => rules.iter().any(|rule| matches!(rule, Rule::Cidr(..))),
        };
        self.fields.iter().any(in_field) || self.either.iter().flatten().any(Self::has_addresses)
    }

    /// Whether it asks for nothing: such a pattern matches everything.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.either.is_empty()
    }

    /// Whether an event matches. What is no object has no fields.
    pub fn matches(&self, event: &Json) -> bool {
        let fields = event.as_object();
        let holds = |(name, node): &(String, Node)| {
            let found = fields.and_then(|fields| fields.get(name));
            match node {
                Node::Rules(rules) => rules.iter().any(|rule| rule.holds(found)),
                Node::Inner(inner) => inner.matches_within(found.unwrap_or(&Json::Null)),
            }
        };
        self.fields.iter().all(holds)
            && self.either.iter().all(|list| list.iter().any(|one| one.matches(event)))
    }

    /// Of a list, one element must match by itself.
    fn matches_within(&self, value: &Json) -> bool {
        match value {
            Json::Array(items) if items.is_empty() => self.matches(&Json::Null),
            Json::Array(items) => items.iter().any(|item| self.matches_within(item)),
            value => self.matches(value),
        }
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

/// A list of two or more objects that are no rules; otherwise `$or` is a name like any other.
fn is_or(branches: &[Json]) -> bool {
    let is_pattern = |branch: &Json| {
        let branch = branch.as_object();
        branch.is_some_and(|b| !b.is_empty() && !b.keys().any(|key| rule::is_operator(key)))
    };
    branches.len() > 1 && branches.iter().all(is_pattern)
}
