//! Writes rows of an import in batches, several at once.
//!
//! Rows with the same key go to the same writer and keep their order, so the last one of a file
//! wins. A batch that the cloud refuses is written item by item, which finds the rows at fault.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::table::Described;
use super::{ATTEMPTS_MAX, call, pause};
use crate::client::{Cloud, CloudError};

/// BatchWriteItem takes no more.
const BATCH_ITEMS_MAX: usize = 25;
/// Well below what a request may have, in bytes of the file.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// Further problems are counted only.
const PROBLEMS_SHOWN_MAX: u64 = 20;

/// A record that became an item.
pub struct Row {
    /// The number of its line.
    pub line: u64,
    /// It, as it was in the file.
    pub text: String,
    /// See [`Described::key_of`].
    pub key: String,
    /// The item.
    pub item: Map<String, Value>,
}

/// What all threads of an import share.
pub struct Shared {
    /// Whether to write no more.
    pub is_stopped: AtomicBool,
    /// Records that were written or rejected.
    pub done: AtomicU64,
    state: Mutex<State>,
}

struct State {
    rejected: u64,
    rejects: Option<File>,
    problems: Vec<String>,
    failure: Option<String>,
    /// The first line that is known not to be written.
    unwritten: Option<u64>,
}

impl Shared {
    /// `rejects` takes the lines that could not be imported.
    pub fn new(rejects: Option<File>) -> Shared {
        let state =
            State { rejected: 0, rejects, problems: Vec::new(), failure: None, unwritten: None };
        Shared {
            is_stopped: AtomicBool::new(false),
            done: AtomicU64::new(0),
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a record that cannot be imported.
    pub fn reject(&self, line: u64, text: &str, why: &str) {
        self.done.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        state.rejected += 1;
        if state.rejected <= PROBLEMS_SHOWN_MAX {
            state.problems.push(format!("line {line}: {why}"));
        }
        let written = state.rejects.as_mut().map(|file| writeln!(file, "{text}"));
        if let Some(Err(error)) = written {
            self.stop(&mut state, format!("the file of rejects: {error}"));
        }
    }

    /// Ends the import.
    pub fn fail(&self, why: String) {
        self.stop(&mut self.lock(), why);
    }

    fn stop(&self, state: &mut State, why: String) {
        state.failure.get_or_insert(why);
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Notes a line that will not be written.
    pub fn unwritten(&self, line: u64) {
        let mut state = self.lock();
        state.unwritten = Some(state.unwritten.map_or(line, |known| known.min(line)));
    }

    /// Problems that nobody has taken yet.
    pub fn take_problems(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().problems)
    }

    /// How many records were rejected, why the import ended early, and from which line on it has
    /// to be done again.
    pub fn outcome(&self) -> (u64, Option<String>, Option<u64>) {
        let state = self.lock();
        (state.rejected, state.failure.clone(), state.unwritten)
    }
}

/// Opens the file of rejects, which must not exist.
pub fn rejects(file: &std::path::Path) -> io::Result<File> {
    File::options().write(true).create_new(true).open(file)
}

/// Writes the rows of a channel until it ends.
pub fn write(cloud: &Cloud, table: &Described, rows: &Receiver<Row>, shared: &Shared) {
    let mut batch: Vec<Row> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        if shared.is_stopped.load(Ordering::Relaxed) {
            shared.unwritten(row.line);
            continue;
        }
        bytes += row.text.len();
        // A batch must not have two items of the same key.
        if let Some(earlier) = batch.iter().position(|known| known.key == row.key) {
            batch.remove(earlier);
            shared.done.fetch_add(1, Ordering::Relaxed);
        }
        batch.push(row);
        if batch.len() == BATCH_ITEMS_MAX || bytes >= BATCH_BYTES_MAX {
            flush(cloud, table, std::mem::take(&mut batch), shared);
            bytes = 0;
        }
    }
    match shared.is_stopped.load(Ordering::Relaxed) {
        true => batch.iter().for_each(|row| shared.unwritten(row.line)),
        false => flush(cloud, table, batch, shared),
    }
}

/// Writes a batch, whatever it takes.
fn flush(cloud: &Cloud, table: &Described, mut batch: Vec<Row>, shared: &Shared) {
    let mut attempt = 1;
    while !batch.is_empty() {
        let puts: Vec<Value> =
            batch.iter().map(|row| json!({ "PutRequest": { "Item": row.item } })).collect();
        let answer =
            call(cloud, "BatchWriteItem", &json!({ "RequestItems": { &table.name: puts } }));
        match answer {
            Ok(answer) => {
                let left = left(table, &answer);
                let before = batch.len();
                batch.retain(|row| left.contains(&row.key));
                shared.done.fetch_add((before - batch.len()) as u64, Ordering::Relaxed);
                if batch.is_empty() {
                    return;
                }
                if attempt == ATTEMPTS_MAX {
                    shared.fail("the table takes no more items".into());
                    return batch.iter().for_each(|row| shared.unwritten(row.line));
                }
                pause(attempt);
                attempt += 1;
            }
            Err(error) if is_of_items(&error) => return one_by_one(cloud, table, &batch, shared),
            Err(error) => {
                shared.fail(error.to_string());
                return batch.iter().for_each(|row| shared.unwritten(row.line));
            }
        }
    }
}

/// The keys of the items that were not written.
fn left(table: &Described, answer: &Value) -> Vec<String> {
    let requests = answer["UnprocessedItems"][&table.name].as_array();
    let items = requests.into_iter().flatten().map(|request| &request["PutRequest"]["Item"]);
    items.filter_map(Value::as_object).map(|item| table.key_of(item)).collect()
}

fn one_by_one(cloud: &Cloud, table: &Described, batch: &[Row], shared: &Shared) {
    for (i, row) in batch.iter().enumerate() {
        let put = json!({ "TableName": table.name, "Item": row.item });
        match call(cloud, "PutItem", &put) {
            Ok(_) => {
                shared.done.fetch_add(1, Ordering::Relaxed);
            }
            Err(CloudError::Refused { code, message })
                if is_of_items(&CloudError::Refused {
                    code: code.clone(),
                    message: String::new(),
                }) =>
            {
                shared.reject(
                    row.line,
                    &row.text,
                    &if message.is_empty() { code } else { message },
                );
            }
            Err(error) => {
                shared.fail(error.to_string());
                return batch[i..].iter().for_each(|row| shared.unwritten(row.line));
            }
        }
    }
}

/// Whether the items are to blame, and not the table, the key or the connection.
fn is_of_items(error: &CloudError) -> bool {
    let CloudError::Refused { code, .. } = error else { return false };
    matches!(
        code.rsplit('#').next().unwrap_or_default(),
        "ValidationException"
            | "SerializationException"
            | "ItemCollectionSizeLimitExceededException"
    )
}
