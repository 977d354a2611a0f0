//! The operations.

mod archives;
mod buses;
mod permissions;
mod put_events;
mod replays;
mod rules;
mod tags;
mod targets;

pub(crate) use archives::{
    create_archive, delete_archive, describe_archive, list_archives, update_archive,
};
pub(crate) use buses::{
    create_event_bus, delete_event_bus, describe_event_bus, list_event_buses, update_event_bus,
};
pub(crate) use permissions::{put_permission, remove_permission};
pub(crate) use put_events::{put_events, test_event_pattern};
pub(crate) use replays::{cancel_replay, describe_replay, list_replays, start_replay};
pub(crate) use rules::{
    delete_rule, describe_rule, disable_rule, enable_rule, list_rules, put_rule,
};
pub(crate) use tags::{list_tags_for_resource, tag_resource, untag_resource};
pub(crate) use targets::{
    list_rule_names_by_target, list_targets_by_rule, put_targets, remove_targets,
};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Fault;

use crate::error::invalid;

/// Things on a page unless fewer are asked for.
const PAGE: usize = 100;

/// A page of things in order; the token is the last one's name.
fn page<T>(
    all: Vec<T>,
    name: impl Fn(&T) -> &str,
    token: Option<&str>,
    limit: Option<i32>,
) -> Result<(Vec<T>, Option<String>), Fault> {
    let wrong = || invalid("The NextToken is not valid.");
    let after = token.map(|token| {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| wrong())?;
        String::from_utf8(bytes).map_err(|_| wrong())
    });
    let after = after.transpose()?;
    let size = limit.map_or(PAGE, |limit| limit.clamp(1, PAGE as i32) as usize);
    let mut rest: Vec<T> = all
        .into_iter()
        .filter(|it| after.as_deref().is_none_or(|after| name(it) > after))
        .collect();
    let more = rest.len() > size;
    rest.truncate(size);
    let next = rest.last().filter(|_| more).map(|last| URL_SAFE_NO_PAD.encode(name(last)));
    Ok((rest, next))
}
