//! Reads one object of a bulk operation.

use std::time::Duration;

use bytes::Bytes;
use kernel::Ctx;

use super::pace::Pace;
use super::put::{self, Entry, Halt, Part};
use super::work::{Bulk, Stop, answered, failed};
use super::{BulkRecord, State, record};
use crate::transfer::import::Format;
use crate::transfer::import::records::{NotCompressed, Record, Splitter};

/// Records of one commit at most, and bytes after which a commit has enough.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;
/// While it waits for its pace, it looks so often whether it is to end.
const LOOK: Duration = Duration::from_millis(250);

pub(super) struct Reader<'a> {
    ctx: &'a Ctx,
    job: &'a Bulk,
    pace: &'a mut Pace,
    /// The key of the object.
    key: &'a str,
    splitter: Splitter,
    /// Records that are done already, of those that come.
    skip: u64,
    /// Records seen, and bytes of the object.
    seen: u64,
    position: u64,
    entries: Vec<Entry>,
    entries_bytes: usize,
    /// What is wrong with the object is known: the rest of it is passed over.
    is_broken: bool,
}

impl<'a> Reader<'a> {
    /// At the beginning of the object that the operation is at.
    pub fn new(
        ctx: &'a Ctx,
        job: &'a Bulk,
        bulk: &BulkRecord,
        pace: &'a mut Pace,
        key: &'a str,
    ) -> Reader<'a> {
        Reader {
            ctx,
            job,
            pace,
            key,
            splitter: Splitter::new(&Format::Json, bulk.compression),
            skip: bulk.records,
            seen: 0,
            position: 0,
            entries: Vec::new(),
            entries_bytes: 0,
            is_broken: false,
        }
    }

    /// Takes the next bytes; answers whether it wants more.
    pub async fn take(&mut self, mut piece: Bytes) -> Result<bool, Stop> {
        while !piece.is_empty() && !self.is_broken {
            if self.ctx.kernel().is_stopping() {
                return Err(Stop::Later);
            }
            let pushed = self.splitter.push(&piece);
            if let Ok(taken) = pushed {
                piece = piece.slice(taken..);
                self.position += taken as u64;
            }
            self.records().await?;
            pushed.map_or_else(|NotCompressed| self.broken(), drop);
        }
        Ok(!self.is_broken)
    }

    /// The end of the object, or of what can be read of it.
    pub async fn end(&mut self) -> Result<(), Stop> {
        if !self.is_broken {
            let ended = self.splitter.end();
            self.records().await?;
            ended.unwrap_or_else(|NotCompressed| self.broken());
        }
        self.flush().await
    }

    async fn records(&mut self) -> Result<(), Stop> {
        for record in self.splitter.take() {
            let index = self.seen;
            self.seen += 1;
            if index < self.skip {
                continue;
            }
            self.entries.push(match &record {
                Record::Whole(bytes) => {
                    self.entries_bytes += bytes.len();
                    match record::read(bytes) {
                        Ok(write) => Entry::Put { index, write },
                        Err(invalid) => Entry::Bad { index: Some(index), why: invalid.0 },
                    }
                }
                Record::TooLong => {
                    Entry::Bad { index: Some(index), why: "The record is too long".to_owned() }
                }
            });
            if self.entries.len() >= BATCH_RECORDS || self.entries_bytes >= BATCH_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// What is left of the object cannot be read. That counts as a record, so that it is told once.
    fn broken(&mut self) {
        self.is_broken = true;
        let index = self.seen;
        self.seen += 1;
        if index >= self.skip {
            let why = "The object is not compressed as InputCompressionType says".to_owned();
            self.entries.push(Entry::Bad { index: None, why });
        }
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        let entries = std::mem::take(&mut self.entries);
        self.entries_bytes = 0;
        let mut left = entries.as_slice();
        while !left.is_empty() {
            self.wait().await?;
            let part = Part { object: self.key, entries: left, position: self.position };
            let committed = put::commit(self.ctx, &self.job.id, &part).await;
            let committed = committed.map_err(|error| answered(error.into()))?;
            let committed = committed.map_err(|halt| halted(&self.job.id.table_name, &halt))?;
            self.pace.used(self.ctx.elapsed(), committed.units);
            left = left.get(committed.done..).unwrap_or_default();
            self.job.report_full(self.ctx, committed.bulk).await?;
        }
        Ok(())
    }

    /// Waits until there may be another commit.
    async fn wait(&self) -> Result<(), Stop> {
        loop {
            let wait = self.pace.wait(self.ctx.elapsed());
            if wait.is_zero() {
                return Ok(());
            }
            if self.ctx.kernel().is_stopping() {
                return Err(Stop::Later);
            }
            match self.ctx.store().read(|tx| put::active(tx, &self.job.id))? {
                Some(bulk) if bulk.state == State::InProgress => {}
                Some(_) => return Err(Stop::Cancelled),
                None => return Err(Stop::Ended),
            }
            self.ctx.sleep(wait.min(LOOK)).await;
        }
    }
}

fn halted(table_name: &str, halt: &Halt) -> Stop {
    match halt {
        Halt::Cancelled => Stop::Cancelled,
        Halt::Ended => Stop::Ended,
        Halt::NoTable => {
            let text = format!("Requested resource not found: Table: {table_name} not found");
            failed("ResourceNotFoundException", text)
        }
    }
}
