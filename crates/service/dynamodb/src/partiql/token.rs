//! Cuts a statement into tokens.

use std::fmt;

use super::keywords::keyword;

/// Where something stands in a statement: line and column from 1, and a length, in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub line: u32,
    pub column: u32,
    pub length: u32,
}

/// As messages write it: `1:8:5`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.line, self.column, self.length)
    }
}

/// What a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A name written out.
    Name(String),
    /// A name in double quotes.
    Quoted(String),
    /// A word that is none of the statement's names, in lower case.
    Keyword(&'static str),
    /// Text in single quotes.
    Text(String),
    /// A number as it is written.
    Number(String),
    /// Punctuation or an operator; `!=` is `<>`.
    Symbol(&'static str),
    End,
}

/// A token and where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub at: Span,
}

/// Why a text cannot be cut into tokens. DynamoDB does not tell more.
pub(super) struct Unreadable;

/// Digits that the exponent of a number may have: more are no number for PartiQL.
const EXPONENT_DIGITS_MAX: usize = 9;

/// Longer ones stand before their beginnings.
const SYMBOLS: [&str; 29] = [
    "<<", ">>", "<>", "<=", ">=", "!=", "||", "(", ")", "[", "]", "{", "}", ",", ".", ":", ";",
    "*", "+", "-", "/", "%", "=", "<", ">", "?", "@", "~", "^",
];

/// The tokens of a statement, [`Kind::End`] last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Unreadable> {
    let mut reader = Reader { rest: text, line: 1, column: 1 };
    let mut tokens = Vec::new();
    loop {
        reader.skip_space()?;
        let (line, column) = (reader.line, reader.column);
        let before = reader.rest;
        let kind = reader.token()?;
        let length = before[..before.len() - reader.rest.len()].chars().count() as u32;
        let is_end = kind == Kind::End;
        tokens.push(Token { kind, at: Span { line, column, length } });
        if is_end {
            return Ok(tokens);
        }
    }
}

/// What is not read yet, and where it begins.
struct Reader<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Reader<'a> {
    /// Takes so many bytes off the front.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        for c in taken.chars() {
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        self.rest = rest;
        taken
    }

    /// Skips white space, `-- comments` and `/* comments */`.
    fn skip_space(&mut self) -> Result<(), Unreadable> {
        loop {
            let length = match self.rest.chars().next() {
                Some(c) if c.is_whitespace() => c.len_utf8(),
                Some('-') if self.rest.starts_with("--") => {
                    self.rest.find('\n').unwrap_or(self.rest.len())
                }
                Some('/') if self.rest.starts_with("/*") => {
                    self.rest[2..].find("*/").ok_or(Unreadable)? + 4
                }
                _ => return Ok(()),
            };
            self.take(length);
        }
    }

    fn token(&mut self) -> Result<Kind, Unreadable> {
        let bytes = self.rest.as_bytes();
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        match bytes.first() {
            None => Ok(Kind::End),
            Some(b'\'') => self.quoted('\'').map(Kind::Text),
            Some(b'"') => self.quoted('"').map(Kind::Quoted),
            Some(b) if is_name_start(*b) => Ok(self.word()),
            Some(b'0'..=b'9') => self.number(),
            Some(b'.') if is_digit(1) => self.number(),
            Some(_) => self.symbol(),
        }
    }

    /// Text between quotes, of which doubled ones stand for one.
    fn quoted(&mut self, quote: char) -> Result<String, Unreadable> {
        let mut text = String::new();
        self.take(1);
        loop {
            let end = self.rest.find(quote).ok_or(Unreadable)?;
            text.push_str(self.take(end));
            self.take(1);
            if !self.rest.starts_with(quote) {
                return Ok(text);
            }
            text.push(quote);
            self.take(1);
        }
    }

    fn word(&mut self) -> Kind {
        let length = self.rest.bytes().take_while(|b| is_name_start(*b) || b.is_ascii_digit());
        let word = self.take(length.count());
        match keyword(word) {
            Some(keyword) => Kind::Keyword(keyword),
            None => Kind::Name(word.to_owned()),
        }
    }

    /// `1`, `1.5`, `.5`, `1E-3`, without a sign.
    fn number(&mut self) -> Result<Kind, Unreadable> {
        let bytes = self.rest.as_bytes();
        let digits = |from: usize| {
            from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = end + 1 + sign;
            end = digits(exponent.min(bytes.len()));
            let given = end.saturating_sub(exponent);
            if given == 0 || given > EXPONENT_DIGITS_MAX {
                return Err(Unreadable);
            }
        }
        if bytes.get(end).is_some_and(|byte| is_name_start(*byte)) {
            return Err(Unreadable);
        }
        Ok(Kind::Number(self.take(end).to_owned()))
    }

    fn symbol(&mut self) -> Result<Kind, Unreadable> {
        let symbol = SYMBOLS.into_iter().find(|symbol| self.rest.starts_with(symbol));
        let symbol = symbol.ok_or(Unreadable)?;
        self.take(symbol.len());
        Ok(Kind::Symbol(if symbol == "!=" { "<>" } else { symbol }))
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$')
}
