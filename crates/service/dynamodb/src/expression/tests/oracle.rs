//! A slow, obviously right evaluator against the real one.
//!
//! Conditions are generated as trees. The oracle evaluates the tree itself,
//! holding values as JSON; the other side sees only the tree's text, so that
//! parsing, precedence, parentheses and evaluation are all on trial.

use std::cmp::Ordering;

use serde_json::{Value as Json, json};

use super::super::ExpressionKind::Filter;
use super::{item, placeholders};

/// A condition to be written out.
enum Tree {
    Or(Box<Tree>, Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
    Compare(&'static str, &'static str, &'static str),
    Between(&'static str, &'static str, &'static str),
    In(&'static str, Vec<&'static str>),
    Exists(&'static str),
    BeginsWith(&'static str, &'static str),
    Contains(&'static str, &'static str),
}

/// Random choices from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % sides
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.roll(from.len())]
    }

    fn tree(&mut self, depth: usize) -> Tree {
        const PATHS: [&str; 7] = ["n", "s", "absent", "m.x", "l[0]", "l[1]", "ss"];
        const VALUES: [&str; 5] = [":one", ":two", ":a", ":b", ":set"];
        const ORDERED: [&str; 4] = [":one", ":two", ":a", ":b"];
        let path = self.pick(&PATHS);
        if depth > 0 && self.roll(3) > 0 {
            let left = Box::new(self.tree(depth - 1));
            return match self.roll(3) {
                0 => Tree::Or(left, Box::new(self.tree(depth - 1))),
                1 => Tree::And(left, Box::new(self.tree(depth - 1))),
                _ => Tree::Not(left),
            };
        }
        match self.roll(7) {
            0 => Tree::Compare(self.pick(&["=", "<>"]), path, self.pick(&VALUES)),
            1 => Tree::Compare(self.pick(&["<", "<=", ">", ">="]), self.pick(&ORDERED), path),
            2 if self.roll(2) == 0 => Tree::Between(path, ":one", ":two"),
            2 => Tree::Between(path, ":a", ":b"),
            3 => Tree::In(path, (0..=self.roll(3)).map(|_| self.pick(&VALUES)).collect()),
            4 => Tree::Exists(path),
            5 => Tree::BeginsWith(path, self.pick(&[":a", ":b"])),
            _ => Tree::Contains(path, self.pick(&VALUES)),
        }
    }

    /// The text, with parentheses where needed and sometimes where not.
    fn text(&mut self, tree: &Tree, needed: bool) -> String {
        let (text, is_compound) = match tree {
            Tree::Or(a, b) => {
                let right = self.text(b, matches!(**b, Tree::Or(..)));
                (format!("{} {} {right}", self.text(a, false), self.pick(&["OR", "or"])), true)
            }
            Tree::And(a, b) => {
                let left = self.text(a, matches!(**a, Tree::Or(..)));
                let right = self.text(b, matches!(**b, Tree::Or(..) | Tree::And(..)));
                (format!("{left} {} {right}", self.pick(&["AND", "and"])), true)
            }
            Tree::Not(a) => {
                (format!("NOT {}", self.text(a, matches!(**a, Tree::Or(..) | Tree::And(..)))), true)
            }
            Tree::Compare(operator, a, b) => (format!("{a}{operator}{b}"), false),
            Tree::Between(a, b, c) => (format!("({a}) BETWEEN {b} AND ({c})"), false),
            Tree::In(a, list) => (format!("{a} IN ({})", list.join(", ")), false),
            Tree::Exists(a) => (format!("attribute_exists({a})"), false),
            Tree::BeginsWith(a, b) => (format!("begins_with({a},{b})"), false),
            Tree::Contains(a, b) => (format!("contains(({a}), {b})"), false),
        };
        let spare = self.roll(6) == 0;
        if (needed && is_compound) || spare { format!("({text})") } else { text }
    }
}

fn value(name: &str, doc: &Json) -> Option<Json> {
    match name {
        ":one" => Some(json!({"N": "1"})),
        ":two" => Some(json!({"N": "2"})),
        ":a" => Some(json!({"S": "a"})),
        ":b" => Some(json!({"S": "b"})),
        ":set" => Some(json!({"SS": ["a", "c"]})),
        "m.x" => doc.pointer("/m/M/x").cloned(),
        "l[0]" => doc.pointer("/l/L/0").cloned(),
        "l[1]" => doc.pointer("/l/L/1").cloned(),
        _ => doc.get(name).cloned(),
    }
}

fn order(a: &Json, b: &Json) -> Option<Ordering> {
    let number = |json: &Json| json["N"].as_str().map(|text| text.parse::<f64>().unwrap());
    match (number(a), number(b), a["S"].as_str(), b["S"].as_str()) {
        (Some(a), Some(b), _, _) => a.partial_cmp(&b),
        (_, _, Some(a), Some(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn truth(tree: &Tree, doc: &Json) -> bool {
    let get = |name: &str| value(name, doc);
    let ordered = |a: &str, b: &str| Some(order(&get(a)?, &get(b)?)).flatten();
    match tree {
        Tree::Or(a, b) => truth(a, doc) | truth(b, doc),
        Tree::And(a, b) => truth(a, doc) & truth(b, doc),
        Tree::Not(a) => !truth(a, doc),
        Tree::Compare("=", a, b) => get(a).is_some() && get(a) == get(b),
        Tree::Compare("<>", a, b) => get(a).is_none() || get(a) != get(b),
        Tree::Compare("<", a, b) => ordered(a, b) == Some(Ordering::Less),
        Tree::Compare(">", a, b) => ordered(a, b) == Some(Ordering::Greater),
        Tree::Compare("<=", a, b) => ordered(a, b).is_some_and(|o| o != Ordering::Greater),
        Tree::Compare(_, a, b) => ordered(a, b).is_some_and(|o| o != Ordering::Less),
        Tree::Between(a, low, high) => {
            ordered(low, a).is_some_and(|o| o != Ordering::Greater)
                && ordered(a, high).is_some_and(|o| o != Ordering::Greater)
        }
        Tree::In(a, list) => list.iter().any(|b| get(a).is_some() && get(a) == get(b)),
        Tree::Exists(a) => get(a).is_some(),
        Tree::BeginsWith(a, b) => match (get(a), get(b)) {
            (Some(a), Some(b)) => {
                a["S"].as_str().is_some_and(|a| a.starts_with(b["S"].as_str().unwrap()))
            }
            _ => false,
        },
        Tree::Contains(a, b) => contains(get(a), get(b)),
    }
}

fn contains(a: Option<Json>, b: Option<Json>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let text = b["S"].as_str();
    let in_text = a["S"].as_str().zip(text).is_some_and(|(a, b)| a.contains(b));
    let in_set = a["SS"].as_array().is_some_and(|set| set.contains(&b["S"]));
    let in_list = a["L"].as_array().is_some_and(|list| list.contains(&b));
    in_text || in_set || in_list
}

#[test]
fn random_conditions_agree() {
    let docs = [
        json!({}),
        json!({"n": {"N": "1"}, "s": {"S": "ab"}, "ss": {"SS": ["a", "c"]}, "l": {"L": [{"N": "2"}]}}),
        json!({"n": {"N": "1.5"}, "s": {"S": "b"}, "m": {"M": {"x": {"S": "a"}}}}),
        json!({"n": {"S": "a"}, "l": {"L": [{"S": "a"}, {"L": [{"N": "1"}]}]}, "m": {"L": []}}),
    ];
    let given = json!({
        ":one": {"N": "1"}, ":two": {"N": "2"}, ":a": {"S": "a"}, ":b": {"S": "b"},
        ":set": {"SS": ["a", "c"]}
    });
    let mut dice = Dice(2026);
    for round in 0..3000 {
        let tree = dice.tree(round % 5);
        let text = dice.text(&tree, false);
        let condition = placeholders(&given).unwrap().condition(Filter, &text);
        let condition = condition.unwrap_or_else(|problem| panic!("{text}: {problem}"));
        for doc in &docs {
            let got = condition.holds(&item(doc)).unwrap();
            assert_eq!(got, truth(&tree, doc), "{text} on {doc}");
        }
    }
}
