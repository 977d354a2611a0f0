//! Bulk operations: puts the items of the objects under a prefix of a bucket into a table that is
//! there, and reports what it did not put to another bucket.
//!
//! ```text
//! PREFIX/AWSDynamoDB/ID/_started
//! PREFIX/AWSDynamoDB/ID/ERROR/NAME.json.gz                     records that are no items
//! PREFIX/AWSDynamoDB/ID/CONDITION_CHECK_FAILURE/NAME.json.gz   items whose condition did not hold
//! PREFIX/AWSDynamoDB/ID/manifest-files.json                    one line for each of these
//! PREFIX/AWSDynamoDB/ID/manifest-files.md5                     base64
//! PREFIX/AWSDynamoDB/ID/manifest-summary.json
//! PREFIX/AWSDynamoDB/ID/manifest-summary.md5
//! ```
//!
//! First the objects are listed ([`objects`]), which says what is to be done; then they are read
//! one after the other, and each commit puts some items and says how many records of which object
//! are done. What is to be reported is a row of the same commit ([`reports`]), and goes to a file
//! when there is enough of it. So after a crash nothing is done or told twice or not at all.

pub(crate) mod describe;
mod manifest;
mod objects;
mod pace;
mod put;
mod reader;
pub(crate) mod record;
mod reports;
pub(crate) mod work;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use api_dynamodb::{Error, ResourceNotFoundException};
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, Part, RawTable, ReadTx, Scan, Table, WriteTx};

use super::bucket::{Bucket, Encryption, Failure};
use super::caller::Caller;
use super::import::Compression;
use super::{Direction, TransferId};

/// By [`key`].
pub(crate) const BULKS: Table<BulkRecord> = Table::new("dynamodb/bulk");
/// By the number of a table: an operation that goes on there.
const ACTIVE: RawTable = RawTable::new("dynamodb/bulk-active");
/// Bulk operations of an account in a region that go on at the same time.
pub(crate) const BULKS_MAX: usize = 50;

/// Where the record of an operation lies: by account, region and time, whatever its table.
pub(crate) fn key(id: &TransferId) -> Key {
    Key::of((&*id.account, &*id.region, &*id.id))
}

/// The identifier in such a key.
pub(crate) fn id_part(key: &Key) -> Option<String> {
    match key.parts()?.pop()? {
        Part::Text(id) => Some(id),
        _ => None,
    }
}

/// The operation that an ARN means.
///
/// # Errors
/// If there is none.
pub(crate) fn find(ctx: &Ctx, tx: &ReadTx, arn: &str) -> Result<(TransferId, BulkRecord), Error> {
    let id = TransferId::parse(ctx, Direction::Bulk, arn)?;
    let operation = tx.get(&BULKS, key(&id))?;
    let operation = operation.filter(|operation| operation.table_name == id.table_name);
    let operation = operation.ok_or_else(|| {
        let message =
            Some(format!("Requested resource not found: Bulk operation: {arn} not found"));
        Error::from(ResourceNotFoundException { message })
    })?;
    Ok((id, operation))
}

/// Notes that an operation begins in a table; answers whether none went on there.
pub(crate) fn begin(tx: &mut WriteTx, table_number: u64) -> Result<bool, StoreError> {
    if is_active(tx, table_number)? {
        return Ok(false);
    }
    tx.put_raw(&ACTIVE, table_number, Vec::new())?;
    Ok(true)
}

/// Whether an operation goes on in a table.
pub(crate) fn is_active(tx: &ReadTx, table_number: u64) -> Result<bool, StoreError> {
    Ok(tx.get_raw(&ACTIVE, table_number)?.is_some())
}

/// Whether any operation goes on.
pub(crate) fn is_any_active(tx: &ReadTx) -> Result<bool, StoreError> {
    let mut is_active = false;
    tx.scan_raw(&ACTIVE, &Scan::all().limit(1), &mut |_, _| {
        is_active = true;
        ControlFlow::Break(())
    })?;
    Ok(is_active)
}

/// A bulk operation and how far it is.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BulkRecord {
    pub table_name: String,
    pub table_id: String,
    pub table_number: u64,
    pub caller: Caller,
    pub token: Option<String>,
    pub started_ms: i64,
    pub input: Bucket,
    pub input_prefix: Option<String>,
    pub compression: Compression,
    pub output: Bucket,
    pub output_prefix: Option<String>,
    pub encryption: Encryption,
    /// Write units a second that it keeps to.
    pub units_max: Option<i64>,
    pub is_accelerated: bool,
    pub state: State,
    /// How it ends, once that is decided; then only the reports are left to do.
    pub ending: Option<Ending>,
    /// What the keys of its rows begin with.
    pub number: u64,
    /// Whether it is known that the output's bucket can be written.
    pub has_begun: bool,
    /// The key of the last object that is listed, while they are.
    pub listed: Option<String>,
    pub is_listed: bool,
    pub objects: u32,
    pub total_bytes: u64,
    /// The object that is being read, and its records that are done.
    pub object: u32,
    pub records: u64,
    /// Bytes of objects before it, and of itself.
    pub bytes_before: u64,
    pub bytes_of_object: u64,
    pub processed: u64,
    pub failed: u64,
    pub usage: Usage,
    /// Of errors and of conditions.
    pub errors: Reported,
    pub conditions: Reported,
}

/// Bytes written, as DynamoDB counts them: of items, and of what changed in indexes, by name.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub table: u64,
    pub local: BTreeMap<String, u64>,
    pub global: BTreeMap<String, u64>,
    pub vectors: BTreeMap<String, u64>,
}

/// What there is to report of a kind, and how far that is.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// Whether the request wants it; otherwise it is only counted.
    pub is_wanted: bool,
    pub lines: u64,
    /// Of them, lines that are in no file yet, and the bytes of their rows.
    pub waiting: u64,
    pub waiting_bytes: u64,
    pub files: u32,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum State {
    InProgress,
    Cancelling,
    /// As its [`Ending`] says.
    Ended {
        at_ms: i64,
    },
}

/// How it ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Ending {
    Completed,
    Cancelled,
    Failed(Failure),
}

impl BulkRecord {
    /// Whether it goes on.
    pub fn is_active(&self) -> bool {
        !matches!(self.state, State::Ended { .. })
    }

    /// How it ends, if it ends now.
    fn outcome(&self) -> Ending {
        match &self.ending {
            // Whoever was told CANCELLING waits for it.
            Some(Ending::Completed) if self.state == State::Cancelling => Ending::Cancelled,
            Some(ending) => ending.clone(),
            None => Ending::Completed,
        }
    }

    /// The folder of all that it writes.
    fn folder(&self, id: &str) -> String {
        match self.output_prefix.as_deref().map(|prefix| prefix.trim_end_matches('/')) {
            Some(prefix) if !prefix.is_empty() => format!("{prefix}/AWSDynamoDB/{id}"),
            _ => format!("AWSDynamoDB/{id}"),
        }
    }
}
