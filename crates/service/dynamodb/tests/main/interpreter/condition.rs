//! Whether a condition can be, and whether it holds.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::plain::Plain;
use super::tree::{Condition, Operand, find};

type Item = BTreeMap<String, Plain>;

/// Whether DynamoDB takes the condition at all, whatever the item.
pub fn is_valid(condition: &Condition) -> bool {
    match condition {
        Condition::Or(a, b) | Condition::And(a, b) => is_valid(a) && is_valid(b),
        Condition::Not(a) => is_valid(a),
        Condition::Compare("=" | "<>", a, b) => sized(&[a, b]) && differ(a, b),
        Condition::Compare(_, a, b) => sized(&[a, b]) && differ(a, b) && ordered(a) && ordered(b),
        Condition::Between(a, low, high) => {
            let bounds = match (low, high) {
                (Operand::Value(low), Operand::Value(high)) => {
                    order(low, high).is_some_and(Ordering::is_le)
                }
                _ => true,
            };
            let all = [a, low, high];
            sized(&all)
                && all.into_iter().all(ordered)
                && differ(a, low)
                && differ(a, high)
                && bounds
        }
        Condition::In(a, list) => sized(&[a]) && list.iter().all(|b| sized(&[b]) && differ(a, b)),
        Condition::Exists(_) | Condition::NotExists(_) => true,
        Condition::Type(a, _) => sized(&[a]),
        Condition::BeginsWith(a, b) => {
            let text = |operand: &Operand| match operand {
                Operand::Path(_) => true,
                Operand::Value(value) => matches!(value, Plain::S(_) | Plain::B(_)),
                Operand::Size(_) => false,
            };
            sized(&[a, b]) && differ(a, b) && text(a) && text(b)
        }
        Condition::Contains(a, b) => sized(&[a, b]) && differ(a, b),
    }
}

/// A path may not be compared with itself.
fn differ(a: &Operand, b: &Operand) -> bool {
    !matches!((a, b), (Operand::Path(a), Operand::Path(b)) if a == b)
}

fn ordered(operand: &Operand) -> bool {
    match operand {
        Operand::Value(value) => value.is_ordered(),
        Operand::Path(_) | Operand::Size(_) => true,
    }
}

/// Whether no operand is the size of what is known to have none.
fn sized(operands: &[&Operand]) -> bool {
    operands.iter().all(|operand| match operand {
        Operand::Size(inner) => match &**inner {
            Operand::Value(value) => !matches!(value, Plain::N(_) | Plain::Bool(_) | Plain::Null),
            Operand::Path(_) => true,
            Operand::Size(_) => false,
        },
        Operand::Path(_) | Operand::Value(_) => true,
    })
}

/// Whether it holds.
pub fn holds(condition: &Condition, item: &Item) -> bool {
    let of = |operand: &Operand| value(operand, item);
    match condition {
        Condition::Or(a, b) => holds(a, item) | holds(b, item),
        Condition::And(a, b) => holds(a, item) & holds(b, item),
        Condition::Not(a) => !holds(a, item),
        Condition::Compare("=", a, b) => equal(of(a), of(b)),
        Condition::Compare("<>", a, b) => !equal(of(a), of(b)),
        Condition::Compare(operator, a, b) => {
            let (Some(a), Some(b)) = (of(a), of(b)) else { return false };
            order(&a, &b).is_some_and(|order| match *operator {
                "<" => order == Ordering::Less,
                "<=" => order != Ordering::Greater,
                ">" => order == Ordering::Greater,
                _ => order != Ordering::Less,
            })
        }
        Condition::Between(a, low, high) => {
            let (Some(a), Some(low), Some(high)) = (of(a), of(low), of(high)) else { return false };
            let not = |order: Option<Ordering>, other| order.is_some_and(|order| order != other);
            not(order(&low, &a), Ordering::Greater) && not(order(&a, &high), Ordering::Greater)
        }
        Condition::In(a, list) => list.iter().any(|b| equal(of(a), of(b))),
        Condition::Exists(path) => find(item, path).is_some(),
        Condition::NotExists(path) => find(item, path).is_none(),
        Condition::Type(a, kind) => of(a).is_some_and(|a| a.kind() == *kind),
        Condition::BeginsWith(a, b) => match (of(a), of(b)) {
            (Some(Plain::S(a)), Some(Plain::S(b))) => a.starts_with(&b),
            (Some(Plain::B(a)), Some(Plain::B(b))) => a.starts_with(&b),
            _ => false,
        },
        Condition::Contains(a, b) => match (of(a), of(b)) {
            (Some(a), Some(b)) => contains(&a, &b),
            _ => false,
        },
    }
}

fn value(operand: &Operand, item: &Item) -> Option<Plain> {
    match operand {
        Operand::Path(path) => find(item, path).cloned(),
        Operand::Value(value) => Some(value.clone()),
        Operand::Size(inner) => {
            let size = match value(inner, item)? {
                Plain::S(text) => text.encode_utf16().count(),
                Plain::B(bytes) => bytes.len(),
                Plain::L(list) => list.len(),
                Plain::M(map) => map.len(),
                Plain::Ss(set) => set.len(),
                Plain::Ns(set) => set.len(),
                Plain::Bs(set) => set.len(),
                Plain::N(_) | Plain::Bool(_) | Plain::Null => return None,
            };
            // Numbers are hundredths.
            Some(Plain::N(size as i64 * 100))
        }
    }
}

/// What is not there equals nothing.
fn equal(a: Option<Plain>, b: Option<Plain>) -> bool {
    a.is_some() && a == b
}

/// Only strings, numbers and binaries have an order, and only among themselves.
fn order(a: &Plain, b: &Plain) -> Option<Ordering> {
    match (a, b) {
        (Plain::S(a), Plain::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Plain::N(a), Plain::N(b)) => Some(a.cmp(b)),
        (Plain::B(a), Plain::B(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn contains(a: &Plain, b: &Plain) -> bool {
    match (a, b) {
        (Plain::S(a), Plain::S(b)) => a.contains(b.as_str()),
        (Plain::B(a), Plain::B(b)) => {
            b.is_empty() || a.windows(b.len()).any(|window| window == &b[..])
        }
        (Plain::Ss(a), Plain::S(b)) => a.contains(b),
        (Plain::Ns(a), Plain::N(b)) => a.contains(b),
        (Plain::Bs(a), Plain::B(b)) => a.contains(b),
        (Plain::L(a), b) => a.contains(b),
        _ => false,
    }
}
