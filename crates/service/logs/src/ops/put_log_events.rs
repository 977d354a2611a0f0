//! `PutLogEvents`: a row for each event, and the sums of the stream.
//!
//! ```text
//! aws logs put-log-events --log-group-name /app --log-stream-name one \
//!     --log-events timestamp=1700000000000,message=hello
//! {"nextSequenceToken": "49…"}
//! ```

use std::ops::Range;

use api_logs::{
    Error, InputLogEvent, PutLogEventsRequest, PutLogEventsResponse, RejectedLogEventsInfo,
};
use bytes::Bytes;
use kernel::{Ctx, Fault};
use store::Durability;

use crate::error::{invalid, not_served};
use crate::event::Place;
use crate::table::{EVENT_OVERHEAD_BYTES, EVENTS, STREAMS, Span, require_stream, stream_key};
use crate::{Logs, filters, metrics};

const HOUR_MS: i64 = 60 * 60 * 1000;
const AGE_MS_MAX: i64 = 14 * 24 * HOUR_MS;
const AHEAD_MS_MAX: i64 = 2 * HOUR_MS;
const SPAN_MS_MAX: i64 = 24 * HOUR_MS;
const BATCH_BYTES_MAX: u64 = 1_048_576;

pub(crate) async fn put_log_events(
    _: &Logs,
    ctx: &Ctx,
    input: PutLogEventsRequest,
) -> Result<PutLogEventsResponse, Error> {
    if input.entity.is_some() {
        return Err(not_served("PutLogEvents", "entity").into());
    }
    let (group, stream) = (&input.log_group_name, &input.log_stream_name);
    // What is missing is reported before what is wrong with the batch.
    let (parent, _) = ctx.store().read(|tx| require_stream(tx, ctx, group, stream))?;
    let now_ms = ctx.now().epoch_ms.max(0);
    let expired_before_ms = parent.expired_before_ms(now_ms) as i64;
    let (accepted, rejected) = accept(&input.log_events, now_ms, expired_before_ms)?;
    let events: Vec<(u64, Bytes)> = input
        .log_events
        .into_iter()
        .skip(accepted.start)
        .take(accepted.len())
        .map(|event| (event.timestamp.max(0) as u64, Bytes::from(event.message)))
        .collect();
    let token = write(ctx, group, stream, &events, now_ms as u64).await?;
    Ok(PutLogEventsResponse {
        next_sequence_token: Some(token),
        rejected_log_events_info: rejected,
        rejected_entity_info: None,
    })
}

/// Which events of a batch are taken; the others are too old or too new, hence at its ends.
fn accept(
    events: &[InputLogEvent],
    now_ms: i64,
    expired_before_ms: i64,
) -> Result<(Range<usize>, Option<RejectedLogEventsInfo>), Fault> {
    let bytes: u64 = events.iter().map(|e| e.message.len() as u64 + EVENT_OVERHEAD_BYTES).sum();
    if bytes > BATCH_BYTES_MAX {
        let limit = BATCH_BYTES_MAX;
        return Err(invalid(format!("Upload too large: {bytes} bytes exceeds limit of {limit}")));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    let too_old = events.partition_point(|event| event.timestamp < now_ms - AGE_MS_MAX);
    let expired = events.partition_point(|event| event.timestamp < expired_before_ms);
    let start = too_old.max(expired);
    let end = events.partition_point(|event| event.timestamp <= now_ms + AHEAD_MS_MAX);
    let taken = &events[start..end];
    if let (Some(first), Some(last)) = (taken.first(), taken.last())
        && last.timestamp - first.timestamp > SPAN_MS_MAX
    {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    // At most 10,000 events, so an index fits.
    let rejected = (taken.len() < events.len()).then(|| RejectedLogEventsInfo {
        too_old_log_event_end_index: (too_old > 0).then_some(too_old as i32),
        too_new_log_event_start_index: (end < events.len()).then_some(end as i32),
        expired_log_event_end_index: (expired > 0).then_some(expired as i32),
    });
    Ok((start..end, rejected))
}

/// Writes the events and answers the next sequence token, which nobody needs any more.
async fn write(
    ctx: &Ctx,
    group: &str,
    stream: &str,
    events: &[(u64, Bytes)],
    now_ms: u64,
) -> Result<String, Error> {
    ctx.store()
        .write(|tx| {
            let (parent, mut record) = require_stream(tx, ctx, group, stream)?;
            let (Some((first_ms, _)), Some((last_ms, _))) = (events.first(), events.last()) else {
                return Ok(sequence_token(record.id, record.next_event));
            };
            // Handed to the operating system is enough: a function's log must not make every
            // invocation wait for the disk. A crash of the server loses nothing, a loss of power
            // the last moments.
            tx.durability(Durability::Buffered);
            let mut places = Vec::with_capacity(events.len());
            for (timestamp_ms, message) in events {
                let place = Place {
                    timestamp_ms: *timestamp_ms,
                    ingested_ms: now_ms,
                    stream: record.id,
                    number: record.next_event,
                };
                tx.put_raw(&EVENTS, place.key(), message.clone())?;
                places.push((place, &**message));
                record.next_event += 1;
                record.bytes += message.len() as u64 + EVENT_OVERHEAD_BYTES;
            }
            let (first_ms, last_ms) = match record.span {
                Some(span) => (span.first_ms.min(*first_ms), span.last_ms.max(*last_ms)),
                None => (*first_ms, *last_ms),
            };
            record.span = Some(Span { first_ms, last_ms, ingested_ms: now_ms });
            tx.put(&STREAMS, stream_key(ctx, parent.rows(group), stream), &record)?;
            if parent.subscriptions > 0 || parent.metric_filters > 0 {
                let places: Vec<Place> = places.iter().map(|(place, _)| *place).collect();
                filters::emit(ctx, tx, (group, &parent), stream, &places)?;
            }
            metrics::emit(ctx, tx, places.into_iter())?;
            Ok(sequence_token(record.id, record.next_event))
        })
        .await
}

/// 56 digits as AWS's tokens have.
pub(super) fn sequence_token(stream: u64, next_event: u64) -> String {
    format!("49{stream:020}{next_event:034}")
}
