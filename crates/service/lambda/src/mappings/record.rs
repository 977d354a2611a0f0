//! What is stored about an event source mapping.

use std::collections::BTreeMap;

use kernel::Ctx;
use serde::{Deserialize, Serialize};
use store::{Part, ReadTx, Scan, StoreError, Table, WriteTx};

use super::streams::Window;
use crate::name::Name;

/// Mappings: account, region, UUID.
pub(crate) const MAPPINGS: Table<Mapping> = Table::new("lambda/mapping");
/// The mappings of a function: account, region, function, UUID.
pub(crate) const OF_FUNCTION: Table<()> = Table::new("lambda/mapping-of-function");
/// The mappings of a source: account, region, the source's ARN, UUID.
pub(crate) const OF_SOURCE: Table<()> = Table::new("lambda/mapping-of-source");
/// How far a stream was read: account, region, UUID, shard.
pub(crate) const PLACES: Table<Place> = Table::new("lambda/mapping-place");

/// Account, region and UUID.
pub(crate) type MappingKey = (String, String, String);

/// Where the events come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Source {
    Queue,
    /// A queue that keeps the order of its groups.
    FifoQueue,
    /// The stream of a DynamoDB table.
    Stream,
}

impl Source {
    pub fn is_queue(self) -> bool {
        matches!(self, Source::Queue | Source::FifoQueue)
    }
}

/// As AWS names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    Creating,
    Enabling,
    Enabled,
    Disabling,
    Disabled,
    Updating,
    Deleting,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Creating => "Creating",
            State::Enabling => "Enabling",
            State::Enabled => "Enabled",
            State::Disabling => "Disabling",
            State::Disabled => "Disabled",
            State::Updating => "Updating",
            State::Deleting => "Deleting",
        }
    }

    /// Whether nothing is on its way.
    pub fn is_settled(self) -> bool {
        matches!(self, State::Enabled | State::Disabled)
    }
}

/// A mapping.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub id: String,
    pub source: Source,
    pub source_arn: String,
    pub function: String,
    pub qualifier: Option<String>,
    pub state: State,
    /// What it settles to.
    pub enabled: bool,
    /// Changes with every change.
    pub revision: u64,
    pub modified_ms: i64,
    pub tags: BTreeMap<String, String>,
    pub settings: Settings,
    /// Where a stream's reader begins in shards it does not know; nothing for queues.
    pub start: Option<Start>,
}

/// Where a stream's reader begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Start {
    Horizon,
    /// With what comes after the mapping was made at that moment. So a crash before the first
    /// record loses none.
    Latest(i64),
    At(i64),
}

/// What can be changed.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub batch: i32,
    pub window_s: i32,
    /// Patterns, as given: an event needs to match one of them, if there are any.
    pub filters: Vec<String>,
    /// Whether the function names the items that failed.
    pub partial: bool,
    /// Most batches of a queue at a time.
    pub concurrency_max: Option<i32>,
    /// Batches of a shard at a time.
    pub parallel: i32,
    pub bisect: bool,
    /// −1: until the records are gone.
    pub retries_max: i32,
    /// −1: as old as the stream keeps them.
    pub age_s_max: i32,
    /// The queue or topic that is told of records that are given up.
    pub on_failure: Option<String>,
    /// Length of windows over which a function of a stream gathers; 0: none.
    #[serde(default)]
    pub tumbling_s: i32,
}

/// How far a shard was read.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The sequence number of the last record that is done.
    pub after: Option<String>,
    /// Whether the shard is at its end.
    pub ended: bool,
    /// The window that is open.
    #[serde(default)]
    pub window: Option<Window>,
}

impl Mapping {
    /// Where a mapping of the call's account and region lies.
    pub fn key(ctx: &Ctx, id: &str) -> MappingKey {
        (ctx.account().to_owned(), ctx.region().to_owned(), id.to_owned())
    }

    /// Where it lies among those of its function, for a mapping at `key`.
    pub fn index_key(&self, key: &MappingKey) -> (String, String, String, String) {
        (key.0.clone(), key.1.clone(), self.function.clone(), self.id.clone())
    }

    /// Where it lies among those of its source, which stays.
    pub fn source_key(&self, key: &MappingKey) -> (String, String, String, String) {
        (key.0.clone(), key.1.clone(), self.source_arn.clone(), self.id.clone())
    }

    /// The function, in the account and region of `ctx`.
    pub fn name(&self, ctx: &Ctx) -> Name {
        Name { qualifier: self.qualifier.clone(), ..Name::of(ctx, &self.function) }
    }
}

/// Stores a mapping, also among those of its function and of its source.
pub(crate) fn put(tx: &mut WriteTx, key: &MappingKey, mapping: &Mapping) -> Result<(), StoreError> {
    if let Some(before) = tx.get(&MAPPINGS, key.clone())?
        && before.function != mapping.function
    {
        tx.delete(&OF_FUNCTION, before.index_key(key))?;
    }
    tx.put(&OF_FUNCTION, mapping.index_key(key), &())?;
    tx.put(&OF_SOURCE, mapping.source_key(key), &())?;
    tx.put(&MAPPINGS, key.clone(), mapping)
}

/// Removes a mapping.
pub(crate) fn delete(tx: &mut WriteTx, key: &MappingKey) -> Result<(), StoreError> {
    if let Some(mapping) = tx.get(&MAPPINGS, key.clone())? {
        tx.delete(&OF_FUNCTION, mapping.index_key(key))?;
        tx.delete(&OF_SOURCE, mapping.source_key(key))?;
    }
    tx.delete(&MAPPINGS, key.clone())
}

/// The mappings of a function, behind the one of that UUID.
pub(crate) fn of_function(
    ctx: &Ctx,
    tx: &ReadTx,
    function: &str,
    after: Option<&str>,
) -> Result<Vec<Mapping>, StoreError> {
    indexed(ctx, tx, &OF_FUNCTION, function, after)
}

/// The mappings of a source, behind the one of that UUID.
pub(crate) fn of_source(
    ctx: &Ctx,
    tx: &ReadTx,
    arn: &str,
    after: Option<&str>,
) -> Result<Vec<Mapping>, StoreError> {
    indexed(ctx, tx, &OF_SOURCE, arn, after)
}

fn indexed(
    ctx: &Ctx,
    tx: &ReadTx,
    index: &Table<()>,
    of: &str,
    after: Option<&str>,
) -> Result<Vec<Mapping>, StoreError> {
    let prefix = (ctx.account().to_owned(), ctx.region().to_owned(), of.to_owned());
    let mut scan = Scan::prefix(prefix.clone());
    if let Some(last) = after {
        scan = scan.after((prefix.0, prefix.1, prefix.2, last.to_owned()));
    }
    let mut found = Vec::new();
    for (key, ()) in tx.scan(index, scan)? {
        if let Some(Part::Text(id)) = key.parts().and_then(|mut parts| parts.pop()) {
            found.extend(tx.get(&MAPPINGS, Mapping::key(ctx, &id))?);
        }
    }
    Ok(found)
}
