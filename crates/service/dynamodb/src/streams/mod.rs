//! DynamoDB Streams: what changed in a table, in the order of the commits, for 24 hours.
//!
//! A record is written by the transaction that changes the item ([`log::write`], called by
//! [`crate::change::apply`]), under a key that holds the number of the commit. So the order of a
//! stream is the order in which changes really happened, over all partitions, and no change is
//! ever without its record.
//!
//! A stream has one open shard at a time. A shard is what lies between two markers, which
//! are stamped with the number of their commit as the records are: when one is closed after some
//! hours, or because the stream is disabled, every write is either wholly before or wholly after
//! the marker. Records older than 24 hours go away in the background ([`tend`]), and so do
//! shards and streams that are without records.
//!
//! Services that follow a stream use the client of `api_dynamodbstreams`, as everybody else does:
//! GetShardIterator with AFTER_SEQUENCE_NUMBER continues after what was handled last.

mod convert;
mod fault;
mod iterator;
mod log;
mod ops;
mod position;
mod shard;
mod spec;
mod stream;
pub(crate) mod tend;

pub(crate) use iterator::ShardIterator;
pub(crate) use log::{Entry, Event, RECORDS, Span, sealed, visit, write};
pub(crate) use position::Position;
pub(crate) use spec::table_deleted;
pub(crate) use spec::{Switch, arn, check_create, check_update, enable, specification, switch};
pub(crate) use stream::any_but;

/// How long a record can be read, and a stream after it was disabled.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// For how long a shard takes records.
const SHARD_OPEN_MS: i64 = 4 * 60 * 60 * 1000;

/// The service. All state is in the store.
pub struct DynamoDbStreams;

api_dynamodbstreams::serve!(DynamoDbStreams, ops);
