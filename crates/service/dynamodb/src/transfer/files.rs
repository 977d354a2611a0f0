//! The files of an export, or of the reports of a bulk operation, that are written already.

use kernel::StoreError;
use serde::{Deserialize, Serialize};
use store::{ReadTx, Scan, Table, WriteTx};

/// By the transfer's number for them and their order.
const FILES: Table<File> = Table::new("dynamodb/export-file");

/// A file.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::transfer) struct File {
    pub key: String,
    pub items: u64,
    /// Base64.
    pub md5: String,
    pub etag: String,
}

/// Adds one.
pub(in crate::transfer) fn add(
    tx: &mut WriteTx,
    number: u64,
    index: u32,
    file: &File,
) -> Result<(), StoreError> {
    tx.put(&FILES, (number, u64::from(index)), file)
}

/// All of them.
pub(in crate::transfer) fn all(tx: &ReadTx, number: u64) -> Result<Vec<File>, StoreError> {
    let files = tx.scan(&FILES, Scan::prefix(number))?;
    Ok(files.into_iter().map(|(_, file)| file).collect())
}

/// Forgets all of them.
pub(in crate::transfer) fn forget(tx: &mut WriteTx, number: u64) -> Result<(), StoreError> {
    let files = tx.scan(&FILES, Scan::prefix(number))?;
    files.into_iter().try_for_each(|(key, _)| tx.delete(&FILES, key))
}
