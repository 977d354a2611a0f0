//! Measures the store: `cargo run --release -p store --example bench [DIRECTORY] [SECONDS]`.
//!
//! Prints operations per second, and for the durable ones latency; opening times; memory.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use store::{Durability, Key, Options, RawTable, Scan, Store, StoreError};

const ROWS: RawTable = RawTable::new("bench/row");
const VALUE: [u8; 200] = [7; 200];

fn main() -> Result<(), StoreError> {
    let mut args = std::env::args().skip(1);
    let dir =
        args.next().map_or_else(|| std::env::temp_dir().join("gureum-store-bench"), PathBuf::from);
    let seconds = args.next().and_then(|text| text.parse().ok()).unwrap_or(5);
    drop(std::fs::remove_dir_all(&dir));

    println!("resident before opening: {} KiB", resident_kib());
    let store = open(&dir, "new directory")?;
    println!("resident after opening:  {} KiB", resident_kib());
    for clients in [1, 64] {
        let what = format!("durable puts of 200 bytes, {clients} clients");
        run(&what, clients, seconds, |n| put(&store, n, Durability::Sync));
    }
    run("buffered puts, 64 clients", 64, seconds, |n| put(&store, n, Durability::Buffered));
    run("gets, 1 client", 1, seconds, |n| {
        store.read(|tx| tx.get_raw(&ROWS, n.wrapping_mul(0x9E37_79B9) % 10_000)).map(|_| ())
    });
    run("scans of 10, 1 client", 1, seconds, |n| {
        let scan = Scan::all().ge(n.wrapping_mul(0x9E37_79B9) % 10_000).limit(10);
        store.read(|tx| tx.scan_raw(&ROWS, &scan, &mut |_, _| std::ops::ControlFlow::Continue(())))
    });
    drop(store);
    open(&dir, "closed directory")?;
    drop(std::fs::remove_dir_all(&dir));

    let memory = Store::memory();
    run("memory puts, 1 client", 1, seconds, |n| put(&memory, n, Durability::Sync));
    run("memory gets, 1 client", 1, seconds, |n| {
        memory.read(|tx| tx.get_raw(&ROWS, n)).map(|_| ())
    });
    Ok(())
}

fn put(store: &Store, n: u64, durability: Durability) -> Result<(), StoreError> {
    let key = Key::of(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 1_000_000);
    store.write_blocking(|tx| {
        tx.durability(durability);
        tx.put_raw(&ROWS, &key, VALUE.as_slice())
    })
}

#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn open(dir: &Path, what: &str) -> Result<Store, StoreError> {
    let start = now();
    let store = Store::open(dir, &Options::default())?;
    println!("{what}: opened in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(store)
}

fn run(what: &str, clients: u64, seconds: u64, act: impl Fn(u64) -> Result<(), StoreError> + Sync) {
    let (next, done, latencies) =
        (AtomicU64::new(0), AtomicBool::new(false), Mutex::new(Vec::new()));
    let (start, cpu) = (now(), cpu_seconds());
    std::thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| {
                let mut mine = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    let start = now();
                    if let Err(error) = act(next.fetch_add(1, Ordering::Relaxed)) {
                        println!("{what}: {error}");
                        break;
                    }
                    mine.push(start.elapsed());
                }
                latencies.lock().expect("no panic").append(&mut mine);
            });
        }
        std::thread::park_timeout(Duration::from_secs(seconds));
        done.store(true, Ordering::Relaxed);
    });
    let elapsed = start.elapsed().as_secs_f64();
    let mut latencies = latencies.into_inner().expect("no panic");
    latencies.sort_unstable();
    let count = latencies.len();
    let at = |part: f64| latencies.get((count as f64 * part) as usize).copied().unwrap_or_default();
    println!(
        "{what}: {:.0}/s, p50 {:?}, p99 {:?}, {:.1} us CPU each",
        count as f64 / elapsed,
        at(0.5),
        at(0.99),
        (cpu_seconds() - cpu) * 1e6 / count.max(1) as f64,
    );
}

/// User and system time of this process; from Linux, 0 elsewhere.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}
