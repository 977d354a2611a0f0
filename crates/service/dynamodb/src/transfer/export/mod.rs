//! Exports: the items of a table at a moment, or what changed between two, as files in a bucket.
//!
//! ```text
//! PREFIX/AWSDynamoDB/ID/_started
//! PREFIX/AWSDynamoDB/ID/data/NAME.json.gz      of a full export
//! PREFIX/AWSDynamoDB/data/NAME.json.gz         of an incremental one
//! PREFIX/AWSDynamoDB/ID/manifest-files.json    one line for each file
//! PREFIX/AWSDynamoDB/ID/manifest-files.md5     base64
//! PREFIX/AWSDynamoDB/ID/manifest-summary.json
//! PREFIX/AWSDynamoDB/ID/manifest-summary.md5
//! ```
//!
//! An export reads the table as it is ([`moment`]) and the log of point-in-time recovery.

pub(crate) mod describe;
mod lines;
mod manifest;
mod moment;
pub(crate) mod work;

pub(crate) use moment::STAGED;
use serde::{Deserialize, Serialize};
use store::Table;

use super::bucket::{Bucket, Encryption, Failure};
use super::caller::Caller;
use crate::table::KeyAttribute;

/// By account, region, name of the table and identifier, which begins with the time.
pub(crate) const EXPORTS: Table<ExportRecord> = Table::new("dynamodb/export");
/// Exports of an account in a region that go on at the same time. AWS lets there be 300, but not
/// on one machine: each has a file in memory.
pub(crate) const EXPORTS_MAX: usize = 50;

/// An export and how far it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ExportRecord {
    pub table_id: String,
    /// What the keys of the items begin with, and those of the log.
    pub table_number: u64,
    pub log_number: u64,
    /// The attributes of the key, the partition key first.
    pub keys: Vec<KeyAttribute>,
    pub caller: Caller,
    pub token: Option<String>,
    pub started_ms: i64,
    pub span: Span,
    /// Whether the request said what kind of export it wants: the answer says it only then.
    pub names_kind: bool,
    pub bucket: Bucket,
    pub prefix: Option<String>,
    pub encryption: Encryption,
    pub state: State,
    /// The files that are written, under this number.
    pub files_number: u64,
    pub files: u32,
    /// What is staged for it lies under these numbers.
    #[serde(default)]
    pub staged: Vec<u64>,
    /// Where the last file ended.
    pub after: Option<Vec<u8>>,
    /// Whether it is known that the bucket can be written.
    pub has_begun: bool,
    pub items: u64,
    pub bytes: u64,
}

/// What of the table.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Span {
    /// The items at a moment.
    Full { at_ms: i64 },
    /// What was written from a moment on and before another.
    Changes { from_ms: i64, to_ms: i64, view: View },
}

/// What of an item that changed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum View {
    New,
    NewAndOld,
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    InProgress,
    Completed { at_ms: i64 },
    Failed { at_ms: i64, failure: Failure },
}

impl ExportRecord {
    /// The folder of all that has the export's identifier.
    pub fn folder(&self, id: &str) -> String {
        format!("{}/{id}", self.root())
    }

    /// The folder of the data files.
    pub fn data_folder(&self, id: &str) -> String {
        match self.span {
            Span::Full { .. } => format!("{}/data", self.folder(id)),
            Span::Changes { .. } => format!("{}/data", self.root()),
        }
    }

    fn root(&self) -> String {
        match self.prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}/AWSDynamoDB"),
            _ => "AWSDynamoDB".to_owned(),
        }
    }
}
