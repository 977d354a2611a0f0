//! Shard iterators: sealed, so that nobody can make one, and good for 15 minutes.
//!
//! As AWS's they begin with the stream's ARN: `arn:…/stream/2026-…|1|…`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Ctx;

use super::fault;
use super::position::Position;
use super::stream::StreamName;

/// How long an iterator can be used.
const VALID_MS: i64 = 15 * 60 * 1000;
const PURPOSE: &str = "dynamodb/shard-iterator";
const VERSION: u8 = 1;
const AT: u8 = 1;
const AFTER: u8 = 2;
const HORIZON: u8 = 3;

/// Where to read on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum From {
    /// At the oldest record there is by then.
    Horizon,
    At(Position),
    After(Position),
}

/// What an iterator says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ShardIterator {
    /// The stream's number.
    pub stream: u64,
    /// The beginning of the shard.
    pub shard: Position,
    pub from: From,
}

impl ShardIterator {
    /// The text for the client.
    pub fn seal(&self, ctx: &Ctx, stream: &StreamName) -> String {
        let (kind, at) = match self.from {
            From::At(at) => (AT, at),
            From::After(at) => (AFTER, at),
            From::Horizon => (HORIZON, self.shard),
        };
        let mut plain = vec![VERSION, kind];
        plain.extend(ctx.now().epoch_ms.to_be_bytes());
        for part in [self.stream, self.shard.seq, self.shard.index, at.seq, at.index] {
            plain.extend(part.to_be_bytes());
        }
        let sealed = STANDARD.encode(ctx.kernel().sealer().seal(PURPOSE, &plain));
        format!("{}|1|{sealed}", stream.arn(ctx))
    }

    /// Reads what a client sends.
    ///
    /// # Errors
    /// If it was not made here, or too long ago.
    pub fn open(
        ctx: &Ctx,
        text: &str,
    ) -> Result<(StreamName, ShardIterator), api_dynamodbstreams::Error> {
        let (name, made_ms, iterator) =
            ShardIterator::parse(ctx, text).ok_or_else(fault::bad_iterator)?;
        if ctx.now().epoch_ms - made_ms > VALID_MS {
            return Err(fault::expired());
        }
        Ok((name, iterator))
    }

    /// The ARN of the stream that an iterator was made for, whatever its age.
    pub fn stream_arn(ctx: &Ctx, text: &str) -> Option<String> {
        Some(ShardIterator::parse(ctx, text)?.0.arn(ctx))
    }

    fn parse(ctx: &Ctx, text: &str) -> Option<(StreamName, i64, ShardIterator)> {
        let mut parts = text.splitn(3, '|');
        let (arn, one, sealed) = (parts.next()?, parts.next()?, parts.next()?);
        let (arn, name) = StreamName::parse(arn)?;
        if one != "1" || arn.region != ctx.region() || arn.account != ctx.account() {
            return None;
        }
        let sealed = STANDARD.decode(sealed).ok()?;
        let plain = ctx.kernel().sealer().open_sealed(PURPOSE, &sealed).ok()?;
        let (&[VERSION, kind], rest) = plain.split_first_chunk::<2>()? else { return None };
        let mut numbers =
            rest.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_be_bytes));
        let mut next = || numbers.next()?.ok();
        let made_ms = next()? as i64;
        let stream = next()?;
        let shard = Position { seq: next()?, index: next()? };
        let at = Position { seq: next()?, index: next()? };
        let from = match kind {
            AT => From::At(at),
            AFTER => From::After(at),
            HORIZON => From::Horizon,
            _ => return None,
        };
        Some((name, made_ms, ShardIterator { stream, shard, from }))
    }
}
