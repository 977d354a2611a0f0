//! The stored form of an item: compact bytes that can be read in part.
//!
//! `version · size · map`, where a map is a count and then names and values in
//! the order of the names, and every value that is not small by nature begins
//! with its length. So one attribute, or one path into it, is found by
//! stepping over the others, and only what is asked for is decoded.

mod json;

use crate::number::Number;
use crate::value::{Item, Map, NESTING_MAX, Value, ValueType};

/// First byte of every stored item.
const VERSION: u8 = 1;

const S: u8 = 0;
const N: u8 = 1;
const B: u8 = 2;
const TRUE: u8 = 3;
const FALSE: u8 = 4;
const NULL: u8 = 5;
const L: u8 = 6;
const M: u8 = 7;
const SS: u8 = 8;
const NS: u8 = 9;
const BS: u8 = 10;

/// Stored bytes that are no item. The store checks its data, so this is a
/// fault of ours or a newer version's data, never a client's doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a stored item cannot be read")]
pub struct Corrupt;

/// The stored form of an item.
pub fn encode(item: &Item) -> Vec<u8> {
    let size = item.size_bytes();
    let mut out = Vec::with_capacity(size + 4 * item.len() + 8);
    out.push(VERSION);
    write_length(size, &mut out);
    write_map(item, &mut out);
    out
}

fn write_map(map: &Map, out: &mut Vec<u8>) {
    write_length(map.len(), out);
    for (name, value) in map.iter() {
        write_bytes(name.as_bytes(), out);
        write_value(value, out);
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::S(text) => {
            out.push(S);
            write_bytes(text.as_bytes(), out);
        }
        Value::N(number) => {
            out.push(N);
            number.write_key(out);
        }
        Value::B(bytes) => {
            out.push(B);
            write_bytes(bytes, out);
        }
        Value::Bool(flag) => out.push(if *flag { TRUE } else { FALSE }),
        Value::Null => out.push(NULL),
        Value::L(list) => write_framed(L, out, |body| {
            write_length(list.len(), body);
            list.iter().for_each(|value| write_value(value, body));
        }),
        Value::M(map) => write_framed(M, out, |body| write_map(map, body)),
        Value::Ss(set) => write_framed(SS, out, |body| {
            write_length(set.len(), body);
            set.iter().for_each(|text| write_bytes(text.as_bytes(), body));
        }),
        Value::Ns(set) => write_framed(NS, out, |body| {
            write_length(set.len(), body);
            set.iter().for_each(|number| number.write_key(body));
        }),
        Value::Bs(set) => write_framed(BS, out, |body| {
            write_length(set.len(), body);
            set.iter().for_each(|bytes| write_bytes(bytes, body));
        }),
    }
}

/// A tag, the length of what `write` writes, and that.
fn write_framed(tag: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut body = Vec::new();
    write(&mut body);
    out.push(tag);
    write_bytes(&body, out);
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Seven bits a byte, lowest first, all but the last with the high bit set.
pub(crate) fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// A length in front of bytes, and what is behind it.
pub(crate) fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), Corrupt> {
    let mut cursor = Cursor(bytes);
    Ok((cursor.length()?, cursor.0))
}

/// An item in its stored form, read in place.
#[derive(Clone, Copy)]
pub struct StoredItem<'a> {
    size_bytes: usize,
    map: &'a [u8],
}

impl<'a> StoredItem<'a> {
    /// Looks at stored bytes.
    ///
    /// # Errors
    /// If they do not begin as a stored item does.
    pub fn new(bytes: &'a [u8]) -> Result<StoredItem<'a>, Corrupt> {
        let mut cursor = Cursor(bytes);
        if cursor.byte()? != VERSION {
            return Err(Corrupt);
        }
        let size_bytes = cursor.length()?;
        Ok(StoredItem { size_bytes, map: cursor.0 })
    }

    /// Bytes the item counts, as [`Map::size_bytes`] without decoding.
    pub fn size_bytes(self) -> usize {
        self.size_bytes
    }

    /// The attributes, in the order of their names.
    pub fn attributes(self) -> Attributes<'a> {
        Attributes::new(self.map)
    }

    /// One attribute, not decoded.
    ///
    /// # Errors
    /// If the bytes are no item.
    pub fn get(self, name: &str) -> Result<Option<StoredValue<'a>>, Corrupt> {
        find(self.map, name)
    }

    /// The whole item.
    ///
    /// # Errors
    /// If the bytes are no item.
    pub fn decode(self) -> Result<Item, Corrupt> {
        read_map(self.map, 0)
    }
}

/// A value in its stored form: its tag and what follows it.
#[derive(Clone, Copy)]
pub struct StoredValue<'a> {
    tag: u8,
    body: &'a [u8],
}

