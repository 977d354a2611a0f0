//! What the store holds.

use std::collections::BTreeMap;

use api_logs::Error;
use kernel::Ctx;
use serde::{Deserialize, Serialize};
use store::{Key, Part, RawTable, ReadTx, Scan, Table};

use crate::error::{no_group, no_stream};

/// Groups by (account, region, name).
pub(crate) const GROUPS: Table<GroupRecord> = Table::new("logs/group");
/// Streams by (account, region, group's name, name).
pub(crate) const STREAMS: Table<StreamRecord> = Table::new("logs/stream");
/// Messages by [`crate::event::EventKey`].
pub(crate) const EVENTS: RawTable = RawTable::new("logs/event");

/// Bytes that AWS counts for each event on top of its message.
pub(crate) const EVENT_OVERHEAD_BYTES: u64 = 26;

#[derive(Serialize, Deserialize)]
pub(crate) struct GroupRecord {
    pub created_ms: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    pub deletion_protection: bool,
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

/// The key of a group, and the prefix of its streams' keys.
pub(crate) fn group_key<'a>(ctx: &'a Ctx, group: &'a str) -> (&'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), group)
}

/// The key of a stream.
pub(crate) fn stream_key<'a>(
    ctx: &'a Ctx,
    group: &'a str,
    stream: &'a str,
) -> (&'a str, &'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), group, stream)
}

/// Refuses when there is no such group.
pub(crate) fn require_group(tx: &ReadTx, ctx: &Ctx, group: &str) -> Result<(), Error> {
    if tx.contains(&GROUPS, group_key(ctx, group))? { Ok(()) } else { Err(no_group().into()) }
}

/// A stream, or the refusal that names what is missing.
pub(crate) fn require_stream(
    tx: &ReadTx,
    ctx: &Ctx,
    group: &str,
    stream: &str,
) -> Result<StreamRecord, Error> {
    if let Some(record) = tx.get(&STREAMS, stream_key(ctx, group, stream))? {
        return Ok(record);
    }
    require_group(tx, ctx, group)?;
    Err(no_stream().into())
}

/// The streams of a group in the order of their names, those that begin with `prefix`.
pub(crate) fn streams_scan(ctx: &Ctx, group: &str, prefix: &str) -> Scan {
    Scan::prefix(Key::of(group_key(ctx, group)).text_beginning(prefix))
}

/// The last part of a key, which is the name of what it holds.
pub(crate) fn name_in(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(name)) => name,
        other => unreachable!("keys of groups and streams end with a name, not {other:?}"),
    }
}
