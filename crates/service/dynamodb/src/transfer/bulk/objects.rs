//! The objects of a bulk operation, as they were when they were listed: another one of the same
//! key is not read in place of them.

use kernel::StoreError;
use serde::{Deserialize, Serialize};
use store::{Durability, Key, ReadTx, Scan, Store, Table, WriteTx};

/// By the operation's number and their order.
const OBJECTS: Table<InputObject> = Table::new("dynamodb/bulk-object");
/// Rows that one commit forgets.
const BATCH: usize = 1_000;

/// An object to be read.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct InputObject {
    pub key: String,
    pub etag: Option<String>,
    pub bytes: u64,
}

/// Adds one.
pub(super) fn add(
    tx: &mut WriteTx,
    number: u64,
    index: u32,
    object: &InputObject,
) -> Result<(), StoreError> {
    tx.put(&OBJECTS, (number, index), object)
}

/// One of them.
pub(super) fn get(tx: &ReadTx, number: u64, index: u32) -> Result<Option<InputObject>, StoreError> {
    tx.get(&OBJECTS, (number, index))
}

/// Forgets all of them.
pub(super) async fn forget(store: &Store, number: u64) -> Result<(), StoreError> {
    loop {
        let found = store.read(|tx| tx.scan(&OBJECTS, Scan::prefix(number).limit(BATCH)))?;
        let keys: Vec<Key> = found.into_iter().map(|(key, _)| key).collect();
        let delete = |tx: &mut WriteTx| -> Result<(), StoreError> {
            // What a crash brings back is forgotten again.
            tx.durability(Durability::Buffered);
            keys.iter().try_for_each(|key| tx.delete(&OBJECTS, key))
        };
        store.write(delete).await?;
        if keys.len() < BATCH {
            return Ok(());
        }
    }
}
