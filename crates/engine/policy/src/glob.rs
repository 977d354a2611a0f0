//! Wildcards in time that grows with the text, whatever the pattern.
//!
//! A pattern is cut at its `*` into segments. The first must stand at the start, the last at the
//! end, and of every other the leftmost place behind the one before is as good as any: so nothing
//! is ever tried again. A segment without `?` is found by the standard library's two-way search,
//! a long one with them by shift-and, 64 characters of the pattern at a time.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Box<str>),
    /// Any one character.
    One,
    /// Any characters, or none.
    Any,
    /// The value of a variable, by its index; taken literally.
    Slot(usize),
}

impl Piece {
    /// The text it stands for, unless it is a wildcard.
    pub fn text<'a>(&'a self, values: &'a [Cow<'_, str>]) -> Option<&'a str> {
        match self {
            Piece::Text(text) => Some(text),
            Piece::Slot(slot) => values.get(*slot).map(|value| &**value),
            Piece::One | Piece::Any => None,
        }
    }
}

/// Longer segments with `?` are searched with shift-and; in bytes.
const BY_HAND_MAX: usize = 48;

/// Whether the pattern matches the whole text. A variable beyond `values` may be anything.
pub(crate) fn matches(pieces: &[Piece], values: &[Cow<'_, str>], text: &str) -> bool {
    let is_any = |piece: &Piece| match piece {
        Piece::Any => true,
        Piece::Slot(slot) => *slot >= values.len(),
        Piece::Text(_) | Piece::One => false,
    };
    let Some(first_any) = pieces.iter().position(is_any) else {
        return from_start(pieces, values, text) == Some("");
    };
    let last_any = pieces.iter().rposition(is_any).unwrap_or(first_any);
    let Some(rest) = from_start(&pieces[..first_any], values, text) else { return false };
    let Some(mut rest) = from_end(&pieces[last_any + 1..], values, rest) else { return false };
    for segment in pieces[first_any..=last_any].split(is_any) {
        match find(segment, values, rest) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    true
}

/// What is left behind the segment, which must stand at the start.
fn from_start<'t>(segment: &[Piece], values: &[Cow<'_, str>], text: &'t str) -> Option<&'t str> {
    let mut rest = text;
    for piece in segment {
        rest = match piece.text(values) {
            Some(literal) => rest.strip_prefix(literal)?,
            None => {
                let mut chars = rest.chars();
                chars.next()?;
                chars.as_str()
            }
        };
    }
    Some(rest)
}

/// What is left before the segment, which must stand at the end.
fn from_end<'t>(segment: &[Piece], values: &[Cow<'_, str>], text: &'t str) -> Option<&'t str> {
    let mut rest = text;
    for piece in segment.iter().rev() {
        rest = match piece.text(values) {
            Some(literal) => rest.strip_suffix(literal)?,
            None => {
                let mut chars = rest.chars();
                chars.next_back()?;
                chars.as_str()
            }
        };
    }
    Some(rest)
}

/// What is left behind the leftmost place of the segment.
fn find<'t>(segment: &[Piece], values: &[Cow<'_, str>], text: &'t str) -> Option<&'t str> {
    match segment {
        [] => return Some(text),
        [piece] => {
            if let Some(literal) = piece.text(values) {
                return text.find(literal).map(|at| &text[at + literal.len()..]);
            }
        }
        _ => {}
    }
    let bytes = |piece: &Piece| piece.text(values).map_or(1, str::len);
    if segment.iter().map(bytes).sum::<usize>() > BY_HAND_MAX {
        return shift_and(segment, values, text);
    }
    let mut rest = text;
    loop {
        if let Some(behind) = from_start(segment, values, rest) {
            return Some(behind);
        }
        let mut chars = rest.chars();
        chars.next()?;
        rest = chars.as_str();
    }
}

