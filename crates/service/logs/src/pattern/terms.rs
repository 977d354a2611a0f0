//! Terms in messages without structure: `ERROR -DEBUG "exact phrase" ?maybe %regex%`.

use regex::Regex;

use super::PatternError;
use super::cursor::Cursor;
use super::operand::regex;

/// What must and must not occur, anywhere in the message, case-sensitive.
#[derive(Debug, Default)]
pub(super) struct Terms {
    all: Vec<Term>,
    none: Vec<Term>,
    any: Vec<Term>,
}

#[derive(Debug)]
enum Term {
    Text(String),
    Regex(Regex),
}

impl Terms {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut terms = Terms::default();
        let mut cursor = Cursor::new(text);
        while cursor.more() {
            let list = if cursor.eat("-") {
                &mut terms.none
            } else if cursor.eat("?") {
                &mut terms.any
            } else {
                &mut terms.all
            };
            list.push(Term::read(&mut cursor)?);
        }
        Ok(terms)
    }

    /// Optional terms count only when there are no others (the user guide says so).
    pub fn matches(&self, message: &str) -> bool {
        if self.all.is_empty() && self.none.is_empty() {
            return self.any.iter().any(|term| term.occurs(message));
        }
        self.all.iter().all(|term| term.occurs(message))
            && !self.none.iter().any(|term| term.occurs(message))
    }
}

impl Term {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, PatternError> {
        let whole = cursor.rest();
        let until_space = || whole.split_whitespace().next().unwrap_or("?").to_owned();
        let wrong = || PatternError::Term(until_space());
        if cursor.rest().starts_with('"') {
            return match cursor.quoted() {
                Some(text) if !text.is_empty() => Ok(Term::Text(text)),
                _ => Err(wrong()),
            };
        }
        if cursor.eat("%") {
            let source = cursor.take_until(|rest| rest.starts_with('%'));
            return if cursor.eat("%") { regex(source).map(Term::Regex) } else { Err(wrong()) };
        }
        let text = cursor.take_while(|c| !c.is_whitespace());
        if text.is_empty() || !text.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(wrong());
        }
        Ok(Term::Text(text.to_owned()))
    }

    fn occurs(&self, message: &str) -> bool {
        match self {
            Term::Text(text) => message.contains(text.as_str()),
            Term::Regex(regex) => regex.is_match(message),
        }
    }
}
