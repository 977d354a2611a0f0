//! A value that may be there as finished JSON.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use crate::json::Cursor;
use crate::{Map, Value, View};

/// A map that a service wrote as JSON right away, since that is what nearly every caller wants; it
/// is taken apart only for one that looks into it. Otherwise it is the map that it dereferences to.
pub struct Prepared<T> {
    /// As [`crate::json`] would write it, whole.
    json: Option<String>,
    value: OnceLock<T>,
}

impl<T> Prepared<T> {
    /// From JSON that the value reads by itself: an object whose values hold one modeled member
    /// each.
    pub fn from_json(json: String) -> Self {
        Prepared { json: Some(json), value: OnceLock::new() }
    }
}

impl<T: Value + Default> Prepared<T> {
    /// The value itself.
    pub fn into_inner(self) -> T {
        self.get();
        self.value.into_inner().unwrap_or_default()
    }

    fn get(&self) -> &T {
        self.value.get_or_init(|| {
            let mut value = T::default();
            let json = self.json.as_deref().unwrap_or("{}");
            let is_read = value.read_json(&mut Cursor::new(json, 0));
            assert!(is_read, "a service prepares what can be read");
            value
        })
    }
}

impl<T> From<T> for Prepared<T> {
    fn from(value: T) -> Self {
        Prepared { json: None, value: value.into() }
    }
}

impl<T> Default for Prepared<T> {
    fn default() -> Self {
        Prepared { json: None, value: OnceLock::new() }
    }
}

impl<T: Clone> Clone for Prepared<T> {
    fn clone(&self) -> Self {
        Prepared { json: self.json.clone(), value: self.value.clone() }
    }
}

impl<T: Value + Default + PartialEq> PartialEq for Prepared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Value + Default + fmt::Debug> fmt::Debug for Prepared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

impl<T: Value + Default> Deref for Prepared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Value + Default> DerefMut for Prepared<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.get();
        self.json = None;
        self.value.get_mut().expect("it was just filled")
    }
}

impl<K, V, T: FromIterator<(K, V)>> FromIterator<(K, V)> for Prepared<T> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        T::from_iter(entries).into()
    }
}

impl<T: Value + Default + IntoIterator> IntoIterator for Prepared<T> {
    type Item = T::Item;
    type IntoIter = T::IntoIter;

    fn into_iter(self) -> T::IntoIter {
        self.into_inner().into_iter()
    }
}

impl<'a, T: Value + Default> IntoIterator for &'a Prepared<T>
where
    &'a T: IntoIterator,
{
    type Item = <&'a T as IntoIterator>::Item;
    type IntoIter = <&'a T as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.get().into_iter()
    }
}

impl<T: Value + Default + Map> Value for Prepared<T> {
    fn view(&self) -> View<'_> {
        View::Map(self)
    }

    fn map(&mut self) -> Result<&mut dyn Map, crate::Mismatch> {
        Ok(&mut **self)
    }

    fn read_json(&mut self, cursor: &mut Cursor<'_>) -> bool {
        (**self).read_json(cursor)
    }
}

impl<T: Value + Default + Map> Map for Prepared<T> {
    fn len(&self) -> usize {
        self.get().len()
    }

    fn visit(&self, f: &mut dyn FnMut(&str, View<'_>)) {
        self.get().visit(f);
    }

    fn insert(&mut self, key: &str) -> &mut dyn Value {
        (**self).insert(key)
    }

    fn json(&self) -> Option<&str> {
        self.json.as_deref()
    }
}
