//! Records of bulk operations: whatever the line is, it is accepted or refused, and soon.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_dynamodb::is_bulk_record;

fuzz_target!(|data: &[u8]| {
    is_bulk_record(data);
});
