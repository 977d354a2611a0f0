//! Book-keeping while a request is read: paths, absent required members, depth.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

use crate::{Shape, Struct, Value};

/// Deepest nesting that any codec follows, so that hostile input cannot exhaust the stack.
/// DynamoDB's own limit is 32 levels of values, each three levels of wire format.
pub const MAX_DEPTH: usize = 128;

/// Most absent members and bad unions that are noted. One is enough to refuse a request; far
/// fewer are reported, and a hostile request must not fill the memory with the paths of millions.
const NOTED_MAX: usize = 1000;
const NOTED_BYTES_MAX: usize = 1 << 20;

/// Why a scalar cannot go where the model wants another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// Another kind of value.
    Kind,
    /// A number that does not fit.
    Range,
    /// Text that is not of the wanted format.
    Format,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Kind => "the value is of another type",
            Mismatch::Range => "the number does not fit",
            Mismatch::Format => "the text is not of the expected format",
        })
    }
}

impl std::error::Error for Mismatch {}

/// State of one request's reading: the path to where the codec is, and what was missing.
#[derive(Debug, Default)]
pub struct Reading {
    path: String,
    marks: Vec<usize>,
    missing: HashSet<String>,
    unions: Vec<(String, usize)>,
    noted_bytes: usize,
}

impl Reading {
    /// Descends into a structure's member; false when the nesting is too deep.
    #[must_use]
    pub fn enter_member(&mut self, name: &str) -> bool {
        self.marks.push(self.path.len());
        if !self.path.is_empty() {
            self.path.push('.');
        }
        push_lower_first(&mut self.path, name);
        self.marks.len() <= MAX_DEPTH
    }

    /// Descends into a list's element, counted from 0 (written from 1, as AWS does).
    #[must_use]
    pub fn enter_element(&mut self, index: usize) -> bool {
        self.marks.push(self.path.len());
        push_element(&mut self.path, index);
        self.marks.len() <= MAX_DEPTH
    }

    /// Descends into a map's value.
    #[must_use]
    pub fn enter_entry(&mut self, key: &str) -> bool {
        self.marks.push(self.path.len());
        self.path.push('.');
        self.path.push_str(key);
        self.path.push_str(".member");
        self.marks.len() <= MAX_DEPTH
    }

    /// Returns from the last `enter_*`.
    pub fn leave(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.path.truncate(mark);
        }
    }

    /// Where the codec is, in AWS's notation: `keySchema.1.member.keyType`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Notes that where the codec is, something must not be null and is: a required member, a
    /// list's element, a map's value.
    pub fn note_null(&mut self) {
        let room =
            self.missing.len() < NOTED_MAX && self.noted_bytes + self.path.len() <= NOTED_BYTES_MAX;
        if room || self.missing.is_empty() {
            self.noted_bytes += self.path.len();
            self.missing.insert(self.path.clone());
        }
    }

    fn has_room_for_union(&self) -> bool {
        let room =
            self.unions.len() < NOTED_MAX && self.noted_bytes + self.path.len() <= NOTED_BYTES_MAX;
        room || self.unions.is_empty()
    }

    /// Whether nothing was noted that a validation would have to look for.
    pub(crate) fn is_clean(&self) -> bool {
        self.missing.is_empty()
    }

    /// The required member at `path` was not there.
    pub fn is_missing(&self, path: &str) -> bool {
        self.missing.contains(path)
    }

    /// Unions with none or several members set: path and how many.
    pub fn bad_unions(&self) -> &[(String, usize)] {
        &self.unions
    }
}

/// Fills one structure and notes which required members never came.
pub struct Fields<'a> {
    target: &'a mut dyn Struct,
    shape: &'static Shape,
    seen: Seen,
}

/// Which members have come. Hardly a structure has more of them than the first has bits.
#[derive(Default)]
struct Seen {
    first: u128,
    more: Vec<bool>,
}

impl Seen {
    fn of(members: usize) -> Self {
        Seen { first: 0, more: vec![false; members.saturating_sub(128)] }
    }

    fn set(&mut self, index: usize) {
        match index.checked_sub(128) {
            None => self.first |= 1 << index,
            Some(index) => self.more[index] = true,
        }
    }

    fn has(&self, index: usize) -> bool {
        match index.checked_sub(128) {
            None => self.first >> index & 1 == 1,
            Some(index) => self.more[index],
        }
    }

    fn count(&self) -> usize {
        self.first.count_ones() as usize + self.more.iter().filter(|seen| **seen).count()
    }
}

impl<'a> Fields<'a> {
    /// Starts filling `target`.
    pub fn new(target: &'a mut dyn Struct) -> Self {
        let shape = target.shape();
        Fields { target, shape, seen: Seen::of(shape.members.len()) }
    }

    /// The structure's schema.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// Member `index`, marked as present.
    pub fn get(&mut self, index: usize) -> &mut dyn Value {
        self.seen.set(index);
        self.target.field_mut(index)
    }

    /// Whether member `index` has come.
    pub fn has(&self, index: usize) -> bool {
        self.seen.has(index)
    }

    /// Notes what is missing. Call it once, when the structure has been read.
    pub fn finish(self, reading: &mut Reading) {
        if self.shape.union {
            let set = self.seen.count();
            if set != 1 && reading.has_room_for_union() {
                reading.noted_bytes += reading.path.len();
                reading.unions.push((reading.path.clone(), set));
            }
            return;
        }
        let members = self.shape.members.iter().enumerate();
        for (_, member) in members.filter(|(i, m)| m.required && !self.seen.has(*i)) {
            let _ = reading.enter_member(&member.name);
            reading.note_null();
            reading.leave();
        }
    }
}

/// AWS writes member names in these paths with a small first letter.
pub(crate) fn push_lower_first(out: &mut String, name: &str) {
    let at = out.len();
    out.push_str(name);
    if let Some(first) = out.get_mut(at..=at) {
        first.make_ascii_lowercase();
    }
}

/// The step to a list's element, counted from 0.
pub(crate) fn push_element(out: &mut String, index: usize) {
    // Writing to a String cannot fail.
    let _ = write!(out, ".{}.member", index + 1);
}
