//! One operation a file.

mod describe_stream;
mod get_records;
mod get_shard_iterator;
mod list_streams;

pub(crate) use describe_stream::describe_stream;
pub(crate) use get_records::get_records;
pub(crate) use get_shard_iterator::get_shard_iterator;
pub(crate) use list_streams::list_streams;

use api_dynamodbstreams::Error;
use kernel::Ctx;
use store::ReadTx;

use super::fault;
use super::stream::{StreamName, StreamRecord};

/// The stream that a request means.
fn name(ctx: &Ctx, arn: &str) -> Result<StreamName, Error> {
    let (parsed, name) = StreamName::parse(arn).ok_or_else(fault::bad_arn)?;
    if parsed.region != ctx.region() || parsed.account != ctx.account() {
        return Err(fault::no_stream(arn));
    }
    Ok(name)
}

/// The stream of that name, which must be there.
fn find(ctx: &Ctx, tx: &ReadTx, name: &StreamName) -> Result<StreamRecord, Error> {
    name.find(ctx, tx)?.ok_or_else(|| fault::no_stream(&name.arn(ctx)))
}
