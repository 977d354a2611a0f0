//! Signatures in headers, queries and chunks; canonical paths and queries.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    gateway::fuzz::sigv4(data);
    gateway::fuzz::canonical(data);
});
