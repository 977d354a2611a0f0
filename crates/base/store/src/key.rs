//! Keys made of ordered parts.
//!
//! Each part is a tag byte and its bytes. Text and bytes end with `00`, which cannot occur inside:
//! `00` becomes `01 01` and `01` becomes `01 02`. Numbers are eight bytes, big endian. So byte order
//! equals part order, no encoded part begins another ("ab" never matches a prefix scan for "a"), and
//! everything that begins with some parts is one byte range, up to [`prefix_end`].

use std::fmt;

const TAG_BYTES: u8 = 0x01;
const TAG_TEXT: u8 = 0x02;
const TAG_U64: u8 = 0x03;

const ESCAPE: u8 = 0x01;

/// An encoded key, or the leading parts of one.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

/// One decoded part of a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A `&[u8]` part.
    Bytes(Vec<u8>),
    /// A `&str` part.
    Text(String),
    /// A `u64` part.
    U64(u64),
}

impl Key {
    /// The empty key: prefix of all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds a key of anything that is made of parts.
    pub fn of(parts: impl KeyParts) -> Self {
        let mut key = Self::new();
        parts.append_to(&mut key);
        key
    }

    /// Appends a text part.
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        self.push(TAG_TEXT, part.as_bytes());
        self
    }

    /// Appends a bytes part.
    #[must_use]
    pub fn bytes(mut self, part: &[u8]) -> Self {
        self.push(TAG_BYTES, part);
        self
    }

    /// Appends a number part.
    #[must_use]
    pub fn u64(mut self, part: u64) -> Self {
        self.0.push(TAG_U64);
        self.0.extend_from_slice(&part.to_be_bytes());
        self
    }

    /// Appends the beginning of a text part: only for scan prefixes ("begins with").
    #[must_use]
    pub fn text_beginning(mut self, part: &str) -> Self {
        self.push_open(TAG_TEXT, part.as_bytes());
        self
    }

    /// Appends the beginning of a bytes part: only for scan prefixes ("begins with").
    #[must_use]
    pub fn bytes_beginning(mut self, part: &[u8]) -> Self {
        self.push_open(TAG_BYTES, part);
        self
    }

    /// The encoded form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes an encoded form, such as a page token that carried [`Key::as_bytes`]. Not checked:
    /// a foreign byte string is only a position in the order, never a danger.
    pub fn from_bytes(encoded: impl Into<Vec<u8>>) -> Self {
        Self(encoded.into())
    }

    /// Decodes the parts; `None` when the bytes were not made by this type.
    pub fn parts(&self) -> Option<Vec<Part>> {
        decode(&self.0)
    }

    fn push(&mut self, tag: u8, bytes: &[u8]) {
        self.push_open(tag, bytes);
        self.0.push(0);
    }

    fn push_open(&mut self, tag: u8, bytes: &[u8]) {
        self.0.reserve(bytes.len() + 2);
        self.0.push(tag);
        for &byte in bytes {
            match byte {
                0 | ESCAPE => self.0.extend_from_slice(&[ESCAPE, byte + 1]),
                _ => self.0.push(byte),
            }
        }
    }
}

fn decode(mut rest: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while let [tag, tail @ ..] = rest {
        rest = match *tag {
            TAG_U64 => {
                let (number, tail) = tail.split_first_chunk::<8>()?;
                parts.push(Part::U64(u64::from_be_bytes(*number)));
                tail
            }
            TAG_BYTES | TAG_TEXT => {
                let (bytes, tail) = unescape(tail)?;
                parts.push(if *tag == TAG_TEXT {
                    Part::Text(String::from_utf8(bytes).ok()?)
                } else {
                    Part::Bytes(bytes)
                });
                tail
            }
            _ => return None,
        };
    }
    Some(parts)
}

/// Reads up to the terminator; returns the bytes and what follows.
fn unescape(escaped: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = escaped.iter().position(|&byte| byte == 0)?;
    let mut bytes = Vec::with_capacity(end);
    let mut rest = escaped[..end].iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            ESCAPE => rest.next().filter(|&&code| code <= 2)? - 1,
            _ => byte,
        });
    }
    Some((bytes, &escaped[end + 1..]))
}

/// The smallest byte string above everything that begins with `prefix`; `None` when there is none.
pub(crate) fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xFF)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Some(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    match part {
                        Part::Text(text) => write!(f, "{comma}{text:?}")?,
                        Part::Bytes(bytes) => write!(f, "{comma}b\"{}\"", bytes.escape_ascii())?,
                        Part::U64(number) => write!(f, "{comma}{number}")?,
                    }
                }
                Ok(())
            }
            None => write!(f, "0x\"{}\"", self.0.escape_ascii()),
        }
    }
}

/// Anything a key can be built from: a text, bytes, a number, a tuple of such, or a [`Key`].
pub trait KeyParts {
    /// Appends the parts.
    fn append_to(&self, key: &mut Key);
}

impl<T: KeyParts + ?Sized> KeyParts for &T {
    fn append_to(&self, key: &mut Key) {
        (**self).append_to(key);
    }
}

impl KeyParts for str {
    fn append_to(&self, key: &mut Key) {
        key.push(TAG_TEXT, self.as_bytes());
    }
}

impl KeyParts for String {
    fn append_to(&self, key: &mut Key) {
        self.as_str().append_to(key);
    }
}

impl KeyParts for [u8] {
    fn append_to(&self, key: &mut Key) {
        key.push(TAG_BYTES, self);
    }
}

impl KeyParts for Vec<u8> {
    fn append_to(&self, key: &mut Key) {
        self.as_slice().append_to(key);
    }
}

impl<const N: usize> KeyParts for [u8; N] {
    fn append_to(&self, key: &mut Key) {
        self.as_slice().append_to(key);
    }
}

impl KeyParts for u64 {
    fn append_to(&self, key: &mut Key) {
        *key = std::mem::take(key).u64(*self);
    }
}

impl KeyParts for u32 {
    fn append_to(&self, key: &mut Key) {
        u64::from(*self).append_to(key);
    }
}

impl KeyParts for Key {
    fn append_to(&self, key: &mut Key) {
        key.0.extend_from_slice(&self.0);
    }
}

impl KeyParts for () {
    fn append_to(&self, _: &mut Key) {}
}

macro_rules! tuple {
    ($($name:ident $index:tt),+) => {
        impl<$($name: KeyParts),+> KeyParts for ($($name,)+) {
            fn append_to(&self, key: &mut Key) {
                $(self.$index.append_to(key);)+
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        for bytes in [&b""[..], b"\0", b"\x01", b"\0\x01\x02\xFF", b"a\0b", "한국".as_bytes()] {
            let key = Key::of((bytes, "텍스트\0\u{1}", 7u64, bytes));
            let expected = [
                Part::Bytes(bytes.to_vec()),
                Part::Text("텍스트\0\u{1}".into()),
                Part::U64(7),
                Part::Bytes(bytes.to_vec()),
            ];
            assert_eq!(key.parts().as_deref(), Some(&expected[..]));
        }
    }

    #[test]
    fn foreign_bytes_are_no_parts_and_no_panic() {
        let foreign: [&[u8]; 8] = [
            b"\x02a",
            b"\x02\x01",
            b"\x02\x01\0",
            b"\x02\x01\x03\0",
            b"\x03\0\0",
            b"\x09",
            b"\0",
            b"\x02\xFF\0",
        ];
        for bytes in foreign {
            assert_eq!(Key::from_bytes(bytes).parts(), None, "{bytes:?}");
        }
    }
}
