//! Takes a WHERE clause apart into branches, each of which asks for one range of keys.
//!
//! `pk IN ['a', 'b'] AND sk > 5 AND flag = 1` has two branches: one for each value of the
//! partition key, both with the sort key's range and with `flag = 1` to filter by.

use std::cmp::Ordering;
use std::sync::Arc;

use super::parser::Result;
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand};
use crate::expression::key_condition::KeyTest;
use crate::invalid::Invalid;
use crate::table::KeyAttribute;
use crate::value::{Value, ValueType};

/// Ranges of keys that one statement may ask for.
const READS_MAX: usize = 50;
/// Branches a WHERE clause may have before it is known whether they ask for ranges of keys.
const BRANCHES_MAX: usize = 500;

/// A part of a WHERE clause: the clause holds if any of its branches does.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch<'c> {
    /// What it asks of the partition key, which are equalities all.
    pub partition: Vec<Arc<Value>>,
    /// What it asks of the sort key.
    pub sort: Vec<KeyTest>,
    /// All else.
    pub filters: Vec<&'c Condition>,
}

/// The keys of what is read.
#[derive(Clone, Copy)]
pub(super) struct Keys<'a> {
    pub partition: &'a KeyAttribute,
    pub sort: Option<&'a KeyAttribute>,
}

/// What a condition asks of a key.
enum Asked {
    Partition(Vec<Arc<Value>>),
    Sort(Vec<KeyTest>),
}

impl<'c> Branch<'c> {
    fn and(&self, other: &Branch<'c>) -> Branch<'c> {
        let mut both = self.clone();
        both.partition.extend(other.partition.iter().cloned());
        both.sort.extend(other.sort.iter().cloned());
        both.filters.extend_from_slice(&other.filters);
        both
    }

    /// The one value that the partition key must have.
    pub fn partition_value(&self) -> Option<&Arc<Value>> {
        let (first, rest) = self.partition.split_first()?;
        rest.iter().all(|other| other == first).then_some(first)
    }

    /// Whether sort keys of both branches can be the same.
    fn overlaps(&self, other: &Branch<'_>) -> bool {
        let range = self.sort.iter().chain(&other.sort).fold(SortRange::default(), SortRange::and);
        !range.is_empty()
    }
}

impl Keys<'_> {
    /// The branches of a condition: none of its own if there is no condition.
    ///
    /// # Errors
    /// If there are too many.
    pub fn branches(self, condition: Option<&Condition>) -> Result<Vec<Branch<'_>>> {
        match condition {
            Some(condition) => self.spread(condition),
            None => Ok(vec![Branch::default()]),
        }
    }

    fn spread(self, condition: &Condition) -> Result<Vec<Branch<'_>>> {
        if let Some(asked) = self.asked(condition) {
            return Ok(match asked {
                Asked::Partition(values) => values
                    .into_iter()
                    .map(|value| Branch { partition: vec![value], ..Branch::default() })
                    .collect(),
                Asked::Sort(tests) => tests
                    .into_iter()
                    .map(|test| Branch { sort: vec![test], ..Branch::default() })
                    .collect(),
            });
        }
        match condition {
            Condition::And(terms) => {
                let mut all = vec![Branch::default()];
                for term in terms {
                    let more = self.spread(term)?;
                    check_count(all.len() * more.len(), BRANCHES_MAX)?;
                    all = all.iter().flat_map(|one| more.iter().map(|two| one.and(two))).collect();
                }
                Ok(all)
            }
            Condition::Or(terms) if self.names_key(condition) => {
                let mut all = Vec::new();
                for term in terms {
                    all.extend(self.spread(term)?);
                    check_count(all.len(), BRANCHES_MAX)?;
                }
                Ok(all)
            }
            other => Ok(vec![Branch { filters: vec![other], ..Branch::default() }]),
        }
    }

    /// Whether a condition asks something of a key somewhere that AND and OR lead to.
    fn names_key(self, condition: &Condition) -> bool {
        match condition {
            Condition::And(terms) | Condition::Or(terms) => {
                terms.iter().any(|term| self.names_key(term))
            }
            other => self.asked(other).is_some(),
        }
    }

    fn asked(self, condition: &Condition) -> Option<Asked> {
        match condition {
            Condition::Compare { comparator: Comparator::NotEqual, .. } => None,
            Condition::Compare { comparator, left, right } => {
                let (name, comparator, value) = match (left, right) {
                    (Operand::Path(_), Operand::Value(value)) => (left, *comparator, value),
                    (Operand::Value(value), Operand::Path(_)) => {
                        (right, comparator.mirrored(), value)
                    }
                    _ => return None,
                };
                if self.is_partition(name) && comparator == Comparator::Equal {
                    return Some(Asked::Partition(vec![value.clone()]));
                }
                let test = KeyTest::Compare(comparator, value.clone());
                self.is_sort(name).then(|| Asked::Sort(vec![test]))
            }
            Condition::In { operand, list } => {
                let values = list.iter().map(|element| match element {
                    Operand::Value(value) => Some(value.clone()),
                    _ => None,
                });
                let values: Vec<Arc<Value>> = values.collect::<Option<_>>()?;
                if self.is_partition(operand) {
                    return Some(Asked::Partition(values));
                }
                let test = |value| KeyTest::Compare(Comparator::Equal, value);
                self.is_sort(operand).then(|| Asked::Sort(values.into_iter().map(test).collect()))
            }
            Condition::Between {
                operand,
                low: Operand::Value(low),
                high: Operand::Value(high),
            } if self.is_sort(operand) => {
                Some(Asked::Sort(vec![KeyTest::Between(low.clone(), high.clone())]))
            }
            Condition::BeginsWith(operand, Operand::Value(prefix)) if self.is_sort(operand) => {
                Some(Asked::Sort(vec![KeyTest::BeginsWith(prefix.clone())]))
            }
            _ => None,
        }
    }

    fn is_partition(self, operand: &Operand) -> bool {
        is_attribute(operand, &self.partition.name)
    }

    fn is_sort(self, operand: &Operand) -> bool {
        self.sort.is_some_and(|sort| is_attribute(operand, &sort.name))
    }

    /// Checks that what is asked of keys has their types.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_types(self, branches: &[Branch<'_>]) -> Result<()> {
        for branch in branches {
            for value in &branch.partition {
                check_type(self.partition, value)?;
            }
            for value in branch.sort.iter().flat_map(KeyTest::values) {
                self.sort.map_or(Ok(()), |sort| check_type(sort, value))?;
            }
        }
        Ok(())
    }
}

