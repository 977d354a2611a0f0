//! EventBridge's schedules: eight bytes are a time, the rest is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((time, text)) = data.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    service_events::fuzz::read(text, u64::from_le_bytes(*time));
});
