//! Applies an update expression to an item.
//!
//! Every operand and every path means the item as it was before: so values
//! are computed first, then set in the order of their paths (elements beyond
//! the end of a list are appended in the order of their indices), and only
//! then is anything removed, from the end backwards.

use super::ast::Section;
use super::bound::{Action, Path, SetValue, Step, Update};
use super::document::find;
use crate::invalid::Invalid;
use crate::value::{Item, Map, Value};

const NO_SUCH_ATTRIBUTE: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";
const WRONG_ATTRIBUTE_TYPE: &str = "Type mismatch for attribute to update";
const INVALID_PATH: &str =
    "The document path provided in the update expression is invalid for update";

/// What an action comes down to for the item at hand.
enum Effect {
    Put(Value),
    Remove,
    Nothing,
}

impl Update {
    /// The paths that the update changes.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|action| &action.path)
    }

    /// Whether there is nothing but REMOVE and DELETE, which change nothing
    /// where there is no item.
    pub fn only_removes(&self) -> bool {
        self.0.iter().all(|action| matches!(action.section, Section::Remove | Section::Delete))
    }

    /// Applies the update to `item`; `before` is the item as it is stored, if
    /// it is, and `item` the same or only the key.
    ///
    /// # Errors
    /// In DynamoDB's words, if an operand does not exist or has the wrong
    /// type, if a path leads through something that is no list or map, and if
    /// arithmetic leaves the range of numbers.
    pub fn apply(&self, item: &mut Item, exists: bool) -> Result<(), Invalid> {
        let mut effects = Vec::with_capacity(self.0.len());
        for action in &self.0 {
            effects.push((&action.path, action.effect(item)?));
        }
        for (path, effect) in &effects {
            let harmless = !exists && !matches!(effect, Effect::Put(_));
            if !harmless && !parent_fits(item, path) {
                return Err(Invalid::new(INVALID_PATH));
            }
        }
        effects.sort_by(|a, b| a.0.cmp(b.0));
        let mut removed = Vec::new();
        for (path, effect) in effects {
            match effect {
                Effect::Put(value) => put(item, path, value),
                Effect::Remove => removed.push(path),
                Effect::Nothing => {}
            }
        }
        removed.iter().rev().for_each(|path| remove(item, path));
        Ok(())
    }
}

impl Action {
    fn effect(&self, item: &Item) -> Result<Effect, Invalid> {
        let old = find(item, &self.path);
        let operand = match (&self.section, &self.value) {
            // What is not there now is not removed, though it may be there when all is put.
            (Section::Remove, _) | (_, None) if old.is_none() => return Ok(Effect::Nothing),
            (Section::Remove, _) | (_, None) => return Ok(Effect::Remove),
            (_, Some(value)) => value.compute(item)?,
        };
        if matches!(self.value, Some(SetValue::Attribute(_))) && self.section != Section::Set {
            match (old, &operand) {
                (Some(old), _) if old.value_type() != operand.value_type() => {
                    return Err(Invalid::new(WRONG_ATTRIBUTE_TYPE));
                }
                (Some(Value::L(old)), Value::L(more)) => {
                    return Ok(Effect::Put(Value::L([&old[..], more].concat())));
                }
                _ => {}
            }
        }
        match self.section {
            Section::Add => Ok(Effect::Put(add(old, operand)?)),
            Section::Delete => delete(old, operand),
            Section::Set | Section::Remove => Ok(Effect::Put(operand)),
        }
    }
}

impl SetValue {
    fn compute(&self, item: &Item) -> Result<Value, Invalid> {
        match self {
            SetValue::Value(value) | SetValue::Attribute(value) => Ok(Value::clone(value)),
            SetValue::Path(path) => {
                find(item, path).cloned().ok_or_else(|| Invalid::new(NO_SUCH_ATTRIBUTE))
            }
            SetValue::IfNotExists(path, otherwise) => match find(item, path) {
                Some(value) => Ok(value.clone()),
                None => otherwise.compute(item),
            },
            SetValue::ListAppend(first, second) => {
                match (first.compute(item)?, second.compute(item)?) {
                    (Value::L(mut list), Value::L(more)) => {
                        list.extend(more);
                        Ok(Value::L(list))
                    }
                    _ => Err(Invalid::new(WRONG_TYPE)),
                }
            }
            SetValue::Plus(a, b) => match (a.compute(item)?, b.compute(item)?) {
                (Value::N(a), Value::N(b)) => Ok(Value::N(a.plus(b)?)),
                _ => Err(Invalid::new(WRONG_TYPE)),
            },
            SetValue::Minus(a, b) => match (a.compute(item)?, b.compute(item)?) {
                (Value::N(a), Value::N(b)) => Ok(Value::N(a.minus(b)?)),
                _ => Err(Invalid::new(WRONG_TYPE)),
            },
        }
    }
}

