//! `GetShardIterator`: a place in a shard to read from.
//!
//! ```text
//! {"StreamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/stream/2026-11-22T10:00:00.000",
//!  "ShardId": "shardId-00000001795341600000-1b2c3d4e", "ShardIteratorType": "TRIM_HORIZON"}
//! ```

use api_dynamodbstreams::{
    Error, GetShardIteratorInput, GetShardIteratorOutput, ShardIteratorType,
};
use kernel::Ctx;
use store::ReadTx;

use crate::invalid::Invalid;
use crate::streams::iterator::{From, ShardIterator};
use crate::streams::log::{self, Span};
use crate::streams::position::Position;
use crate::streams::shard::{self, Shard};
use crate::streams::stream::StreamRecord;
use crate::streams::{DynamoDbStreams, fault};

/// What the request wants, before the stream is looked at.
enum Wanted {
    Horizon,
    Latest,
    At(Position),
    After(Position),
    /// The first record of that time or later.
    Since(i64),
}

pub(crate) async fn get_shard_iterator(
    _: &DynamoDbStreams,
    ctx: &Ctx,
    input: GetShardIteratorInput,
) -> Result<GetShardIteratorOutput, Error> {
    let name = super::name(ctx, &input.stream_arn)?;
    let wanted = wanted(ctx, &input)?;
    let iterator = ctx.store().read(|tx| -> Result<_, Error> {
        let stream = super::find(ctx, tx, &name)?;
        let shards = shard::list(tx, stream.number)?;
        let shard = shards.into_iter().find(|shard| shard.id == input.shard_id);
        let shard = shard.ok_or_else(fault::no_shard)?;
        let from = from(tx, &stream, &shard, &wanted)?;
        Ok(ShardIterator { stream: stream.number, shard: shard.start, from })
    })?;
    Ok(GetShardIteratorOutput { shard_iterator: Some(iterator.seal(ctx, &name)) })
}

fn wanted(ctx: &Ctx, input: &GetShardIteratorInput) -> Result<Wanted, Invalid> {
    let kind = &input.shard_iterator_type;
    let has_number = matches!(
        kind,
        ShardIteratorType::AtSequenceNumber | ShardIteratorType::AfterSequenceNumber
    );
    check_given(kind, "SequenceNumber", has_number, input.sequence_number.is_some())?;
    let has_time = *kind == ShardIteratorType::AtTimestamp;
    check_given(kind, "Timestamp", has_time, input.timestamp.is_some())?;
    let number = || {
        let number = input.sequence_number.as_deref().unwrap_or_default();
        Position::parse(number).ok_or_else(|| bad_number(number))
    };
    Ok(match kind {
        ShardIteratorType::TrimHorizon => Wanted::Horizon,
        ShardIteratorType::AtSequenceNumber => Wanted::At(number()?),
        ShardIteratorType::AfterSequenceNumber => Wanted::After(number()?),
        ShardIteratorType::AtTimestamp => {
            let since = input.timestamp.unwrap_or_default();
            if since > ctx.now() {
                return Err(Invalid::new("Timestamp must not be in the future"));
            }
            Wanted::Since(since.epoch_ms)
        }
        // Validation lets no unknown type pass.
        ShardIteratorType::Latest | ShardIteratorType::Unknown(_) => Wanted::Latest,
    })
}

fn check_given(
    kind: &ShardIteratorType,
    parameter: &str,
    needed: bool,
    given: bool,
) -> Result<(), Invalid> {
    match (needed, given) {
        (true, false) => {
            Err(Invalid(format!("{parameter} must be specified when ShardIteratorType is {kind}")))
        }
        (false, true) => Err(Invalid(format!(
            "{parameter} must not be specified when ShardIteratorType is {kind}"
        ))),
        _ => Ok(()),
    }
}

fn bad_number(number: &str) -> Invalid {
    Invalid(format!("Invalid SequenceNumber: {number}"))
}

fn from(tx: &ReadTx, stream: &StreamRecord, shard: &Shard, wanted: &Wanted) -> Result<From, Error> {
    let span = Span { stream: stream.number, after: shard.start, before: shard.end };
    let from = match *wanted {
        Wanted::Horizon => From::Horizon,
        Wanted::Latest => From::After(Position::end_of(tx.seq())),
        Wanted::At(at) => From::At(at),
        Wanted::After(at) => From::After(at),
        Wanted::Since(since_ms) => match log::first_since(tx, span, since_ms)? {
            Some(at) => From::At(at),
            None => From::After(Position::end_of(tx.seq())),
        },
    };
    if let Wanted::At(at) | Wanted::After(at) = *wanted {
        let end = shard.end.unwrap_or(Position::end_of(tx.seq()));
        if !(shard.start..=end).contains(&at) {
            return Err(bad_number(&at.number()).into());
        }
        if is_trimmed(stream, from) {
            return Err(fault::trimmed());
        }
    }
    Ok(from)
}

/// Whether a record from there on is gone.
pub(super) fn is_trimmed(stream: &StreamRecord, from: From) -> bool {
    stream.trimmed.is_some_and(|trimmed| match from {
        From::Horizon => false,
        From::At(at) => at <= trimmed,
        From::After(at) => at < trimmed,
    })
}
