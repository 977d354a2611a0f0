//! Conditions on the words of a message: `[ip, ..., status = 4* || status = 500, bytes > 1000]`.
//!
//! A word ends at white space; `"…"` and `[…]` are one word. Without `...` the words are counted
//! from the left, and there may be more words than the pattern has fields.

use super::PatternError;
use super::cursor::Cursor;
use super::operand::Comparison;

/// Conditions by position; with `...`, some count from the left and some from the right.
#[derive(Debug)]
pub(super) struct Fields {
    left: Vec<Field>,
    right: Option<Vec<Field>>,
}

/// A name, and what its word must be.
#[derive(Debug)]
struct Field {
    name: String,
    condition: Condition,
}

/// Any of these must hold; each is a list that must hold as a whole. Empty: anything will do.
type Condition = Vec<Vec<Comparison>>;

const WRONG: PatternError = PatternError::Syntax("the field pattern is not valid");

impl Fields {
    /// Parses what is between the brackets.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut fields = Fields { left: Vec::new(), right: None };
        let mut regexes = 0;
        for field in split(text) {
            let field = field.trim();
            if field == "..." {
                if fields.right.replace(Vec::new()).is_some() {
                    return Err(WRONG);
                }
                continue;
            }
            let field = Field::read(field, &mut regexes)?;
            fields.right.as_mut().unwrap_or(&mut fields.left).push(field);
        }
        Ok(fields)
    }

    pub fn matches(&self, message: &str) -> bool {
        let mut words = Words(message);
        for field in &self.left {
            if !words.next().is_some_and(|word| holds(&field.condition, word)) {
                return false;
            }
        }
        let Some(right) = &self.right else { return true };
        let rest: Vec<&str> = words.collect();
        let Some(start) = rest.len().checked_sub(right.len()) else { return false };
        right.iter().zip(&rest[start..]).all(|(field, word)| holds(&field.condition, word))
    }

    /// Whether there is a field of the name.
    pub fn has(&self, name: &str) -> bool {
        self.left.iter().chain(self.right.iter().flatten()).any(|field| field.name == name)
    }

    /// The names of the fields and their words, in a message that matches.
    pub fn words<'a>(&'a self, message: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut words = Words(message);
        let mut found = Vec::new();
        for (field, word) in self.left.iter().zip(words.by_ref()) {
            found.push((field.name.as_str(), word));
        }
        let Some(right) = &self.right else { return found };
        let rest: Vec<&str> = words.collect();
        if let Some(start) = rest.len().checked_sub(right.len()) {
            let named = right.iter().zip(&rest[start..]);
            found.extend(named.map(|(field, word)| (field.name.as_str(), *word)));
        }
        found
    }
}

fn holds(condition: &Condition, word: &str) -> bool {
    let number = || word.parse().ok().filter(|number: &f64| number.is_finite());
    condition.is_empty()
        || condition.iter().any(|all| all.iter().all(|one| one.holds(word, number())))
}

/// Cuts at the commas outside `"…"` and `%…%`.
fn split(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut start, mut within, mut escaped) = (0, None, false);
    for (at, c) in text.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match (within, c) {
            (Some('"'), '\\') => escaped = true,
            (None, '"' | '%') => within = Some(c),
            (Some(open), c) if open == c => within = None,
            (None, ',') => {
                fields.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&text[start..]);
    fields
}

impl Field {
    /// `name`, or comparisons of that one name joined by `&&` and `||`.
    fn read(text: &str, regexes: &mut usize) -> Result<Self, PatternError> {
        let mut cursor = Cursor::new(text);
        let mut condition = vec![Vec::new()];
        let mut field: Option<&str> = None;
        loop {
            cursor.more();
            let name = cursor.take_while(|c| c.is_alphanumeric() || "_-".contains(c));
            if name.is_empty() || field.is_some_and(|field| field != name) {
                return Err(WRONG);
            }
            let first = field.replace(name).is_none();
            match (Comparison::read(&mut cursor, regexes, WRONG)?, condition.last_mut()) {
                (Some(comparison), Some(all)) => all.push(comparison),
                _ if first && !cursor.more() => {
                    return Ok(Field { name: name.to_owned(), condition: Vec::new() });
                }
                _ => return Err(WRONG),
            }
            if !cursor.more() {
                return Ok(Field { name: name.to_owned(), condition });
            }
            if cursor.eat("||") {
                condition.push(Vec::new());
            } else if !cursor.eat("&&") {
                return Err(WRONG);
            }
        }
    }
}

/// The words of a message.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.0.trim_start();
        let close = match text.chars().next()? {
            '"' => Some('"'),
            '[' => Some(']'),
            _ => None,
        };
        if let Some(end) = close.and_then(|close| text[1..].find(close)) {
            self.0 = &text[end + 2..];
            return Some(&text[1..=end]);
        }
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        self.0 = &text[end..];
        Some(&text[..end])
    }
}
