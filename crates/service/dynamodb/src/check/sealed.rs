//! Tables that are encrypted: their rows are not opened, since this works without KMS. Each must be
//! a sealed row of the table's data key, or one of before that is still to be sealed.

use store::{RawTable, ReadTx, StoreError};

use super::items::rows;
use super::{Checked, Report, hex};
use crate::index::ENTRIES;
use crate::sse::cipher::{is_sealed, number_of};
use crate::table::ITEMS;
use crate::vector::VECTORS;

/// Checks items and entries of an encrypted table.
pub(super) fn check(tx: &ReadTx, table: &Checked, report: &mut Report) -> Result<(), StoreError> {
    let items = check_rows(tx, table, (&ITEMS, table.record.number), report)?;
    report.items += items;
    for (index, _) in table.indexes() {
        report.index_entries += check_rows(tx, table, (&ENTRIES, index.number), report)?;
    }
    for (index, _) in table.vectors() {
        report.vector_entries += check_rows(tx, table, (&VECTORS, index.number), report)?;
    }
    Ok(())
}

/// Checks the rows under a number; answers how many there are.
fn check_rows(
    tx: &ReadTx,
    table: &Checked,
    (stored, number): (&RawTable, u64),
    report: &mut Report,
) -> Result<u64, StoreError> {
    let Some(sse) = &table.record.sse else { return Ok(0) };
    let mut count = 0;
    let mut after = None;
    loop {
        let rows = rows(tx, stored, number, after.as_ref())?;
        let Some((last, _)) = rows.last() else { return Ok(count) };
        after = Some(last.clone());
        count += rows.len() as u64;
        for (key, row) in &rows {
            let problem = match (is_sealed(row), number_of(row)) {
                (true, Ok(number)) if number == sse.number => {
                    report.sealed_rows += 1;
                    continue;
                }
                (false, _) if sse.pending => continue,
                (false, _) => "is not sealed",
                (true, Ok(_)) => "is sealed with another key",
                (true, Err(_)) => "cannot be read",
            };
            let key = hex(key.as_bytes());
            report.problem(format!("table {}: the row at {key} {problem}", table.name));
        }
    }
}
