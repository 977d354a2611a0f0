//! Right sides of comparisons: text with wildcards, numbers, regular expressions.

use regex::{Regex, RegexBuilder};

use super::PatternError;
use super::cursor::Cursor;

/// Memory that one compiled regular expression may take.
const REGEX_BYTES_MAX: usize = 256 * 1024;
/// Regular expressions in one JSON or field pattern (AWS's limit).
const REGEXES_MAX: usize = 2;

/// `=`, `!=` and the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a value is compared with.
#[derive(Debug)]
pub(super) enum Operand {
    /// Parts between the asterisks: with one part, the whole text.
    Text(Vec<String>),
    /// A number, and the text it was written as.
    Number(f64, String),
    /// `%…%`.
    Regex(Regex),
}

/// An operator and its right side.
#[derive(Debug)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

impl Operator {
    fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        use Operator::*;
        let all = [
            ("!=", NotEqual),
            ("<=", LessOrEqual),
            (">=", GreaterOrEqual),
            ("=", Equal),
            ("<", Less),
            (">", Greater),
        ];
        all.into_iter().find(|(text, _)| cursor.eat(text)).map(|(_, operator)| operator)
    }

    fn orders(self, a: f64, b: f64) -> bool {
        match self {
            Operator::Equal => a == b,
            Operator::NotEqual => a != b,
            Operator::Less => a < b,
            Operator::LessOrEqual => a <= b,
            Operator::Greater => a > b,
            Operator::GreaterOrEqual => a >= b,
        }
    }
}

impl Comparison {
    /// Reads operator and right side; `None` when no operator comes next. `regexes` counts.
    pub fn read(
        cursor: &mut Cursor<'_>,
        regexes: &mut usize,
        wrong: PatternError,
    ) -> Result<Option<Self>, PatternError> {
        cursor.more();
        let Some(operator) = Operator::read(cursor) else { return Ok(None) };
        cursor.more();
        let operand = Operand::read(cursor, wrong)?;
        let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
        match &operand {
            Operand::Number(..) => {}
            _ if ordered => {
                return Err(PatternError::Syntax("an order comparison needs a number"));
            }
            Operand::Regex(_) => {
                *regexes += 1;
                if *regexes > REGEXES_MAX {
                    let what = "a pattern may have two regular expressions";
                    return Err(PatternError::Syntax(what));
                }
            }
            Operand::Text(_) => {}
        }
        Ok(Some(Comparison { operator, operand }))
    }

    /// Does a text, and the number it stands for if it does, compare so?
    pub fn holds(&self, text: &str, number: Option<f64>) -> bool {
        let equal = match (&self.operand, number) {
            (Operand::Number(wanted, _), Some(number)) => {
                return self.operator.orders(number, *wanted);
            }
            (Operand::Number(_, written), None) => text == written,
            (Operand::Text(parts), _) => glob(parts, text),
            (Operand::Regex(regex), _) => regex.is_match(text),
        };
        match self.operator {
            Operator::Equal => equal,
            Operator::NotEqual => !equal,
            _ => false,
        }
    }
}

impl Operand {
    fn read(cursor: &mut Cursor<'_>, wrong: PatternError) -> Result<Self, PatternError> {
        if cursor.rest().starts_with('"') {
            let text = cursor.quoted().ok_or(wrong)?;
            return Ok(Operand::Text(text.split('*').map(str::to_owned).collect()));
        }
        if cursor.eat("%") {
            let source = cursor.take_until(|rest| rest.starts_with('%'));
            if !cursor.eat("%") {
                return Err(wrong);
            }
            return regex(source).map(Operand::Regex);
        }
        let stops = |rest: &str| {
            rest.starts_with(|c: char| c.is_whitespace() || "()\"=!<>".contains(c))
                || rest.starts_with("&&")
                || rest.starts_with("||")
        };
        let text = cursor.take_until(stops);
        if text.is_empty() {
            return Err(wrong);
        }
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        match text.parse::<f64>() {
            Ok(number) if numeric && number.is_finite() => {
                Ok(Operand::Number(number, text.to_owned()))
            }
            _ => Ok(Operand::Text(text.split('*').map(str::to_owned).collect())),
        }
    }
}

/// Compiles AWS's subset of regular expressions: no groups, no multi-byte characters.
pub(super) fn regex(source: &str) -> Result<Regex, PatternError> {
    let known = |c: char| c.is_ascii_alphanumeric() || ":_#=@/;,-^$?[]{}|\\*+.".contains(c);
    if source.is_empty() || !source.chars().all(known) {
        let what = "a character is not supported in a regular expression";
        return Err(PatternError::Syntax(what));
    }
    RegexBuilder::new(source)
        .size_limit(REGEX_BYTES_MAX)
        .dfa_size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|_| PatternError::Syntax("the regular expression is not valid"))
}

/// Matches the whole text against parts with anything between them.
fn glob(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        // The leftmost place leaves most for the others.
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}
