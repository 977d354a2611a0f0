//! What must not be swept away yet: someone still reads it in the background.
//!
//! A table may be deleted while a backup of it is made or another table is restored from it, as
//! in AWS; its items then stay until that is done.

use std::ops::ControlFlow;

use kernel::StoreError;
use store::{RawTable, ReadTx, Scan, WriteTx};

/// By the number of what is read, and who reads it.
const IN_USE: RawTable = RawTable::new("dynamodb/in-use");

/// Notes that `reader` reads what lies under `number`.
pub(crate) fn hold(tx: &mut WriteTx, number: u64, reader: &str) -> Result<(), StoreError> {
    tx.put_raw(&IN_USE, (number, reader), Vec::new())
}

/// Takes that back.
pub(crate) fn release(tx: &mut WriteTx, number: u64, reader: &str) -> Result<(), StoreError> {
    tx.delete(&IN_USE, (number, reader))
}

/// Whether anybody reads what lies under `number`.
pub(crate) fn is_held(tx: &ReadTx, number: u64) -> Result<bool, StoreError> {
    any(tx, Scan::prefix(number))
}

/// Whether anybody reads anything.
pub(crate) fn is_any_held(tx: &ReadTx) -> Result<bool, StoreError> {
    any(tx, Scan::all())
}

fn any(tx: &ReadTx, scan: Scan) -> Result<bool, StoreError> {
    let mut held = false;
    tx.scan_raw(&IN_USE, &scan.limit(1), &mut |_, _| {
        held = true;
        ControlFlow::Break(())
    })?;
    Ok(held)
}
