//! `gureum dynamodb import`: puts the items of a file into a table.

use std::io::BufRead;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::args::Import;
use super::convert::Converter;
use super::progress::Progress;
use super::records::{self, Record, Records};
use super::table::{self, Described};
use super::writer::{self, Row, Shared};
use crate::client::Cloud;
use crate::{Failure, status};

/// Rows that wait for each writer; each perhaps as large as an item may be.
const QUEUE_ROWS: usize = 32;

/// What an import did.
struct Done {
    records: u64,
    rejected: u64,
}

/// Imports a file.
pub fn import(import: &Import, json: bool) -> Result<ExitCode, Failure> {
    let cloud = status::cloud(&import.target)?;
    let input = records::open(&import.file)?;
    let rejects = import
        .rejects
        .as_deref()
        .map(|file| writer::rejects(file).map_err(|e| Failure::of(file.display(), e)));
    let shared = Shared::new(rejects.transpose()?);
    if import.create {
        table::create(&cloud, import)?;
    }
    let table = table::describe(&cloud, &import.table)?;
    let mut records = Records::new(input.text);
    let (converter, first) = Converter::new(import, &table, &mut records)
        .map_err(|Failure(why)| Failure::of(import.file.display(), why))?;
    let mut progress = Progress::new();
    let mut seen = |shared: &Shared| {
        let problems = shared.take_problems();
        if !problems.is_empty() {
            progress.clear();
            problems.iter().for_each(|problem| eprintln!("gureum: {problem}"));
        }
        let done = shared.done.load(Ordering::Relaxed);
        let read = input.read.load(Ordering::Relaxed);
        progress.show(read, input.bytes, || format!("{done} lines"));
    };
    let from = Source { import, table: &table, converter: &converter, first };
    let read = run(&cloud, from, &mut records, &shared, &mut seen);
    progress.clear();
    shared.take_problems().iter().for_each(|problem| eprintln!("gureum: {problem}"));
    let next = records.line();
    report(import, &shared, read?, next, json)
}

/// Where rows come from.
struct Source<'a> {
    import: &'a Import,
    table: &'a Described,
    converter: &'a Converter,
    first: Option<Record>,
}

/// Reads all records and has them written; answers how many there were.
fn run<R: BufRead>(
    cloud: &Cloud,
    mut from: Source<'_>,
    records: &mut Records<R>,
    shared: &Shared,
    seen: &mut dyn FnMut(&Shared),
) -> Result<u64, Failure> {
    thread::scope(|scope| {
        let writers: Vec<SyncSender<Row>> = (0..from.import.parallel)
            .map(|_| {
                let (sender, rows) = sync_channel(QUEUE_ROWS);
                scope.spawn(move || writer::write(cloud, from.table, &rows, shared));
                sender
            })
            .collect();
        let mut count = 0;
        let first = from.first.take().map(|first| Ok(Ok(first)));
        let mut next = first.or_else(|| records.next());
        while let Some(record) = next {
            seen(shared);
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    shared.fail(format!("{}: {error}", from.import.file.display()));
                    break;
                }
            };
            count += send(&from, record, &writers, shared);
            if shared.is_stopped.load(Ordering::Relaxed) {
                break;
            }
            next = records.next();
        }
        Ok(count)
    })
}

/// Gives a record to its writer; answers 1 if it is one of those to import.
fn send(
    from: &Source<'_>,
    record: Result<Record, records::Bad>,
    writers: &[SyncSender<Row>],
    shared: &Shared,
) -> u64 {
    let (line, text, item) = match record {
        Ok(Record { line, text }) => {
            if line < from.import.from_line {
                return 0;
            }
            let item = from.converter.item(&text);
            (line, text, item)
        }
        Err(bad) if bad.line < from.import.from_line => return 0,
        Err(bad) => (bad.line, String::new(), Err(bad.why)),
    };
    match item {
        Ok(item) => {
            let key = from.table.key_of(&item);
            // The same key always has the same writer.
            let hash = Sha256::digest(key.as_bytes());
            let writer = usize::from(u16::from_be_bytes([hash[0], hash[1]])) % writers.len();
            // A writer ends only after this thread has dropped the channel.
            let _ = writers[writer].send(Row { line, text, key, item });
        }
        Err(why) => shared.reject(line, &text, &why),
    }
    1
}

fn report(
    import: &Import,
    shared: &Shared,
    records: u64,
    next: u64,
    json: bool,
) -> Result<ExitCode, Failure> {
    let (rejected, failure, unwritten) = shared.outcome();
    if let Some(why) = failure {
        let line = unwritten.unwrap_or(next);
        return Err(Failure(format!(
            "{why}\nEverything before line {line} is imported; --from-line {line} goes on there."
        )));
    }
    let done = Done { records, rejected };
    let imported = done.records - done.rejected;
    if json {
        println!(
            "{}",
            json!({ "table": import.table, "imported": imported, "rejected": done.rejected })
        );
    } else {
        println!("{} lines were imported into {}.", imported, import.table);
        if done.rejected > 0 {
            let place = import.rejects.as_ref();
            let place = place.map_or_else(
                || "--rejects FILE keeps such lines".to_owned(),
                |file| format!("they are in {}", file.display()),
            );
            eprintln!("gureum: {} lines were not imported; {place}.", done.rejected);
        }
    }
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
