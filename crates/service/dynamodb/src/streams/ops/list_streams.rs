//! `ListStreams`: the streams of an account in a region, or of one table, a page at a time.
//!
//! ```text
//! {"TableName": "Flights", "Limit": 10}
//! ```
//!
//! Streams that were disabled, and those of deleted tables, are among them for a day.

use api_dynamodbstreams::{Error, ListStreamsInput, ListStreamsOutput, Stream};
use kernel::Ctx;
use store::{Key, Part, Scan};

use crate::streams::stream::{STREAMS, StreamName};
use crate::streams::{DynamoDbStreams, fault};

const LIMIT_MAX: u32 = 100;

pub(crate) async fn list_streams(
    _: &DynamoDbStreams,
    ctx: &Ctx,
    input: ListStreamsInput,
) -> Result<ListStreamsOutput, Error> {
    let limit = fault::limit(input.limit, LIMIT_MAX)?;
    let mut scan = match &input.table_name {
        Some(table) => Scan::prefix((ctx.account(), ctx.region(), table.as_str())),
        None => Scan::prefix((ctx.account(), ctx.region())),
    };
    if let Some(arn) = &input.exclusive_start_stream_arn {
        // It need not be there any more.
        let (_, start) = StreamName::parse(arn).ok_or_else(fault::bad_arn)?;
        scan = scan.after(start.key(ctx));
    }
    let found = ctx.store().read(|tx| tx.scan(&STREAMS, scan.limit(limit + 1)))?;
    let has_more = found.len() > limit;
    let streams: Vec<Stream> = found
        .iter()
        .take(limit)
        .filter_map(|(key, _)| name_of(key))
        .map(|name| Stream {
            stream_arn: Some(name.arn(ctx)),
            table_name: Some(name.table),
            stream_label: Some(name.label),
        })
        .collect();
    Ok(ListStreamsOutput {
        last_evaluated_stream_arn: streams
            .last()
            .filter(|_| has_more)
            .and_then(|stream| stream.stream_arn.clone()),
        streams: Some(streams),
    })
}

fn name_of(key: &Key) -> Option<StreamName> {
    let mut parts = key.parts()?.into_iter().rev();
    match (parts.next()?, parts.next()?) {
        (Part::Text(label), Part::Text(table)) => Some(StreamName { table, label }),
        _ => None,
    }
}
