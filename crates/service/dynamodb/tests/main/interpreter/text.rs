//! Writes trees out as DynamoDB reads them.

use service_dynamodb::value::Value;

use super::dice::Dice;
use super::plain::Plain;
use super::tree::{Action, Condition, Operand, Path, SetValue, Step};

/// A text being written, and what its placeholders stand for.
pub struct Writer<'d, 'b> {
    pub dice: &'d mut Dice<'b>,
    pub names: Vec<(String, String)>,
    pub values: Vec<(String, Value)>,
}

impl<'d, 'b> Writer<'d, 'b> {
    pub fn new(dice: &'d mut Dice<'b>) -> Writer<'d, 'b> {
        Writer { dice, names: Vec::new(), values: Vec::new() }
    }

    /// A condition, with parentheses where needed and sometimes where not.
    pub fn condition(&mut self, condition: &Condition, needed: bool) -> String {
        let is_or = |condition: &Condition| matches!(condition, Condition::Or(..));
        let is_join =
            |condition: &Condition| matches!(condition, Condition::Or(..) | Condition::And(..));
        let (text, is_compound) = match condition {
            Condition::Or(a, b) => {
                let left = self.condition(a, false);
                let right = self.condition(b, is_or(b));
                (format!("{left} {} {right}", self.dice.pick(&["OR", "or", "Or"])), true)
            }
            Condition::And(a, b) => {
                let left = self.condition(a, is_or(a));
                let right = self.condition(b, is_join(b));
                (format!("{left} {} {right}", self.dice.pick(&["AND", "and"])), true)
            }
            Condition::Not(a) => {
                let inner = self.condition(a, is_join(a));
                (format!("{} {inner}", self.dice.pick(&["NOT", "not"])), true)
            }
            leaf => (self.leaf(leaf), false),
        };
        let spare = self.dice.one_in(6);
        if (needed && is_compound) || spare { format!("({text})") } else { text }
    }

    fn leaf(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Compare(operator, a, b) => {
                let (a, b) = (self.operand(a), self.operand(b));
                let space = self.dice.pick(&["", " ", "\n"]);
                format!("{a}{space}{operator}{space}{b}")
            }
            Condition::Between(a, low, high) => {
                let (a, low, high) = (self.operand(a), self.operand(low), self.operand(high));
                format!("{a} BETWEEN {low} AND {high}")
            }
            Condition::In(a, list) => {
                let a = self.operand(a);
                let list: Vec<String> = list.iter().map(|b| self.operand(b)).collect();
                format!("{a} IN ({})", list.join(","))
            }
            Condition::Exists(path) => format!("attribute_exists({})", self.path(path)),
            Condition::NotExists(path) => format!("attribute_not_exists ( {} )", self.path(path)),
            Condition::Type(a, kind) => {
                let a = self.operand(a);
                let kind = self.value(&Plain::S((*kind).to_owned()));
                format!("attribute_type({a}, {kind})")
            }
            Condition::BeginsWith(a, b) => {
                let (a, b) = (self.operand(a), self.operand(b));
                format!("begins_with({a}, {b})")
            }
            Condition::Contains(a, b) => {
                let (a, b) = (self.operand(a), self.operand(b));
                format!("contains({a},{b})")
            }
            Condition::Or(..) | Condition::And(..) | Condition::Not(_) => {
                self.condition(condition, true)
            }
        }
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Path(path) => self.path(path),
            Operand::Value(value) => self.value(value),
            Operand::Size(inner) => format!("size({})", self.operand(inner)),
        }
    }

    fn path(&mut self, path: &Path) -> String {
        let mut text = String::new();
        for step in path {
            match step {
                Step::Index(index) => text += &format!("[{index}]"),
                Step::Name(name) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    let name = self.name(name);
                    text += &format!("{dot}{name}");
                }
            }
        }
        text
    }

    fn name(&mut self, name: &str) -> String {
        if !self.dice.one_in(3) {
            return name.to_owned();
        }
        let key = format!("#n{name}");
        if !self.names.iter().any(|(known, _)| *known == key) {
            self.names.push((key.clone(), name.to_owned()));
        }
        key
    }

    fn value(&mut self, value: &Plain) -> String {
        let key = format!(":v{}", self.values.len());
        self.values.push((key.clone(), value.real()));
        key
    }

    /// An update: its sections in some order.
    pub fn update(&mut self, actions: &[Action]) -> String {
        let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
        for action in actions {
            let (section, text) = match action {
                Action::Set(path, value) => {
                    let (path, value) = (self.path(path), self.set_value(value));
                    ("SET", format!("{path} = {value}"))
                }
                Action::Remove(path) => ("REMOVE", self.path(path)),
                Action::Add(path, value) => {
                    ("ADD", format!("{} {}", self.path(path), self.value(value)))
                }
                Action::Delete(path, value) => {
                    ("DELETE", format!("{} {}", self.path(path), self.value(value)))
                }
            };
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, texts)) => texts.push(text),
                None => sections.push((section, vec![text])),
            }
        }
        let sections = sections.iter().map(|(name, texts)| format!("{name} {}", texts.join(", ")));
        sections.collect::<Vec<_>>().join(" ")
    }

    fn set_value(&mut self, value: &SetValue) -> String {
        match value {
            SetValue::Path(path) => self.path(path),
            SetValue::Value(value) => self.value(value),
            SetValue::IfNotExists(path, otherwise) => {
                let (path, otherwise) = (self.path(path), self.set_value(otherwise));
                format!("if_not_exists({path}, {otherwise})")
            }
            SetValue::ListAppend(a, b) => {
                let (a, b) = (self.set_value(a), self.set_value(b));
                format!("list_append({a}, {b})")
            }
            SetValue::Plus(a, b) => format!("{} + {}", self.set_value(a), self.set_value(b)),
            SetValue::Minus(a, b) => format!("{}-{}", self.set_value(a), self.set_value(b)),
        }
    }
}
