//! What the store holds.

use kernel::StoreError;
use serde::{Deserialize, Serialize};
use store::{Key, Part, RawTable, ReadTx, Table, WriteTx};

use crate::cell::Cell;
use crate::metric::ID_BYTES;

/// Metrics by (account, region, namespace, name, id).
pub(crate) const METRICS: Table<Metric> = Table::new("cloudwatch/metric");
/// Cells by (metric's id, [`Grain`], seconds since 1970, unit).
pub(crate) const CELLS: RawTable = RawTable::new("cloudwatch/cell");
/// (account, region) that a task looks after.
pub(crate) const TENDED: Table<()> = Table::new("cloudwatch/tended");

/// What is known of a metric besides its cells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metric {
    /// Of its latest sample, as far as is noted: exact to [`crate::ops::NOTED_MS`].
    pub last_ms: u64,
    /// In the order of their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<(String, String)>,
    /// It has had samples of high resolution.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_fine: bool,
}

/// How long the span of a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    /// Samples of high resolution once more, besides those of the minute.
    Second,
    Minute,
    FiveMinutes,
    Hour,
}

impl Grain {
    /// Its length.
    pub fn seconds(self) -> u64 {
        match self {
            Grain::Second => 1,
            Grain::Minute => 60,
            Grain::FiveMinutes => 300,
            Grain::Hour => 3600,
        }
    }
}

/// The key of a cell.
pub(crate) fn cell_key(id: &[u8; ID_BYTES], grain: Grain, at_s: u64, unit: &str) -> Key {
    Key::of((id, grain.seconds(), at_s, unit))
}

/// Time and unit in the key of a cell.
pub(crate) fn place(key: &[u8]) -> Result<(u64, String), StoreError> {
    let key = Key::from_bytes(key);
    match key.parts().as_deref() {
        Some([_, _, Part::U64(at_s), Part::Text(unit)]) => Ok((*at_s, unit.clone())),
        _ => Err(damaged(&key)),
    }
}

/// A stored cell.
pub(crate) fn read_cell(key: &[u8], value: &[u8]) -> Result<Cell, StoreError> {
    Cell::decode(value).ok_or_else(|| damaged(&Key::from_bytes(key)))
}

/// Adds samples to a cell.
pub(crate) fn add(tx: &mut WriteTx, key: &Key, samples: &Cell) -> Result<(), StoreError> {
    let mut cell = match tx.get_raw(&CELLS, key)? {
        Some(stored) => read_cell(key.as_bytes(), &stored)?,
        None => Cell::empty(),
    };
    cell.merge(samples);
    tx.put_raw(&CELLS, key, cell.encode())
}

/// What a key of [`METRICS`] says: namespace, name, id.
pub(crate) fn named(key: &Key) -> Result<(String, String, [u8; ID_BYTES]), StoreError> {
    match key.parts().unwrap_or_default().as_slice() {
        [_, _, Part::Text(namespace), Part::Text(name), Part::Bytes(id)] => {
            let id = id.as_slice().try_into().map_err(|_| damaged(key))?;
            Ok((namespace.clone(), name.clone(), id))
        }
        _ => Err(damaged(key)),
    }
}

/// Whether any cell of a metric is left.
pub(crate) fn has_cells(tx: &ReadTx, id: &[u8; ID_BYTES]) -> Result<bool, StoreError> {
    let mut found = false;
    tx.scan_raw(&CELLS, &store::Scan::prefix(id).limit(1), &mut |_, _| {
        found = true;
        std::ops::ControlFlow::Break(())
    })?;
    Ok(found)
}

fn damaged(key: &Key) -> StoreError {
    StoreError::Corrupt {
        table: "cloudwatch".into(),
        key: format!("{key:?}"),
        detail: "neither a cell nor a metric".into(),
    }
}
