//! Who refers to a blob: counted in the store, in the transaction of the record that refers.
//!
//! ```text
//! blob/ref      (id)   Reference: of a blob that is a file
//! blob/small    (id)   references (4 bytes, big endian), then the stored bytes
//! blob/garbage  (id)   a file nobody refers to any more; the janitor deletes it
//! ```

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use store::{RawTable, ReadTx, StoreError, Table, WriteTx};

use super::{Blob, Blobs};

/// Blobs that are files, by id.
pub(super) const REFS: Table<Reference> = Table::new("blob/ref");
/// Blobs in the store, by id.
pub(super) const SMALL: RawTable = RawTable::new("blob/small");
/// Files to be deleted, by id.
pub(super) const GARBAGE: Table<()> = Table::new("blob/garbage");

const COUNT_BYTES: usize = 4;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reference {
    /// Records that refer to it.
    pub count: u32,
    /// Bytes of plain text.
    pub size: u64,
}

impl Blobs {
    /// One more record refers to a blob.
    pub fn share(&self, tx: &mut WriteTx, blob: &Blob) -> Result<(), StoreError> {
        change(tx, blob, |count| count.checked_add(1)).map(drop)
    }

    /// One record less refers to a blob; nobody may afterwards read it in that record's name. What
    /// nobody refers to is deleted soon after the commit.
    pub fn release(&self, tx: &mut WriteTx, blob: &Blob) -> Result<(), StoreError> {
        if change(tx, blob, |count| count.checked_sub(1))? == Some(0) {
            if blob.small {
                return tx.delete(&SMALL, blob.id.as_str());
            }
            tx.delete(&REFS, blob.id.as_str())?;
            tx.put(&GARBAGE, blob.id.as_str(), &())?;
            self.inner.released.notify_one();
        }
        Ok(())
    }
}

/// Changes how many refer to a blob; `None` if there is no such blob.
fn change(
    tx: &mut WriteTx,
    blob: &Blob,
    change: impl Fn(u32) -> Option<u32>,
) -> Result<Option<u32>, StoreError> {
    let id = blob.id.as_str();
    if !blob.small {
        let Some(reference) = tx.get(&REFS, id)? else { return Ok(None) };
        let count = change(reference.count).unwrap_or(reference.count);
        tx.put(&REFS, id, &Reference { count, ..reference })?;
        return Ok(Some(count));
    }
    let Some(record) = tx.get_raw(&SMALL, id)? else { return Ok(None) };
    let Some((count, stored)) = split(&record) else { return Ok(None) };
    let count = change(count).unwrap_or(count);
    if count > 0 {
        tx.put_raw(&SMALL, id, join(count, &stored))?;
    }
    Ok(Some(count))
}

/// How many records refer to a blob; nothing if it does not exist.
pub(super) fn count(tx: &ReadTx, blob: &Blob) -> Result<Option<u32>, StoreError> {
    let id = blob.id.as_str();
    match blob.small {
        true => Ok(tx.get_raw(&SMALL, id)?.and_then(|record| split(&record)).map(|(n, _)| n)),
        false => Ok(tx.get(&REFS, id)?.map(|reference| reference.count)),
    }
}

/// The record of a small blob.
pub(super) fn join(count: u32, stored: &[u8]) -> Bytes {
    let mut record = BytesMut::with_capacity(COUNT_BYTES + stored.len());
    record.put_u32(count);
    record.put_slice(stored);
    record.freeze()
}

/// The count and the stored bytes of a small blob's record.
pub(super) fn split(record: &Bytes) -> Option<(u32, Bytes)> {
    let count = record.get(..COUNT_BYTES)?.try_into().ok()?;
    Some((u32::from_be_bytes(count), record.slice(COUNT_BYTES..)))
}
