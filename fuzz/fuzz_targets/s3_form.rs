//! A form that a page sends to a bucket.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| service_s3::fuzz::form(bytes));
