//! `DescribeLogStreams`: by name or by the time of the last event, in pages.
//!
//! ```text
//! aws logs describe-log-streams --log-group-name /app --order-by LastEventTime --descending
//! {"logStreams": [{"logStreamName": "one", "lastEventTimestamp": 1700000000000, …}]}
//! ```

use api_logs::{DescribeLogStreamsRequest, DescribeLogStreamsResponse, Error, LogStream, OrderBy};
use kernel::{Ctx, Fault};
use store::{Key, ReadTx};

use super::put_log_events::sequence_token;
use super::{PAGE_ITEMS, count};
use crate::Logs;
use crate::error::{bad_token, invalid};
use crate::name::{group_name, stream_arn};
use crate::table::{STREAMS, StreamRecord, name_in, require_group, stream_key, streams_scan};
use crate::token;

/// A listing: which streams, in which order.
struct Listing<'a> {
    rows: &'a str,
    prefix: &'a str,
    descending: bool,
    /// Time (0 unless it orders) and name of the last stream of the page before.
    after: Option<(u64, String)>,
}

pub(crate) async fn describe_log_streams(
    _: &Logs,
    ctx: &Ctx,
    input: DescribeLogStreamsRequest,
) -> Result<DescribeLogStreamsResponse, Error> {
    let group = group_name(ctx, input.log_group_name, input.log_group_identifier)?;
    let by_time = matches!(input.order_by, Some(OrderBy::LastEventTime));
    if by_time && input.log_stream_name_prefix.is_some() {
        let message = "Cannot order by LastEventTime with a logStreamNamePrefix.";
        return Err(invalid(message).into());
    }
    let scope = Key::of(("DescribeLogStreams", &group, u32::from(by_time)));
    let after = match &input.next_token {
        Some(given) => Some(read_token(&token::open(ctx, &scope, given)?)?),
        None => None,
    };
    let limit = count(input.limit, PAGE_ITEMS);
    let mut streams = ctx.store().read(|tx| {
        let parent = require_group(tx, ctx, &group)?;
        let listing = Listing {
            rows: parent.rows(&group),
            prefix: input.log_stream_name_prefix.as_deref().unwrap_or_default(),
            descending: input.descending.unwrap_or(false),
            after,
        };
        if by_time { listing.by_time(tx, ctx) } else { listing.by_name(tx, ctx, limit + 1) }
    })?;
    let more = streams.len() > limit;
    streams.truncate(limit);
    let next_token = streams.last().filter(|_| more).map(|(name, record)| {
        let at_ms = if by_time { last_ms(record) } else { 0 };
        token::issue(ctx, &scope, &[&at_ms.to_be_bytes(), name.as_bytes()].concat())
    });
    let described = |(name, record)| described(ctx, &group, name, &record);
    let log_streams = streams.into_iter().map(described).collect();
    Ok(DescribeLogStreamsResponse { log_streams: Some(log_streams), next_token })
}

fn read_token(payload: &[u8]) -> Result<(u64, String), Fault> {
    let (at_ms, name) = payload.split_first_chunk::<8>().ok_or_else(bad_token)?;
    let name = String::from_utf8(name.to_vec()).map_err(|_| bad_token())?;
    Ok((u64::from_be_bytes(*at_ms), name))
}

/// Streams without events come before all others.
fn last_ms(record: &StreamRecord) -> u64 {
    record.span.map_or(0, |span| span.last_ms)
}

impl Listing<'_> {
    fn by_name(
        &self,
        tx: &ReadTx,
        ctx: &Ctx,
        wanted: usize,
    ) -> Result<Vec<(String, StreamRecord)>, Error> {
        let mut scan = streams_scan(ctx, self.rows, self.prefix).limit(wanted);
        if self.descending {
            scan = scan.reverse();
        }
        if let Some((_, name)) = &self.after {
            scan = scan.after(stream_key(ctx, self.rows, name));
        }
        let found = tx.scan(&STREAMS, scan)?;
        Ok(found.into_iter().map(|(key, record)| (name_in(&key), record)).collect())
    }

    fn by_time(&self, tx: &ReadTx, ctx: &Ctx) -> Result<Vec<(String, StreamRecord)>, Error> {
        let found = tx.scan(&STREAMS, streams_scan(ctx, self.rows, ""))?;
        let mut streams: Vec<_> =
            found.into_iter().map(|(key, record)| (name_in(&key), record)).collect();
        if let Some((at_ms, name)) = &self.after {
            let last = (*at_ms, name.as_str());
            streams.retain(|(name, record)| {
                let place = (last_ms(record), name.as_str());
                if self.descending { place < last } else { place > last }
            });
        }
        streams.sort_by(|(a_name, a), (b_name, b)| (last_ms(a), a_name).cmp(&(last_ms(b), b_name)));
        if self.descending {
            streams.reverse();
        }
        Ok(streams)
    }
}

fn described(ctx: &Ctx, group: &str, name: String, record: &StreamRecord) -> LogStream {
    LogStream {
        arn: Some(stream_arn(ctx, group, &name)),
        log_stream_name: Some(name),
        creation_time: Some(record.created_ms as i64),
        first_event_timestamp: record.span.map(|span| span.first_ms as i64),
        last_event_timestamp: record.span.map(|span| span.last_ms as i64),
        last_ingestion_time: record.span.map(|span| span.ingested_ms as i64),
        upload_sequence_token: Some(sequence_token(record.id, record.next_event)),
        // Always zero for streams since June 2019.
        stored_bytes: Some(0),
    }
}
