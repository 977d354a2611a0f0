//! Attribute values as this service holds them: typed, numbers exact, sets
//! sorted, and maps sorted by name, so that equality is plain equality.

use std::cmp::Ordering;

use crate::number::Number;

/// Levels of lists and maps a value may have.
pub const NESTING_MAX: usize = 32;
/// Bytes an item may have, names and values together.
pub const ITEM_SIZE_MAX_BYTES: usize = 400 * 1024;

/// The type of a [`Value`], named as in the API.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)]
pub enum ValueType {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    Ss,
    Ns,
    Bs,
}

impl ValueType {
    /// The type's descriptor in requests and messages.
    pub fn name(self) -> &'static str {
        match self {
            ValueType::S => "S",
            ValueType::N => "N",
            ValueType::B => "B",
            ValueType::Bool => "BOOL",
            ValueType::Null => "NULL",
            ValueType::L => "L",
            ValueType::M => "M",
            ValueType::Ss => "SS",
            ValueType::Ns => "NS",
            ValueType::Bs => "BS",
        }
    }

    /// The type of that descriptor.
    pub fn from_name(name: &str) -> Option<ValueType> {
        use ValueType::*;
        [S, N, B, Bool, Null, L, M, Ss, Ns, Bs].into_iter().find(|t| t.name() == name)
    }

    /// The long name that update expressions' messages use.
    pub fn long_name(self) -> &'static str {
        match self {
            ValueType::S => "STRING",
            ValueType::N => "NUMBER",
            ValueType::B => "BINARY",
            ValueType::Bool => "BOOLEAN",
            ValueType::Null => "NULL",
            ValueType::L => "LIST",
            ValueType::M => "MAP",
            ValueType::Ss => "STRING_SET",
            ValueType::Ns => "NUMBER_SET",
            ValueType::Bs => "BINARY_SET",
        }
    }

    /// Whether values of this type have an order (`<`, BETWEEN, keys).
    pub fn is_ordered(self) -> bool {
        matches!(self, ValueType::S | ValueType::N | ValueType::B)
    }
}

/// One attribute value. Sets are sorted and without duplicates.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Value {
    S(String),
    N(Number),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<Value>),
    M(Map),
    Ss(Vec<String>),
    Ns(Vec<Number>),
    Bs(Vec<Vec<u8>>),
}

impl Value {
    /// This value's type.
    pub fn value_type(&self) -> ValueType {
        match self {
            Value::S(_) => ValueType::S,
            Value::N(_) => ValueType::N,
            Value::B(_) => ValueType::B,
            Value::Bool(_) => ValueType::Bool,
            Value::Null => ValueType::Null,
            Value::L(_) => ValueType::L,
            Value::M(_) => ValueType::M,
            Value::Ss(_) => ValueType::Ss,
            Value::Ns(_) => ValueType::Ns,
            Value::Bs(_) => ValueType::Bs,
        }
    }

    /// Bytes the value counts in an item: text as UTF-8, a list or map 3 and
    /// 1 for each element.
    pub fn size_bytes(&self) -> usize {
        match self {
            Value::S(text) => text.len(),
            Value::N(number) => number.size_bytes(),
            Value::B(bytes) => bytes.len(),
            Value::Bool(_) | Value::Null => 1,
            Value::L(list) => 3 + list.iter().map(|value| 1 + value.size_bytes()).sum::<usize>(),
            Value::M(map) => 3 + map.len() + map.size_bytes(),
            Value::Ss(set) => set.iter().map(String::len).sum(),
            Value::Ns(set) => set.iter().map(|number| number.size_bytes()).sum(),
            Value::Bs(set) => set.iter().map(Vec::len).sum(),
        }
    }

    /// How this value sorts against another: only strings, numbers and
    /// binaries have an order, and only among themselves.
    pub fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::S(a), Value::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Value::N(a), Value::N(b)) => Some(a.cmp(b)),
            (Value::B(a), Value::B(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// Levels of lists and maps in this value; 0 for a scalar or set.
    pub fn depth(&self) -> usize {
        match self {
            Value::L(list) => 1 + list.iter().map(Value::depth).max().unwrap_or(0),
            Value::M(map) => 1 + map.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// Attributes by name, sorted by name: an item, or a map within one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Map(Vec<(String, Value)>);

/// A whole item.
pub type Item = Map;

impl Map {
    /// Without attributes.
    pub fn new() -> Map {
        Map::default()
    }

    /// From attributes in any order; of two with one name the later stays.
    pub fn from_unsorted(mut attributes: Vec<(String, Value)>) -> Map {
        attributes.sort_by(|a, b| a.0.cmp(&b.0));
        attributes.reverse();
        attributes.dedup_by(|a, b| a.0 == b.0);
        attributes.reverse();
        Map(attributes)
    }

    /// Number of attributes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no attributes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attribute of that name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).ok().map(|at| &self.0[at].1)
    }

    /// The attribute of that name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).ok().map(|at| &mut self.0[at].1)
    }

    /// Puts an attribute, in place of one with the same name.
    pub fn insert(&mut self, name: String, value: Value) {
        match self.find(&name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// Takes the attribute of that name out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// The attributes, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Bytes of all names and values.
    pub fn size_bytes(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.size_bytes()).sum()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Value)> for Map {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(attributes: T) -> Map {
        Map::from_unsorted(attributes.into_iter().collect())
    }
}