impl<'a> StoredValue<'a> {
    /// The member of that name, if this is a map that has it.
    ///
    /// # Errors
    /// If the bytes are no value.
    pub fn member(self, name: &str) -> Result<Option<StoredValue<'a>>, Corrupt> {
        if self.tag == M { find(self.body, name) } else { Ok(None) }
    }

    /// The element at that index, if this is a list that long.
    ///
    /// # Errors
    /// If the bytes are no value.
    pub fn element(self, index: usize) -> Result<Option<StoredValue<'a>>, Corrupt> {
        self.elements().nth(index).transpose()
    }

    /// The elements, if this is a list; otherwise nothing.
    pub fn elements(self) -> impl Iterator<Item = Result<StoredValue<'a>, Corrupt>> {
        let body = if self.tag == L { self.body } else { &[0] };
        let mut cursor = Cursor(body);
        let (count, broken) = match cursor.length() {
            Ok(count) => (count, None),
            Err(Corrupt) => (0, Some(Err(Corrupt))),
        };
        broken.into_iter().chain((0..count).map(move |_| cursor.value()))
    }

    /// The members, if this is a map.
    pub fn members(self) -> Option<Attributes<'a>> {
        (self.tag == M).then(|| Attributes::new(self.body))
    }

    /// The type; nothing if the bytes are no value.
    pub fn value_type(self) -> Option<ValueType> {
        Some(match self.tag {
            S => ValueType::S,
            N => ValueType::N,
            B => ValueType::B,
            TRUE | FALSE => ValueType::Bool,
            NULL => ValueType::Null,
            L => ValueType::L,
            M => ValueType::M,
            SS => ValueType::Ss,
            NS => ValueType::Ns,
            BS => ValueType::Bs,
            _ => return None,
        })
    }

    /// Whether this is a list.
    pub fn is_list(self) -> bool {
        self.tag == L
    }

    /// The value.
    ///
    /// # Errors
    /// If the bytes are no value.
    pub fn decode(self) -> Result<Value, Corrupt> {
        self.decode_at(0)
    }

    fn decode_at(self, depth: usize) -> Result<Value, Corrupt> {
        if depth > NESTING_MAX + 1 {
            return Err(Corrupt);
        }
        let mut cursor = Cursor(self.body);
        Ok(match self.tag {
            S => Value::S(text(self.body)?.to_owned()),
            N => Value::N(cursor.number()?),
            B => Value::B(self.body.to_vec()),
            TRUE => Value::Bool(true),
            FALSE => Value::Bool(false),
            NULL => Value::Null,
            L => Value::L(
                self.elements()
                    .map(|element| element?.decode_at(depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            M => Value::M(read_map(self.body, depth + 1)?),
            SS => Value::Ss(cursor.each(|c| Ok(text(c.sized()?)?.to_owned()))?),
            NS => Value::Ns(cursor.each(Cursor::number)?),
            BS => Value::Bs(cursor.each(|c| Ok(c.sized()?.to_vec()))?),
            _ => return Err(Corrupt),
        })
    }
}

/// The attributes of an item or map, in the order of their names.
pub struct Attributes<'a> {
    cursor: Cursor<'a>,
    left: Option<usize>,
}

impl<'a> Attributes<'a> {
    fn new(map: &'a [u8]) -> Attributes<'a> {
        let mut cursor = Cursor(map);
        let left = cursor.length().ok();
        Attributes { cursor, left }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(&'a str, StoredValue<'a>), Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.left {
            Some(0) => return None,
            Some(left) => self.left = Some(left - 1),
            None => {
                self.left = Some(0);
                return Some(Err(Corrupt));
            }
        }
        let attribute = self.cursor.attribute();
        if attribute.is_err() {
            self.left = Some(0);
        }
        Some(attribute)
    }
}

fn find<'a>(map: &'a [u8], name: &str) -> Result<Option<StoredValue<'a>>, Corrupt> {
    for attribute in Attributes::new(map) {
        let (known, value) = attribute?;
        match known.cmp(name) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => return Ok(Some(value)),
            std::cmp::Ordering::Greater => break,
        }
    }
    Ok(None)
}

fn read_map(map: &[u8], depth: usize) -> Result<Map, Corrupt> {
    Attributes::new(map)
        .map(|attribute| {
            let (name, value) = attribute?;
            Ok((name.to_owned(), value.decode_at(depth)?))
        })
        .collect()
}

fn text(bytes: &[u8]) -> Result<&str, Corrupt> {
    std::str::from_utf8(bytes).map_err(|_| Corrupt)
}

