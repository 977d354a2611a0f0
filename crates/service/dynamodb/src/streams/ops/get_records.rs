//! `GetRecords`: the records of a shard from an iterator on, up to 1000 or 1 MB.
//!
//! ```text
//! {"ShardIterator": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/stream/2026-11-22T10:00:00.000|1|AX5…",
//!  "Limit": 100}
//! ```
//!
//! The answer has an iterator for the rest, until a closed shard is read to its end.

use std::ops::ControlFlow;

use api_dynamodbstreams::{
    Error, GetRecordsInput, GetRecordsOutput, Identity, OperationType, Record, StreamRecord as Body,
};
use kernel::{Ctx, Timestamp};
use store::ReadTx;

use super::describe_stream::view_type;
use super::get_shard_iterator::is_trimmed;
use crate::item::Corrupt;
use crate::sse::{self, Unread};
use crate::streams::iterator::{From, ShardIterator};
use crate::streams::log::{self, Entry, Event, Span};
use crate::streams::position::Position;
use crate::streams::shard::{self, Shard};
use crate::streams::stream::StreamRecord;
use crate::streams::{DynamoDbStreams, convert, fault};

const LIMIT_MAX: u32 = 1000;
const SIZE_MAX_BYTES: usize = 1024 * 1024;

/// A page of records, and where to read on.
struct Page {
    stream: StreamRecord,
    entries: Vec<Entry>,
    next: Option<ShardIterator>,
}

pub(crate) async fn get_records(
    _: &DynamoDbStreams,
    ctx: &Ctx,
    input: GetRecordsInput,
) -> Result<GetRecordsOutput, Error> {
    let limit = fault::limit(input.limit, LIMIT_MAX)?;
    let (name, iterator) = ShardIterator::open(ctx, &input.shard_iterator)?;
    let page = sse::read(ctx, |tx| {
        let stream = super::find(ctx, tx, &name)?;
        read(ctx, tx, stream, iterator, limit)
    })
    .await?;
    let Page { stream, entries, next } = page;
    let records = entries.into_iter().map(|entry| record(ctx, &stream, entry));
    Ok(GetRecordsOutput {
        records: Some(records.collect::<Result<_, Corrupt>>()?),
        next_shard_iterator: next.map(|next| next.seal(ctx, &name)),
    })
}

fn read(
    ctx: &Ctx,
    tx: &ReadTx,
    stream: StreamRecord,
    iterator: ShardIterator,
    limit: usize,
) -> Result<Page, Error> {
    if stream.number != iterator.stream {
        return Err(fault::bad_iterator());
    }
    let shards = shard::list(tx, stream.number)?;
    let shard = shards.into_iter().find(|shard| shard.start == iterator.shard);
    let shard = shard.ok_or_else(fault::no_shard)?;
    if is_trimmed(&stream, iterator.from) {
        return Err(fault::trimmed());
    }
    let (entries, has_more) = entries(ctx, tx, &stream, &shard, iterator.from, limit)?;
    let from = match entries.last() {
        Some(last) if has_more => Some(From::After(last.position)),
        _ if shard.end.is_some() => None,
        // All that this moment knows was read.
        _ => Some(From::After(Position::end_of(tx.seq()))),
    };
    let next = from.map(|from| ShardIterator { from, ..iterator });
    Ok(Page { stream, entries, next })
}

/// As many records as fit, and whether there are more.
fn entries(
    ctx: &Ctx,
    tx: &ReadTx,
    stream: &StreamRecord,
    shard: &Shard,
    from: From,
    limit: usize,
) -> Result<(Vec<Entry>, bool), Error> {
    let after = match from {
        From::Horizon => shard.start,
        From::After(at) => at.max(shard.start),
        // Just before it. A marker is at the start, so that nothing lies there.
        From::At(at) => at.before().max(shard.start),
    };
    let (mut entries, mut bytes, mut has_more) = (Vec::new(), 0, false);
    let mut problem = None;
    let span = Span { stream: stream.number, after, before: shard.end };
    log::visit(tx, span, &mut |entry| {
        let entry = match entry.open(ctx) {
            Ok(entry) => entry,
            Err(unread) => {
                problem = Some(unread);
                return ControlFlow::Break(());
            }
        };
        match entry.size_bytes(&stream.keys) {
            Ok(size) => bytes += size,
            Err(corrupt) => problem = Some(corrupt.into()),
        }
        has_more = entries.len() == limit || (bytes > SIZE_MAX_BYTES && !entries.is_empty());
        if has_more || problem.is_some() {
            return ControlFlow::Break(());
        }
        entries.push(entry);
        ControlFlow::Continue(())
    })?;
    problem.map_or(Ok((entries, has_more)), |unread: Unread| Err(unread.into()))
}

fn record(ctx: &Ctx, stream: &StreamRecord, entry: Entry) -> Result<Record, Corrupt> {
    let name = match entry.event {
        Event::Insert => OperationType::Insert,
        Event::Modify => OperationType::Modify,
        Event::Remove => OperationType::Remove,
    };
    let identity = entry.expired.then(|| Identity {
        principal_id: Some("dynamodb.amazonaws.com".to_owned()),
        r#type: Some("Service".to_owned()),
    });
    let body = Body {
        // To the second, as AWS's.
        approximate_creation_date_time: Some(Timestamp::from_ms(
            entry.at_ms.div_euclid(1000) * 1000,
        )),
        keys: Some(convert::key(&entry.keys(&stream.keys)?)?),
        sequence_number: Some(entry.position.number()),
        size_bytes: Some(entry.size_bytes(&stream.keys)? as i64),
        stream_view_type: Some(view_type(stream.view)),
        old_image: entry.old.as_ref().map(convert::image).transpose()?,
        new_image: entry.new.as_ref().map(convert::image).transpose()?,
    };
    Ok(Record {
        event_id: Some(event_id(stream.number, entry.position)),
        event_name: Some(name),
        event_version: Some("1.1".to_owned()),
        event_source: Some("aws:dynamodb".to_owned()),
        aws_region: Some(ctx.region().to_owned()),
        dynamodb: Some(body),
        user_identity: identity,
    })
}

/// The same each time a record is read, and no other record's: a stream's number is random, and
/// for one stream both halves are one to one.
fn event_id(stream: u64, position: Position) -> String {
    format!(
        "{:016x}{:016x}",
        mix(stream ^ position.seq),
        mix(stream.rotate_left(32) ^ position.index)
    )
}

/// One to one, and without a pattern that meets the eye (the finisher of SplitMix64).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
