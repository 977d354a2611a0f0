//! Kills a writing process again and again and looks at what it left.
//!
//! The child is this same program. It writes from several threads, and after each acknowledgement
//! prints what was acknowledged. The parent kills it with SIGKILL at a random moment, often damages
//! what lies behind the acknowledged end of the journal, opens the data directory and checks: every
//! acknowledged transaction is there, no transaction is there in part, and nothing follows a gap.
//!
//! `GUREUM_CRASH_ROUNDS` sets the number of rounds (25 if unset), `GUREUM_CRASH_SEED` the first seed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use store::{Key, Options, RawTable, Scan, Store, StoreError, Table, verify};

#[expect(dead_code, reason = "shared with the other test program")]
#[path = "main/support.rs"]
mod support;
use support::{Dice, TempDir, block_on, journal_end};

const CHILD_DIR: &str = "GUREUM_CRASH_CHILD_DIR";
const CHILD_CLEARS: &str = "GUREUM_CRASH_CHILD_CLEARS";
const THREADS: u64 = 4;
/// So many newest rows of each thread are kept.
const KEPT: u64 = 40;

/// Transaction `(thread, n)` writes one row in both, notes `n`, and emits an event.
const LEFT: RawTable = RawTable::new("crash/left");
const RIGHT: RawTable = RawTable::new("crash/right");
const LAST: Table<u64> = Table::new("crash/last");

fn options() -> Options {
    // Small, so that flushes and compactions happen all the time.
    Options { memtable_bytes: 128 * 1024, ..Options::default() }
}

/// The bytes of transaction `(thread, n)`, so that a mixed-up value is noticed.
fn value(thread: u64, n: u64) -> Vec<u8> {
    let mut dice = Dice::new(thread << 32 | n);
    let bytes = if dice.once_in(30) { dice.below(40_000) } else { dice.below(600) };
    (0..bytes).map(|_| dice.next() as u8).collect()
}

/// Does nothing unless started by a test below.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let store = Store::open(dir, &options()).unwrap();
    if std::env::var(CHILD_CLEARS).is_ok() {
        write_and_clear(&store);
    }
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let store = &store;
            scope.spawn(move || {
                loop {
                    let n = write_next(store, thread).unwrap();
                    say(format!("{thread} {n}\n"));
                }
            });
        }
    });
}

fn write_next(store: &Store, thread: u64) -> Result<u64, StoreError> {
    store.write_blocking(|tx| {
        let n = tx.get(&LAST, thread)?.unwrap_or(0) + 1;
        tx.put(&LAST, thread, &n)?;
        tx.put_raw(&LEFT, (thread, n), value(thread, n))?;
        tx.put_raw(&RIGHT, (thread, n), value(thread, n))?;
        if n > KEPT {
            // Old rows go, so that there are deletions as well.
            tx.delete(&LEFT, (thread, n - KEPT))?;
            tx.delete(&RIGHT, (thread, n - KEPT))?;
        }
        tx.emit("crash", "k", &(thread, n))?;
        Ok(n)
    })
}

fn write_and_clear(store: &Store) {
    let mut dice = Dice::new(store.seq());
    loop {
        let n = write_next(store, 0).unwrap();
        say(format!("0 {n}\n"));
        if dice.once_in(8) {
            say("clearing 0\n".into());
            block_on(store.clear()).unwrap();
            say("cleared 0\n".into());
        }
    }
}

/// One system call, so that a line is never torn by the kill.
fn say(line: String) {
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Lets the child write for a while and kills it; returns what it said.
fn run_child(dir: &Path, clears: bool, dice: &mut Dice) -> Vec<(String, u64)> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--nocapture", "--test-threads=1"]).env(CHILD_DIR, dir);
    if clears {
        command.env(CHILD_CLEARS, "1");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut left = 1 + dice.below(150);
    let mut killed = false;
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some((who, n)) = line.split_once(' ')
            && let Ok(n) = n.parse::<u64>()
        {
            said.push((who.to_owned(), n));
            left = left.saturating_sub(1);
        }
        if left == 0 && !killed {
            // A little later than the line, at any point of the next commit.
            (0..dice.below(100_000)).for_each(|n| _ = std::hint::black_box(n));
            child.kill().unwrap();
            killed = true;
        }
    }
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    child.wait().unwrap();
    assert!(killed, "the child ended by itself: {error}");
    said
}

/// Rows of one thread: transactions up to `LAST`, the newest `KEPT` of them with both rows.
fn check_thread(store: &Store, thread: u64) -> u64 {
    store.read(|tx| {
        let last = tx.get(&LAST, thread).unwrap().unwrap_or(0);
        let first = last.saturating_sub(KEPT) + 1;
        for table in [&LEFT, &RIGHT] {
            let mut next = first;
            tx.scan_raw(table, &Scan::prefix(thread), &mut |key, bytes| {
                assert_eq!(key, Key::of((thread, next)).as_bytes(), "gap, or half a transaction");
                assert_eq!(bytes, value(thread, next), "wrong value in {thread} {next}");
                next += 1;
                ControlFlow::Continue(())
            })
            .unwrap();
            assert_eq!(next, last + 1, "rows of thread {thread} end early");
        }
        last
    })
}

