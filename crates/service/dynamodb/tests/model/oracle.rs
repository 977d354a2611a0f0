//! What should be: tables as one plain map, and what requests do to it, written down as simply
//! as possible.

use std::collections::{BTreeMap, BTreeSet};

use crate::value::{Attributes, Value, text};

/// The tables: one with a sort key and indexes, and one with neither.
pub const TABLES: [&str; 2] = ["Sorted", "Plain"];

/// An item's table, partition key and sort key (zero in the table without one).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Slot {
    pub table: usize,
    pub pk: String,
    pub sk: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Write {
    pub slot: Slot,
    pub action: Action,
    pub condition: Option<Condition>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Attributes beside the key.
    Put(Attributes),
    Update(Change),
    Delete,
    Check,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// `ADD n :x`
    Add(i64),
    /// `SET n = n + :x`
    Increase(i64),
    /// `SET s = :x`
    Tag(String),
    /// `REMOVE s`
    Untag,
    /// `ADD ss :x`
    Join(String),
    /// `DELETE ss :x`
    Leave(String),
    /// `SET l = list_append(if_not_exists(l, :e), :x)`
    Append(i64),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Condition {
    Exists,
    Absent,
    Below(i64),
    Tagged(String),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// Answers what was there, or what an update made.
    Single(Write),
    Batch(Vec<Write>),
    Transact {
        writes: Vec<Write>,
        token: Option<String>,
    },
}

/// What a request answers: attributes if any, or the text of the error.
pub type Answer = Result<Option<Attributes>, String>;

/// Why one write is refused.
enum Refusal {
    Failed,
    Invalid,
}

const FAILED: &str = "The conditional request failed";
const MISSING: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const TOKEN_MS: i64 = 10 * 60 * 1000;

#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Oracle {
    pub items: BTreeMap<Slot, Attributes>,
    /// Transactions that happened, by token, and when.
    tokens: BTreeMap<String, (Vec<Write>, i64)>,
}

impl Slot {
    pub fn key(&self) -> Attributes {
        let mut key = Attributes::from([("pk".to_owned(), text(&self.pk))]);
        if self.table == 0 {
            key.insert("sk".into(), Value::Number(self.sk));
        }
        key
    }

    /// Of an item of that table.
    pub fn of(table: usize, item: &Attributes) -> Slot {
        let Value::Text(pk) = &item["pk"] else { panic!("{item:?}") };
        let sk = match item.get("sk") {
            Some(Value::Number(sk)) => *sk,
            _ => 0,
        };
        Slot { table, pk: pk.clone(), sk }
    }
}

impl Oracle {
    /// Does what the request does and answers what it answers.
    pub fn run(&mut self, request: &Request, now_ms: i64) -> Answer {
        match request {
            Request::Single(write) => {
                let old = self.items.get(&write.slot).cloned();
                let new = self.after(write).map_err(|refusal| {
                    match refusal {
                        Refusal::Failed => FAILED,
                        Refusal::Invalid => MISSING,
                    }
                    .to_owned()
                })?;
                self.set(&write.slot, new.clone());
                Ok(if matches!(write.action, Action::Update(_)) { new } else { old })
            }
            Request::Batch(writes) => {
                for write in writes {
                    let new = self.after(write).ok().flatten();
                    self.set(&write.slot, new);
                }
                Ok(None)
            }
            Request::Transact { writes, token } => self.transact(writes, token.as_ref(), now_ms),
        }
    }

    fn transact(&mut self, writes: &[Write], token: Option<&String>, now_ms: i64) -> Answer {
        if let Some((known, at_ms)) = token.and_then(|token| self.tokens.get(token))
            && now_ms < at_ms + TOKEN_MS
        {
            assert_eq!(known, writes, "the test repeats the same request only");
            return Ok(None);
        }
        let results: Vec<_> = writes.iter().map(|write| self.after(write)).collect();
        if results.iter().any(Result::is_err) {
            let codes: Vec<&str> = results
                .iter()
                .map(|result| match result {
                    Ok(_) => "None",
                    Err(Refusal::Failed) => "ConditionalCheckFailed",
                    Err(Refusal::Invalid) => "ValidationError",
                })
                .collect();
            return Err(format!(
                "Transaction cancelled, please refer cancellation reasons for specific reasons \
                 [{}]",
                codes.join(", ")
            ));
        }
        for (write, new) in writes.iter().zip(results) {
            self.set(&write.slot, new.ok().flatten());
        }
        if let Some(token) = token {
            self.tokens.insert(token.clone(), (writes.to_vec(), now_ms));
        }
        Ok(None)
    }

    fn set(&mut self, slot: &Slot, item: Option<Attributes>) {
        match item {
            Some(item) => self.items.insert(slot.clone(), item),
            None => self.items.remove(slot),
        };
    }

    /// The item after a write.
    fn after(&self, write: &Write) -> Result<Option<Attributes>, Refusal> {
        let old = self.items.get(&write.slot);
        if !write.condition.as_ref().is_none_or(|condition| condition.holds(old)) {
            return Err(Refusal::Failed);
        }
        Ok(match &write.action {
            Action::Put(more) => {
                let mut item = write.slot.key();
                item.extend(more.clone());
                Some(item)
            }
            Action::Delete => None,
            Action::Check => old.cloned(),
            Action::Update(change) => change.after(&write.slot, old)?,
        })
    }
}

impl Condition {
    fn holds(&self, item: Option<&Attributes>) -> bool {
        match self {
            Condition::Exists => item.is_some(),
            Condition::Absent => item.is_none(),
            Condition::Below(bound) => {
                item.and_then(|item| item.get("n")).is_some_and(|n| *n < Value::Number(*bound))
            }
            Condition::Tagged(tag) => {
                item.and_then(|item| item.get("s")).is_some_and(|s| *s == text(tag))
            }
        }
    }
}

impl Change {
    fn after(&self, slot: &Slot, old: Option<&Attributes>) -> Result<Option<Attributes>, Refusal> {
        let mut item = old.cloned().unwrap_or_else(|| slot.key());
        let n = match item.get("n") {
            Some(Value::Number(n)) => Some(*n),
            _ => None,
        };
        match self {
            Change::Add(more) => {
                item.insert("n".into(), Value::Number(n.unwrap_or(0) + more));
            }
            Change::Increase(more) => {
                let n = n.ok_or(Refusal::Invalid)?;
                item.insert("n".into(), Value::Number(n + more));
            }
            Change::Tag(tag) => {
                item.insert("s".into(), text(tag));
            }
            Change::Untag => {
                item.remove("s");
            }
            Change::Join(member) => {
                let none = Value::Texts(BTreeSet::new());
                let Value::Texts(set) = item.entry("ss".into()).or_insert(none) else {
                    panic!("ss is a set");
                };
                set.insert(member.clone());
            }
            Change::Leave(member) => {
                if let Some(Value::Texts(set)) = item.get_mut("ss") {
                    set.remove(member);
                    if set.is_empty() {
                        item.remove("ss");
                    }
                }
            }
            Change::Append(number) => {
                let none = Value::Numbers(Vec::new());
                let Value::Numbers(list) = item.entry("l".into()).or_insert(none) else {
                    panic!("l is a list");
                };
                list.push(*number);
            }
        }
        let only_removes = matches!(self, Change::Untag | Change::Leave(_));
        Ok((old.is_some() || !only_removes).then_some(item))
    }
}
