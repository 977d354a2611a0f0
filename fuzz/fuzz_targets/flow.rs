//! The text of a contact flow, in the current or the legacy format.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(problems) = flow::load(text) {
        assert!(!problems.0.is_empty(), "a refusal says why");
    }
});
