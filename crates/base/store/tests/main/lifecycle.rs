//! Opening, closing, clearing, versions and locks.

use std::sync::atomic::{AtomicBool, Ordering};

use store::{Migration, Options, Scan, Store, StoreError, Table, verify};

use crate::support::{TempDir, block_on, open, stores};

const NUMBERS: Table<u64> = Table::new("test/number");

fn clear(store: &Store) {
    block_on(store.clear()).unwrap();
}

#[test]
fn content_survives_closing_and_dropping() {
    let dir = TempDir::new();
    for n in 0..6u64 {
        let store = open(&dir);
        assert_eq!(store.read(|tx| tx.scan(&NUMBERS, Scan::all())).unwrap().len(), n as usize);
        store.write_blocking(|tx| tx.put(&NUMBERS, n, &n)).unwrap();
        if n % 2 == 0 {
            store.close().unwrap();
            let refused = store.write_blocking(|tx| tx.put(&NUMBERS, n, &n));
            assert!(matches!(refused, Err(StoreError::Closed)));
            assert_eq!(store.read(|tx| tx.get(&NUMBERS, n)).unwrap(), Some(n), "still readable");
            store.close().unwrap();
        }
    }
}

#[test]
fn timer_names_never_repeat() {
    let dir = TempDir::new();
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let store = open(&dir);
        assert!(ids.insert(store.write_blocking(|tx| tx.schedule(1, "t", &())).unwrap()));
        clear(&store);
        assert!(ids.insert(store.write_blocking(|tx| tx.schedule(1, "t", &())).unwrap()));
    }
}

#[test]
fn one_process_at_a_time() {
    let dir = TempDir::new();
    let store = open(&dir);
    match Store::open(dir.data(), &Options::default()) {
        Err(error @ StoreError::Locked { .. }) => {
            assert!(error.to_string().contains(&format!("process {}", std::process::id())));
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    drop(store);
    open(&dir);
}

#[test]
fn foreign_directories_are_left_alone() {
    let dir = TempDir::new();
    std::fs::write(dir.path().join("holiday.jpg"), "x").unwrap();
    let refused = Store::open(dir.path(), &Options::default()).map(|_| ());
    assert!(matches!(refused, Err(StoreError::NotADataDirectory { .. })), "{refused:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn migrations_run_once_and_newer_data_is_refused() {
    const TEN: &[Migration] = &[
        Migration { name: "add ten", run: |tx| add(tx, 10) },
        Migration { name: "add a hundred", run: |tx| add(tx, 100) },
    ];
    fn add(tx: &mut store::WriteTx, by: u64) -> Result<(), StoreError> {
        let n = tx.get(&NUMBERS, "n")?.unwrap_or(0);
        tx.put(&NUMBERS, "n", &(n + by))
    }
    let dir = TempDir::new();
    let with = |migrations| Store::open(dir.data(), &Options { migrations, ..Options::default() });
    with(&[]).unwrap().write_blocking(|tx| tx.put(&NUMBERS, "n", &1)).unwrap();
    for (migrations, expected) in [(&TEN[..1], 11), (TEN, 111), (TEN, 111)] {
        let store = with(migrations).unwrap();
        assert_eq!(store.read(|tx| tx.get(&NUMBERS, "n")).unwrap(), Some(expected));
        clear_keeps_versions(&store, expected);
    }
    let refused = with(&TEN[..1]).map(|_| ());
    assert!(
        matches!(refused, Err(StoreError::NewerFormat { what: "schema", found: 2, supported: 1 })),
        "{refused:?}"
    );
    std::fs::write(dir.data().join("gureum-store"), "gureum-store layout 2\n").unwrap();
    let refused = with(TEN).map(|_| ());
    assert!(matches!(refused, Err(StoreError::NewerFormat { what: "layout", .. })), "{refused:?}");
}

fn clear_keeps_versions(store: &Store, n: u64) {
    clear(store);
    store.write_blocking(|tx| tx.put(&NUMBERS, "n", &n)).unwrap();
}

#[test]
fn clearing_is_fast_and_leaves_old_readers_alone() {
    for (_dir, store) in stores() {
        store.write_blocking(|tx| (0..5_000u64).try_for_each(|n| tx.put(&NUMBERS, n, &n))).unwrap();
        store.write_blocking(|tx| tx.emit("t", "k", &1)).unwrap();
        store.read(|old| {
            clear(&store);
            assert_eq!(old.scan(&NUMBERS, Scan::all()).unwrap().len(), 5_000);
        });
        assert_eq!(store.read(|tx| tx.scan(&NUMBERS, Scan::all())).unwrap().len(), 0);
        assert_eq!(store.read(|tx| tx.events(None, 1)).unwrap().len(), 0);
        store.write_blocking(|tx| tx.put(&NUMBERS, 1u64, &1)).unwrap();
        let rows = verify(&store).unwrap().rows;
        assert_eq!(rows.get("test/number"), Some(&1));
    }
}

/// Every transaction writes a pair; clearing in between must never leave half of one.
#[test]
fn clearing_races_with_writers() {
    for (_dir, store) in stores() {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for thread in 0..3u64 {
                let (store, done) = (&store, &done);
                scope.spawn(move || {
                    let mut n = 0u64;
                    while !done.load(Ordering::Relaxed) {
                        n += 1;
                        store
                            .write_blocking(|tx| {
                                tx.durability(store::Durability::Buffered);
                                let before = tx.scan(&NUMBERS, Scan::prefix(thread))?.len();
                                assert_eq!(before % 2, 0);
                                tx.put(&NUMBERS, (thread, n, "a"), &n)?;
                                tx.put(&NUMBERS, (thread, n, "b"), &n)
                            })
                            .unwrap();
                    }
                });
            }
            for _ in 0..20 {
                let seq = store.seq();
                clear(&store);
                assert!(store.seq() > seq);
                assert_eq!(store.read(|tx| tx.scan(&NUMBERS, Scan::all())).unwrap().len() % 2, 0);
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else() {
    let dir = TempDir::new();
    open(&dir).write_blocking(|tx| tx.put(&NUMBERS, 1u64, &1)).unwrap();
    let full = Options { reserve_bytes: u64::MAX / 2, ..Options::default() };
    let store = Store::open(dir.data(), &full).unwrap();
    for _ in 0..2 {
        let refused = store.write_blocking(|tx| tx.put(&NUMBERS, 2u64, &2)).unwrap_err();
        assert!(matches!(refused, StoreError::DiskFull { .. }), "{refused}");
        assert_eq!(store.read(|tx| tx.get(&NUMBERS, 1u64)).unwrap(), Some(1));
        assert_eq!(store.read(|tx| tx.get(&NUMBERS, 2u64)).unwrap(), None);
    }
    store.close().unwrap();
    drop(store);
    let store = open(&dir);
    store.write_blocking(|tx| tx.put(&NUMBERS, 2u64, &2)).unwrap();
    assert_eq!(store.read(|tx| tx.scan(&NUMBERS, Scan::all())).unwrap().len(), 2);
}
