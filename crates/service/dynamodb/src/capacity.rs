//! What requests consume, in capacity units.
//!
//! A unit writes up to 1 KB and reads up to 4 KB, or twice that with eventual consistency.

use std::collections::BTreeMap;

use api_dynamodb::{Capacity, ConsumedCapacity, ReturnConsumedCapacity, VectorCapacity};

use crate::change::Units;
use crate::index::IndexKind;
use crate::table::TableRecord;

/// What a request wants to be told of what it consumed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    Nothing,
    Total,
    Indexes,
}

impl Report {
    pub fn of(given: Option<&ReturnConsumedCapacity>) -> Report {
        match given {
            Some(ReturnConsumedCapacity::Total) => Report::Total,
            Some(ReturnConsumedCapacity::Indexes) => Report::Indexes,
            _ => Report::Nothing,
        }
    }

    /// Whether anything is to be told.
    pub fn is_wanted(self) -> bool {
        self != Report::Nothing
    }

    /// What to tell of read units that a table itself consumed.
    pub fn consumed(self, table_name: &str, units: f64) -> Option<ConsumedCapacity> {
        let table = (self == Report::Indexes).then(|| capacity(units));
        self.is_wanted().then(|| ConsumedCapacity {
            table_name: Some(table_name.to_owned()),
            capacity_units: Some(units),
            table,
            ..ConsumedCapacity::default()
        })
    }

    /// What to tell of the read units of a page.
    pub fn read(self, table_name: &str, units: &ReadUnits) -> Option<ConsumedCapacity> {
        let mut consumed = self.consumed(table_name, units.total())?;
        if self == Report::Indexes {
            consumed.table = Some(capacity(units.table));
        }
        if let (Report::Indexes, Some((kind, name, units))) = (self, &units.index) {
            let units = Some(BTreeMap::from([(name.clone(), capacity(*units))]));
            match kind {
                IndexKind::Local => consumed.local_secondary_indexes = units,
                IndexKind::Global => consumed.global_secondary_indexes = units,
            }
        }
        Some(consumed)
    }

    /// What to tell of write units.
    pub fn written(
        self,
        table_name: &str,
        table: &TableRecord,
        units: &Units,
    ) -> Option<ConsumedCapacity> {
        let mut consumed = self.consumed(table_name, units.total())?;
        if self == Report::Indexes {
            consumed.table = Some(capacity(units.table));
            consumed.local_secondary_indexes = by_index(table, IndexKind::Local, units);
            consumed.global_secondary_indexes = by_index(table, IndexKind::Global, units);
            consumed.vector_indexes = by_vector_index(table, units);
        }
        Some(consumed)
    }
}

/// Read units of a page.
pub(crate) struct ReadUnits {
    /// Of the table: all, or what was fetched from it for an index.
    pub table: f64,
    /// Of the index that was read.
    pub index: Option<(IndexKind, String, f64)>,
}

impl ReadUnits {
    /// Of table and index.
    pub fn total(&self) -> f64 {
        self.table + self.index.as_ref().map_or(0.0, |(_, _, units)| *units)
    }
}

fn capacity(units: f64) -> Capacity {
    Capacity { capacity_units: Some(units), ..Capacity::default() }
}

/// The indexes of a kind that consumed anything.
fn by_index(
    table: &TableRecord,
    kind: IndexKind,
    units: &Units,
) -> Option<BTreeMap<String, Capacity>> {
    let consumed: BTreeMap<String, Capacity> = table
        .indexes
        .iter()
        .zip(&units.indexes)
        .filter(|(index, units)| index.kind == kind && **units > 0.0)
        .map(|(index, units)| (index.name.clone(), capacity(*units)))
        .collect();
    (!consumed.is_empty()).then_some(consumed)
}

/// The vector indexes that were written to.
fn by_vector_index(table: &TableRecord, units: &Units) -> Option<BTreeMap<String, VectorCapacity>> {
    let written = table.vectors.iter().zip(&units.vector_bytes).filter(|(_, bytes)| **bytes > 0.0);
    let written: BTreeMap<String, VectorCapacity> = written
        .map(|(index, bytes)| {
            let vector_write_request_bytes = Some(*bytes);
            let capacity = VectorCapacity { vector_write_request_bytes, ..Default::default() };
            (index.name.clone(), capacity)
        })
        .collect();
    (!written.is_empty()).then_some(written)
}

/// Units for writing an item: the greater of what was there and what is there now counts.
pub(crate) fn write_units(old_bytes: Option<usize>, new_bytes: Option<usize>) -> f64 {
    let size = old_bytes.max(new_bytes).unwrap_or(0);
    size.div_ceil(1024).max(1) as f64
}

/// Units for reading so many bytes, of one item or of the items that a query looked at.
pub(crate) fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(4096).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_round_up() {
        assert_eq!(write_units(None, Some(1)), 1.0);
        assert_eq!(write_units(None, Some(1024)), 1.0);
        assert_eq!(write_units(Some(2049), Some(10)), 3.0);
        assert_eq!(write_units(None, None), 1.0);
        assert_eq!(read_units(0, false), 0.5);
        assert_eq!(read_units(4096, true), 1.0);
        assert_eq!(read_units(4097, false), 1.0);
    }
}
