//! DynamoDB's expressions: the first byte chooses the kind, the rest is the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use service_dynamodb::expression::{ExpressionKind, fuzz_parse};

const KINDS: [ExpressionKind; 5] = [
    ExpressionKind::Condition,
    ExpressionKind::Filter,
    ExpressionKind::KeyCondition,
    ExpressionKind::Projection,
    ExpressionKind::Update,
];

fuzz_target!(|data: &[u8]| {
    let Some((kind, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    fuzz_parse(KINDS[usize::from(*kind) % KINDS.len()], text);
});
