//! Places in a stream, and the sequence numbers that name them.

use serde::{Deserialize, Serialize};
use store::{Key, Part};

/// Digits of the place within a commit.
const INDEX_DIGITS: usize = 9;
const INDEX_MAX: u64 = 999_999_999;
/// A one, so that nobody takes leading zeros away; the commit; the place within it.
const DIGITS: usize = 1 + 20 + INDEX_DIGITS;

/// Where a record or marker lies: the number of the commit that wrote it, and which of those that
/// the commit wrote it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    pub seq: u64,
    pub index: u64,
}

impl Position {
    /// Behind everything that the commit wrote.
    pub fn end_of(seq: u64) -> Position {
        Position { seq, index: INDEX_MAX }
    }

    /// The place just before this one.
    pub fn before(self) -> Position {
        match self.index.checked_sub(1) {
            Some(index) => Position { index, ..self },
            None => Position::end_of(self.seq.saturating_sub(1)),
        }
    }

    /// The place in a key made of a stream's number and the two of a position.
    pub fn of_key(key: &[u8]) -> Option<Position> {
        match Key::from_bytes(key).parts()?[..] {
            [Part::U64(_), Part::U64(seq), Part::U64(index)] => Some(Position { seq, index }),
            _ => None,
        }
    }

    /// The sequence number: digits only, always as many.
    pub fn number(self) -> String {
        format!("1{:020}{:0INDEX_DIGITS$}", self.seq, self.index.min(INDEX_MAX))
    }

    /// Reads a sequence number.
    pub fn parse(number: &str) -> Option<Position> {
        let digits = number.strip_prefix('1')?;
        if number.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (seq, index) = digits.split_at_checked(DIGITS - 1 - INDEX_DIGITS)?;
        Some(Position { seq: seq.parse().ok()?, index: index.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_sort_as_positions_do() {
        let at = |seq, index| Position { seq, index };
        let positions =
            [at(0, 0), at(0, 1), at(1, 0), at(9, 10), at(10, 9), Position::end_of(u64::MAX)];
        for pair in positions.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{pair:?}");
        }
        for position in positions {
            let number = position.number();
            assert_eq!(Position::parse(&number), Some(position));
            // As the model says.
            assert!(
                (21..=40).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
            );
        }
    }

    #[test]
    fn other_texts_are_no_numbers() {
        let valid = Position { seq: 7, index: 0 }.number();
        let too_large = format!("1{}{}", "9".repeat(20), "0".repeat(9));
        for text in
            ["", "1", &valid[1..], &format!("{valid}0"), &valid.replace('7', "x"), &too_large]
        {
            assert_eq!(Position::parse(text), None, "{text}");
        }
    }
}