/// Reads from the front of bytes.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Result<u8, Corrupt> {
        let (&byte, rest) = self.0.split_first().ok_or(Corrupt)?;
        self.0 = rest;
        Ok(byte)
    }

    fn length(&mut self) -> Result<usize, Corrupt> {
        let mut length = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(Corrupt)
    }

    fn sized(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.length()?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<Number, Corrupt> {
        let (number, rest) = Number::read_key(self.0).ok_or(Corrupt)?;
        self.0 = rest;
        Ok(number)
    }

    fn value(&mut self) -> Result<StoredValue<'a>, Corrupt> {
        let tag = self.byte()?;
        let body = match tag {
            TRUE | FALSE | NULL => &[],
            N => {
                let length = Number::key_length(self.0).ok_or(Corrupt)?;
                let (bytes, rest) = self.0.split_at_checked(length).ok_or(Corrupt)?;
                self.0 = rest;
                bytes
            }
            _ => self.sized()?,
        };
        Ok(StoredValue { tag, body })
    }

    fn attribute(&mut self) -> Result<(&'a str, StoredValue<'a>), Corrupt> {
        Ok((text(self.sized()?)?, self.value()?))
    }

    /// A count, and so many of what `read` reads.
    fn each<T>(
        &mut self,
        read: impl Fn(&mut Cursor<'a>) -> Result<T, Corrupt>,
    ) -> Result<Vec<T>, Corrupt> {
        let count = self.length()?;
        (0..count).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn sample() -> Item {
        let number = |text| Number::parse(text).unwrap();
        Map::from_unsorted(vec![
            ("s".to_owned(), Value::S("가나".repeat(100))),
            ("empty".to_owned(), Value::S(String::new())),
            ("n".to_owned(), Value::N(number("-12.50"))),
            ("b".to_owned(), Value::B(vec![0, 1, 255])),
            ("t".to_owned(), Value::Bool(true)),
            ("f".to_owned(), Value::Bool(false)),
            ("null".to_owned(), Value::Null),
            ("ss".to_owned(), Value::Ss(vec!["a".to_owned(), "b".to_owned()])),
            ("ns".to_owned(), Value::Ns(vec![number("-1"), number("3e100")])),
            ("bs".to_owned(), Value::Bs(vec![vec![], vec![1]])),
            (
                "m".to_owned(),
                Value::M(Map::from_unsorted(vec![
                    (
                        "l".to_owned(),
                        Value::L(vec![Value::Null, Value::N(number("7")), Value::L(vec![])]),
                    ),
                    ("m".to_owned(), Value::M(Map::new())),
                ])),
            ),
        ])
    }

    #[test]
    fn an_item_comes_back_as_it_was() {
        let item = sample();
        let bytes = encode(&item);
        let stored = StoredItem::new(&bytes).unwrap();
        assert_eq!(stored.decode(), Ok(item.clone()));
        assert_eq!(stored.size_bytes(), item.size_bytes());
        for (name, value) in item.iter() {
            assert_eq!(stored.get(name).unwrap().unwrap().decode().as_ref(), Ok(value));
        }
        assert!(stored.get("missing").unwrap().is_none());
    }

    #[test]
    fn a_path_is_found_without_decoding() {
        let bytes = encode(&sample());
        let m = StoredItem::new(&bytes).unwrap().get("m").unwrap().unwrap();
        let list = m.member("l").unwrap().unwrap();
        assert_eq!(list.element(1).unwrap().unwrap().decode(), Ok(Value::N(Number::from(7))));
        assert!(list.element(3).unwrap().is_none());
        assert!(list.member("x").unwrap().is_none());
        assert!(m.element(0).unwrap().is_none());
    }

    #[test]
    fn sizes_are_dynamodbs() {
        let size =
            |value: Value| Map::from_unsorted(vec![("a".to_owned(), value)]).size_bytes() - 1;
        assert_eq!(size(Value::S("가".to_owned())), 3);
        assert_eq!(size(Value::Null), 1);
        assert_eq!(size(Value::L(vec![])), 3);
        assert_eq!(size(Value::L(vec![Value::Bool(true), Value::Null])), 3 + 2 + 2);
        let inner = Map::from_unsorted(vec![("key".to_owned(), Value::S("value".to_owned()))]);
        assert_eq!(size(Value::M(inner)), 3 + 1 + 8);
    }

    #[test]
    fn damaged_bytes_are_refused_without_a_panic() {
        let bytes = encode(&sample());
        for cut in 0..bytes.len() {
            let read = StoredItem::new(&bytes[..cut]).and_then(StoredItem::decode);
            assert_eq!(read, Err(Corrupt), "cut at {cut}");
        }
        let mut seed = 1u32;
        for _ in 0..20_000 {
            let mut damaged = bytes.clone();
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = seed as usize % damaged.len();
            damaged[at] ^= (seed >> 24) as u8 | 1;
            // Any answer will do, if it is an answer.
            if let Ok(stored) = StoredItem::new(&damaged) {
                let _ = stored.decode();
                let _ = stored.get("t");
            }
        }
    }

    #[test]
    fn deep_bytes_do_not_exhaust_the_stack() {
        let mut value = vec![NULL];
        for _ in 0..5000 {
            let mut body = vec![1];
            body.append(&mut value);
            value = vec![L];
            write_bytes(&body, &mut value);
        }
        let mut bytes = vec![VERSION, 0, 1, 1, b'a'];
        bytes.append(&mut value);
        assert_eq!(StoredItem::new(&bytes).unwrap().decode(), Err(Corrupt));
    }
}
