//! A slow, obviously right interpreter of condition and update expressions against the real one.
//!
//! Expressions are made at random as trees. The interpreter walks the tree, over plain values and
//! with the documented semantics written down as directly as can be; it shares no code with the
//! real one, which sees only the tree's text: so that parsing, precedence, placeholders, checks and
//! evaluation are all on trial. A fuzz target includes these files, too.

mod compare;
mod condition;
mod dice;
mod plain;
mod text;
mod tree;
mod update;

pub use compare::{check_condition, check_update};
pub use dice::Dice;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many cases, unless `GUREUM_EXPRESSION_CASES` says how many.
    fn cases() -> u64 {
        let given = std::env::var("GUREUM_EXPRESSION_CASES").ok();
        given.map_or(6000, |count| count.parse().expect("a number"))
    }

    #[test]
    fn conditions_mean_what_they_say() {
        let cases = cases();
        let held: usize = (0..cases)
            .map(|seed| check_condition(&mut Dice::seeded(seed)))
            .filter(|held| *held == Some(true))
            .count();
        // Neither all nor nothing, or the test would show little.
        assert!((cases as usize / 10..cases as usize * 9 / 10).contains(&held), "{held}");
    }

    #[test]
    fn bytes_make_choices() {
        for seed in 0..200u32 {
            let bytes: Vec<u8> = (0..200u32).map(|i| ((i * 31 + seed) * (i + 7)) as u8).collect();
            check_condition(&mut Dice::of(&bytes));
            check_update(&mut Dice::of(&bytes));
        }
    }

    #[test]
    fn updates_do_what_they_say() {
        let cases = cases();
        let done: usize = (0..cases).filter(|seed| check_update(&mut Dice::seeded(*seed))).count();
        assert!((cases as usize / 10..cases as usize * 9 / 10).contains(&done), "{done}");
    }
}
