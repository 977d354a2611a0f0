//! Whether an update can be, and what it makes of an item.

use std::collections::BTreeMap;

use super::plain::Plain;
use super::tree::{Action, Path, SetValue, Step, find};

type Item = BTreeMap<String, Plain>;

/// Why there is no item after the update.
pub struct Refused;

/// What happens at a path.
#[derive(Clone)]
enum Effect {
    Put(Plain),
    Remove,
    Nothing,
}

/// Whether DynamoDB takes the update at all, whatever the item.
pub fn is_valid(actions: &[Action]) -> bool {
    let paths: Vec<&Path> = actions.iter().map(path).collect();
    for (i, a) in paths.iter().enumerate() {
        for b in &paths[i + 1..] {
            // The first step that differs, if one does.
            match a.iter().zip(b.iter()).find(|(a, b)| a != b) {
                None | Some((Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))) => {
                    return false;
                }
                Some(_) => {}
            }
        }
    }
    actions.iter().all(|action| match action {
        Action::Set(_, value) => is_valid_value(value),
        Action::Remove(_) => true,
        Action::Add(_, value) => value.is_set() || value.kind() == "N",
        Action::Delete(_, value) => value.is_set(),
    })
}

fn path(action: &Action) -> &Path {
    match action {
        Action::Set(path, _) | Action::Remove(path) => path,
        Action::Add(path, _) | Action::Delete(path, _) => path,
    }
}

fn is_valid_value(value: &SetValue) -> bool {
    let can_be = |value: &SetValue, kind: &str| match value {
        SetValue::Value(value) => value.kind() == kind,
        _ => true,
    };
    match value {
        SetValue::Path(_) | SetValue::Value(_) => true,
        SetValue::IfNotExists(_, otherwise) => is_valid_argument(otherwise),
        SetValue::ListAppend(a, b) => {
            is_valid_argument(a) && is_valid_argument(b) && can_be(a, "L") && can_be(b, "L")
        }
        SetValue::Plus(a, b) | SetValue::Minus(a, b) => {
            is_valid_value(a) && is_valid_value(b) && can_be(a, "N") && can_be(b, "N")
        }
    }
}

/// Of a function: `list_append` may not stand there.
fn is_valid_argument(value: &SetValue) -> bool {
    !matches!(value, SetValue::ListAppend(..)) && is_valid_value(value)
}

/// The item after the update; `item` is the one before, if there is one.
pub fn apply(actions: &[Action], item: Option<&Item>) -> Result<Item, Refused> {
    let nothing = Item::new();
    let before = item.unwrap_or(&nothing);
    let mut effects: Vec<(&[Step], Effect)> = Vec::new();
    for action in actions {
        effects.push((path(action), effect(action, before)?));
    }
    for (path, effect) in &effects {
        let does_nothing = item.is_none() && !matches!(effect, Effect::Put(_));
        let (_, parents) = path.split_last().ok_or(Refused)?;
        let parent = find(before, parents);
        let fits = match path.last() {
            Some(Step::Name(_)) => parents.is_empty() || matches!(parent, Some(Plain::M(_))),
            Some(Step::Index(_)) => matches!(parent, Some(Plain::L(_))),
            None => false,
        };
        if !fits && !does_nothing {
            return Err(Refused);
        }
    }
    Ok(map_after(before, &effects))
}

/// The effects below one step, each without it.
fn below<'a>(step: &Step, effects: &[(&'a [Step], Effect)]) -> Vec<(&'a [Step], Effect)> {
    let of_step = effects.iter().filter(|(path, _)| path.first() == Some(step));
    of_step.map(|(path, effect)| (&path[1..], effect.clone())).collect()
}

/// A value after the effects within it and on itself; nothing if it is gone.
fn value_after(before: Option<&Plain>, effects: &[(&[Step], Effect)]) -> Option<Plain> {
    if let Some((_, effect)) = effects.iter().find(|(path, _)| path.is_empty()) {
        return match effect {
            Effect::Put(value) => Some(value.clone()),
            Effect::Remove => None,
            Effect::Nothing => before.cloned(),
        };
    }
    match before {
        Some(Plain::M(map)) => Some(Plain::M(map_after(map, effects))),
        Some(Plain::L(list)) => Some(Plain::L(list_after(list, effects))),
        other => other.cloned(),
    }
}