/// As [`find`], for a segment that would make trying every place slow.
fn shift_and<'t>(segment: &[Piece], values: &[Cow<'_, str>], text: &'t str) -> Option<&'t str> {
    let mut wanted: Vec<Option<char>> = Vec::new();
    for piece in segment {
        match piece.text(values) {
            Some(literal) => wanted.extend(literal.chars().map(Some)),
            None => wanted.push(None),
        }
    }
    let in_text: HashSet<char> = text.chars().collect();
    let words = wanted.len().div_ceil(64);
    let mut wild = vec![0_u64; words];
    let mut masks: HashMap<char, Vec<u64>> = HashMap::new();
    for (at, c) in wanted.iter().enumerate() {
        match c {
            None => wild[at / 64] |= 1 << (at % 64),
            // Characters that the text does not have need no mask.
            Some(c) if in_text.contains(c) => {
                masks.entry(*c).or_insert_with(|| vec![0; words])[at / 64] |= 1 << (at % 64);
            }
            Some(_) => {}
        }
    }
    let last = wanted.len() - 1;
    let mut state = vec![0_u64; words];
    for (at, c) in text.char_indices() {
        let mask = masks.get(&c);
        let mut carry = 1;
        for (word, state) in state.iter_mut().enumerate() {
            let shifted = *state << 1 | carry;
            carry = *state >> 63;
            *state = shifted & (wild[word] | mask.map_or(0, |mask| mask[word]));
        }
        if state[last / 64] >> (last % 64) & 1 == 1 {
            return Some(&text[at + c.len_utf8()..]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::context::NoContext;
    use crate::template::{Syntax, Template, Truth};

    /// The textbook's recursion, exponential and obvious.
    fn obvious(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => {
                obvious(&pattern[1..], text) || !text.is_empty() && obvious(pattern, &text[1..])
            }
            (Some('?'), Some(_)) => obvious(&pattern[1..], &text[1..]),
            (Some(a), Some(b)) if a == b => obvious(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    fn fast(pattern: &str, text: &str) -> bool {
        let syntax = Syntax { wildcards: true, variables: false };
        Template::new(pattern, syntax).matches(text, &NoContext) == Truth::Yes
    }

    #[test]
    fn agrees_with_the_textbook() {
        let mut seed = 1_u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        let mut agreed = [0; 2];
        for _ in 0..20_000 {
            let pattern: String =
                (0..draw(7)).map(|_| ['a', 'b', 'é', '*', '?'][draw(5)]).collect();
            let text: String = (0..draw(9)).map(|_| ['a', 'b', 'é'][draw(3)]).collect();
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let expected = obvious(&chars(&pattern), &chars(&text));
            assert_eq!(fast(&pattern, &text), expected, "{pattern} on {text}");
            agreed[usize::from(expected)] += 1;
        }
        assert!(agreed[0] > 1_000 && agreed[1] > 1_000, "{agreed:?}");
    }

    #[test]
    fn long_segments_agree_with_short_ones() {
        let check = |pattern: &str, text: &str, expected| {
            assert_eq!(fast(pattern, text), expected, "{pattern} on {text}");
        };
        let long = "ab?d".repeat(40);
        check(&format!("*{long}*"), &format!("é{}x", "abcd".repeat(40)), true);
        check(&format!("*{long}*"), &format!("é{}", "abcd".repeat(39)), false);
        check(&format!("*{long}*z"), &format!("{}abéd{}z", "abcd".repeat(50), "abxd"), true);
        check(&format!("*{long}e*"), &format!("{}e", "abéd".repeat(41)), true);
    }

    /// A matcher that goes back takes years for these.
    #[test]
    fn hostile_patterns_end() {
        let text = "a".repeat(16_000);
        assert!(!fast(&format!("{}b", "*a".repeat(8_000)), &text));
        assert!(!fast(&format!("{}b*", "*a?".repeat(5_000)), &text));
        assert!(!fast(&format!("*{}b*", "?a".repeat(7_000)), &text));
        assert!(!fast(&format!("*{}?b*", "a".repeat(7_000)), &text));
        assert!(fast(&format!("{}*", "*a?".repeat(5_000)), &text));
    }
}
