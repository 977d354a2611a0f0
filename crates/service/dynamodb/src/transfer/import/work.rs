//! Reads the objects of an import and puts their items, in batches.

use bytes::Bytes;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Durability, ReadTx, WriteTx};

use api_dynamodb::Error;

use super::log::{self, Rejected};
use super::parse::Parser;
use super::records::{Record, Splitter};
use super::{IMPORTS, ImportRecord, State};
use crate::change::{Cause, Change, apply};
use crate::jobs::{End, Job};
use crate::ops;
use crate::sse;
use crate::table::{ITEMS, TABLES, TableRecord};
use crate::transfer::TransferId;
use crate::transfer::bucket::{Failure, Problem};
use crate::write::Action;

/// Records of one commit at most, and bytes after which a commit has enough.
const BATCH_RECORDS: usize = 256;
const BATCH_BYTES: usize = 1024 * 1024;
/// Objects of one import; AWS's quota.
const OBJECTS_MAX: u64 = 50_000;

/// The job; the record says how far it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Import {
    pub id: TransferId,
}

/// Why it does not go on.
enum Stop {
    Problem(Problem),
    Fault(Fault),
    /// The kernel stops.
    Later,
    /// The import has ended elsewhere.
    Ended,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Problem(fault.into())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Fault(error.into())
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Fault(Fault::internal(error))
    }
}

/// Ends an import.
fn failed(code: &str, message: impl Into<String>) -> Stop {
    Stop::Problem(Problem::Lasting(Failure { code: code.to_owned(), message: message.into() }))
}

impl Job for Import {
    const KIND: &'static str = "dynamodb/import-job";

    fn id(&self) -> String {
        self.id.arn()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let read = kernel.store().read(|tx| self.record(tx));
            let Some(import) = read.map_err(Fault::internal)? else { return Ok(End::Done) };
            let ctx = import.caller.ctx(kernel, &self.id.region);
            let ended = match self.read_all(&ctx, import).await {
                Ok(()) => self.complete(&ctx).await,
                Err(Stop::Later) => return Ok(End::Later),
                Err(Stop::Ended) => Ok(()),
                Err(Stop::Fault(fault) | Stop::Problem(Problem::Passing(fault))) => {
                    return Err(fault);
                }
                Err(Stop::Problem(Problem::Lasting(failure))) => self.fail(&ctx, failure).await,
            };
            ended.map_err(Fault::from)?;
            Ok(End::Done)
        })
    }
}

/// What is to be committed of an object.
#[derive(Default)]
struct Batch {
    puts: Vec<Action>,
    rejected: Vec<Rejected>,
    /// Records in it, headers among them.
    records: u64,
    bytes: usize,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.records as usize >= BATCH_RECORDS || self.bytes >= BATCH_BYTES
    }
}

impl Import {
    /// The import, if it goes on.
    fn record(&self, tx: &ReadTx) -> Result<Option<ImportRecord>, StoreError> {
        let import = tx.get(&IMPORTS, self.id.key())?;
        Ok(import.filter(|import| import.state == State::InProgress))
    }

    async fn read_all(&self, ctx: &Ctx, mut import: ImportRecord) -> Result<(), Stop> {
        loop {
            let (prefix, after) = (import.prefix.as_deref(), import.done.as_deref());
            let objects = import.bucket.list(ctx, prefix, after).await?;
            let is_prefixed = import.prefix.as_ref().is_some_and(|prefix| !prefix.is_empty());
            // An import of a whole bucket that is empty succeeds.
            if objects.is_empty() && import.objects == 0 && is_prefixed {
                return Err(failed(
                    "S3NoSuchKey",
                    "No object of the bucket begins with the given key prefix",
                ));
            }
            if objects.is_empty() {
                return Ok(());
            }
            for object in &objects {
                if import.objects >= OBJECTS_MAX {
                    let text = format!("An import reads at most {OBJECTS_MAX} objects");
                    return Err(failed("S3TooManyObjects", text));
                }
                let key = object.key.clone().unwrap_or_default();
                // Folders are objects to some tools.
                if object.size == Some(0) || key.ends_with('/') {
                    import = self.done(ctx, &key).await?;
                    continue;
                }
                let mut pieces = import.bucket.get(ctx, object).await?.take().ok_or(Stop::Later)?;
                let skip = import.reading.as_ref().filter(|(reading, _)| *reading == key);
                let mut reader = Reader::new(ctx, self, &import, &key, skip.map_or(0, |(_, n)| *n));
                while let Some(piece) = pieces.next().await {
                    reader.take(piece?).await?;
                }
                reader.end().await?;
                import = self.done(ctx, &key).await?;
            }
        }
    }

