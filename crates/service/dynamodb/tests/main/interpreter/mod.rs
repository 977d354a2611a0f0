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

    const CASES: u64 = 6000;

    #[test]
    fn conditions_mean_what_they_say() {
        let held: usize = (0..CASES)
            .map(|seed| check_condition(&mut Dice::seeded(seed)))
            .filter(|held| *held == Some(true))
            .count();
        // Neither all nor nothing, or the test would show little.
        assert!((CASES as usize / 10..CASES as usize * 9 / 10).contains(&held), "{held}");
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
        let done: usize = (0..CASES).filter(|seed| check_update(&mut Dice::seeded(*seed))).count();
        assert!((CASES as usize / 10..CASES as usize * 9 / 10).contains(&done), "{done}");
    }
}
