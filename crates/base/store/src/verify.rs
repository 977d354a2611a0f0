//! Reading everything once, to know that it can be read.

use std::collections::BTreeMap;

use crate::backup::everything;
use crate::engine::Limit;
use crate::table::{split_key, successor};
use crate::{Scan, Store, StoreError};

const ROWS_AT_ONCE: usize = 256;

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Sequence number of the last commit.
    pub seq: u64,
    /// Number of readable keys by table.
    pub rows: BTreeMap<String, u64>,
    /// Bytes of keys and values.
    pub bytes: u64,
}

/// Reads every value of one moment, so that every checksum is compared (the engine's of each block
/// that is not cached, and on disk our own of each value), and every pending event and timer. The
/// first thing that is wrong is the error.
pub fn verify(store: &Store) -> Result<Verification, StoreError> {
    let snapshot = store.engine().snapshot();
    let mut found = Verification { seq: snapshot.seq(), ..Verification::default() };
    let mut rest = everything();
    loop {
        let rows = snapshot.range(&rest, false, Limit::rows(ROWS_AT_ONCE))?.rows;
        let Some(last) = rows.last() else { break };
        for row in &rows {
            let (table, key) = split_key(&row.key);
            if row.stored.version > found.seq {
                let detail = format!("version {} is of the future", row.stored.version);
                return Err(StoreError::Corrupt { table, key: format!("{key:?}"), detail });
            }
            *found.rows.entry(table).or_default() += 1;
            found.bytes += (row.key.len() + row.stored.value.len()) as u64;
        }
        rest.lo = successor(&last.key).into();
    }
    store.read(|tx| {
        tx.events(None, usize::MAX)?;
        tx.due(u64::MAX, usize::MAX)?;
        tx.scan(&crate::open::META, Scan::all())
    })?;
    Ok(found)
}