    /// Puts a batch of items.
    async fn commit(&self, ctx: &Ctx, key: &str, batch: &Batch) -> Result<ImportRecord, Stop> {
        let now_ms = ctx.now().epoch_ms;
        let write = |tx: &mut WriteTx| -> Result<Option<ImportRecord>, Error> {
            let Some((mut import, table)) = self.table(tx)? else { return Ok(None) };
            // It goes on from wherever the disk has it.
            tx.durability(Durability::Buffered);
            for put in &batch.puts {
                let Action::Put { item, bytes } = put else { continue };
                let place = table.item_key(item);
                let old = sse::get(tx, &ITEMS, &place)?;
                let (old, new, cause) = (old.as_ref(), Some(bytes), Cause::Request);
                apply(tx, &table, &Change { place: &place, old, new, cause, now_ms })?;
            }
            let before = import.reading.take().filter(|(reading, _)| reading == key);
            let before = before.map_or(0, |(_, records)| records);
            import.reading = Some((key.to_owned(), before + batch.records));
            import.processed += (batch.puts.len() + batch.rejected.len()) as u64;
            import.imported += batch.puts.len() as u64;
            import.errors += batch.rejected.len() as u64;
            import.bytes += batch.bytes as u64;
            tx.put(&IMPORTS, self.id.key(), &import)?;
            Ok(Some(import))
        };
        let import = sse::work(ctx.kernel(), write).await?.ok_or(Stop::Ended)?;
        let known = import.errors - batch.rejected.len() as u64;
        let place = (import.bucket.name.as_str(), key);
        log::tell(ctx, &self.id, place, known, &batch.rejected).await;
        Ok(import)
    }

    /// Goes on behind an object.
    async fn done(&self, ctx: &Ctx, key: &str) -> Result<ImportRecord, Stop> {
        let write = |tx: &mut WriteTx| -> Result<Option<ImportRecord>, StoreError> {
            let Some(mut import) = self.record(tx)? else { return Ok(None) };
            tx.durability(Durability::Buffered);
            import.done = Some(key.to_owned());
            import.objects += 1;
            import.reading = None;
            tx.put(&IMPORTS, self.id.key(), &import)?;
            Ok(Some(import))
        };
        ctx.store().write(write).await?.ok_or(Stop::Ended)
    }

    /// The import and its table, if both are still there.
    fn table(&self, tx: &ReadTx) -> Result<Option<(ImportRecord, TableRecord)>, StoreError> {
        let Some(import) = self.record(tx)? else { return Ok(None) };
        let TransferId { account, region, table_name, .. } = &self.id;
        let table = tx.get(&TABLES, (account.as_str(), region.as_str(), table_name.as_str()))?;
        let table = table.filter(|table| table.number == import.table.number);
        Ok(table.map(|table| (import, table)))
    }

    /// Lets everybody use the table.
    async fn complete(&self, ctx: &Ctx) -> Result<(), Error> {
        let at_ms = ctx.now().epoch_ms;
        let write = |tx: &mut WriteTx| -> Result<(), Error> {
            let Some((mut import, mut table)) = self.table(tx)? else { return Ok(()) };
            table.importing = false;
            let TransferId { account, region, table_name, .. } = &self.id;
            let key = (account.as_str(), region.as_str(), table_name.as_str());
            tx.put(&TABLES, key, &table)?;
            import.state = match import.errors {
                0 => State::Completed { at_ms },
                _ => State::Failed { at_ms, failure: rejected() },
            };
            Ok(tx.put(&IMPORTS, self.id.key(), &import)?)
        };
        ctx.store().write(write).await
    }

