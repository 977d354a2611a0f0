//! Many writers at once: the outcome is that of some order, namely the order of commits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};

use store::{Durability, RawTable, ReadTx, Scan, Store, StoreError, Table};

use crate::support::{Dice, stores};

const NUMBERS: Table<i64> = Table::new("test/number");
const CELLS: Table<u64> = Table::new("test/cell");
const CELLS_RAW: RawTable = RawTable::new("test/cell");
const MARKS: Table<u64> = Table::new("test/mark");
const FILLER: RawTable = RawTable::new("test/filler");

fn in_threads(count: u64, run: impl Fn(u64) + Sync) {
    let start = Barrier::new(count as usize);
    std::thread::scope(|scope| {
        for thread in 0..count {
            let (start, run) = (&start, &run);
            scope.spawn(move || {
                start.wait();
                run(thread);
            });
        }
    });
}

#[test]
fn counters_lose_no_increment() {
    for (_dir, store) in stores() {
        in_threads(8, |_| {
            for _ in 0..25 {
                store
                    .write_blocking(|tx| {
                        tx.durability(Durability::Buffered);
                        let n = tx.get(&NUMBERS, "counter")?.unwrap_or(0);
                        tx.put(&NUMBERS, "counter", &(n + 1))
                    })
                    .unwrap();
            }
        });
        assert_eq!(store.read(|tx| tx.get(&NUMBERS, "counter")).unwrap(), Some(200));
    }
}

/// Two withdrawals, each fine alone, must not both happen (write skew).
#[test]
fn no_write_skew() {
    for (_dir, store) in stores() {
        for round in 0..30u64 {
            store
                .write_blocking(|tx| {
                    tx.put(&NUMBERS, (round, "a"), &60)?;
                    tx.put(&NUMBERS, (round, "b"), &60)
                })
                .unwrap();
            in_threads(2, |thread| {
                let mine = if thread == 0 { "a" } else { "b" };
                store
                    .write_blocking(|tx| {
                        let a = tx.get(&NUMBERS, (round, "a"))?.unwrap_or(0);
                        let b = tx.get(&NUMBERS, (round, "b"))?.unwrap_or(0);
                        if a + b >= 100 {
                            tx.put(&NUMBERS, (round, mine), &-40)?;
                        }
                        Ok::<_, StoreError>(())
                    })
                    .unwrap();
            });
            let sum = store
                .read(|tx| {
                    let a = tx.get(&NUMBERS, (round, "a"))?.unwrap_or(0);
                    Ok::<_, StoreError>(a + tx.get(&NUMBERS, (round, "b"))?.unwrap_or(0))
                })
                .unwrap();
            assert_eq!(sum, 20, "exactly one withdrawal");
        }
    }
}

/// At most five may enter, counted by a scan (phantoms).
#[test]
fn no_phantoms() {
    for (_dir, store) in stores() {
        for round in 0..10u64 {
            in_threads(8, |thread| {
                store
                    .write_blocking(|tx| {
                        if tx.scan(&NUMBERS, Scan::prefix(("room", round)))?.len() < 5 {
                            tx.put(&NUMBERS, ("room", round, thread), &0)?;
                        }
                        Ok::<_, StoreError>(())
                    })
                    .unwrap();
            });
            let room = store.read(|tx| tx.scan(&NUMBERS, Scan::prefix(("room", round)))).unwrap();
            assert_eq!(room.len(), 5);
        }
    }
}

/// Lower and upper bound, descending?, limit; and what was found.
type Scanned = (u64, u64, bool, usize, Vec<(u64, u64)>);

/// What one transaction did.
#[derive(Debug, Clone, Default)]
struct Story {
    points: Vec<(u64, Option<u64>)>,
    scans: Vec<Scanned>,
    puts: BTreeMap<u64, Option<u64>>,
}

