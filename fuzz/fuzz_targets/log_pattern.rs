//! CloudWatch Logs' filter patterns: the text up to the first zero is the pattern, the rest the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_logs::pattern::Pattern;

fuzz_target!(|text: &str| {
    let (pattern, message) = text.split_once('\0').unwrap_or((text, "{\"a\": [1, \"b\"]} c"));
    if let Ok(pattern) = Pattern::parse(pattern) {
        pattern.matches(message);
    }
});
