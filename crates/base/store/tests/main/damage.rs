//! Damage to what was acknowledged is refused, at opening or at reading; never believed.
//! `GUREUM_DAMAGE_FLIPS` sets how many bits of random files are flipped (50 each, if unset).

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use store::{Options, RawTable, Scan, Store, StoreError, verify};

use crate::support::{Dice, TempDir, journal_end, open};

const ROWS: RawTable = RawTable::new("test/row");

fn value(n: u64) -> Vec<u8> {
    (0..50 + n % 100).map(|at| (n * 7 + at) as u8).collect()
}

/// Writes 60 commits and leaves the directory as a killed process would, or closed.
fn write(dir: &TempDir, close: bool) {
    let store = open(dir);
    for n in 0..60 {
        store.write_blocking(|tx| tx.put_raw(&ROWS, n, value(n))).unwrap();
    }
    if close {
        store.close().unwrap();
        return;
    }
    kill(dir, store);
}

/// The engine cannot be stopped without closing, so its files are copied while it is open: as often
/// as its background work changes them meanwhile, since a kill leaves the files of one moment.
fn kill(dir: &TempDir, store: Store) {
    let killed = dir.path().join("killed");
    let mut before = facts(&dir.data());
    for attempt in 0.. {
        assert!(attempt < 100, "the engine never rests");
        let copied = copy(&dir.data(), &killed);
        let after = facts(&dir.data());
        if copied.is_ok() && before == after {
            break;
        }
        before = after;
        std::fs::remove_dir_all(&killed).unwrap();
    }
    drop(store);
    std::fs::remove_dir_all(dir.data()).unwrap();
    std::fs::rename(dir.path().join("killed"), dir.data()).unwrap();
}

/// Every file's path, length and time of change; files that vanish meanwhile are left out.
fn facts(dir: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut names = Vec::new();
    files(dir, &mut names);
    let fact = |name: PathBuf| {
        let meta = name.metadata().ok()?;
        Some((name, meta.len(), meta.modified().ok()?))
    };
    names.into_iter().filter_map(fact).collect()
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if target.extension().is_some_and(|ext| ext == "jnl") {
            // Without the zeros allocated ahead, which make 64 MiB.
            let bytes = std::fs::read(entry.path())?;
            std::fs::write(target, &bytes[..journal_end(&bytes)])?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// Everything is there and right, or the error that says otherwise.
fn look(dir: &Path) -> Result<(), StoreError> {
    let store = Store::open(dir, &Options::default())?;
    verify(&store)?;
    store.read(|tx| {
        for n in 0..60 {
            let found = tx.get_raw(&ROWS, n)?;
            assert_eq!(found.as_deref(), Some(&value(n)[..]), "row {n} is wrong, and no error");
        }
        let mut rows = 0;
        tx.scan_raw(&ROWS, &Scan::all(), &mut |_, _| {
            rows += 1;
            std::ops::ControlFlow::Continue(())
        })?;
        assert_eq!(rows, 60);
        Ok(())
    })
}

#[test]
fn any_flipped_bit_in_the_acknowledged_journal_is_refused() {
    let dir = TempDir::new();
    write(&dir, false);
    let journal = dir.data().join("engine/0.jnl");
    let sound = std::fs::read(&journal).unwrap();
    let sound = &sound[..journal_end(&sound)];
    let mut dice = Dice::new(3);
    for _ in 0..150 {
        let (at, bit) = (dice.below(sound.len() as u64) as usize, dice.below(8));
        let mut flipped = sound.to_vec();
        flipped[at] ^= 1 << bit;
        std::fs::write(&journal, flipped).unwrap();
        let refused = look(&dir.data());
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "byte {at}: {refused:?}");
    }
    for _ in 0..20 {
        let bytes = dice.below(sound.len() as u64) as usize;
        std::fs::write(&journal, &sound[..bytes]).unwrap();
        let refused = look(&dir.data());
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "cut to {bytes}: {refused:?}");
    }
    std::fs::remove_file(&journal).unwrap();
    assert!(matches!(look(&dir.data()), Err(StoreError::Damaged { .. })));
    // Refusing changed nothing: with the right bytes back, all is well.
    std::fs::write(&journal, sound).unwrap();
    look(&dir.data()).unwrap();
}

