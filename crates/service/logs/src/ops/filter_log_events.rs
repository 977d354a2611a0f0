//! `FilterLogEvents`: the streams of a group as one, and a pattern to choose by.
//!
//! ```text
//! aws logs filter-log-events --log-group-name /app --filter-pattern '{ $.level = "ERROR" }'
//! {"events": [{"logStreamName": "one", "message": "{…}", "eventId": "3…", …}]}
//! ```

use std::ops::ControlFlow;

use api_logs::{Error, FilterLogEventsRequest, FilterLogEventsResponse, FilteredLogEvent};
use kernel::{Ctx, Fault};
use store::{Key, ReadTx};

use super::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX, count, pattern_refusal};
use crate::Logs;
use crate::error::{bad_token, invalid};
use crate::event::{Event, Place, Range};
use crate::merge::visit_streams;
use crate::name::group_name;
use crate::pattern::Pattern;
use crate::table::{
    EVENT_OVERHEAD_BYTES, GroupRecord, STREAMS, Span, name_in, require_group, require_stream,
    streams_scan,
};
use crate::token;

/// Events looked at for one page, and their bytes: then the page ends, however few matched.
const LOOKED_AT_MAX: usize = 50_000;
const LOOKED_AT_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Newest first is served for times from 2024-01-01 on.
const NEWEST_FIRST_SINCE_MS: i64 = 1_704_067_200_000;

pub(crate) async fn filter_log_events(
    _: &Logs,
    ctx: &Ctx,
    input: FilterLogEventsRequest,
) -> Result<FilterLogEventsResponse, Error> {
    // `interleaved` is ignored by AWS, too; `unmask` has nothing to uncover.
    let group = group_name(ctx, input.log_group_name.clone(), input.log_group_identifier.clone())?;
    if input.log_stream_names.is_some() && input.log_stream_name_prefix.is_some() {
        let message = "logStreamNames and logStreamNamePrefix are mutually exclusive parameters.";
        return Err(invalid(message).into());
    }
    let pattern = Pattern::parse(input.filter_pattern.as_deref().unwrap_or_default());
    let pattern = pattern.map_err(pattern_refusal)?;
    let scope = Key::of(("FilterLogEvents", &group));
    let given = match &input.next_token {
        Some(given) => Some(read_token(&token::open(ctx, &scope, given)?)?),
        None => None,
    };
    let reverse = given.map_or(input.start_from_head == Some(false), |(reverse, _)| reverse);
    if reverse && input.start_time.is_some_and(|start_ms| start_ms < NEWEST_FIRST_SINCE_MS) {
        let message = "startFromHead can be false only for a startTime on or after 2024-01-01.";
        return Err(invalid(message).into());
    }
    // Unlike that of GetLogEvents, this end is part of what is wanted.
    let end_ms = input.end_time.map(|end_ms| (end_ms.max(0) as u64).saturating_add(1));
    let mut range = Range::of_time(input.start_time, end_ms, reverse);
    if let Some((_, gap)) = given {
        range = range.resume(gap);
    }
    let mut page = Page::new(&pattern, reverse, count(input.limit, PAGE_EVENTS_MAX));
    ctx.store().read(|tx| {
        let parent = require_group(tx, ctx, &group)?;
        let streams = streams(tx, ctx, (&group, &parent), &input)?;
        let range = range.since(parent.expired_before_ms(ctx.now().epoch_ms));
        Ok::<_, Error>(visit_streams(tx, streams, &range, &mut |name, e| page.visit(name, e))?)
    })?;
    if let Some(fault) = page.damaged {
        return Err(fault.into());
    }
    let make_token = |gap: Place| {
        token::issue(ctx, &scope, &[&[u8::from(reverse)], &gap.to_bytes()[..]].concat())
    };
    Ok(FilterLogEventsResponse {
        events: Some(page.events),
        // Always empty since May 2020.
        searched_log_streams: Some(Vec::new()),
        next_token: page.next.map(make_token),
    })
}

fn read_token(payload: &[u8]) -> Result<(bool, Place), Fault> {
    let (direction, gap) = payload.split_first().ok_or_else(bad_token)?;
    Ok((*direction == 1, Place::from_bytes(gap).ok_or_else(bad_token)?))
}

/// The streams to read: those named, which must exist, or those with the prefix.
fn streams(
    tx: &ReadTx,
    ctx: &Ctx,
    (group, parent): (&str, &GroupRecord),
    input: &FilterLogEventsRequest,
) -> Result<Vec<(u64, String, Span)>, Error> {
    let mut streams = Vec::new();
    if let Some(names) = &input.log_stream_names {
        let mut names = names.clone();
        names.sort();
        names.dedup();
        for name in names {
            let (_, record) = require_stream(tx, ctx, group, &name)?;
            streams.extend(record.span.map(|span| (record.id, name, span)));
        }
        return Ok(streams);
    }
    let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
    for (key, record) in tx.scan(&STREAMS, streams_scan(ctx, parent.rows(group), prefix))? {
        streams.extend(record.span.map(|span| (record.id, name_in(&key), span)));
    }
    Ok(streams)
}

/// A page being filled.
struct Page<'a> {
    pattern: &'a Pattern,
    reverse: bool,
    limit: usize,
    events: Vec<FilteredLogEvent>,
    bytes: u64,
    looked_at: usize,
    looked_at_bytes: u64,
    /// Where the next page begins, if there is anything left to look at.
    next: Option<Place>,
    damaged: Option<Fault>,
}

impl<'a> Page<'a> {
    fn new(pattern: &'a Pattern, reverse: bool, limit: usize) -> Self {
        Page {
            pattern,
            reverse,
            limit,
            events: Vec::new(),
            bytes: 0,
            looked_at: 0,
            looked_at_bytes: 0,
            next: None,
            damaged: None,
        }
    }

    fn visit(&mut self, stream: &str, event: Event) -> ControlFlow<()> {
        let place = event.place;
        let bytes = event.message.len() as u64 + EVENT_OVERHEAD_BYTES;
        let full = self.events.len() >= self.limit
            || self.looked_at >= LOOKED_AT_MAX
            || self.looked_at_bytes >= LOOKED_AT_BYTES_MAX;
        if full {
            return self.end_before(place);
        }
        self.looked_at += 1;
        self.looked_at_bytes += bytes;
        let message = match event.text() {
            Ok(message) => message,
            Err(fault) => {
                self.damaged = Some(fault);
                return ControlFlow::Break(());
            }
        };
        if !self.pattern.matches(message) {
            return ControlFlow::Continue(());
        }
        if self.bytes + bytes > PAGE_BYTES_MAX && !self.events.is_empty() {
            return self.end_before(place);
        }
        self.bytes += bytes;
        self.events.push(FilteredLogEvent {
            log_stream_name: Some(stream.to_owned()),
            timestamp: Some(place.timestamp_ms as i64),
            message: Some(message.to_owned()),
            ingestion_time: Some(place.ingested_ms as i64),
            event_id: Some(place.event_id()),
        });
        ControlFlow::Continue(())
    }

    /// The page ends, and the next one begins with this event.
    fn end_before(&mut self, place: Place) -> ControlFlow<()> {
        self.next = Some(if self.reverse { place.after() } else { place });
        ControlFlow::Break(())
    }
}
