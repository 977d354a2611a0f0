//! Ciphertexts of KMS and imported key material.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| service_kms::fuzz::read(bytes));
