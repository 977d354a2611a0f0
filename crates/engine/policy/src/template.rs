//! Text of a policy with wildcards and variables, compiled once.

use std::borrow::Cow;

use crate::context::{Context, NoContext, Values};
use crate::glob::{self, Piece};

/// What a text may contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// `*` and `?` stand for other characters.
    pub wildcards: bool,
    /// `${…}` is replaced; since version 2012-10-17.
    pub variables: bool,
}

/// `${key}` or `${key, 'default'}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    /// In lower case.
    pub key: Box<str>,
    /// As it is written.
    pub name: Box<str>,
    pub default: Option<Box<str>>,
}

/// A compiled text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// `*`.
    Any,
    Exact(Box<str>),
    /// `text*`.
    Prefix(Box<str>),
    /// Everything else: `Piece::Slot(n)` is the n-th variable.
    Mixed(Box<[Piece]>, Box<[Variable]>),
}

/// Whether something is so. `Unknown`: it cannot be said, because a variable has no value or an
/// operand of the policy makes no sense. Then an Allow does not apply, and a Deny does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truth {
    No,
    Yes,
    Unknown,
}

impl Truth {
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Truth::Yes => Truth::Yes,
            Truth::No => other(),
            Truth::Unknown => match other() {
                Truth::Yes => Truth::Yes,
                _ => Truth::Unknown,
            },
        }
    }

    pub fn not(self) -> Self {
        match self {
            Truth::Yes => Truth::No,
            Truth::No => Truth::Yes,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::Yes } else { Truth::No }
    }
}

/// Whether any of them holds.
pub(crate) fn any<T>(items: &[T], mut test: impl FnMut(&T) -> Truth) -> Truth {
    let mut so_far = Truth::No;
    for item in items {
        so_far = so_far.or(|| test(item));
        if so_far == Truth::Yes {
            break;
        }
    }
    so_far
}

impl Template {
    /// Compiles a text.
    pub fn new(text: &str, syntax: Syntax) -> Self {
        let mut builder = Builder::default();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some((inner, after)) = braces(rest).filter(|_| syntax.variables) {
                builder.variable(inner);
                rest = after;
                continue;
            }
            match c {
                '*' if syntax.wildcards => builder.any(),
                '?' if syntax.wildcards => builder.push(Piece::One),
                _ => builder.text.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        builder.finish()
    }

    /// Whether it is the text, entirely.
    pub fn matches(&self, text: &str, context: &dyn Context) -> Truth {
        match self {
            Template::Any => Truth::Yes,
            Template::Exact(exact) => (&**exact == text).into(),
            Template::Prefix(prefix) => text.starts_with(&**prefix).into(),
            Template::Mixed(pieces, variables) => {
                // Most texts fail whatever the variables hold, and then nobody needs to be asked.
                if !glob::matches(pieces, &[], text) {
                    return Truth::No;
                }
                if variables.is_empty() {
                    return Truth::Yes;
                }
                let values = resolve(variables, context);
                if !values.contains(&None) {
                    let values: Vec<_> = values.into_iter().flatten().collect();
                    return glob::matches(pieces, &values, text).into();
                }
                // It may be anything: only what no value could match is sure.
                let known = |piece: &Piece| match piece {
                    Piece::Slot(slot) => match &values[*slot] {
                        Some(value) => Piece::Text((&**value).into()),
                        None => Piece::Any,
                    },
                    piece => piece.clone(),
                };
                let pieces: Vec<Piece> = pieces.iter().map(known).collect();
                if glob::matches(&pieces, &[], text) { Truth::Unknown } else { Truth::No }
            }
        }
    }

    /// Whether it is the text but for the case of letters. Only for templates without wildcards.
    pub fn equals_ignoring_case(&self, text: &str, context: &dyn Context) -> Truth {
        match self {
            Template::Exact(exact) => same_ignoring_case(exact, text).into(),
            Template::Mixed(pieces, variables) => {
                let values: Option<Vec<_>> = resolve(variables, context).into_iter().collect();
                let Some(values) = values else { return Truth::Unknown };
                let whole: String = pieces.iter().filter_map(|piece| piece.text(&values)).collect();
                same_ignoring_case(&whole, text).into()
            }
            Template::Any | Template::Prefix(_) => Truth::No,
        }
    }

    /// Its variables.
    pub fn variables(&self) -> &[Variable] {
        match self {
            Template::Mixed(_, variables) => variables,
            _ => &[],
        }
    }

    /// Whether it is one text and nothing else.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Template::Exact(_))
    }
}

fn same_ignoring_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
        || (!(a.is_ascii() && b.is_ascii())
            && a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase)))
}

/// The values of the variables. A key with several values has none.
fn resolve<'c>(variables: &'c [Variable], context: &'c dyn Context) -> Vec<Option<Cow<'c, str>>> {
    variables
        .iter()
        .map(|variable| match context.values(&variable.key) {
            Some(Values::One(value)) => Some(value),
            Some(values) if values.len() > 0 => {
                values.single().map(|value| Cow::Owned(value.to_owned()))
            }
            _ => variable.default.as_deref().map(Cow::Borrowed),
        })
        .collect()
}

/// Longest content of `${…}`; with a longer one the characters mean themselves. It bounds the search
/// for the closing brace.
const VARIABLE_BYTES_MAX: usize = 1_024;

/// Whether a text matches a pattern with `*` and `?`, as everywhere in the language.
pub fn matches_wildcards(pattern: &str, text: &str) -> bool {
    let syntax = Syntax { wildcards: true, variables: false };
    Template::new(pattern, syntax).matches(text, &NoContext) == Truth::Yes
}

/// What stands in `${…}` at the start of the text, and what follows.
pub(crate) fn braces(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("${")?;
    let end = inner.bytes().take(VARIABLE_BYTES_MAX).position(|b| b == b'}')?;
    Some((&inner[..end], &inner[end + 1..]))
}

#[derive(Default)]
struct Builder {
    text: String,
    pieces: Vec<Piece>,
    variables: Vec<Variable>,
}

impl Builder {
    fn push(&mut self, piece: Piece) {
        self.end_text();
        self.pieces.push(piece);
    }

    fn any(&mut self) {
        self.end_text();
        if self.pieces.last() != Some(&Piece::Any) {
            self.pieces.push(Piece::Any);
        }
    }

    fn end_text(&mut self) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
    }

    /// `*`, `?` and `$` in braces mean themselves.
    fn variable(&mut self, inner: &str) {
        if let "*" | "?" | "$" = inner {
            self.text.push_str(inner);
            return;
        }
        let (name, default) = match inner.split_once(',') {
            None => (inner, None),
            Some((name, default)) => {
                let default = default.trim();
                let quoted = default.strip_prefix('\'').and_then(|d| d.strip_suffix('\''));
                (name, Some(quoted.unwrap_or(default).into()))
            }
        };
        let name = name.trim();
        let slot = self.variables.len();
        self.push(Piece::Slot(slot));
        self.variables.push(Variable {
            key: name.to_ascii_lowercase().into(),
            name: name.into(),
            default,
        });
    }

    fn finish(mut self) -> Template {
        self.end_text();
        match self.pieces.as_mut_slice() {
            [] => Template::Exact("".into()),
            [Piece::Any] => Template::Any,
            [Piece::Text(text)] => Template::Exact(std::mem::take(text)),
            [Piece::Text(text), Piece::Any] => Template::Prefix(std::mem::take(text)),
            _ => Template::Mixed(self.pieces.into(), self.variables.into()),
        }
    }
}
