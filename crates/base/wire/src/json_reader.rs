//! A pull reader over JSON text (RFC 8259): no tree is built for what the schema knows.

use std::borrow::Cow;

use serde_json::Value as Json;
use shape::json::Cursor;
use shape::{Value, json};

use crate::error::{ReadError, syntax};

/// Deepest nesting of arrays and objects, also in values that are skipped.
const MAX_DEPTH: usize = 3 * shape::MAX_DEPTH;

/// The start of a value. After `Object` or `Array` its content follows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    /// Text that obeys JSON's grammar of numbers.
    Number(&'a str),
    Str(Cow<'a, str>),
    Object,
    Array,
}

pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    token_at: usize,
    /// Whether values read themselves. Not any more once one could not: else hostile text would be
    /// read again on every level.
    fast: bool,
}

impl<'a> Reader<'a> {
    pub fn new(body: &'a [u8]) -> Result<Self, ReadError> {
        let text = std::str::from_utf8(body)
            .map_err(|e| syntax("The text is not UTF-8", e.valid_up_to()))?;
        Ok(Reader { text, at: 0, depth: 0, token_at: 0, fast: true })
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), ReadError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(syntax(&format!("Expected '{}'", byte as char), self.at))
    }

    /// The next value, or its beginning.
    pub fn value(&mut self) -> Result<Token<'a>, ReadError> {
        let first = self.peek().ok_or_else(|| syntax("The text ends early", self.at))?;
        self.token_at = self.at;
        match first {
            b'{' => self.open(Token::Object),
            b'[' => self.open(Token::Array),
            b'"' => Ok(Token::Str(self.string()?)),
            b'-' | b'0'..=b'9' => Ok(Token::Number(self.number()?)),
            b't' => self.word("true", Token::Bool(true)),
            b'f' => self.word("false", Token::Bool(false)),
            b'n' => self.word("null", Token::Null),
            _ => Err(syntax("Unexpected character", self.at)),
        }
    }

    /// Lets a value read the object that has just begun. If it cannot, it is empty, and nothing of
    /// the object is read.
    pub fn read_object(&mut self, value: &mut dyn Value) -> bool {
        if !self.fast {
            return false;
        }
        let mut cursor = Cursor::new(self.text, self.token_at);
        self.fast = value.read_json(&mut cursor);
        if self.fast {
            self.at = cursor.at();
            self.depth -= 1;
        }
        self.fast
    }

    fn open(&mut self, token: Token<'a>) -> Result<Token<'a>, ReadError> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(ReadError::TooDeep) } else { Ok(token) }
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, ReadError> {
        if !self.text[self.at..].starts_with(word) {
            return Err(syntax("Unexpected word", self.at));
        }
        self.at += word.len();
        Ok(token)
    }

    /// The next key of the object, or nothing at its end.
    pub fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>, ReadError> {
        if !self.more(b'}', first)? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return Err(syntax("Expected a name", self.at));
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(Some(key))
    }

    /// Whether the array has another element, which `value` then reads.
    pub fn element(&mut self, first: &mut bool) -> Result<bool, ReadError> {
        self.more(b']', first)
    }

    fn more(&mut self, close: u8, first: &mut bool) -> Result<bool, ReadError> {
        if self.peek() == Some(close) {
            self.at += 1;
            self.depth -= 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        Ok(true)
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), ReadError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(syntax("Text after the end", self.at)),
        }
    }

    /// Whether there is nothing at all, not even a value.
    pub fn is_empty(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads over the rest of a value. Without recursion: the depth is bounded but not small.
    pub fn skip(&mut self, token: &Token<'a>) -> Result<(), ReadError> {
        let outer = self.depth;
        let mut closers = match token {
            Token::Object => vec![(b'}', true)],
            Token::Array => vec![(b']', true)],
            _ => return Ok(()),
        };
        while let Some((close, first)) = closers.last_mut() {
            let more = match *close {
                b'}' => self.key(first)?.is_some(),
                _ => self.element(first)?,
            };
            if !more {
                closers.pop();
                continue;
            }
            match self.value()? {
                Token::Object => closers.push((b'}', true)),
                Token::Array => closers.push((b']', true)),
                _ => {}
            }
        }
        debug_assert_eq!(self.depth + 1, outer);
        Ok(())
    }

    /// The whole value as a tree, for free-form documents.
    pub fn document(&mut self, token: &Token<'a>) -> Result<Json, ReadError> {
        let start = self.token_at;
        self.skip(token)?;
        serde_json::from_str(&self.text[start..self.at])
            .map_err(|e| syntax(&format!("Document: {e}"), start))
    }

    fn number(&mut self) -> Result<&'a str, ReadError> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = self.at + usize::from(bytes[self.at] == b'-');
        let digits = |at: &mut usize| {
            let from = *at;
            while matches!(bytes.get(*at), Some(b'0'..=b'9')) {
                *at += 1;
            }
            *at > from
        };
        let zero = bytes.get(at) == Some(&b'0');
        let integer_at = at;
        let mut good = digits(&mut at) && (!zero || at == integer_at + 1);
        if bytes.get(at) == Some(&b'.') {
            at += 1;
            good &= digits(&mut at);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            at += 1;
            at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
            good &= digits(&mut at);
        }
        if !good {
            return Err(syntax("Not a number", start));
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        let start = self.at + 1;
        let plain = self.plain_length(start);
        if self.text.as_bytes().get(start + plain) == Some(&b'"') {
            self.at = start + plain + 1;
            return Ok(Cow::Borrowed(&self.text[start..start + plain]));
        }
        let mut out = String::with_capacity(plain + 16);
        self.at = start;
        loop {
            let plain = self.plain_length(self.at);
            out.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Cow::Owned(out));
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(syntax("Control character in a string", self.at)),
                None => return Err(syntax("The string has no end", start)),
            }
        }
    }

    /// Bytes from `from` on that need no attention.
    fn plain_length(&self, from: usize) -> usize {
        json::plain_length(&self.text.as_bytes()[from.min(self.text.len())..])
    }

    fn escape(&mut self) -> Result<char, ReadError> {
        let at = self.at;
        let bad = || syntax("Bad escape", at);
        let letter = *self.text.as_bytes().get(at + 1).ok_or_else(bad)?;
        self.at += 2;
        Ok(match letter {
            b'"' | b'\\' | b'/' => letter as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex().ok_or_else(bad)?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high).ok_or_else(bad);
                }
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(bad());
                }
                self.at += 2;
                let low = self.hex().filter(|l| (0xdc00..0xe000).contains(l)).ok_or_else(bad)?;
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                    .ok_or_else(bad)?
            }
            _ => return Err(bad()),
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let value = digits
            .iter()
            .try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))?;
        self.at += 4;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole text and says what was wrong with it.
    fn check(text: &[u8]) -> Result<(), String> {
        let run = || {
            let mut reader = Reader::new(text)?;
            let token = reader.value()?;
            let tree = reader.document(&token)?;
            reader.end()?;
            let expected: Json = serde_json::from_slice(text).expect("serde_json reads it too");
            assert_eq!(tree, expected);
            Ok::<_, ReadError>(())
        };
        run().map_err(|e| e.to_string())
    }

    #[test]
    fn agrees_with_serde_json() {
        for text in [
            r#"{}"#,
            r#" {"a" : [1, -2.5e+3, true, false, null, "x\n\u00e9\ud83d\ude00\/"], "b": {}} "#,
            r#"[[],[[]]]"#,
            r#""plain""#,
            "0",
        ] {
            check(text.as_bytes()).unwrap();
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "01",
            "1.",
            "-",
            "1e",
            "tru",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12\"",
            "\"\n\"",
            "\"",
            "{} {}",
            "{1:2}",
            "nul",
            "\"\\",
            "\"\\u",
            "+1",
            ".5",
            "NaN",
            "[1 2]",
            "]",
        ] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
            assert!(serde_json::from_str::<Json>(text).is_err(), "{text}");
        }
        assert!(check(b"\"\xff\"").is_err());
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(check("[".repeat(100_000).as_bytes()), Err(ReadError::TooDeep.to_string()));
    }
}
