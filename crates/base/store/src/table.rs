//! Typed names for ranges of the key space, and the description of a scan.

use std::marker::PhantomData;

use crate::engine::KeyRange;
use crate::key::{Key, KeyParts, prefix_end};

/// A table of serde records, stored as JSON so that records can gain fields.
///
/// ```
/// # #[derive(serde::Serialize, serde::Deserialize)] struct FunctionRecord;
/// const FUNCTIONS: store::Table<FunctionRecord> = store::Table::new("lambda/function");
/// ```
pub struct Table<T> {
    name: &'static str,
    record: PhantomData<fn() -> T>,
}

/// A table of plain bytes, for records with a codec of their own.
pub struct RawTable {
    name: &'static str,
}

/// Either kind of table.
pub trait AnyTable {
    /// The name, as stored.
    fn name(&self) -> &'static str;
}

impl<T> Table<T> {
    /// Names a table: lower-case letters, digits, `/` and `-`, such as `service/kind`. The name is
    /// part of the stored key and therefore for ever.
    pub const fn new(name: &'static str) -> Self {
        assert_name(name);
        Self { name, record: PhantomData }
    }
}

impl RawTable {
    /// Names a table; rules as for [`Table::new`].
    pub const fn new(name: &'static str) -> Self {
        assert_name(name);
        Self { name }
    }
}

impl<T> AnyTable for Table<T> {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl AnyTable for RawTable {
    fn name(&self) -> &'static str {
        self.name
    }
}

const fn assert_name(name: &str) {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "table name: 1 to 64 characters");
    let mut at = 0;
    while at < bytes.len() {
        let ok = matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-');
        assert!(ok, "table name: lower-case letters, digits, '/' and '-'");
        at += 1;
    }
}

/// The stored key: table name, a zero byte, the encoded parts.
pub(crate) fn full_key(table: &str, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(table.len() + 1 + key.len());
    full.extend_from_slice(table.as_bytes());
    full.push(0);
    full.extend_from_slice(key);
    full
}

/// Splits a stored key into table name and encoded parts.
pub(crate) fn split_key(full: &[u8]) -> (String, Key) {
    let end = full.iter().position(|&byte| byte == 0).unwrap_or(full.len());
    let rest = full.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&full[..end]).into_owned(), Key::from_bytes(rest))
}

/// Which part of a table to read, in which direction. Bounds narrow: several may be given.
#[derive(Debug, Clone)]
pub struct Scan {
    lo: Vec<u8>,
    /// Exclusive; `None` is the end of the table.
    hi: Option<Vec<u8>>,
    /// Exclusive start in scan direction.
    after: Option<Vec<u8>>,
    pub(crate) reverse: bool,
    pub(crate) limit: usize,
}

impl Scan {
    /// The whole table, ascending, without limit.
    pub fn all() -> Self {
        Self { lo: Vec::new(), hi: None, after: None, reverse: false, limit: usize::MAX }
    }

    /// All keys that begin with these parts.
    pub fn prefix(parts: impl KeyParts) -> Self {
        let lo = Key::of(parts).as_bytes().to_vec();
        Self { hi: prefix_end(&lo), lo, ..Self::all() }
    }

    /// Keys at or above this one.
    #[must_use]
    pub fn ge(self, key: impl KeyParts) -> Self {
        let lo = Key::of(key).as_bytes().to_vec();
        self.narrow_lo(lo)
    }

    /// Keys above this one and above all that begin with it.
    #[must_use]
    pub fn gt(self, key: impl KeyParts) -> Self {
        // Encoded parts never consist of FF alone, so there is always an end.
        let lo = prefix_end(Key::of(key).as_bytes()).unwrap_or_else(|| vec![0xFF]);
        self.narrow_lo(lo)
    }

    /// Keys below this one.
    #[must_use]
    pub fn lt(self, key: impl KeyParts) -> Self {
        let hi = Key::of(key).as_bytes().to_vec();
        self.narrow_hi(Some(hi))
    }

    /// Keys up to this one and all that begin with it.
    #[must_use]
    pub fn le(self, key: impl KeyParts) -> Self {
        let hi = prefix_end(Key::of(key).as_bytes());
        self.narrow_hi(hi)
    }

    /// Resumes a page: only keys that come after exactly this one in the direction of the scan.
    #[must_use]
    pub fn after(mut self, key: impl KeyParts) -> Self {
        self.after = Some(Key::of(key).as_bytes().to_vec());
        self
    }

    /// Descending order.
    #[must_use]
    pub fn reverse(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// At most so many records.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    fn narrow_lo(mut self, lo: Vec<u8>) -> Self {
        self.lo = self.lo.max(lo);
        self
    }

    fn narrow_hi(mut self, hi: Option<Vec<u8>>) -> Self {
        self.hi = match (self.hi, hi) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// The range of stored keys to read.
    pub(crate) fn range(&self, table: &str) -> KeyRange {
        let (mut lo, mut hi) = (self.lo.clone(), self.hi.clone());
        match &self.after {
            Some(after) if self.reverse => {
                hi = Some(hi.map_or_else(|| after.clone(), |hi| hi.min(after.clone())));
            }
            Some(after) => lo = lo.max(successor(after)),
            None => {}
        }
        let hi = match hi {
            Some(hi) => full_key(table, &hi),
            None => {
                let mut end = table.as_bytes().to_vec();
                end.push(1);
                end
            }
        };
        KeyRange { lo: full_key(table, &lo).into(), hi: hi.into() }
    }
}

/// The next byte string in order.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = Vec::with_capacity(key.len() + 1);
    next.extend_from_slice(key);
    next.push(0);
    next
}
