//! Statements with their parameters filled in, ready for a table.

use std::sync::Arc;

use super::Parsed;
use super::ast::{self, ExprKind, Returning, Statement};
use super::literal::{Binder, column, parameter_count, path};
use super::parser::{Result, misplaced};
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand, Path, Step, Update};
use crate::invalid::Invalid;
use crate::table::TableRecord;
use crate::value::{Item, Value};
use crate::write::{Action, Guard, ItemWrite};

/// A statement.
pub(crate) struct Bound {
    /// The table as the statement names it.
    pub table: String,
    pub index: Option<String>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Select(Select),
    Exists(Select),
    Insert(Item),
    Update { update: Update, condition: Option<Condition>, returning: Option<Returning> },
    Delete { condition: Option<Condition>, returning: Option<Returning> },
}

/// What SELECT asks for.
pub(super) struct Select {
    /// Names and paths of what to answer; nothing for all attributes.
    pub columns: Option<Vec<(String, Path)>>,
    pub condition: Option<Condition>,
    /// Attributes, and whether each descends.
    pub order: Vec<(String, bool)>,
}

/// What a statement does, as far as batches and transactions care.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Sort {
    Read,
    Write,
    /// Only within a transaction that writes.
    Check,
}

impl Parsed {
    /// Fills the parameters in.
    ///
    /// # Errors
    /// In DynamoDB's words, for what does not depend on the table.
    pub fn bind(self, parameters: Vec<Arc<Value>>) -> Result<Bound> {
        if self.parameters != parameters.len() {
            return Err(parameter_count());
        }
        let binder = Binder { parameters };
        let condition = |given: &Option<ast::Expr>| {
            given.as_ref().map(|condition| binder.condition(condition)).transpose()
        };
        let bound =
            |from: ast::From, kind| Ok(Bound { table: from.table, index: from.index, kind });
        match self.statement {
            Statement::Select(select) => {
                let kind = Kind::Select(binder.select(&select)?);
                bound(select.from, kind)
            }
            Statement::Exists(select) => {
                let kind = Kind::Exists(binder.select(&select)?);
                bound(select.from, kind)
            }
            Statement::Insert(insert) => {
                let kind = Kind::Insert(binder.item(&insert.value)?);
                bound(insert.into, kind)
            }
            Statement::Update(update) => {
                let condition = condition(&update.condition)?;
                let returning = update.returning;
                let kind =
                    Kind::Update { update: binder.update(&update.actions)?, condition, returning };
                bound(update.table, kind)
            }
            Statement::Delete(delete) => {
                let kind = Kind::Delete {
                    condition: condition(&delete.condition)?,
                    returning: delete.returning,
                };
                bound(delete.from, kind)
            }
        }
    }
}

impl Bound {
    pub fn sort(&self) -> Sort {
        match self.kind {
            Kind::Select(_) => Sort::Read,
            Kind::Exists(_) => Sort::Check,
            _ => Sort::Write,
        }
    }

    /// What RETURNING asks for.
    pub fn returning(&self) -> Option<Returning> {
        match self.kind {
            Kind::Update { returning, .. } | Kind::Delete { returning, .. } => returning,
            _ => None,
        }
    }

    /// Whether the statement makes an item, and so fails in a way of its own.
    pub fn is_insert(&self) -> bool {
        matches!(self.kind, Kind::Insert(_))
    }

