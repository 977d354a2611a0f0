//! What a request says about itself, asked only when a condition wants to know.

use std::borrow::Cow;

/// The values of one context key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values<'a> {
    /// A single-valued key.
    One(Cow<'a, str>),
    /// A multi-valued key. Empty is the same as absent, as AWS has it.
    Many(Vec<Cow<'a, str>>),
    /// A multi-valued key whose values lie somewhere already.
    List(&'a [String]),
}

impl Values<'_> {
    /// The only value, or `None` if there are several or none.
    pub(crate) fn single(&self) -> Option<&str> {
        match self {
            Values::One(value) => Some(value),
            Values::Many(values) => match values.as_slice() {
                [value] => Some(value),
                _ => None,
            },
            Values::List(values) => match values {
                [value] => Some(value),
                _ => None,
            },
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Values::One(_) => 1,
            Values::Many(values) => values.len(),
            Values::List(values) => values.len(),
        }
    }

    pub(crate) fn all(&self, mut test: impl FnMut(&str) -> bool) -> bool {
        match self {
            Values::One(value) => test(value),
            Values::Many(values) => values.iter().all(|value| test(value)),
            Values::List(values) => values.iter().all(|value| test(value)),
        }
    }
}

impl<'a> From<&'a str> for Values<'a> {
    fn from(value: &'a str) -> Self {
        Values::One(Cow::Borrowed(value))
    }
}

impl From<String> for Values<'_> {
    fn from(value: String) -> Self {
        Values::One(Cow::Owned(value))
    }
}

impl From<bool> for Values<'_> {
    fn from(value: bool) -> Self {
        Values::One(Cow::Borrowed(if value { "true" } else { "false" }))
    }
}

/// Context keys of a request, such as `aws:sourceip`.
pub trait Context {
    /// The values of `key`, which is given **in ASCII lower case** (names of keys are
    /// case-insensitive, also the tag's name in `aws:principaltag/team`). `None`: the request does
    /// not have it.
    fn values(&self, key: &str) -> Option<Values<'_>>;
}

/// A request without context keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoContext;

impl Context for NoContext {
    fn values(&self, _: &str) -> Option<Values<'_>> {
        None
    }
}
