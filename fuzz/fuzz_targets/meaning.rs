//! DynamoDB's expressions against the slow interpreter of the tests: the first byte chooses
//! conditions or updates, the rest makes an expression and an item.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/service/dynamodb/tests/main/interpreter/mod.rs"]
mod interpreter;

use interpreter::{Dice, check_condition, check_update};

fuzz_target!(|data: &[u8]| {
    let Some((kind, choices)) = data.split_first() else { return };
    let mut dice = Dice::of(choices);
    if kind % 2 == 0 {
        check_condition(&mut dice);
    } else {
        check_update(&mut dice);
    }
});