    /// Takes the table away again.
    async fn fail(&self, ctx: &Ctx, failure: Failure) -> Result<(), Error> {
        let at_ms = ctx.now().epoch_ms;
        let write = |tx: &mut WriteTx| -> Result<(), Error> {
            let Some((mut import, table)) = self.table(tx)? else { return Ok(()) };
            let TransferId { account, region, table_name, .. } = &self.id;
            tx.delete(&TABLES, (account.as_str(), region.as_str(), table_name.as_str()))?;
            ops::forsake(ctx, tx, table_name, &table, None)?;
            import.state = State::Failed { at_ms, failure: failure.clone() };
            Ok(tx.put(&IMPORTS, self.id.key(), &import)?)
        };
        ctx.store().write(write).await
    }
}

/// The table is there, but without some items.
fn rejected() -> Failure {
    Failure {
        code: "ItemValidationError".to_owned(),
        message: "Some of the items failed validation checks. Please check CloudWatch error logs \
                  for more details."
            .to_owned(),
    }
}

/// Reads one object.
struct Reader<'a> {
    ctx: &'a Ctx,
    import: &'a Import,
    key: &'a str,
    splitter: Splitter,
    parser: Parser<'a>,
    /// Records that are done already, of those that come.
    skip: u64,
    /// Records seen, and rows among them that are no headers.
    seen: u64,
    rows: u64,
    batch: Batch,
}

impl<'a> Reader<'a> {
    fn new(
        ctx: &'a Ctx,
        import: &'a Import,
        record: &'a ImportRecord,
        key: &'a str,
        skip: u64,
    ) -> Reader<'a> {
        let splitter = Splitter::new(&record.format, record.compression);
        let parser = Parser::new(&record.format, &record.table);
        let batch = Batch::default();
        Reader { ctx, import, key, splitter, parser, skip, seen: 0, rows: 0, batch }
    }

    async fn take(&mut self, mut piece: Bytes) -> Result<(), Stop> {
        while !piece.is_empty() {
            if self.ctx.kernel().is_stopping() {
                return Err(Stop::Later);
            }
            let taken = self.splitter.push(&piece).map_err(|_| self.not_compressed())?;
            piece = piece.slice(taken..);
            self.records().await?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Stop> {
        self.splitter.end().map_err(|_| self.not_compressed())?;
        self.records().await?;
        if self.batch.records > 0 {
            self.flush().await?;
        }
        Ok(())
    }

    async fn records(&mut self) -> Result<(), Stop> {
        for record in self.splitter.take() {
            self.record(&record);
            if self.batch.is_full() {
                self.flush().await?;
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) {
        let read = match record {
            Record::Whole(bytes) => {
                // A header is read even if it has been before.
                let is_first = self.seen == 0;
                if self.seen < self.skip && !is_first {
                    Ok(None)
                } else {
                    self.parser.read(bytes).map_err(|invalid| invalid.0)
                }
            }
            Record::TooLong => Err("The record is too long".to_owned()),
        };
        let is_header = self.seen == 0 && matches!(read, Ok(None));
        let index = self.rows;
        self.rows += u64::from(!is_header);
        self.seen += 1;
        if self.seen <= self.skip {
            return;
        }
        self.batch.records += 1;
        if let Record::Whole(bytes) = record {
            self.batch.bytes += bytes.len() + 1;
        }
        match read {
            Ok(put) => self.batch.puts.extend(put),
            Err(why) => self.batch.rejected.push(Rejected { index, why }),
        }
    }

    async fn flush(&mut self) -> Result<(), Stop> {
        let batch = std::mem::take(&mut self.batch);
        self.import.commit(self.ctx, self.key, &batch).await.map(drop)
    }

    fn not_compressed(&self) -> Stop {
        let text =
            format!("The object {} is not compressed as InputCompressionType says", self.key);
        failed("S3InvalidObject", text)
    }
}
