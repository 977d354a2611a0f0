//! Whether a condition holds for an item.
//!
//! A path that leads nowhere is no error: it equals nothing, not even another
//! such path, and every other comparison with it fails. The same goes for
//! values of types that cannot be compared.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::ast::Comparator;
use super::bound::{Condition, Operand};
use super::document::Document;
use crate::item::Corrupt;
use crate::number::Number;
use crate::value::Value;

impl Condition {
    /// Whether the condition holds for `item`.
    ///
    /// # Errors
    /// If the stored item cannot be read.
    pub fn holds(&self, item: &dyn Document) -> Result<bool, Corrupt> {
        match self {
            Condition::Or(terms) => any(terms, |term| term.holds(item)),
            Condition::And(terms) => Ok(!any(terms, |term| Ok(!term.holds(item)?))?),
            Condition::Not(term) => Ok(!term.holds(item)?),
            Condition::Compare { comparator, left, right } => {
                let (left, right) = (left.value(item)?, right.value(item)?);
                Ok(compare(*comparator, left.as_deref(), right.as_deref()))
            }
            Condition::Between { operand, low, high } => {
                let operand = operand.value(item)?;
                let at_least = |low: Option<&Value>| {
                    compare(Comparator::GreaterOrEqual, operand.as_deref(), low)
                };
                let at_most = |high: Option<&Value>| {
                    compare(Comparator::LessOrEqual, operand.as_deref(), high)
                };
                Ok(at_least(low.value(item)?.as_deref()) && at_most(high.value(item)?.as_deref()))
            }
            Condition::In { operand, list } => {
                let operand = operand.value(item)?;
                any(list, |other| {
                    let other = other.value(item)?;
                    Ok(compare(Comparator::Equal, operand.as_deref(), other.as_deref()))
                })
            }
            Condition::Exists(path) => item.has(path),
            Condition::NotExists(path) => Ok(!item.has(path)?),
            Condition::HasType(operand, value_type) => {
                Ok(operand.value(item)?.is_some_and(|value| value.value_type() == *value_type))
            }
            Condition::BeginsWith(operand, prefix) => {
                let (operand, prefix) = (operand.value(item)?, prefix.value(item)?);
                Ok(begins_with(operand.as_deref(), prefix.as_deref()))
            }
            Condition::Contains(operand, part) => {
                let (operand, part) = (operand.value(item)?, part.value(item)?);
                Ok(contains(operand.as_deref(), part.as_deref()))
            }
        }
    }
}

/// As `Iterator::any`, for tests that may fail.
fn any<T>(each: &[T], mut test: impl FnMut(&T) -> Result<bool, Corrupt>) -> Result<bool, Corrupt> {
    for one in each {
        if test(one)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Operand {
    fn value<'a>(&'a self, item: &'a dyn Document) -> Result<Option<Cow<'a, Value>>, Corrupt> {
        match self {
            Operand::Path(path) => item.value_at(path),
            Operand::Value(value) => Ok(Some(Cow::Borrowed(&**value))),
            Operand::Size(operand) => {
                let size = operand.value(item)?.and_then(|value| size(&value));
                Ok(size.map(|size| Cow::Owned(Value::N(Number::from(size)))))
            }
            Operand::Test(condition) => Ok(Some(Cow::Owned(Value::Bool(condition.holds(item)?)))),
        }
    }
}

/// What `size` gives for a value: UTF-16 units of a string, bytes of a binary,
/// elements of all else that has them.
fn size(value: &Value) -> Option<u32> {
    let size = match value {
        Value::S(text) => text.encode_utf16().count(),
        Value::B(bytes) => bytes.len(),
        Value::L(list) => list.len(),
        Value::M(map) => map.len(),
        Value::Ss(set) => set.len(),
        Value::Ns(set) => set.len(),
        Value::Bs(set) => set.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    };
    Some(size as u32)
}

fn compare(comparator: Comparator, left: Option<&Value>, right: Option<&Value>) -> bool {
    let both = left.zip(right);
    let equal = both.is_some_and(|(left, right)| left == right);
    let order = both.and_then(|(left, right)| left.order(right));
    match comparator {
        Comparator::Equal => equal,
        Comparator::NotEqual => !equal,
        Comparator::Less => order == Some(Ordering::Less),
        Comparator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Comparator::Greater => order == Some(Ordering::Greater),
        Comparator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

fn begins_with(value: Option<&Value>, prefix: Option<&Value>) -> bool {
    match (value, prefix) {
        (Some(Value::S(text)), Some(Value::S(prefix))) => text.starts_with(prefix.as_str()),
        (Some(Value::B(bytes)), Some(Value::B(prefix))) => bytes.starts_with(prefix),
        _ => false,
    }
}

/// A string in a string, bytes in bytes, or an element of a set or list.
fn contains(value: Option<&Value>, part: Option<&Value>) -> bool {
    let (Some(value), Some(part)) = (value, part) else { return false };
    match (value, part) {
        (Value::S(text), Value::S(part)) => text.contains(part.as_str()),
        // In linear time, as for strings: both may be 400 KB and all alike.
        (Value::B(bytes), Value::B(part)) => memchr::memmem::find(bytes, part).is_some(),
        (Value::Ss(set), Value::S(part)) => set.binary_search(part).is_ok(),
        (Value::Ns(set), Value::N(part)) => set.binary_search(part).is_ok(),
        (Value::Bs(set), Value::B(part)) => set.binary_search(part).is_ok(),
        (Value::L(list), part) => list.contains(part),
        _ => false,
    }
}
