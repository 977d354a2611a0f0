//! What transactions consume: twice as much of the tables as single requests, and as much of
//! the indexes.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_dynamodb::{Capacity, ConsumedCapacity};

use crate::capacity::Report;
use crate::change::Units;
use crate::index::IndexKind;
use crate::table::TableRecord;

/// What a transaction costs in comparison.
const FACTOR: f64 = 2.0;

/// Units by table, in the order in which the request names the tables.
#[derive(Default)]
pub(crate) struct Consumed(Vec<(String, Option<Arc<TableRecord>>, Units)>);

impl Consumed {
    /// Adds what one action wrote.
    pub fn add_write(&mut self, name: &str, table: &Arc<TableRecord>, units: &Units) {
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((_, _, sum)) => sum.add(units),
            None => self.0.push((name.to_owned(), Some(table.clone()), units.clone())),
        }
    }

    /// Adds units that one action read.
    pub fn add_read(&mut self, name: &str, units: f64) {
        let units = Units { table: units, ..Units::default() };
        match self.0.iter_mut().find(|(known, ..)| known == name) {
            Some((_, _, sum)) => sum.add(&units),
            None => self.0.push((name.to_owned(), None, units)),
        }
    }

    /// What to tell of it, if anything.
    pub fn written(&self, report: Report) -> Option<Vec<ConsumedCapacity>> {
        self.told(report, |units| Capacity {
            capacity_units: Some(units),
            write_capacity_units: Some(units),
            ..Capacity::default()
        })
    }

    /// The same for reads.
    pub fn read(&self, report: Report) -> Option<Vec<ConsumedCapacity>> {
        self.told(report, |units| Capacity {
            capacity_units: Some(units),
            read_capacity_units: Some(units),
            ..Capacity::default()
        })
    }

    fn told(
        &self,
        report: Report,
        capacity: impl Fn(f64) -> Capacity,
    ) -> Option<Vec<ConsumedCapacity>> {
        let one = |(name, table, units): &(String, Option<Arc<TableRecord>>, Units)| {
            let of_table = FACTOR * units.table;
            let total = capacity(of_table + units.indexes.iter().sum::<f64>());
            let mut consumed = ConsumedCapacity {
                table_name: Some(name.clone()),
                capacity_units: total.capacity_units,
                read_capacity_units: total.read_capacity_units,
                write_capacity_units: total.write_capacity_units,
                ..ConsumedCapacity::default()
            };
            if report == Report::Indexes {
                consumed.table = Some(capacity(of_table));
                let by_kind = |kind| by_index(table.as_deref()?, kind, units, &capacity);
                consumed.local_secondary_indexes = by_kind(IndexKind::Local);
                consumed.global_secondary_indexes = by_kind(IndexKind::Global);
            }
            consumed
        };
        report.is_wanted().then(|| self.0.iter().map(one).collect())
    }
}

/// The indexes of a kind that consumed anything.
fn by_index(
    table: &TableRecord,
    kind: IndexKind,
    units: &Units,
    capacity: &impl Fn(f64) -> Capacity,
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
