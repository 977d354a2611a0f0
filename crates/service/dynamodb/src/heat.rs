//! Partitions that are used more than AWS lets one partition be: 3,000 read units or 1,000 write units
//! in a second. Here they are served all the same, but there a request for them is throttled, so the
//! log says so.
//!
//! Counted in cells that partitions fall into by their hash: a cell's count is one atomic number.
//! Several partitions in one cell could only together be taken for a hot one, and there are enough
//! cells for that to need more requests than a machine serves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kernel::Clock;

use crate::table::{KeyType, TableRecord};

const CELLS: usize = 4096;
/// What AWS gives to one partition, in units a second.
const READS_MAX: u64 = 3000;
const WRITES_MAX: u64 = 1000;
/// Units are counted in halves: a read that is not consistent takes half of one.
const PARTS: f64 = 2.0;
/// Partitions remembered until they are logged.
const FOUND_MAX: usize = 16;
/// Of a key's place: number of table or index, hash of the partition, length of its key.
const HASH_END: usize = 12;
const HEAD_END: usize = 16;
const SHOWN_CHARS_MAX: usize = 64;

/// How a partition is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// Units of this second by cell, those of writes behind those of reads.
pub(crate) struct Heat {
    cells: Box<[AtomicU64]>,
    has_found: AtomicBool,
    found: Mutex<Vec<Hot>>,
}

/// A partition that was used too much within a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hot {
    pub table: String,
    pub access: Access,
    /// The value of its key, if that is a text.
    pub key: Option<String>,
}

/// Counts for one table; made when its record is read.
pub(crate) struct Gauge {
    pub heat: Arc<Heat>,
    pub clock: Arc<dyn Clock>,
    pub table: String,
}

impl Default for Heat {
    fn default() -> Heat {
        let cells = (0..2 * CELLS).map(|_| AtomicU64::new(0)).collect();
        Heat { cells, has_found: AtomicBool::new(false), found: Mutex::default() }
    }
}

impl Heat {
    /// Counts; true when that went above what a partition has in this second.
    fn add(&self, place: &[u8], access: Access, units: f64, second: u64) -> bool {
        let Some(hash) = place.get(HASH_END - 8..HASH_END) else { return false };
        let hash = hash.iter().fold(0, |sum: u64, byte| sum.wrapping_mul(31) + u64::from(*byte));
        let (half, most) = match access {
            Access::Read => (0, READS_MAX),
            Access::Write => (CELLS, WRITES_MAX),
        };
        let cell = &self.cells[half + hash as usize % CELLS];
        let (parts, most) = ((units * PARTS) as u64, most * PARTS as u64);
        let second = second << 32;
        // Two that begin a second at once may lose one of their counts.
        let old = match cell.load(Ordering::Relaxed) {
            old if old & !0xffff_ffff == second => {
                cell.fetch_add(parts, Ordering::Relaxed) - second
            }
            _ => {
                cell.store(second + parts, Ordering::Relaxed);
                0
            }
        };
        old <= most && old + parts > most
    }

    fn report(&self, hot: Hot) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < FOUND_MAX {
            found.push(hot);
        }
        self.has_found.store(true, Ordering::Release);
    }

    /// What was found since this was asked for last.
    pub fn take(&self) -> Vec<Hot> {
        if !self.has_found.load(Ordering::Acquire) {
            return Vec::new();
        }
        self.has_found.store(false, Ordering::Release);
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts the units that a partition took. `place` is where its rows are, or begins so.
pub(crate) fn count(table: &TableRecord, place: &[u8], access: Access, units: f64) {
    let Some(gauge) = &table.heat else { return };
    if gauge.heat.add(place, access, units, gauge.clock.elapsed().as_secs()) {
        let key = (table.partition_key.key_type == KeyType::S).then(|| text(place)).flatten();
        gauge.heat.report(Hot { table: gauge.table.clone(), access, key });
    }
}

/// The text of a partition's key, as much as is shown of it.
fn text(place: &[u8]) -> Option<String> {
    let length = place.get(HASH_END..HEAD_END)?.try_into().map(u32::from_be_bytes).ok()? as usize;
    let text = String::from_utf8_lossy(place.get(HEAD_END..HEAD_END + length)?);
    Some(text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect())
}

impl std::fmt::Display for Hot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (most, units) = match self.access {
            Access::Read => (READS_MAX, "read"),
            Access::Write => (WRITES_MAX, "write"),
        };
        write!(f, "hot partition: dynamodb table {}", self.table)?;
        if let Some(key) = &self.key {
            write!(f, ", key {key:?}")?;
        }
        write!(f, ": more than the {most} {units} units a second that AWS gives to one partition")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(hash: u32, key: &str) -> Vec<u8> {
        let mut place = 7_u64.to_be_bytes().to_vec();
        place.extend(hash.to_be_bytes());
        place.extend((key.len() as u32).to_be_bytes());
        place.extend(key.as_bytes());
        place
    }

    #[test]
    fn a_partition_is_hot_above_its_units_of_a_second() {
        let heat = Heat::default();
        let (one, other) = (place(1, "one"), place(2, "other"));
        let count = |place: &[u8], access, units, second, times: usize| {
            (0..times).filter(|_| heat.add(place, access, units, second)).count()
        };
        assert_eq!(count(&one, Access::Write, 1.0, 5, 1000), 0);
        assert_eq!(count(&other, Access::Write, 1.0, 5, 1000), 0);
        assert_eq!(count(&one, Access::Read, 0.5, 5, 6000), 0);
        assert_eq!(count(&one, Access::Write, 1.0, 5, 1000), 1, "once in a second");
        assert_eq!(count(&one, Access::Write, 1.0, 6, 1000), 0, "a new second");
        assert_eq!(count(&one, Access::Read, 0.5, 5, 10), 1);
        assert_eq!(count(&one, Access::Read, 4000.0, 9, 1), 1);
        assert_eq!(count(b"short", Access::Read, 4000.0, 9, 1), 0);
    }

    #[test]
    fn what_was_found_is_told_once() {
        let heat = Heat::default();
        assert_eq!(heat.take(), []);
        let key = text(&place(1, "user\u{7}#1"));
        assert_eq!(key.as_deref(), Some("user#1"));
        let hot = Hot { table: "t".into(), access: Access::Write, key };
        let told = hot.to_string();
        heat.report(hot.clone());
        assert_eq!(heat.take(), vec![hot]);
        assert_eq!(heat.take(), []);
        assert_eq!(
            told,
            "hot partition: dynamodb table t, key \"user#1\": more than the 1000 write units a \
             second that AWS gives to one partition"
        );
        assert_eq!(text(b"short"), None);
    }
}
