//! Backups are whole or refused.

use store::{Options, RawTable, Store, StoreError, backup, restore, verify};

use crate::support::{Dice, TempDir, stores};

const ROWS: RawTable = RawTable::new("test/row");

fn fill(store: &Store, rows: u64, value_bytes: u64) {
    let mut dice = Dice::new(7);
    store
        .write_blocking(|tx| {
            for n in 0..rows {
                let value = vec![dice.next() as u8; dice.below(value_bytes) as usize];
                tx.put_raw(&ROWS, n, value)?;
            }
            tx.schedule(5, "t", "x")?;
            tx.emit("t", "k", "x")
        })
        .unwrap();
}

fn read_back(dir: &TempDir, stream: &[u8]) -> Result<Store, StoreError> {
    let target = dir.path().join("restored");
    drop(std::fs::remove_dir_all(&target));
    restore(&target, &mut &*stream)?;
    Store::open(target, &Options::default())
}

#[test]
fn restored_store_is_the_same() {
    for (dir, store) in stores() {
        fill(&store, 2_000, 600);
        let mut stream = Vec::new();
        let summary = backup(&store, &mut stream).unwrap();
        let restored = read_back(&dir, &stream).unwrap();
        let (before, mut after) = (verify(&store).unwrap(), verify(&restored).unwrap());
        assert_eq!(summary.seq, before.seq);
        assert!(after.seq > before.seq, "opening is a commit");
        // A memory store has no notes about itself; a disk store notes how often it was opened.
        after.rows.remove("store/meta");
        let mut rows = before.rows;
        rows.remove("store/meta");
        assert_eq!(after.rows, rows);
        assert_eq!(restored.read(|tx| tx.events(None, 9)).unwrap().len(), 1);
        assert_eq!(restored.read(|tx| tx.due(9, 9)).unwrap().len(), 1);
        for n in 0..2_000u64 {
            let value = store.read(|tx| tx.get_raw(&ROWS, n)).unwrap();
            assert_eq!(restored.read(|tx| tx.get_raw(&ROWS, n)).unwrap(), value);
        }
    }
}

#[test]
fn restoring_over_something_is_refused() {
    let (dir, store) = (TempDir::new(), Store::memory());
    let mut stream = Vec::new();
    backup(&store, &mut stream).unwrap();
    let refused = restore(dir.path(), &mut &*stream);
    assert!(matches!(refused, Err(StoreError::NotADataDirectory { .. })), "{refused:?}");
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let (dir, store) = (TempDir::new(), Store::memory());
    fill(&store, 3, 20);
    let mut stream = Vec::new();
    backup(&store, &mut stream).unwrap();
    let refused = |stream: &[u8], what: String| {
        // Without a directory: only the reading counts, and it is quick.
        match store::check_backup(&mut &*stream) {
            Err(StoreError::BadBackup { .. }) => {}
            other => panic!("{what}: {other:?}"),
        }
    };
    for bit in 0..stream.len() * 8 {
        let mut flipped = stream.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&flipped, format!("bit {bit}"));
    }
    for bytes in 0..stream.len() {
        refused(&stream[..bytes], format!("cut to {bytes} bytes"));
    }
    let twice = [&stream[..], &stream[..]].concat();
    refused(&twice, "two in one".into());
    // And on disk nothing is left of a refused one.
    assert!(read_back(&dir, &stream[..stream.len() - 1]).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