/// Whether every branch asks for one value of the partition key; else all has to be scanned.
pub(super) fn are_keyed(branches: &[Branch<'_>]) -> bool {
    branches.iter().all(|branch| branch.partition_value().is_some())
}

/// Checks branches that ask for one value of the partition key each: that there are not too many
/// and that none gives what another gives.
pub(super) fn check_reads(branches: &[Branch<'_>]) -> Result<()> {
    check_count(branches.len(), READS_MAX)?;
    for (i, one) in branches.iter().enumerate() {
        for other in &branches[i + 1..] {
            if one.partition_value() == other.partition_value() && one.overlaps(other) {
                return Err(Invalid::new(
                    "Overlapping conditions with range keys are not supported in where clause",
                ));
            }
        }
    }
    Ok(())
}

fn check_count(count: usize, most: usize) -> Result<()> {
    if count > most {
        return Err(Invalid::new("Too many decomposed read operations for a given query."));
    }
    Ok(())
}

fn is_attribute(operand: &Operand, name: &str) -> bool {
    matches!(operand, Operand::Path(path) if !path.is_nested() && path.attribute() == name)
}

fn check_type(key: &KeyAttribute, value: &Value) -> Result<()> {
    let (expected, actual) = (key.key_type.value_type(), value.value_type());
    let name = &key.name;
    if !actual.is_ordered() {
        let actual = actual.name();
        return Err(Invalid(format!(
            "Key value must be of type S, N, or B. Key name: {name}, Key type: {actual}"
        )));
    }
    if expected != actual {
        return Err(Invalid(format!(
            "Key attribute's data type should match its data type in table's schema: Key {name}"
        )));
    }
    let kind = match actual {
        ValueType::S => "string",
        _ => "binary",
    };
    if matches!(value, Value::S(text) if text.is_empty())
        || matches!(value, Value::B(bytes) if bytes.is_empty())
    {
        return Err(Invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {name}"
        )));
    }
    Ok(())
}

