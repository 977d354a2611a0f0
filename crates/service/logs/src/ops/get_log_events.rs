//! `GetLogEvents`: one stream, forward or backward. A direction's end is told by the token: it is
//! the one that was passed in.
//!
//! ```text
//! aws logs get-log-events --log-group-name /app --log-stream-name one --start-from-head
//! {"events": […], "nextForwardToken": "f/…", "nextBackwardToken": "b/…"}
//! ```

use std::ops::ControlFlow;

use api_logs::{Error, GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent};
use kernel::{Ctx, Fault};
use store::{Key, ReadTx, StoreError};

use super::{PAGE_BYTES_MAX, PAGE_EVENTS_MAX, count};
use crate::Logs;
use crate::error::bad_token;
use crate::event::{Event, Place, Range};
use crate::merge::visit_stream;
use crate::name::group_name;
use crate::table::{EVENT_OVERHEAD_BYTES, require_stream};
use crate::token;

pub(crate) async fn get_log_events(
    _: &Logs,
    ctx: &Ctx,
    input: GetLogEventsRequest,
) -> Result<GetLogEventsResponse, Error> {
    // `unmask` has nothing to uncover: there are no data protection policies.
    let group = group_name(ctx, input.log_group_name, input.log_group_identifier)?;
    let limit = count(input.limit, PAGE_EVENTS_MAX);
    ctx.store().read(|tx| {
        let (parent, stream) = require_stream(tx, ctx, &group, &input.log_stream_name)?;
        let stream = stream.id;
        let scope = Key::of(("GetLogEvents", stream));
        let given = match &input.next_token {
            Some(token) => Some(read_token(ctx, &scope, token)?),
            None => None,
        };
        let forward = given.map_or(input.start_from_head == Some(true), |(forward, _)| forward);
        let end_ms = input.end_time.map(|end_ms| end_ms.max(0) as u64);
        let mut range = Range::of_time(input.start_time, end_ms, !forward);
        range = range.since(parent.expired_before_ms(ctx.now().epoch_ms));
        if let Some((_, gap)) = given {
            range = range.resume(gap);
        }
        let events = page(tx, stream, &range, limit)?;
        // Without events, both directions go on from where this one began.
        let start = given.map_or(range.from, |(_, gap)| gap);
        let after = events.last().map_or(start, |event| event.place.after());
        let before = events.first().map_or(start, |event| event.place);
        Ok(GetLogEventsResponse {
            events: Some(events.into_iter().map(output).collect::<Result<_, _>>()?),
            next_forward_token: Some(make_token(ctx, &scope, true, after)),
            next_backward_token: Some(make_token(ctx, &scope, false, before)),
        })
    })
}

/// The next events in the direction of the range, oldest first whatever the direction.
fn page(tx: &ReadTx, stream: u64, range: &Range, limit: usize) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    visit_stream(tx, stream, range, &mut |event| {
        bytes += event.message.len() as u64 + EVENT_OVERHEAD_BYTES;
        if bytes > PAGE_BYTES_MAX && !events.is_empty() {
            return ControlFlow::Break(());
        }
        events.push(event);
        if events.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if range.reverse {
        events.reverse();
    }
    Ok(events)
}

fn output(event: Event) -> Result<OutputLogEvent, Fault> {
    Ok(OutputLogEvent {
        timestamp: Some(event.place.timestamp_ms as i64),
        ingestion_time: Some(event.place.ingested_ms as i64),
        message: Some(event.text()?.to_owned()),
    })
}

fn make_token(ctx: &Ctx, scope: &Key, forward: bool, gap: Place) -> String {
    let direction = if forward { "f/" } else { "b/" };
    format!("{direction}{}", token::issue(ctx, scope, &gap.to_bytes()))
}

/// The direction and the gap; the direction itself needs no proof.
fn read_token(ctx: &Ctx, scope: &Key, token: &str) -> Result<(bool, Place), Fault> {
    let (forward, rest) = match token.split_at_checked(2) {
        Some(("f/", rest)) => (true, rest),
        Some(("b/", rest)) => (false, rest),
        _ => return Err(bad_token()),
    };
    let gap = Place::from_bytes(&token::open(ctx, scope, rest)?).ok_or_else(bad_token)?;
    Ok((forward, gap))
}
