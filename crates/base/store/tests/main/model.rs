//! Random operations against a plain ordered map.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use store::{Key, RawTable, Scan, Store, StoreError, WriteTx};

use crate::support::{Dice, TempDir, block_on, open};

const ROWS: RawTable = RawTable::new("model/row");
/// A neighbour in key order that scans must never touch.
const NEIGHBOUR: RawTable = RawTable::new("model/row-2");

type Pair = (u64, Vec<u8>);
type Model = BTreeMap<Pair, Vec<u8>>;
type Matches = Box<dyn Fn(&Pair) -> bool>;

/// Byte strings around which escaping and ordering could go wrong.
const TRICKY: &[&[u8]] = &[
    b"",
    b"\0",
    b"\0\0",
    b"\0\xFF",
    b"\0\x01",
    b"\x01",
    b"a",
    b"a\0",
    b"a\0b",
    b"ab",
    b"\xFF",
    b"\xFF\xFF",
];

fn random_key(dice: &mut Dice) -> Pair {
    let number = dice.pick(&[0, 1, 255, 256, u64::MAX]);
    let mut bytes = dice.pick(TRICKY).to_vec();
    if dice.once_in(3) {
        bytes.extend_from_slice(dice.pick(TRICKY));
    }
    (number, bytes)
}

fn random_scan(dice: &mut Dice) -> (Scan, Matches, bool, usize) {
    let mut scan = Scan::all();
    let mut tests: Vec<Matches> = Vec::new();
    match dice.below(4) {
        0 => {}
        1 | 2 => {
            let (number, _) = random_key(dice);
            scan = Scan::prefix(number);
            tests.push(Box::new(move |key| key.0 == number));
        }
        _ => {
            let (number, bytes) = random_key(dice);
            scan = Scan::prefix(Key::new().u64(number).bytes_beginning(&bytes));
            tests.push(Box::new(move |key| key.0 == number && key.1.starts_with(&bytes)));
        }
    }
    let reverse = dice.once_in(2);
    if reverse {
        scan = scan.reverse();
    }
    for _ in 0..dice.below(3) {
        let key = random_key(dice);
        let pair = key.clone();
        let (narrowed, test): (Scan, Matches) = match dice.below(5) {
            0 => (scan.ge(pair), Box::new(move |other| *other >= key)),
            1 => (scan.gt(pair), Box::new(move |other| *other > key)),
            2 => (scan.le(pair), Box::new(move |other| *other <= key)),
            3 => (scan.lt(pair), Box::new(move |other| *other < key)),
            _ if reverse => (scan.after(pair), Box::new(move |other| *other < key)),
            _ => (scan.after(pair), Box::new(move |other| *other > key)),
        };
        // Only the last `after` counts, so there is at most one round with it.
        let last = matches!(format!("{narrowed:?}"), text if text.contains("after: Some"));
        scan = narrowed;
        tests.push(test);
        if last {
            break;
        }
    }
    let limit = if dice.once_in(2) { usize::MAX } else { dice.below(6) as usize };
    (scan.limit(limit), Box::new(move |key| tests.iter().all(|test| test(key))), reverse, limit)
}

fn check_scan(tx: &store::ReadTx, model: &Model, dice: &mut Dice) {
    let (scan, matches, reverse, limit) = random_scan(dice);
    let mut expected: Vec<_> = model
        .iter()
        .filter(|(key, _)| matches(key))
        .map(|(key, value)| (Key::of(key).as_bytes().to_vec(), value.clone()))
        .collect();
    if reverse {
        expected.reverse();
    }
    expected.truncate(limit);
    let mut found = Vec::new();
    tx.scan_raw(&ROWS, &scan, &mut |key, value| {
        found.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(found, expected, "{scan:?}");
}

fn check_get(tx: &store::ReadTx, model: &Model, dice: &mut Dice) {
    let key = random_key(dice);
    let found = tx.get_raw(&ROWS, &key).unwrap();
    assert_eq!(found.as_deref(), model.get(&key).map(Vec::as_slice), "{key:?}");
}

fn random_transaction(
    tx: &mut WriteTx,
    model: &mut Model,
    dice: &mut Dice,
) -> Result<(), StoreError> {
    for _ in 0..dice.below(12) {
        match dice.below(6) {
            0..=2 => {
                let (key, value) =
                    (random_key(dice), vec![dice.next() as u8; dice.below(40) as usize]);
                tx.put_raw(&ROWS, &key, value.clone())?;
                model.insert(key, value);
            }
            3 => {
                let key = random_key(dice);
                tx.delete(&ROWS, &key)?;
                model.remove(&key);
            }
            4 => check_get(tx, model, dice),
            _ => check_scan(tx, model, dice),
        }
    }
    if dice.once_in(10) { Err(StoreError::Closed) } else { Ok(()) }
}

/// `reopen` gets the store to replace it by a later life of the same data.
fn check(
    seed: u64,
    rounds: u32,
    mut store: Store,
    mut reopen: impl FnMut(Store, &mut Dice) -> Store,
) {
    let mut dice = Dice::new(seed);
    let mut model = Model::new();
    let spread = |tx: &mut WriteTx| tx.put_raw(&NEIGHBOUR, (0u64, b"".as_slice()), "neighbour");
    store.write_blocking(spread).unwrap();
    for _ in 0..rounds {
        let mut changed = model.clone();
        let before = model.clone();
        store.read(|old| {
            // The closure must be repeatable, so it gets the dice of the round anew each time.
            let (round, mut after) = (dice.next(), model.clone());
            let outcome = store.write_blocking(|tx| {
                changed = before.clone();
                random_transaction(tx, &mut changed, &mut Dice::new(round))
            });
            if outcome.is_ok() {
                after = changed.clone();
            }
            // A snapshot does not change under its reader.
            check_scan(old, &model, &mut dice);
            check_get(old, &model, &mut dice);
            model = after;
        });
        store.read(|tx| {
            check_scan(tx, &model, &mut dice);
            check_get(tx, &model, &mut dice);
        });
        if dice.once_in(40) {
            block_on(store.clear()).unwrap();
            model.clear();
        }
        if dice.once_in(25) {
            store = reopen(store, &mut dice);
        }
    }
}

#[test]
fn memory_engine_equals_an_ordered_map() {
    for seed in 0..40 {
        check(seed, 60, Store::memory(), |store, _| store);
    }
}

#[test]
fn disk_engine_equals_an_ordered_map() {
    for seed in 100..103 {
        let dir = TempDir::new();
        check(seed, 100, open(&dir), |store, dice| {
            if dice.once_in(2) {
                store.close().unwrap();
            }
            drop(store);
            open(&dir)
        });
    }
}
