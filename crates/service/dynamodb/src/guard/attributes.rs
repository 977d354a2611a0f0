//! `dynamodb:Attributes`: the top-level attributes that a request names; `dynamodb:Select`: what it
//! wants to have of each item.

use std::collections::{BTreeMap, BTreeSet};

use kernel::access::Asked;
use shape::{Struct, View};

/// Expressions of requests.
const EXPRESSIONS: [&str; 5] = [
    "ConditionExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
    "UpdateExpression",
];
/// Maps whose keys are attributes.
const MAPS: [&str; 7] =
    ["AttributeUpdates", "Expected", "Item", "Key", "KeyConditions", "QueryFilter", "ScanFilter"];
const KEYWORDS: [&str; 9] = ["ADD", "AND", "BETWEEN", "DELETE", "IN", "NOT", "OR", "REMOVE", "SET"];

/// Every attribute that a request names, in whatever part of it: of all its tables together.
pub(super) fn names(input: &dyn Struct) -> Option<Vec<String>> {
    let mut found = BTreeSet::new();
    visit(View::Struct(input), &mut found);
    Some(found.into_iter().collect())
}

/// What is said, or what is meant where nothing is said.
pub(super) fn select(input: &dyn Struct, asked: &Asked<'_>) -> Option<Vec<String>> {
    let has = |name: &str| {
        let index = input.shape().member_index(name);
        index.is_some_and(|index| !matches!(input.field(index), View::Absent))
    };
    let meant = match asked.operation {
        "GetItem" | "Query" | "Scan" if has("ProjectionExpression") || has("AttributesToGet") => {
            "SPECIFIC_ATTRIBUTES"
        }
        "Query" | "Scan" if has("IndexName") => "ALL_PROJECTED_ATTRIBUTES",
        "GetItem" | "Query" | "Scan" => "ALL_ATTRIBUTES",
        _ => return None,
    };
    Some(vec![meant.to_owned()])
}

fn visit(view: View<'_>, found: &mut BTreeSet<String>) {
    match view {
        View::Struct(value) => visit_struct(value, found),
        View::List(list) => (0..list.len()).for_each(|index| visit(list.get(index), found)),
        View::Map(map) => map.visit(&mut |_, value| visit(value, found)),
        _ => {}
    }
}

fn visit_struct(value: &dyn Struct, found: &mut BTreeSet<String>) {
    let aliases = aliases(value);
    for (index, member) in value.shape().members.iter().enumerate() {
        let name = member.name.as_str();
        match value.field(index) {
            View::Str(text) if EXPRESSIONS.contains(&name) => in_expression(text, &aliases, found),
            View::Map(map) if MAPS.contains(&name) => {
                map.visit(&mut |key, _| {
                    found.insert(key.to_owned());
                });
            }
            View::List(list) if name == "AttributesToGet" => {
                for at in 0..list.len() {
                    if let View::Str(text) = list.get(at) {
                        found.insert(text.to_owned());
                    }
                }
            }
            // Keys of a batch: each is a map of attributes.
            View::List(list) if name == "Keys" => {
                for at in 0..list.len() {
                    if let View::Map(map) = list.get(at) {
                        map.visit(&mut |key, _| {
                            found.insert(key.to_owned());
                        });
                    }
                }
            }
            // Values are not looked into.
            View::Map(_) if name.starts_with("ExpressionAttribute") => {}
            view => visit(view, found),
        }
    }
}

fn aliases(value: &dyn Struct) -> BTreeMap<String, String> {
    let mut aliases = BTreeMap::new();
    let index = value.shape().member_index("ExpressionAttributeNames");
    if let Some(View::Map(map)) = index.map(|index| value.field(index)) {
        map.visit(&mut |alias, name| {
            if let View::Str(name) = name {
                aliases.insert(alias.to_owned(), name.to_owned());
            }
        });
    }
    aliases
}

/// Names that begin a path. What is not understood counts as a name: that can only refuse more.
fn in_expression(text: &str, aliases: &BTreeMap<String, String>, found: &mut BTreeSet<String>) {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '#' | ':' | '-');
    let mut rest = text;
    let mut before = ' ';
    while let Some(start) = rest.find(is_part) {
        before = rest[..start].chars().rev().find(|c| !c.is_whitespace()).unwrap_or(before);
        rest = &rest[start..];
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        rest = &rest[end..];
        let is_function = rest.trim_start().starts_with('(');
        let is_keyword = KEYWORDS.contains(&word.to_ascii_uppercase().as_str());
        let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
        if before != '.' && !word.starts_with(':') && !is_function && !is_keyword && !is_number {
            found.insert(aliases.get(word).map_or(word, String::as_str).to_owned());
        }
        before = ' ';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_expressions() {
        let aliases = BTreeMap::from([("#s".to_owned(), "secret".to_owned())]);
        let check = |text: &str, expected: &[&str]| {
            let mut found = BTreeSet::new();
            in_expression(text, &aliases, &mut found);
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{text}");
        };
        check("a, b.c[0].d,#s", &["a", "b", "secret"]);
        check(
            "SET a = :v, b = if_not_exists(c, :d) REMOVE #s.x ADD n :one",
            &["a", "b", "c", "n", "secret"],
        );
        check("size (a) > :n AND NOT contains(b, :x) OR c BETWEEN :l AND :h", &["a", "b", "c"]);
        check("a IN (:x, b)", &["a", "b"]);
        check("a . b", &["a"]);
    }
}
