//! JSON text, as far as values read and write it themselves: the fast path beside the codecs.
//!
//! Reading here takes only what is plain: the very types and members the model has, nothing twice,
//! nothing null. Of everything else it says no, and the codec, which knows every complaint, reads
//! the text again from its beginning.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::{Blob, Member, Shape};

/// Deepest nesting that is read here: all that DynamoDB allows, 32 levels of two objects each.
const DEPTH_MAX: usize = 80;

/// Reads JSON text that is known to be UTF-8 from its front.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the byte `at` of a text, which must be the first of a character.
    pub fn new(text: &'a str, at: usize) -> Self {
        Cursor { text, at, depth: 0 }
    }

    /// Where it stands.
    pub fn at(&self) -> usize {
        self.at
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Passes a byte, if it is the next.
    pub fn take(&mut self, byte: u8) -> bool {
        if self.peek() != Some(byte) {
            return false;
        }
        self.at += 1;
        true
    }

    /// Passes a word, if it is the next.
    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let is_next = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// A string.
    pub fn string(&mut self) -> Option<Cow<'a, str>> {
        if !self.take(b'"') {
            return None;
        }
        let (start, bytes) = (self.at, self.text.as_bytes());
        let mut end = start + plain_length(&bytes[start..]);
        if bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Some(Cow::Borrowed(&self.text[start..end]));
        }
        while bytes.get(end) == Some(&b'\\') {
            // Whatever is escaped, it is one byte at least.
            end = (end + 2).min(bytes.len());
            end += plain_length(&bytes[end..]);
        }
        if bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        serde_json::from_str(&self.text[start - 1..=end]).ok().map(Cow::Owned)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self) -> Option<bool> {
        if self.word("true") { Some(true) } else { self.word("false").then_some(false) }
    }

    /// An object: `member` reads each value and says whether it could.
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, Cow<'a, str>) -> bool) -> bool {
        self.depth += 1;
        if self.depth > DEPTH_MAX || !self.take(b'{') {
            return false;
        }
        let mut more = !self.take(b'}');
        while more {
            let Some(key) = self.string() else { return false };
            if !self.take(b':') || !member(self, key) {
                return false;
            }
            more = self.take(b',');
            if !more && !self.take(b'}') {
                return false;
            }
        }
        self.depth -= 1;
        true
    }

    /// An array: `element` reads each element and says whether it could.
    pub fn array(&mut self, mut element: impl FnMut(&mut Self) -> bool) -> bool {
        self.depth += 1;
        if self.depth > DEPTH_MAX || !self.take(b'[') {
            return false;
        }
        let mut more = !self.take(b']');
        while more {
            if !element(self) {
                return false;
            }
            more = self.take(b',');
            if !more && !self.take(b']') {
                return false;
            }
        }
        self.depth -= 1;
        true
    }

    /// Bytes, in Base64.
    pub(crate) fn blob(&mut self) -> Option<Blob> {
        let text = self.string()?;
        BASE64_STANDARD.decode(text.as_bytes()).ok().map(Blob::from)
    }

    /// A union with exactly one member set, of those that `shape` has.
    pub fn union(&mut self, shape: &Shape, mut read: impl FnMut(&mut Self, usize) -> bool) -> bool {
        let mut members = 0;
        let is_read = self.object(|cursor, key| {
            members += 1;
            let is = |member: &Member| member.location_name.is_none() && member.name == key;
            match shape.members.iter().position(is) {
                Some(index) if members == 1 => read(cursor, index),
                _ => false,
            }
        });
        is_read && members == 1
    }
}

/// How many bytes of text there are before the first that a JSON string cannot have as it is: a
/// quote, a backslash or a control character.
pub fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The high bit of the first byte below `n`, and of none before it.
    let below = |x: u64, n: u64| x.wrapping_sub(ONES * n) & !x & HIGHS;
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let x = u64::from_le_bytes(*word);
        let special = below(x, 0x20)
            | below(x ^ (ONES * u64::from(b'"')), 1)
            | below(x ^ (ONES * u64::from(b'\\')), 1);
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = bytes[at..].iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f));
    rest.map_or(bytes.len(), |position| at + position)
}

/// Writes a string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    push_text(out, text.as_bytes());
}

/// Writes bytes that are text as a string with its quotes. Whether they are is the caller's to
/// look at, in what he has written as a whole.
pub fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let plain = plain_length(text);
    out.extend_from_slice(&text[..plain]);
    if plain < text.len() {
        push_escaped(out, &text[plain..]);
    }
    out.push(b'"');
}

#[cold]
fn push_escaped(out: &mut Vec<u8>, mut rest: &[u8]) {
    use std::io::Write as _;
    loop {
        let (plain, special) = rest.split_at(plain_length(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Writing into a vector cannot fail.
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_where_it_does() {
        let is_special = |b: u8| matches!(b, b'"' | b'\\' | 0..=0x1f);
        for length in 0..40 {
            for at in 0..=length {
                for special in 0..=255 {
                    let mut bytes = vec![b'x'; length];
                    // What follows must not matter.
                    bytes.iter_mut().skip(at).for_each(|b| *b = special);
                    let expected = bytes.iter().position(|b| is_special(*b)).unwrap_or(length);
                    assert_eq!(plain_length(&bytes), expected, "{special} at {at} of {length}");
                }
            }
        }
        assert_eq!(plain_length("가나다라마바사\"".as_bytes()), 21);
        assert_eq!(plain_length(&[0xff, 0x80, 0xa0, 0x7f, 0x20, 0x21, 0x23, 0x5b, 0x1f]), 8);
    }

    #[test]
    fn strings_are_read_and_written_as_serde_does() {
        for text in
            ["", "a", "\"", "\\", "a\nb\tc\r\u{1}", "가나\u{1f600}", "\u{7f}\u{80}", "12345678\""]
        {
            let mut out = Vec::new();
            push_string(&mut out, text);
            let written = String::from_utf8(out).unwrap();
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
            let mut cursor = Cursor::new(&written, 0);
            assert_eq!(cursor.string().as_deref(), Some(text));
            assert_eq!(cursor.at(), written.len());
        }
        for text in [r#""\u00e9\ud83d\ude00\/\b\f""#, r#"  "x" "#] {
            let read = Cursor::new(text, 0).string();
            assert_eq!(read.as_deref(), serde_json::from_str::<String>(text).ok().as_deref());
        }
        for text in ["", "x", "\"", "\"\\", "\"\\\"", r#""\x""#, r#""\ud800""#, "\"\n\"", "\"\\u"] {
            assert_eq!(Cursor::new(text, 0).string(), None, "{text}");
        }
    }

    #[test]
    fn deep_text_is_left_to_the_codec() {
        fn nested(cursor: &mut Cursor<'_>) -> bool {
            cursor.array(nested)
        }
        let text = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(nested(&mut Cursor::new(&text(DEPTH_MAX), 0)));
        assert!(!nested(&mut Cursor::new(&text(DEPTH_MAX + 1), 0)));
        assert!(!nested(&mut Cursor::new(&"[".repeat(1_000_000), 0)));
    }
}