fn scan_cells(tx: &ReadTx, lo: u64, hi: u64, reverse: bool, limit: usize) -> Vec<(u64, u64)> {
    let mut scan = Scan::all().ge(lo).lt(hi).limit(limit);
    if reverse {
        scan = scan.reverse();
    }
    let rows = tx.scan(&CELLS, scan).unwrap();
    rows.into_iter()
        .map(|(key, value)| match key.parts().as_deref() {
            Some([store::Part::U64(cell)]) => (*cell, value),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Replays random transactions in the order of their commits: each must have read exactly what the
/// replay has at that point. This is serializability itself, not a symptom of it.
#[test]
fn commits_replay_in_their_order() {
    for (_dir, store) in stores() {
        let (ids, stories) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
        let start = store.seq();
        in_threads(4, |thread| {
            let mut dice = Dice::new(thread);
            for _ in 0..60 {
                let id = ids.fetch_add(1, Ordering::Relaxed);
                let round = dice.next();
                let story = store.write_blocking(|tx| act(tx, id, &mut Dice::new(round))).unwrap();
                stories.lock().unwrap().insert(id, story);
            }
        });
        let mut cells = BTreeMap::new();
        let mut replayed = 0;
        for change in store.changes(start).unwrap() {
            if change.table != "test/mark" {
                continue;
            }
            let id = match change.key.parts().as_deref() {
                Some([store::Part::U64(id)]) => *id,
                other => panic!("{other:?}"),
            };
            replay(&stories.lock().unwrap()[&id], &mut cells);
            replayed += 1;
        }
        assert_eq!(replayed, 240);
        let last = store.read(|tx| scan_cells(tx, 0, u64::MAX, false, usize::MAX));
        assert_eq!(last, cells.into_iter().collect::<Vec<_>>());
    }
}

fn act(tx: &mut store::WriteTx, id: u64, dice: &mut Dice) -> Result<Story, StoreError> {
    let mut story = Story::default();
    tx.durability(Durability::Buffered);
    // Own writes come last, so that what is read is what others wrote.
    for _ in 0..dice.below(3) {
        let cell = dice.below(20);
        story.points.push((cell, tx.get(&CELLS, cell)?));
    }
    for _ in 0..dice.below(3) {
        let (lo, reverse) = (dice.below(20), dice.once_in(2));
        let (hi, limit) = (lo + dice.below(8), 1 + dice.below(4) as usize);
        story.scans.push((lo, hi, reverse, limit, scan_cells(tx, lo, hi, reverse, limit)));
    }
    for _ in 0..dice.below(3) {
        let cell = dice.below(20);
        if dice.once_in(3) {
            tx.delete(&CELLS, cell)?;
            story.puts.insert(cell, None);
        } else {
            tx.put(&CELLS, cell, &id)?;
            story.puts.insert(cell, Some(id));
        }
    }
    tx.put(&MARKS, id, &0)?;
    Ok(story)
}

fn replay(story: &Story, cells: &mut BTreeMap<u64, u64>) {
    for (cell, read) in &story.points {
        assert_eq!(cells.get(cell), read.as_ref(), "{story:?}");
    }
    for (lo, hi, reverse, limit, read) in &story.scans {
        let mut rows: Vec<_> = cells.range(lo..hi).map(|(cell, id)| (*cell, *id)).collect();
        if *reverse {
            rows.reverse();
        }
        rows.truncate(*limit);
        assert_eq!(&rows, read, "{story:?}");
    }
    for (cell, write) in &story.puts {
        match write {
            Some(id) => cells.insert(*cell, *id),
            None => cells.remove(cell),
        };
    }
}

/// Transactions so slow that the window of recent writes has passed them are validated by reading
/// again: versions and range fingerprints.
#[test]
fn slow_transactions_are_validated_by_fingerprint() {
    type Meddle = fn(&mut store::WriteTx) -> Result<(), StoreError>;
    let cases: [(&str, u32, Meddle); 6] = [
        ("nothing it read", 1, |tx| tx.put(&CELLS, 500u64, &1)),
        ("a value it read", 2, |tx| tx.put(&CELLS, 1u64, &99)),
        ("a key it found absent", 2, |tx| tx.put(&CELLS, 77u64, &1)),
        ("an insertion into its range", 2, |tx| tx.put(&CELLS, 13u64, &1)),
        ("a deletion from its range", 2, |tx| tx.delete(&CELLS, 12u64)),
        ("an exchange in its range", 2, |tx| {
            tx.delete(&CELLS, 12u64)?;
            tx.put(&CELLS, 13u64, &1)
        }),
    ];
    for (_dir, store) in stores() {
        for (what, attempts_expected, meddle) in cases {
            store
                .write_blocking(|tx| {
                    tx.delete(&CELLS, 77u64)?;
                    tx.delete(&CELLS, 13u64)?;
                    [1u64, 10, 12, 14].iter().try_for_each(|cell| tx.put(&CELLS, *cell, cell))
                })
                .unwrap();
            let mut attempts = 0;
            store
                .write_blocking(|tx| {
                    attempts += 1;
                    tx.get(&CELLS, 1u64)?;
                    tx.get(&CELLS, 77u64)?;
                    tx.scan(&CELLS, Scan::all().ge(10u64).lt(20u64))?;
                    // Stops at the first row, in either direction.
                    for scan in [Scan::all(), Scan::all().lt(20u64).reverse()] {
                        tx.scan_raw(&CELLS_RAW, &scan, &mut |_, _| ControlFlow::Break(()))?;
                    }
                    if attempts == 1 {
                        store.write_blocking(meddle)?;
                        fill(&store);
                    }
                    tx.put(&CELLS, 1000u64, &1)
                })
                .unwrap();
            assert_eq!(attempts, attempts_expected, "{what}");
            assert!(store.changes(0).is_none(), "the window has moved on");
        }
    }
}

fn fill(store: &Store) {
    store
        .write_blocking(|tx| {
            tx.durability(Durability::Buffered);
            (0..17_000u64).try_for_each(|n| tx.put_raw(&FILLER, n, "x"))
        })
        .unwrap();
}

/// A scan that stops early depends only on what it saw.
#[test]
fn early_stop_narrows_what_counts_as_read() {
    for (_dir, store) in stores() {
        store
            .write_blocking(|tx| (0..50u64).try_for_each(|n| tx.put_raw(&FILLER, n, "x")))
            .unwrap();
        for (other, attempts_expected) in [(30u64, 1), (3, 2)] {
            let mut attempts = 0;
            store
                .write_blocking(|tx| {
                    attempts += 1;
                    let mut left = 5;
                    tx.scan_raw(&FILLER, &Scan::all(), &mut |_, _| {
                        left -= 1;
                        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    })?;
                    if attempts == 1 {
                        store.write_blocking(|tx| tx.put_raw(&FILLER, other, "y"))?;
                    }
                    tx.put_raw(&FILLER, 99u64, "z")
                })
                .unwrap();
            assert_eq!(attempts, attempts_expected, "after a write to {other}");
        }
    }
}