    /// The paths that an update changes.
    pub fn changed(&self) -> Vec<Path> {
        match &self.kind {
            Kind::Update { update, .. } => update.paths().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Checks what depends on neither table nor operation.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_write(&self) -> Result<()> {
        if self.sort() == Sort::Write && self.index.is_some() {
            return Err(Invalid::new("This operation is not supported on an index"));
        }
        match &self.kind {
            Kind::Delete { returning: Some(returning), .. }
                if returning.modified_only || returning.new =>
            {
                Err(Invalid(format!(
                    "Invalid returning clause: RETURNING {} *. \
                     Only RETURNING ALL OLD * is allowed in DELETE statements.",
                    returning.text()
                )))
            }
            _ => Ok(()),
        }
    }

    /// The write that a statement other than SELECT is.
    ///
    /// # Errors
    /// In DynamoDB's words, if it does not name one item; `key_missing` if it leaves a part of the
    /// key open, which single statements and transactions word in different ways.
    pub fn write(
        &self,
        table: &TableRecord,
        returns_item: bool,
        key_missing: &str,
    ) -> Result<ItemWrite> {
        let exists = || Condition::Exists(key_path(table));
        let (action, condition) = match &self.kind {
            Kind::Insert(item) => {
                let absent = Condition::NotExists(key_path(table));
                (Action::put(item.clone())?, Some(absent))
            }
            Kind::Update { update, condition, .. } => {
                let (key, rest) = one_item(table, condition.as_ref(), key_missing)?;
                let mut all = vec![exists()];
                all.extend(rest);
                let action = Action::Update { key, update: Some(update.clone()) };
                (action, Some(Condition::And(all)))
            }
            Kind::Delete { condition, .. } => {
                let (key, rest) = one_item(table, condition.as_ref(), key_missing)?;
                // What is not there need not pass.
                let absent = Condition::NotExists(key_path(table));
                let condition = Condition::Or(vec![absent, Condition::And(rest.clone())]);
                (Action::Delete { key }, (!rest.is_empty()).then_some(condition))
            }
            Kind::Exists(select) | Kind::Select(select) => {
                let (key, rest) = first_item(table, select.condition.as_ref());
                let Some(key) = key.filter(|_| !rest.is_empty()) else {
                    return Err(Invalid::new(
                        "EXISTS() must contain a single item read with additional condition",
                    ));
                };
                (Action::Check { key }, Some(Condition::And(rest)))
            }
        };
        Ok(ItemWrite { action, guard: Guard::of(condition, returns_item) })
    }
}

impl Binder {
    fn select(&self, select: &ast::Select) -> Result<Select> {
        let columns = select.projection.as_ref().map(|projection| {
            let columns = projection.iter().map(|expr| {
                let path = path(expr)?;
                Ok((column(&path), path))
            });
            columns.collect::<Result<Vec<_>>>()
        });
        let condition = select.condition.as_ref();
        let condition = condition.map(|condition| self.condition(condition)).transpose()?;
        let order = select.order.iter().map(|order| match &order.by.kind {
            ExprKind::Path(_) => {
                let path = path(&order.by)?;
                let name = path.0.iter().map(|step| match step {
                    Step::Name(name) => name.to_string(),
                    Step::Index(index) => format!("[{index}]"),
                });
                let name = name.collect::<Vec<_>>().join(".");
                Ok((name, order.descends))
            }
            _ => Err(misplaced("Unexpected path component", order.by.at)),
        });
        let order = order.collect::<Result<Vec<_>>>()?;
        Ok(Select { columns: columns.transpose()?, condition, order })
    }
}

fn key_path(table: &TableRecord) -> Path {
    Path(vec![Step::Name(table.partition_key.name.as_str().into())])
}

/// The conditions that all must hold.
fn terms(condition: Option<&Condition>) -> Vec<&Condition> {
    fn collect<'a>(condition: &'a Condition, into: &mut Vec<&'a Condition>) {
        match condition {
            Condition::And(terms) => terms.iter().for_each(|term| collect(term, into)),
            other => into.push(other),
        }
    }
    let mut all = Vec::new();
    if let Some(condition) = condition {
        collect(condition, &mut all);
    }
    all
}

/// The key attribute that must equal a value, if that is what a condition says.
fn key_equality<'a>(table: &TableRecord, term: &'a Condition) -> Option<(&'a str, &'a Arc<Value>)> {
    let Condition::Compare { comparator: Comparator::Equal, left, right } = term else {
        return None;
    };
    let ((Operand::Path(path), Operand::Value(value))
    | (Operand::Value(value), Operand::Path(path))) = (left, right)
    else {
        return None;
    };
    let is_key = !path.is_nested() && table.keys().any(|key| key.name == path.attribute());
    is_key.then(|| (path.attribute(), value))
}

/// The key of the one item that a write is about, and what must hold of it.
fn one_item(
    table: &TableRecord,
    condition: Option<&Condition>,
    key_missing: &str,
) -> Result<(Item, Vec<Condition>)> {
    let mut key = Item::new();
    let mut rest = Vec::new();
    for term in terms(condition) {
        let Some((name, value)) = key_equality(table, term) else {
            rest.push(term.clone());
            continue;
        };
        if key.get(name).is_some_and(|known| known != &**value) {
            return Err(Invalid(format!(
                "Multiple conditions on same key {name}. \
                 Only single item Update/Insert/Delete are supported"
            )));
        }
        key.insert(name.to_owned(), Value::clone(value));
    }
    if key.len() < table.keys().count() {
        return Err(Invalid::new(key_missing));
    }
    Ok((key, rest))
}

/// The key that the first equalities make, if they do, and all other conditions.
fn first_item(
    table: &TableRecord,
    condition: Option<&Condition>,
) -> (Option<Item>, Vec<Condition>) {
    let mut key = Item::new();
    let mut rest = Vec::new();
    for term in terms(condition) {
        match key_equality(table, term) {
            Some((name, value)) if key.get(name).is_none() => {
                key.insert(name.to_owned(), Value::clone(value));
            }
            Some((name, value)) if key.get(name) == Some(&**value) => {}
            _ => rest.push(term.clone()),
        }
    }
    let is_whole = key.len() == table.keys().count();
    (is_whole.then_some(key), rest)
}
