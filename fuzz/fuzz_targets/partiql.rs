//! PartiQL statements: whatever the text is, it is accepted or refused, and soon.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_dynamodb::partiql::fuzz_parse;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    fuzz_parse(text);
});