fn map_after(map: &Item, effects: &[(&[Step], Effect)]) -> Item {
    let mut names: Vec<&String> = map.keys().collect();
    names.extend(effects.iter().filter_map(|(path, _)| match path.first() {
        Some(Step::Name(name)) => Some(name),
        _ => None,
    }));
    let after = names.into_iter().filter_map(|name| {
        let effects = below(&Step::Name(name.clone()), effects);
        Some((name.clone(), value_after(map.get(name), &effects)?))
    });
    after.collect()
}

/// Indices are those of the list before; what is put behind its end comes in their order.
fn list_after(list: &[Plain], effects: &[(&[Step], Effect)]) -> Vec<Plain> {
    let last = effects.iter().filter_map(|(path, _)| match path.first() {
        Some(Step::Index(index)) => Some(*index + 1),
        _ => None,
    });
    let end = last.max().unwrap_or(0).max(list.len());
    let after = (0..end)
        .filter_map(|index| value_after(list.get(index), &below(&Step::Index(index), effects)));
    after.collect()
}

fn effect(action: &Action, before: &Item) -> Result<Effect, Refused> {
    let old = find(before, path(action));
    match action {
        Action::Set(_, value) => Ok(Effect::Put(compute(value, before)?)),
        Action::Remove(_) => Ok(Effect::Remove),
        Action::Add(_, more) => Ok(Effect::Put(match (old, more) {
            (None, more) => more.clone(),
            (Some(Plain::N(old)), Plain::N(more)) => Plain::N(old + more),
            (Some(Plain::Ss(old)), Plain::Ss(more)) => {
                Plain::Ss(old.union(more).cloned().collect())
            }
            (Some(Plain::Ns(old)), Plain::Ns(more)) => {
                Plain::Ns(old.union(more).cloned().collect())
            }
            (Some(Plain::Bs(old)), Plain::Bs(more)) => {
                Plain::Bs(old.union(more).cloned().collect())
            }
            _ => return Err(Refused),
        })),
        Action::Delete(_, less) => {
            let (rest, is_empty) = match (old, less) {
                (None, _) => return Ok(Effect::Nothing),
                (Some(Plain::Ss(old)), Plain::Ss(less)) => {
                    let rest = old - less;
                    (Plain::Ss(rest.clone()), rest.is_empty())
                }
                (Some(Plain::Ns(old)), Plain::Ns(less)) => {
                    let rest = old - less;
                    (Plain::Ns(rest.clone()), rest.is_empty())
                }
                (Some(Plain::Bs(old)), Plain::Bs(less)) => {
                    let rest = old - less;
                    (Plain::Bs(rest.clone()), rest.is_empty())
                }
                _ => return Err(Refused),
            };
            // There are no empty sets.
            Ok(if is_empty { Effect::Remove } else { Effect::Put(rest) })
        }
    }
}

fn compute(value: &SetValue, before: &Item) -> Result<Plain, Refused> {
    match value {
        SetValue::Path(path) => find(before, path).cloned().ok_or(Refused),
        SetValue::Value(value) => Ok(value.clone()),
        SetValue::IfNotExists(path, otherwise) => match find(before, path) {
            Some(value) => Ok(value.clone()),
            None => compute(otherwise, before),
        },
        SetValue::ListAppend(a, b) => match (compute(a, before)?, compute(b, before)?) {
            (Plain::L(a), Plain::L(b)) => Ok(Plain::L([a, b].concat())),
            _ => Err(Refused),
        },
        SetValue::Plus(a, b) => match (compute(a, before)?, compute(b, before)?) {
            (Plain::N(a), Plain::N(b)) => Ok(Plain::N(a + b)),
            _ => Err(Refused),
        },
        SetValue::Minus(a, b) => match (compute(a, before)?, compute(b, before)?) {
            (Plain::N(a), Plain::N(b)) => Ok(Plain::N(a - b)),
            _ => Err(Refused),
        },
    }
}
