//! DynamoDB's updates alone against the slow interpreter of the tests.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../crates/service/dynamodb/tests/main/interpreter/mod.rs"]
mod interpreter;

fuzz_target!(|data: &[u8]| {
    interpreter::check_update(&mut interpreter::Dice::of(data));
});