/// One end of a range: a value, and whether it is in the range.
type End = Option<(Arc<Value>, bool)>;

/// A range of sort keys: values of one type.
#[derive(Default)]
pub(super) struct SortRange {
    low: End,
    high: End,
}

impl SortRange {
    /// What of the range passes a test as well.
    fn and(self, test: &KeyTest) -> SortRange {
        match test {
            KeyTest::Compare(Comparator::Less, value) => self.below(value, false),
            KeyTest::Compare(Comparator::LessOrEqual, value) => self.below(value, true),
            KeyTest::Compare(Comparator::Greater, value) => self.above(value, false),
            KeyTest::Compare(Comparator::GreaterOrEqual, value) => self.above(value, true),
            KeyTest::Compare(_, value) => self.above(value, true).below(value, true),
            KeyTest::NotIndexable => self,
            KeyTest::Between(low, high) => self.above(low, true).below(high, true),
            KeyTest::BeginsWith(prefix) => {
                let range = self.above(prefix, true);
                match after_prefix(prefix) {
                    Some(end) => range.below(&Arc::new(end), false),
                    None => range,
                }
            }
        }
    }

    fn above(mut self, value: &Arc<Value>, included: bool) -> SortRange {
        let is_tighter =
            self.low.as_ref().is_none_or(|(low, low_included)| match order(value, low) {
                Ordering::Equal => *low_included && !included,
                order => order.is_gt(),
            });
        if is_tighter {
            self.low = Some((value.clone(), included));
        }
        self
    }

    fn below(mut self, value: &Arc<Value>, included: bool) -> SortRange {
        let is_tighter =
            self.high.as_ref().is_none_or(|(high, high_included)| match order(value, high) {
                Ordering::Equal => *high_included && !included,
                order => order.is_lt(),
            });
        if is_tighter {
            self.high = Some((value.clone(), included));
        }
        self
    }

    /// Whether there are no such values.
    pub fn is_empty(&self) -> bool {
        let (Some((low, low_included)), Some((high, high_included))) = (&self.low, &self.high)
        else {
            return false;
        };
        match order(low, high) {
            Ordering::Less => false,
            Ordering::Equal => !(*low_included && *high_included),
            Ordering::Greater => true,
        }
    }

    /// The range of all tests.
    pub fn of(tests: &[KeyTest]) -> SortRange {
        tests.iter().fold(SortRange::default(), SortRange::and)
    }

    /// How the ranges follow each other.
    pub fn compare(&self, other: &SortRange) -> Ordering {
        match (&self.low, &other.low) {
            (Some((a, _)), Some((b, _))) => order(a, b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }

    /// One test that all values of the range pass, and hardly any other.
    pub fn test(&self) -> Option<KeyTest> {
        match (&self.low, &self.high) {
            (None, None) => None,
            (Some((low, true)), None) => {
                Some(KeyTest::Compare(Comparator::GreaterOrEqual, low.clone()))
            }
            (Some((low, false)), None) => Some(KeyTest::Compare(Comparator::Greater, low.clone())),
            (None, Some((high, true))) => {
                Some(KeyTest::Compare(Comparator::LessOrEqual, high.clone()))
            }
            (None, Some((high, false))) => Some(KeyTest::Compare(Comparator::Less, high.clone())),
            (Some((low, _)), Some((high, _))) => Some(KeyTest::Between(low.clone(), high.clone())),
        }
    }
}

/// Orders values of keys, which have been checked to be of one type.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        // What ends a prefix of strings need not be one.
        (Value::S(a), Value::B(b)) => a.as_bytes().cmp(b),
        (Value::B(a), Value::S(b)) => a[..].cmp(b.as_bytes()),
        (a, b) => a.order(b).unwrap_or(Ordering::Equal),
    }
}

/// The least value above all that begin with a prefix.
fn after_prefix(prefix: &Value) -> Option<Value> {
    let bytes = match prefix {
        Value::S(text) => text.as_bytes(),
        Value::B(bytes) => bytes,
        _ => return None,
    };
    crate::key::after_prefix(bytes).map(Value::B)
}
