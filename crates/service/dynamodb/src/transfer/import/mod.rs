//! Imports: a new table from the objects under a prefix of a bucket.
//!
//! The table is there at once, but CREATING, until all is read. The objects are read one after the
//! other, in the order of their keys, and their items put in batches; each commit says how many
//! records of which object are done. After a crash the object is read again, and so many skipped.
//! A record that is no item of the table is counted and told in CloudWatch Logs.

pub(crate) mod describe;
mod log;
pub(in crate::transfer) mod parse;
pub(in crate::transfer) mod records;
pub(crate) mod work;

use serde::{Deserialize, Serialize};
use store::Table;

use super::bucket::{Bucket, Failure};
use super::caller::Caller;
use crate::table::TableRecord;

pub(crate) use log::GROUP;

/// By account, region, name of the table and identifier, which begins with the time.
pub(crate) const IMPORTS: Table<ImportRecord> = Table::new("dynamodb/import");
/// Imports of an account in a region that go on at the same time; AWS's quota.
pub(crate) const IMPORTS_MAX: usize = 50;

/// An import and how far it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ImportRecord {
    /// The table as it was made.
    pub table: TableRecord,
    pub caller: Caller,
    pub token: Option<String>,
    pub started_ms: i64,
    pub bucket: Bucket,
    pub prefix: Option<String>,
    pub format: Format,
    pub compression: Compression,
    pub state: State,
    /// The key of the last object that is done.
    pub done: Option<String>,
    /// Objects that are done.
    pub objects: u64,
    /// The object that is being read, and its records that are done; a header is one.
    pub reading: Option<(String, u64)>,
    pub processed: u64,
    pub imported: u64,
    pub errors: u64,
    /// Bytes of records read, unpacked.
    pub bytes: u64,
}

/// How records are written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Format {
    /// A line `{"Item": …}` each.
    Json,
    /// The names of the columns are in each object's first line, unless they are given.
    Csv { delimiter: Option<String>, header: Option<Vec<String>> },
}

/// How objects are compressed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Compression {
    None,
    Gzip,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    InProgress,
    Completed { at_ms: i64 },
    Failed { at_ms: i64, failure: Failure },
}
