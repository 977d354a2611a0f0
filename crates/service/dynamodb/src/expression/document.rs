//! What expressions read: an item in memory or in its stored form.

use std::borrow::Cow;

use super::bound::{Path, Step};
use crate::item::{Corrupt, StoredItem, StoredValue};
use crate::value::{Item, Value};

/// An item that paths can be followed in.
pub trait Document {
    /// What the item has at that path.
    ///
    /// # Errors
    /// If the stored item cannot be read.
    fn value_at(&self, path: &Path) -> Result<Option<Cow<'_, Value>>, Corrupt>;

    /// Whether the item has anything there.
    ///
    /// # Errors
    /// If the stored item cannot be read.
    fn has(&self, path: &Path) -> Result<bool, Corrupt> {
        Ok(self.value_at(path)?.is_some())
    }
}

impl Document for Item {
    fn value_at(&self, path: &Path) -> Result<Option<Cow<'_, Value>>, Corrupt> {
        Ok(find(self, path).map(Cow::Borrowed))
    }
}

/// What an item in memory has at that path.
pub(super) fn find<'a>(item: &'a Item, path: &Path) -> Option<&'a Value> {
    let mut value = item.get(path.attribute())?;
    for step in &path.0[1..] {
        value = match (step, value) {
            (Step::Name(name), Value::M(map)) => map.get(name)?,
            (Step::Index(index), Value::L(list)) => list.get(*index as usize)?,
            _ => return None,
        };
    }
    Some(value)
}

impl Document for StoredItem<'_> {
    fn value_at(&self, path: &Path) -> Result<Option<Cow<'_, Value>>, Corrupt> {
        let value = follow(*self, path)?;
        value.map(|value| value.decode().map(Cow::Owned)).transpose()
    }

    fn has(&self, path: &Path) -> Result<bool, Corrupt> {
        Ok(follow(*self, path)?.is_some())
    }
}

fn follow<'a>(item: StoredItem<'a>, path: &Path) -> Result<Option<StoredValue<'a>>, Corrupt> {
    let mut value = item.get(path.attribute())?;
    for step in &path.0[1..] {
        let Some(inner) = value else { return Ok(None) };
        value = match step {
            Step::Name(name) => inner.member(name)?,
            Step::Index(index) => inner.element(*index as usize)?,
        };
    }
    Ok(value)
}

/// No item: every path leads nowhere.
pub struct Nothing;

impl Document for Nothing {
    fn value_at(&self, _path: &Path) -> Result<Option<Cow<'_, Value>>, Corrupt> {
        Ok(None)
    }
}
