//! Takes the parts of an item that a projection names.

use std::collections::BTreeMap;

use super::bound::{Path, Projection, Step};
use crate::item::{Corrupt, StoredItem, StoredValue};
use crate::value::{Item, Map, Value};

impl Projection {
    /// The named parts of a stored item; what is not named is not decoded.
    ///
    /// # Errors
    /// If the stored item cannot be read.
    pub fn of_stored(&self, item: StoredItem<'_>) -> Result<Item, Corrupt> {
        let tree = Tree::new(&self.0);
        members(item.attributes(), &tree)
    }

    /// The named parts of an item.
    pub fn of(&self, item: &Item) -> Item {
        project(item, self.0.iter())
    }
}

/// The parts of an item at those paths.
pub fn project<'a>(item: &Item, paths: impl IntoIterator<Item = &'a Path>) -> Item {
    let tree = Tree::new(paths);
    map_part(item, &tree)
}

/// Paths with a common beginning, merged.
#[derive(Default)]
struct Tree<'a> {
    names: BTreeMap<&'a str, Tree<'a>>,
    indices: BTreeMap<u32, Tree<'a>>,
}

impl<'a> Tree<'a> {
    fn new(paths: impl IntoIterator<Item = &'a Path>) -> Tree<'a> {
        let mut tree = Tree::default();
        for path in paths {
            let mut node = &mut tree;
            for step in &path.0 {
                node = match step {
                    Step::Name(name) => node.names.entry(name).or_default(),
                    Step::Index(index) => node.indices.entry(*index).or_default(),
                };
            }
        }
        tree
    }

    /// Whether a path ends here, so that the whole value is meant.
    fn is_whole(&self) -> bool {
        self.names.is_empty() && self.indices.is_empty()
    }
}

fn map_part(map: &Map, tree: &Tree<'_>) -> Map {
    map.iter()
        .filter_map(|(name, value)| {
            Some((name.to_owned(), value_part(value, tree.names.get(name)?)?))
        })
        .collect()
}

/// The part of a value; nothing if no path leads anywhere in it.
fn value_part(value: &Value, tree: &Tree<'_>) -> Option<Value> {
    if tree.is_whole() {
        return Some(value.clone());
    }
    match value {
        Value::M(map) => {
            let part = map_part(map, tree);
            (!part.is_empty()).then_some(Value::M(part))
        }
        Value::L(list) => {
            let part: Vec<Value> = tree
                .indices
                .iter()
                .filter_map(|(&index, tree)| value_part(list.get(index as usize)?, tree))
                .collect();
            (!part.is_empty()).then_some(Value::L(part))
        }
        _ => None,
    }
}

fn members<'a>(
    attributes: impl Iterator<Item = Result<(&'a str, StoredValue<'a>), Corrupt>>,
    tree: &Tree<'_>,
) -> Result<Map, Corrupt> {
    let mut parts = Vec::new();
    for attribute in attributes {
        let (name, value) = attribute?;
        if let Some(tree) = tree.names.get(name)
            && let Some(part) = stored_part(value, tree)?
        {
            parts.push((name.to_owned(), part));
        }
    }
    Ok(Map::from_unsorted(parts))
}

fn stored_part(value: StoredValue<'_>, tree: &Tree<'_>) -> Result<Option<Value>, Corrupt> {
    if tree.is_whole() {
        return value.decode().map(Some);
    }
    if let Some(attributes) = value.members() {
        let part = members(attributes, tree)?;
        return Ok((!part.is_empty()).then_some(Value::M(part)));
    }
    let mut part = Vec::new();
    for (&index, tree) in &tree.indices {
        if let Some(element) = value.element(index as usize)? {
            part.extend(stored_part(element, tree)?);
        }
    }
    Ok((!part.is_empty()).then_some(Value::L(part)))
}
