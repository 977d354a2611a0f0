//! The body of a request.
#![no_main]

use gureum_fuzz::Wire;
use libfuzzer_sys::fuzz_target;

static WIRE: std::sync::LazyLock<Wire> = std::sync::LazyLock::new(|| Wire::new("json"));

fuzz_target!(|data: &[u8]| WIRE.request(data));
