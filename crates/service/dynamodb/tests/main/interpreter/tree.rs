//! Expressions as trees, and how they are made at random.

use std::collections::BTreeMap;

use super::dice::Dice;
use super::plain::{NAMES, Plain};

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    Name(String),
    Index(usize),
}

/// A path; its first step is a name.
pub type Path = Vec<Step>;

/// What is compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operand {
    Path(Path),
    Value(Plain),
    Size(Box<Operand>),
}

/// A condition.
#[derive(Debug)]
pub enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(&'static str, Operand, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    Type(Operand, &'static str),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// The right side of SET.
#[derive(Debug)]
pub enum SetValue {
    Path(Path),
    Value(Plain),
    IfNotExists(Path, Box<SetValue>),
    ListAppend(Box<SetValue>, Box<SetValue>),
    Plus(Box<SetValue>, Box<SetValue>),
    Minus(Box<SetValue>, Box<SetValue>),
}

/// One action of an update.
#[derive(Debug)]
pub enum Action {
    Set(Path, SetValue),
    Remove(Path),
    Add(Path, Plain),
    Delete(Path, Plain),
}

const TYPES: [&str; 10] = ["S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"];

/// What expressions are made for: their paths mostly lead somewhere.
pub struct Maker<'d, 'b> {
    pub dice: &'d mut Dice<'b>,
    pub item: BTreeMap<String, Plain>,
}

impl Maker<'_, '_> {
    pub fn condition(&mut self, levels: usize) -> Condition {
        if levels > 0 && !self.dice.one_in(3) {
            let left = Box::new(self.condition(levels - 1));
            return match self.dice.roll(3) {
                0 => Condition::Or(left, Box::new(self.condition(levels - 1))),
                1 => Condition::And(left, Box::new(self.condition(levels - 1))),
                _ => Condition::Not(left),
            };
        }
        match self.dice.roll(10) {
            0 | 1 => {
                let operator = self.dice.pick(&["=", "<>"]);
                Condition::Compare(operator, self.operand(), self.operand())
            }
            2 | 3 => {
                let operator = self.dice.pick(&["<", "<=", ">", ">="]);
                Condition::Compare(operator, self.operand(), self.operand())
            }
            4 => Condition::Between(self.operand(), self.operand(), self.operand()),
            5 => {
                let operand = self.operand();
                Condition::In(operand, (0..=self.dice.roll(4)).map(|_| self.operand()).collect())
            }
            6 if self.dice.one_in(2) => Condition::NotExists(self.path()),
            6 => Condition::Exists(self.path()),
            7 => Condition::Type(self.operand(), self.dice.pick(&TYPES)),
            8 => Condition::BeginsWith(self.operand(), self.operand()),
            _ => Condition::Contains(self.operand(), self.operand()),
        }
    }

    fn operand(&mut self) -> Operand {
        match self.dice.roll(8) {
            0..4 => Operand::Path(self.path()),
            4 => Operand::Size(Box::new(self.simple_operand())),
            _ => Operand::Value(self.value()),
        }
    }

    fn simple_operand(&mut self) -> Operand {
        if self.dice.one_in(4) { Operand::Value(self.value()) } else { Operand::Path(self.path()) }
    }

    /// A value, mostly one that the item has somewhere.
    fn value(&mut self) -> Plain {
        if self.dice.one_in(3) {
            return self.dice.value(1);
        }
        let path = self.path();
        find(&self.item, &path).cloned().unwrap_or_else(|| self.dice.value(1))
    }

    /// A path that mostly leads somewhere.
    pub fn path(&mut self) -> Path {
        let mut path = vec![Step::Name(self.name(None))];
        while path.len() < 5 {
            let here = find(&self.item, &path).cloned();
            match here {
                Some(Plain::L(list)) if !self.dice.one_in(3) => {
                    path.push(Step::Index(self.dice.roll(list.len() + 2)));
                }
                Some(Plain::M(map)) if !self.dice.one_in(3) => {
                    let name = self.name(Some(&map));
                    path.push(Step::Name(name));
                }
                _ if self.dice.one_in(12) => path.push(Step::Index(self.dice.roll(3))),
                _ if self.dice.one_in(12) => path.push(Step::Name(self.name(None))),
                _ => break,
            }
        }
        path
    }

    fn name(&mut self, of: Option<&BTreeMap<String, Plain>>) -> String {
        let known: Vec<String> = of.unwrap_or(&self.item).keys().cloned().collect();
        if known.is_empty() || self.dice.one_in(5) {
            return self.dice.pick(&NAMES).to_owned();
        }
        known[self.dice.roll(known.len())].clone()
    }

    pub fn actions(&mut self) -> Vec<Action> {
        (0..=self.dice.roll(4)).map(|_| self.action()).collect()
    }

    fn action(&mut self) -> Action {
        let path = self.path();
        match self.dice.roll(8) {
            0..4 => Action::Set(path, self.set_value()),
            4 | 5 => Action::Remove(path),
            6 => {
                let value = self.like(&path);
                Action::Add(path, value)
            }
            _ => {
                let value = self.like(&path);
                Action::Delete(path, value)
            }
        }
    }

    /// A number or set, mostly of the type of what is at that path.
    fn like(&mut self, path: &Path) -> Plain {
        let here = find(&self.item, path).map(Plain::kind);
        for _ in 0..20 {
            let value = self.dice.value(0);
            if Some(value.kind()) == here || self.dice.one_in(30) {
                return value;
            }
        }
        Plain::N(100)
    }

    fn set_value(&mut self) -> SetValue {
        let operand = |maker: &mut Self| Box::new(maker.set_operand(1));
        match self.dice.roll(6) {
            0 => SetValue::Plus(operand(self), operand(self)),
            1 => SetValue::Minus(operand(self), operand(self)),
            _ => self.set_operand(2),
        }
    }

    fn set_operand(&mut self, levels: usize) -> SetValue {
        match self.dice.roll(if levels > 0 { 6 } else { 3 }) {
            0 => SetValue::Path(self.path()),
            1 | 2 => SetValue::Value(self.value()),
            3 => SetValue::IfNotExists(self.path(), Box::new(self.set_operand(levels - 1))),
            _ => {
                let (a, b) = (self.list_operand(), self.list_operand());
                SetValue::ListAppend(Box::new(a), Box::new(b))
            }
        }
    }

    fn list_operand(&mut self) -> SetValue {
        match self.dice.roll(5) {
            0 => {
                SetValue::IfNotExists(self.path(), Box::new(SetValue::Value(Plain::L(Vec::new()))))
            }
            1 | 2 => SetValue::Path(self.path()),
            _ if self.dice.one_in(8) => SetValue::Value(self.dice.value(1)),
            _ => SetValue::Value(Plain::L(
                (0..self.dice.roll(3)).map(|_| self.dice.value(0)).collect(),
            )),
        }
    }
}

/// What an item has at a path.
pub fn find<'a>(item: &'a BTreeMap<String, Plain>, path: &[Step]) -> Option<&'a Plain> {
    let (Step::Name(first), rest) = path.split_first()? else { return None };
    let mut here = item.get(first)?;
    for step in rest {
        here = match (here, step) {
            (Plain::M(map), Step::Name(name)) => map.get(name)?,
            (Plain::L(list), Step::Index(index)) => list.get(*index)?,
            _ => return None,
        };
    }
    Some(here)
}