fn add(old: Option<&Value>, operand: Value) -> Result<Value, Invalid> {
    match (old, operand) {
        (None, operand) => Ok(operand),
        (Some(Value::N(old)), Value::N(operand)) => Ok(Value::N(old.plus(operand)?)),
        (Some(Value::Ss(old)), Value::Ss(operand)) => Ok(Value::Ss(union(old, operand))),
        (Some(Value::Ns(old)), Value::Ns(operand)) => Ok(Value::Ns(union(old, operand))),
        (Some(Value::Bs(old)), Value::Bs(operand)) => Ok(Value::Bs(union(old, operand))),
        _ => Err(Invalid::new(WRONG_TYPE)),
    }
}

fn union<T: Ord + Clone>(old: &[T], more: Vec<T>) -> Vec<T> {
    let mut all = more;
    all.extend_from_slice(old);
    all.sort();
    all.dedup();
    all
}

fn delete(old: Option<&Value>, operand: Value) -> Result<Effect, Invalid> {
    let rest = match (old, operand) {
        (None, _) => return Ok(Effect::Nothing),
        (Some(Value::Ss(old)), Value::Ss(operand)) => without(old, &operand).map(Value::Ss),
        (Some(Value::Ns(old)), Value::Ns(operand)) => without(old, &operand).map(Value::Ns),
        (Some(Value::Bs(old)), Value::Bs(operand)) => without(old, &operand).map(Value::Bs),
        _ => return Err(Invalid::new(WRONG_TYPE)),
    };
    Ok(rest.map_or(Effect::Remove, Effect::Put))
}

/// The elements left; nothing if none is, since there are no empty sets.
fn without<T: Ord + Clone>(old: &[T], less: &[T]) -> Option<Vec<T>> {
    let rest: Vec<T> =
        old.iter().filter(|element| less.binary_search(element).is_err()).cloned().collect();
    (!rest.is_empty()).then_some(rest)
}

/// Whether the path's last step can be taken where the others lead.
fn parent_fits(item: &Item, path: &Path) -> bool {
    let Some((last, parents)) = path.0.split_last() else { return false };
    if parents.is_empty() {
        return true;
    }
    let mut parent = item.get(path.attribute());
    for step in &parents[1..] {
        parent = match (step, parent) {
            (Step::Name(name), Some(Value::M(map))) => map.get(name),
            (Step::Index(index), Some(Value::L(list))) => list.get(*index as usize),
            _ => None,
        };
    }
    matches!(
        (last, parent),
        (Step::Name(_), Some(Value::M(_))) | (Step::Index(_), Some(Value::L(_)))
    )
}

/// Where the path's last step is to be taken.
enum Place<'a> {
    Member(&'a mut Map, &'a str),
    Element(&'a mut Vec<Value>, usize),
}

fn place<'a>(item: &'a mut Item, path: &'a Path) -> Option<Place<'a>> {
    let (last, parents) = path.0.split_last()?;
    let Some((_, inner)) = parents.split_first() else {
        return Some(Place::Member(item, path.attribute()));
    };
    let mut parent = item.get_mut(path.attribute())?;
    for step in inner {
        parent = match (step, parent) {
            (Step::Name(name), Value::M(map)) => map.get_mut(name)?,
            (Step::Index(index), Value::L(list)) => list.get_mut(*index as usize)?,
            _ => return None,
        };
    }
    match (last, parent) {
        (Step::Name(name), Value::M(map)) => Some(Place::Member(map, name)),
        (Step::Index(index), Value::L(list)) => Some(Place::Element(list, *index as usize)),
        _ => None,
    }
}

fn put(item: &mut Item, path: &Path, value: Value) {
    match place(item, path) {
        Some(Place::Member(map, name)) => map.insert(name.to_owned(), value),
        Some(Place::Element(list, index)) => match list.get_mut(index) {
            Some(element) => *element = value,
            None => list.push(value),
        },
        None => {}
    }
}

fn remove(item: &mut Item, path: &Path) {
    match place(item, path) {
        Some(Place::Member(map, name)) => {
            map.remove(name);
        }
        Some(Place::Element(list, index)) if index < list.len() => {
            list.remove(index);
        }
        _ => {}
    }
}