/// Every transaction of every thread has its event, in order.
fn check_events(store: &Store) {
    let mut next = BTreeMap::new();
    for event in store.read(|tx| tx.events(None, usize::MAX)).unwrap() {
        let (thread, n): (u64, u64) = event.payload().unwrap();
        assert_eq!(*next.entry(thread).or_insert(1), n, "event out of order");
        *next.entry(thread).or_default() += 1;
    }
    for (thread, next) in next {
        assert_eq!(store.read(|tx| tx.get(&LAST, thread)).unwrap(), Some(next - 1));
    }
}

/// What a power failure could leave behind the end of the journal: never acknowledged.
fn damage_tail(dir: &Path, dice: &mut Dice) -> &'static str {
    let journal = newest_journal(dir);
    let mut bytes = std::fs::read(&journal).unwrap();
    // Ends with the magic number of the last batch; zeros were allocated ahead.
    bytes.truncate(journal_end(&bytes));
    let what = match dice.below(6) {
        0 => return "nothing",
        1 => "allocated zeros cut off",
        2 => {
            bytes.extend((0..dice.below(5_000)).map(|_| dice.next() as u8));
            "garbage"
        }
        3 => {
            let tag = 1 + dice.below(4) as u8;
            bytes.push(tag);
            bytes.extend((0..dice.below(50)).map(|_| dice.next() as u8));
            "garbage like an entry"
        }
        _ => {
            let batch = last_batch(&bytes, dice);
            let start = bytes.len();
            bytes.extend_from_slice(&batch);
            // Behind the header: a copy of an *old* batch under a *new* number is no crash, but
            // forgery (and is refused, by the number of the last commit).
            let at = start + 13 + dice.below(batch.len() as u64 - 13) as usize;
            if dice.once_in(2) {
                bytes.truncate(at);
                "a batch cut off"
            } else {
                bytes[at] ^= 1 << dice.below(8);
                "a batch with a flipped bit"
            }
        }
    };
    std::fs::write(&journal, bytes).unwrap();
    what
}

/// A copy of something that looks like the last batch: from some batch start to the end.
fn last_batch(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let magic = b"FJL\x03\x01";
    let starts: Vec<_> =
        bytes.windows(5).enumerate().filter(|(_, window)| window == magic).collect();
    match starts.len() {
        0 => bytes.to_vec(),
        count => {
            bytes[starts[count - 1 - dice.below(3.min(count as u64)) as usize].0 + 4..].to_vec()
        }
    }
}

fn newest_journal(dir: &Path) -> PathBuf {
    let names = std::fs::read_dir(dir.join("engine")).unwrap().map(|entry| entry.unwrap().path());
    let journals = names.filter(|path| path.extension().is_some_and(|ext| ext == "jnl"));
    journals
        .max_by_key(|path| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap())
        .unwrap()
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn acknowledged_commits_survive() {
    let (rounds, seed) = (number("GUREUM_CRASH_ROUNDS", 25), number("GUREUM_CRASH_SEED", 1));
    let mut dice = Dice::new(seed);
    let mut tails = BTreeMap::<_, u64>::new();
    let mut dir = TempDir::new();
    let mut acknowledged = 0;
    for round in 0..rounds {
        // Several lives on one directory, so that files of many ages come together.
        if dice.once_in(8) {
            dir = TempDir::new();
        }
        let mut promised = BTreeMap::new();
        for (thread, n) in run_child(&dir.data(), false, &mut dice) {
            promised.insert(thread.parse::<u64>().unwrap(), n);
            acknowledged += 1;
        }
        let tail = damage_tail(&dir.data(), &mut dice);
        *tails.entry(tail).or_default() += 1;
        let store = Store::open(dir.data(), &options())
            .unwrap_or_else(|error| panic!("round {round}, seed {seed}, tail: {tail}: {error}"));
        for thread in 0..THREADS {
            let (last, promised) = (check_thread(&store, thread), promised.get(&thread));
            let promised = promised.copied().unwrap_or(0);
            assert!(
                last == promised || last == promised + 1 || promised == 0,
                "round {round}, seed {seed}, tail: {tail}: thread {thread} has {last}, was promised {promised}"
            );
        }
        check_events(&store);
        verify(&store).unwrap();
        if dice.once_in(10) {
            store.close().unwrap();
        }
    }
    println!("{rounds} kills, {acknowledged} acknowledged commits, all found; tails: {tails:?}");
}

#[test]
fn clearing_is_all_or_nothing() {
    let mut dice = Dice::new(number("GUREUM_CRASH_SEED", 1));
    let dir = TempDir::new();
    for round in 0..number("GUREUM_CRASH_ROUNDS", 25) / 5 {
        let said = run_child(&dir.data(), true, &mut dice);
        let store = Store::open(dir.data(), &options()).unwrap();
        let last = check_thread(&store, 0);
        check_events(&store);
        let before = said.iter().rev().find(|(who, _)| who == "0").map_or(0, |(_, n)| *n);
        let fits = match said.last().map(|(who, _)| who.as_str()) {
            Some("clearing") => last == before || last == 0,
            Some("cleared") => last <= 1,
            _ => last == before || last == before + 1 || said.is_empty(),
        };
        assert!(fits, "round {round}: found {last} after {:?}", said.last());
        verify(&store).unwrap();
    }
}
