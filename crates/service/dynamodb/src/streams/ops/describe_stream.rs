//! `DescribeStream`: a stream and its shards, a page at a time, or the children of one shard.
//!
//! ```text
//! {"StreamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/stream/2026-11-22T10:00:00.000",
//!  "ShardFilter": {"Type": "CHILD_SHARDS", "ShardId": "shardId-00000001795341600000-1b2c3d4e"}}
//! ```

use api_dynamodbstreams::{
    DescribeStreamInput, DescribeStreamOutput, Error, KeySchemaElement, KeyType,
    SequenceNumberRange, ShardFilter, StreamDescription, StreamStatus, StreamViewType,
};
use kernel::{Ctx, Timestamp};
use store::ReadTx;

use crate::invalid::Invalid;
use crate::streams::shard::{self, Shard};
use crate::streams::stream::{StreamName, StreamRecord};
use crate::streams::{DynamoDbStreams, fault, log};
use crate::table::StreamView;

const LIMIT_MAX: u32 = 100;

pub(crate) async fn describe_stream(
    _: &DynamoDbStreams,
    ctx: &Ctx,
    input: DescribeStreamInput,
) -> Result<DescribeStreamOutput, Error> {
    let limit = fault::limit(input.limit, LIMIT_MAX)?;
    let parent_id = input.shard_filter.map(parent_of).transpose()?;
    let name = super::name(ctx, &input.stream_arn)?;
    let start = input.exclusive_start_shard_id.as_deref();
    ctx.store().read(|tx| -> Result<_, Error> {
        let stream = super::find(ctx, tx, &name)?;
        let mut shards = shard::list(tx, stream.number)?;
        // Identifiers are in order.
        shards.retain(|shard| start.is_none_or(|start| shard.id.as_str() > start));
        if parent_id.is_some() {
            shards.retain(|shard| shard.parent_id == parent_id);
        }
        let has_more = shards.len() > limit;
        shards.truncate(limit);
        let last = shards.last().filter(|_| has_more).map(|shard| shard.id.clone());
        let mut description = description(ctx, name.clone(), &stream);
        description.last_evaluated_shard_id = last;
        let shards = shards.into_iter().map(|shard| describe(tx, stream.number, shard));
        description.shards = Some(shards.collect::<Result<_, Error>>()?);
        Ok(DescribeStreamOutput { stream_description: Some(description) })
    })
}

/// The shard whose children are asked for.
fn parent_of(filter: ShardFilter) -> Result<String, Invalid> {
    let missing = |member: &str| {
        Invalid(format!(
            "1 validation error detected: Value null at 'shardFilter.{member}' failed to satisfy \
             constraint: Member must not be null"
        ))
    };
    // There is only one type.
    filter.r#type.ok_or_else(|| missing("type"))?;
    filter.shard_id.ok_or_else(|| missing("shardId"))
}

fn description(ctx: &Ctx, name: StreamName, stream: &StreamRecord) -> StreamDescription {
    let schema = stream.keys.iter().zip([KeyType::Hash, KeyType::Range]);
    let schema = schema
        .map(|(name, key_type)| KeySchemaElement { attribute_name: name.clone(), key_type })
        .collect();
    let status =
        if stream.disabled_ms.is_some() { StreamStatus::Disabled } else { StreamStatus::Enabled };
    StreamDescription {
        stream_arn: Some(name.arn(ctx)),
        stream_label: Some(name.label),
        stream_status: Some(status),
        stream_view_type: Some(view_type(stream.view)),
        creation_request_date_time: Some(Timestamp::from_ms(stream.created_ms)),
        table_name: Some(name.table),
        key_schema: Some(schema),
        ..StreamDescription::default()
    }
}

/// A view as the API has it.
pub(super) fn view_type(view: StreamView) -> StreamViewType {
    match view {
        StreamView::KeysOnly => StreamViewType::KeysOnly,
        StreamView::NewImage => StreamViewType::NewImage,
        StreamView::OldImage => StreamViewType::OldImage,
        StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
    }
}

fn describe(tx: &ReadTx, stream: u64, shard: Shard) -> Result<api_dynamodbstreams::Shard, Error> {
    let ending = match shard.end {
        // Of its last record; of itself, if it has none.
        Some(end) => {
            let last = log::last_before(tx, stream, end)?.unwrap_or(shard.start).max(shard.start);
            Some(last.number())
        }
        None => None,
    };
    Ok(api_dynamodbstreams::Shard {
        shard_id: Some(shard.id),
        sequence_number_range: Some(SequenceNumberRange {
            starting_sequence_number: Some(shard.start.number()),
            ending_sequence_number: ending,
        }),
        parent_shard_id: shard.parent_id,
    })
}
