//! A request: a line `METHOD /path?query`, header lines, an empty line, the body.
#![no_main]

use gureum_fuzz::Wire;
use libfuzzer_sys::fuzz_target;

static WIRE: std::sync::LazyLock<Wire> = std::sync::LazyLock::new(|| Wire::new("rest-json"));

fuzz_target!(|data: &[u8]| WIRE.request(data));
