//! Plain values, and how they are made at random.

use std::collections::{BTreeMap, BTreeSet};

use service_dynamodb::number::Number;
use service_dynamodb::value::{Item, Value};

use super::dice::Dice;

/// Hundredths: numbers are kept as a whole number of them.
const HUNDREDTHS: i64 = 100;

/// A value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Plain {
    S(String),
    N(i64),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<Plain>),
    M(BTreeMap<String, Plain>),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<i64>),
    Bs(BTreeSet<Vec<u8>>),
}

/// Names of attributes and members.
pub const NAMES: [&str; 5] = ["a", "b", "c", "long_name", "d4"];
const TEXTS: [&str; 7] = ["", "a", "ab", "b", "abc", "é", "a🐈"];
const NUMBERS: [i64; 8] = [0, 100, 200, -100, 150, -5, 1_000_000_000_000, 99];

impl Plain {
    /// The type's name, as `attribute_type` has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Plain::S(_) => "S",
            Plain::N(_) => "N",
            Plain::B(_) => "B",
            Plain::Bool(_) => "BOOL",
            Plain::Null => "NULL",
            Plain::L(_) => "L",
            Plain::M(_) => "M",
            Plain::Ss(_) => "SS",
            Plain::Ns(_) => "NS",
            Plain::Bs(_) => "BS",
        }
    }

    /// Whether it has an order: `<` and the like compare it.
    pub fn is_ordered(&self) -> bool {
        matches!(self, Plain::S(_) | Plain::N(_) | Plain::B(_))
    }

    pub fn is_set(&self) -> bool {
        matches!(self, Plain::Ss(_) | Plain::Ns(_) | Plain::Bs(_))
    }

    /// The same value for the real expressions.
    pub fn real(&self) -> Value {
        match self {
            Plain::S(text) => Value::S(text.clone()),
            Plain::N(hundredths) => Value::N(number(*hundredths)),
            Plain::B(bytes) => Value::B(bytes.clone()),
            Plain::Bool(flag) => Value::Bool(*flag),
            Plain::Null => Value::Null,
            Plain::L(list) => Value::L(list.iter().map(Plain::real).collect()),
            Plain::M(map) => Value::M(real_item(map)),
            Plain::Ss(set) => Value::Ss(set.iter().cloned().collect()),
            Plain::Ns(set) => Value::Ns(set.iter().map(|element| number(*element)).collect()),
            Plain::Bs(set) => Value::Bs(set.iter().cloned().collect()),
        }
    }
}

/// An item for the real expressions.
pub fn real_item(item: &BTreeMap<String, Plain>) -> Item {
    item.iter().map(|(name, value)| (name.clone(), value.real())).collect()
}

fn number(hundredths: i64) -> Number {
    let (sign, size) = (if hundredths < 0 { "-" } else { "" }, hundredths.abs());
    let text = format!("{sign}{}.{:02}", size / HUNDREDTHS, size % HUNDREDTHS);
    Number::parse(&text).expect("a number")
}

impl Dice<'_> {
    /// A value of at most so many levels of lists and maps.
    pub fn value(&mut self, levels: usize) -> Plain {
        match self.roll(if levels > 0 { 12 } else { 8 }) {
            0 => Plain::S(self.pick(&TEXTS).to_owned()),
            1 => Plain::N(self.pick(&NUMBERS)),
            2 => Plain::B(self.pick(&TEXTS).as_bytes().to_vec()),
            3 => Plain::Bool(self.one_in(2)),
            4 => Plain::Null,
            5 => Plain::Ss((0..=self.roll(3)).map(|_| self.pick(&TEXTS).to_owned()).collect()),
            6 => Plain::Ns((0..=self.roll(3)).map(|_| self.pick(&NUMBERS)).collect()),
            7 => {
                let bytes = |dice: &mut Self| dice.pick(&TEXTS).as_bytes().to_vec();
                Plain::Bs((0..=self.roll(3)).map(|_| bytes(self)).collect())
            }
            8 | 9 => Plain::L((0..self.roll(4)).map(|_| self.value(levels - 1)).collect()),
            _ => Plain::M(self.map(levels - 1)),
        }
    }

    /// An item, or a map within one.
    pub fn map(&mut self, levels: usize) -> BTreeMap<String, Plain> {
        (0..self.roll(NAMES.len() + 1))
            .map(|_| (self.pick(&NAMES).to_owned(), self.value(levels)))
            .collect()
    }
}
