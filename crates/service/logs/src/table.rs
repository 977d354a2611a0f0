//! What the store holds.

use std::collections::BTreeMap;

use api_logs::Error;
use kernel::Ctx;
use serde::{Deserialize, Serialize};
use store::{Key, Part, RawTable, ReadTx, Scan, Table};

use crate::error::{no_group, no_stream};

/// Groups by (account, region, name).
pub(crate) const GROUPS: Table<GroupRecord> = Table::new("logs/group");
/// Streams by (account, region, rows of the group, name).
pub(crate) const STREAMS: Table<StreamRecord> = Table::new("logs/stream");
/// The account's policies by (account, region, name).
pub(crate) const POLICIES: Table<PolicyRecord> = Table::new("logs/policy");
/// Messages by [`crate::event::EventKey`].
pub(crate) const EVENTS: RawTable = RawTable::new("logs/event");

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Bytes that AWS counts for each event on top of its message.
pub(crate) const EVENT_OVERHEAD_BYTES: u64 = 26;

#[derive(Serialize, Deserialize)]
pub(crate) struct GroupRecord {
    pub created_ms: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub deletion_protection: bool,
    /// Under which name its streams lie, so that those of a group that was deleted are none of its
    /// successor's; nothing where it is the group's own (a group of before groups could be deleted).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Counts the changes of retention: timers of earlier ones end.
    #[serde(default)]
    pub retention_run: u64,
    /// How many filters there are, so that writing to a group without any looks for none.
    #[serde(default)]
    pub subscriptions: u32,
    #[serde(default)]
    pub metric_filters: u32,
}

impl GroupRecord {
    /// Under which name the streams of the group lie.
    pub fn rows<'a>(&'a self, group: &'a str) -> &'a str {
        self.rows.as_deref().unwrap_or(group)
    }

    /// The time before which events have expired.
    pub fn expired_before_ms(&self, now_ms: i64) -> u64 {
        let days = self.retention_days.map(i64::from);
        days.map_or(0, |days| now_ms.saturating_sub(days * DAY_MS).max(0) as u64)
    }
}

/// A policy for what services of AWS may write.
#[derive(Serialize, Deserialize)]
pub(crate) struct PolicyRecord {
    pub document: String,
    pub updated_ms: u64,
}

/// A stream and the sums of its events, kept with every batch.
#[derive(Serialize, Deserialize)]
pub(crate) struct StreamRecord {
    /// Short form of (account, region, group, name) in the keys of events; random, never reused.
    pub id: u64,
    pub created_ms: u64,
    /// Number of the next event.
    pub next_event: u64,
    /// Messages and overhead.
    pub bytes: u64,
    /// `None` until there is an event.
    pub span: Option<Span>,
}

/// From when to when the events of a stream are, and when the last batch came.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub(crate) struct Span {
    pub first_ms: u64,
    pub last_ms: u64,
    pub ingested_ms: u64,
}

/// The key of a group; also the prefix of its streams' keys, with the group's rows for its name.
pub(crate) fn group_key<'a>(ctx: &'a Ctx, group: &'a str) -> (&'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), group)
}

/// The key of a stream.
pub(crate) fn stream_key<'a>(
    ctx: &'a Ctx,
    rows: &'a str,
    stream: &'a str,
) -> (&'a str, &'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), rows, stream)
}

/// A group, or the refusal.
pub(crate) fn require_group(tx: &ReadTx, ctx: &Ctx, group: &str) -> Result<GroupRecord, Error> {
    tx.get(&GROUPS, group_key(ctx, group))?.ok_or_else(|| no_group().into())
}

/// A stream and its group, or the refusal that names what is missing.
pub(crate) fn require_stream(
    tx: &ReadTx,
    ctx: &Ctx,
    group: &str,
    stream: &str,
) -> Result<(GroupRecord, StreamRecord), Error> {
    let record = require_group(tx, ctx, group)?;
    match tx.get(&STREAMS, stream_key(ctx, record.rows(group), stream))? {
        Some(stream) => Ok((record, stream)),
        None => Err(no_stream().into()),
    }
}

/// The streams of a group in the order of their names, those that begin with `prefix`.
pub(crate) fn streams_scan(ctx: &Ctx, rows: &str, prefix: &str) -> Scan {
    Scan::prefix(Key::of(group_key(ctx, rows)).text_beginning(prefix))
}

/// The last part of a key, which is the name of what it holds.
pub(crate) fn name_in(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(name)) => name,
        other => unreachable!("keys of groups and streams end with a name, not {other:?}"),
    }
}
