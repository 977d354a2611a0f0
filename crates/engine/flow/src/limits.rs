//! Every limit of the engine, and where it comes from.

/// Characters in a flow's text. Source: `CreateContactFlow`, `Content`.
pub const TEXT_CHARS_MAX: usize = 256_000;
/// Bytes in a flow's text, refused before anything is counted: four bytes a character.
pub const TEXT_BYTES_MAX: usize = TEXT_CHARS_MAX * 4;
/// JSON values nested in one another. Ours; the deepest real flow seen has 10.
pub const JSON_DEPTH_MAX: usize = 64;
/// Actions in a flow. Source: flow language, "Actions".
pub const ACTIONS_MAX: usize = 250;
/// Characters in an action's identifier. Source: flow language, "Identifier".
pub const IDENTIFIER_CHARS_MAX: usize = 50;
/// Conditions of one action. Source: flow language, "Conditions".
pub const CONDITIONS_MAX: usize = 50;
/// Problems reported for one flow; more are cut off. Ours.
pub const PROBLEMS_MAX: usize = 1_000;

/// Actions a contact may take before the caller or a timer has a turn. Ours: two nested loops of
/// a hundred rounds fit, an endless loop of prompts, Lambda calls or transfers does not.
pub const ACTIONS_PER_TURN_MAX: u32 = 2_000;

/// Bytes of keys and values over all contact attributes. Source: "Set contact attributes" block.
pub const ATTRIBUTES_BYTES_MAX: usize = 32_768;
/// Bytes of keys and values over all flow attributes. Source: "Set contact attributes" block.
pub const FLOW_ATTRIBUTES_BYTES_MAX: usize = 32_768;
/// Bytes of a Lambda function's answer. Source: "Invoke AWS Lambda functions".
pub const LAMBDA_RESPONSE_BYTES_MAX: usize = 32_768;
/// Longest a synchronous Lambda call may take, in milliseconds. Source: flow language.
pub const LAMBDA_TIMEOUT_MS_MAX: u64 = 8_000;
/// Longest an asynchronous Lambda call may take, in milliseconds. Source: flow block reference.
pub const LAMBDA_ASYNC_TIMEOUT_MS_MAX: u64 = 60_000;
/// Longest a row of Lambda calls with no prompt between them may take, in milliseconds.
/// Source: "Invoke AWS Lambda functions".
pub const LAMBDA_CHAIN_MS_MAX: u64 = 20_000;

/// Characters of one prompt. Source: "Play prompt" block (6,000 in total).
pub const PROMPT_CHARS_MAX: usize = 6_000;
/// Bytes one text may grow to when its references are filled in. Ours.
pub const TEMPLATE_BYTES_MAX: usize = 65_536;

/// Seconds to wait for the first digit. Source: "Get customer input" block.
pub const INPUT_SECONDS_MAX: i64 = 180;
/// Seconds between two digits. Source: `GetParticipantInput`.
pub const INTERDIGIT_SECONDS_MAX: i64 = 20;
/// Seconds between two digits when the flow names none. Source: "Store customer input" block.
pub const INTERDIGIT_SECONDS_DEFAULT: i64 = 5;
/// Digits a store-input action takes. Source: "Store customer input" block.
pub const INPUT_DIGITS_MAX: i64 = 100;
/// Keys in a terminating sequence. Source: `GetParticipantInput`.
pub const TERMINATOR_KEYS_MAX: usize = 5;
/// Digits of a phone number: E.164 allows 15, and a caller may add a trunk prefix.
pub const PHONE_DIGITS_MAX: u32 = 20;
/// Seconds a `Wait` may take: seven days. Source: `Wait`.
pub const WAIT_SECONDS_MAX: i64 = 604_800;
/// Rounds of a `Loop`. Source: `Loop`.
pub const LOOP_COUNT_MAX: i64 = 100;