#[test]
fn salvage_opens_what_is_readable() {
    let dir = TempDir::new();
    write(&dir, false);
    let journal = dir.data().join("engine/0.jnl");
    let sound = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, &sound[..journal_end(&sound) / 2]).unwrap();
    let options = Options { salvage: true, ..Options::default() };
    let store = Store::open(dir.data(), &options).unwrap();
    let rows = verify(&store).unwrap().rows["test/row"];
    assert!((10..50).contains(&rows), "{rows}");
    for n in 0..rows {
        let found = store.read(|tx| tx.get_raw(&ROWS, n)).unwrap();
        assert_eq!(found.as_deref(), Some(&value(n)[..]));
    }
    drop(store);
    // The loss was accepted; from now on the directory is sound.
    let store = open(&dir);
    assert_eq!(verify(&store).unwrap().rows["test/row"], rows);
}

#[test]
fn a_lost_watermark_is_refused_and_can_be_salvaged() {
    let damages: [fn(&Path); 3] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| std::fs::write(path, "x").unwrap(),
        |path| std::fs::write(path, [0; 1024]).unwrap(),
    ];
    for damage in damages {
        let dir = TempDir::new();
        write(&dir, true);
        damage(&dir.data().join("watermark"));
        assert!(matches!(look(&dir.data()), Err(StoreError::Damaged { .. })));
        let options = Options { salvage: true, ..Options::default() };
        drop(Store::open(dir.data(), &options).unwrap());
        look(&dir.data()).unwrap();
    }
}

/// The engine begins a new journal after 64 MB; what is promised covers that one as well.
#[test]
fn a_new_journal_is_followed() {
    let dir = TempDir::new();
    // One memtable for all of it, since table files take their time without optimisation.
    let options = Options { memtable_bytes: 64_000_000, ..Options::default() };
    let store = Store::open(dir.data(), &options).unwrap();
    let big = |n: u64| vec![n as u8; 4_000_000];
    let (journals, mut rows) = ([0, 1].map(|n| dir.data().join(format!("engine/{n}.jnl"))), 0);
    while !journals[1].exists() {
        assert!(rows < 50, "still the first journal");
        store.write_blocking(|tx| tx.put_raw(&ROWS, rows, big(rows))).unwrap();
        rows += 1;
    }
    for _ in 0..3 {
        store.write_blocking(|tx| tx.put_raw(&ROWS, rows, big(rows))).unwrap();
        rows += 1;
    }
    kill(&dir, store);
    let sound = std::fs::read(&journals[1]).unwrap();
    let mut flipped = sound.clone();
    let middle = sound.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&journals[1], flipped).unwrap();
    let refused = Store::open(dir.data(), &Options::default()).map(drop);
    assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{refused:?}");
    std::fs::write(&journals[1], sound).unwrap();
    let store = open(&dir);
    for n in 0..rows {
        let found = store.read(|tx| tx.get_raw(&ROWS, n)).unwrap();
        assert_eq!(found.as_deref(), Some(&big(n)[..]));
    }
}

/// One flipped bit somewhere. Either it does not matter, or somebody says so. Returns how often.
fn check_flips(close: bool, seed: u64, flips: u64, choose: fn(&Path) -> bool) -> u64 {
    let dir = TempDir::new();
    write(&dir, close);
    let sound = dir.path().join("sound");
    std::fs::rename(dir.data(), &sound).unwrap();
    let mut names = Vec::new();
    files(&sound, &mut names);
    names.retain(|name| name.metadata().unwrap().len() > 0 && choose(name));
    let mut dice = Dice::new(seed);
    let mut found = 0;
    for _ in 0..flips {
        drop(std::fs::remove_dir_all(dir.data()));
        copy(&sound, &dir.data()).unwrap();
        let name = names[dice.below(names.len() as u64) as usize].strip_prefix(&sound).unwrap();
        let path = dir.data().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let end = match name.extension() {
            Some(_) => journal_end(&bytes),
            None => bytes.len(),
        };
        let (at, bit) = (dice.below(end as u64) as usize, dice.below(8));
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| look(&dir.data())));
        let outcome =
            outcome.unwrap_or_else(|_| panic!("{}: byte {at}, bit {bit}", name.display()));
        found += u64::from(outcome.is_err());
    }
    found
}

#[test]
fn a_flipped_bit_in_any_file_is_found_or_harmless() {
    let flips = std::env::var("GUREUM_DAMAGE_FLIPS").ok().and_then(|text| text.parse().ok());
    let flips = flips.unwrap_or(50);
    for (close, seed) in [(true, 5), (false, 6)] {
        assert!(check_flips(close, seed, flips, |_| true) > flips / 5);
    }
}

#[test]
fn a_flipped_bit_in_what_the_engine_reads_is_found() {
    let read = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("tables"));
    assert_eq!(check_flips(true, 7, 40, read), 40);
    let read = |path: &Path| path.ends_with("current");
    // Not the last byte, which names the only kind of checksum there is.
    assert!(check_flips(true, 8, 40, read) >= 35);
}
