//! One operation a file.

mod create_log_group;
mod create_log_stream;
mod delete;
mod describe_log_groups;
mod describe_log_streams;
mod filter_log_events;
mod get_log_events;
mod metric_filters;
mod put_log_events;
mod resource_policies;
mod retention;
mod subscription_filters;
mod tags;

pub(crate) use create_log_group::create_log_group;
pub(crate) use create_log_stream::create_log_stream;
pub(crate) use delete::{delete_log_group, delete_log_stream, put_log_group_deletion_protection};
pub(crate) use describe_log_groups::describe_log_groups;
pub(crate) use describe_log_streams::describe_log_streams;
pub(crate) use filter_log_events::filter_log_events;
pub(crate) use get_log_events::get_log_events;
pub(crate) use metric_filters::{
    delete_metric_filter, describe_metric_filters, put_metric_filter, test_metric_filter,
};
pub(crate) use put_log_events::put_log_events;
pub(crate) use resource_policies::{
    delete_resource_policy, describe_resource_policies, put_resource_policy,
};
pub(crate) use retention::{delete_retention_policy, put_retention_policy};
pub(crate) use subscription_filters::{
    delete_subscription_filter, describe_subscription_filters, put_subscription_filter,
};
pub(crate) use tags::{
    list_tags_for_resource, list_tags_log_group, tag_log_group, tag_resource, untag_log_group,
    untag_resource,
};

use kernel::Fault;

use crate::error::invalid;
use crate::pattern::PatternError;

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

/// AWS says no more than this of most mistakes.
fn pattern_refusal(error: PatternError) -> Fault {
    match error {
        PatternError::Unclosed(..) => invalid(error.to_string()),
        PatternError::Term(_) | PatternError::Syntax(_) => invalid("Invalid filter pattern"),
    }
}
