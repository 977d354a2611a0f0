//! One operation a file.

mod create_log_group;
mod create_log_stream;
mod describe_log_groups;
mod describe_log_streams;
mod filter_log_events;
mod get_log_events;
mod put_log_events;

pub(crate) use create_log_group::create_log_group;
pub(crate) use create_log_stream::create_log_stream;
pub(crate) use describe_log_groups::describe_log_groups;
pub(crate) use describe_log_streams::describe_log_streams;
pub(crate) use filter_log_events::filter_log_events;
pub(crate) use get_log_events::get_log_events;
pub(crate) use put_log_events::put_log_events;

/// Items of a page of a listing when the request names no number.
const PAGE_ITEMS: i32 = 50;
/// Events in a page.
const PAGE_EVENTS_MAX: i32 = 10_000;
/// Messages and overhead in a page of events, in bytes.
const PAGE_BYTES_MAX: u64 = 1_048_576;

/// A count that the model has bounded already.
fn count(limit: Option<i32>, default: i32) -> usize {
    usize::try_from(limit.unwrap_or(default)).unwrap_or(1)
}
