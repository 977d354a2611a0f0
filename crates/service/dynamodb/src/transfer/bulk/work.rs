//! Runs a bulk operation: lists the objects, reads them, writes the reports.

use bytes::Bytes;
use kernel::digest::hex;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{Durability, WriteTx};

use super::objects::{self, InputObject};
use super::pace::Pace;
use super::put::active;
use super::reader::Reader;
use super::reports::{self, Kind};
use super::{ACTIVE, BULKS, BulkRecord, Ending, State, manifest};
use crate::jobs::{End, Job};
use crate::sse;
use crate::transfer::bucket::{Failure, Problem};
use crate::transfer::files::{self, File};
use crate::transfer::{TransferId, fingerprint, md5, put_manifests};

/// Objects of one operation, and bytes of each; AWS's quotas.
const OBJECTS_MAX: u32 = 50_000;
const OBJECT_BYTES_MAX: u64 = 5 << 30;

/// The job; the record says how far it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Bulk {
    pub id: TransferId,
}

/// Why it does not go on.
pub(super) enum Stop {
    Failed(Failure),
    /// It may go better later.
    Fault(Fault),
    /// The kernel stops.
    Later,
    Cancelled,
    /// The operation has ended elsewhere.
    Ended,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        match problem {
            Problem::Passing(fault) => Stop::Fault(fault),
            Problem::Lasting(failure) => Stop::Failed(failure),
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Fault(Fault::internal(error))
    }
}

/// Ends an operation.
pub(super) fn failed(code: &str, message: impl Into<String>) -> Stop {
    Stop::Failed(Failure { code: code.to_owned(), message: message.into() })
}

/// What another than S3 answered: KMS, that a table's key cannot be used.
pub(super) fn answered(fault: Fault) -> Stop {
    if fault.status >= 500 { Stop::Fault(fault) } else { failed(&fault.code, fault.message) }
}

impl Job for Bulk {
    const KIND: &'static str = "dynamodb/bulk-job";

    fn id(&self) -> String {
        self.id.arn()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let read = kernel.store().read(|tx| active(tx, &self.id));
            let Some(bulk) = read.map_err(Fault::internal)? else { return Ok(End::Done) };
            let ctx = bulk.caller.ctx(kernel, &self.id.region);
            let ending = match self.put_all(&ctx, bulk).await {
                Ok(()) => Ending::Completed,
                Err(Stop::Cancelled) => Ending::Cancelled,
                Err(Stop::Failed(failure)) => Ending::Failed(failure),
                Err(Stop::Later) => return Ok(End::Later),
                Err(Stop::Ended) => return Ok(End::Done),
                Err(Stop::Fault(fault)) => return Err(fault),
            };
            self.finish(&ctx, ending).await?;
            Ok(End::Done)
        })
    }
}

impl Bulk {
    /// Puts what is left to put.
    async fn put_all(&self, ctx: &Ctx, mut bulk: BulkRecord) -> Result<(), Stop> {
        if bulk.ending.is_some() {
            return Ok(());
        }
        if !bulk.has_begun {
            let key = format!("{}/_started", bulk.folder(&self.id.id));
            bulk.output.put(ctx, &bulk.encryption, &key, Bytes::new()).await?;
            let begun = self.change(ctx, |_, bulk| {
                bulk.has_begun = true;
                Ok(())
            });
            bulk = begun.await?;
        }
        bulk = self.list(ctx, bulk).await?;
        let mut pace = Pace::new(bulk.units_max);
        while bulk.object < bulk.objects {
            let object = ctx.store().read(|tx| objects::get(tx, bulk.number, bulk.object))?;
            let object = object.ok_or_else(|| Stop::Fault(Fault::internal("an object is gone")))?;
            let listed = api_s3::Object {
                key: Some(object.key.clone()),
                e_tag: object.etag.clone(),
                ..api_s3::Object::default()
            };
            let mut pieces = bulk.input.get(ctx, &listed).await?.take().ok_or(Stop::Later)?;
            let mut reader = Reader::new(ctx, self, &bulk, &mut pace, &object.key);
            while let Some(piece) = pieces.next().await {
                if !reader.take(piece.map_err(Problem::from)?).await? {
                    break;
                }
            }
            reader.end().await?;
            let next = self.change(ctx, |_, bulk| {
                bulk.object += 1;
                bulk.records = 0;
                bulk.bytes_before += object.bytes;
                bulk.bytes_of_object = 0;
                Ok(())
            });
            bulk = next.await?;
        }
        Ok(())
    }

    /// Notes all objects there are, before anything is put.
    async fn list(&self, ctx: &Ctx, mut bulk: BulkRecord) -> Result<BulkRecord, Stop> {
        while !bulk.is_listed {
            let (prefix, after) = (bulk.input_prefix.as_deref(), bulk.listed.as_deref());
            let found = bulk.input.list(ctx, prefix, after).await?;
            let last = found.last().and_then(|object| object.key.clone());
            let listed: Vec<InputObject> = found.into_iter().filter_map(input_object).collect();
            if let Some(object) = listed.iter().find(|object| object.bytes > OBJECT_BYTES_MAX) {
                let text = format!("The object {} is larger than 5 GB", object.key);
                return Err(failed("S3ObjectTooLarge", text));
            }
            bulk = self
                .change(ctx, |tx, bulk| {
                    bulk.is_listed = last.is_none();
                    bulk.listed.clone_from(&last);
                    for object in &listed {
                        objects::add(tx, bulk.number, bulk.objects, object)?;
                        bulk.objects += 1;
                        bulk.total_bytes += object.bytes;
                    }
                    Ok(())
                })
                .await?;
            if bulk.objects > OBJECTS_MAX {
                let text = format!("A bulk operation reads at most {OBJECTS_MAX} objects");
                return Err(failed("S3TooManyObjects", text));
            }
        }
        if bulk.objects == 0 {
            let text = "No object of the bucket begins with the given key prefix";
            return Err(failed("S3NoSuchKey", text));
        }
        Ok(bulk)
    }

    /// Changes the record, and whatever goes with it, while nobody wants it to end.
    async fn change(
        &self,
        ctx: &Ctx,
        change: impl Fn(&mut WriteTx, &mut BulkRecord) -> Result<(), StoreError> + Send + Sync,
    ) -> Result<BulkRecord, Stop> {
        let write = |tx: &mut WriteTx| -> Result<Result<BulkRecord, Stop>, StoreError> {
            let Some(mut bulk) = active(tx, &self.id)? else { return Ok(Err(Stop::Ended)) };
            if bulk.state == State::Cancelling {
                return Ok(Err(Stop::Cancelled));
            }
            tx.durability(Durability::Buffered);
            change(tx, &mut bulk)?;
            tx.put(&BULKS, super::key(&self.id), &bulk)?;
            Ok(Ok(bulk))
        };
        ctx.store().write(write).await?
    }

    /// Writes the files for which there is enough.
    pub(super) async fn report_full(&self, ctx: &Ctx, bulk: BulkRecord) -> Result<(), Stop> {
        for kind in Kind::ALL {
            if reports::fills_file(kind.of(&bulk)) {
                self.report(ctx, kind).await?;
            }
        }
        Ok(())
    }

    /// Writes a file of all lines of a kind that are in none yet.
    async fn report(&self, ctx: &Ctx, kind: Kind) -> Result<(), Stop> {
        let kernel = ctx.kernel();
        let found = kernel.store().read(|tx| -> Result<_, StoreError> {
            let Some(bulk) = active(tx, &self.id)? else { return Ok(None) };
            let rows = reports::waiting(tx, bulk.number, kind)?;
            Ok(Some((bulk, rows)))
        });
        let (bulk, rows) = found?.ok_or(Stop::Ended)?;
        if rows.is_empty() {
            return Ok(());
        }
        let bytes = loop {
            match reports::pack(&bulk, &rows) {
                Ok(bytes) => break bytes,
                Err(fault) => sse::recover(kernel, fault).await.map_err(answered)?,
            }
        };
        // The same name after a crash: nothing is left that the manifest does not name.
        let (folder, name) = (bulk.folder(&self.id.id), kind.name());
        let number = kind.of(&bulk).files;
        let file = hex(&fingerprint(&format!("{} {name} {number}", self.id.arn())));
        let key = format!("{folder}/{name}/{}.json.gz", &file[..26]);
        let md5 = md5(&bytes);
        let etag = bulk.output.put(ctx, &bulk.encryption, &key, bytes.into()).await?;
        let file = File { key, items: rows.len() as u64, md5, etag };
        let write = |tx: &mut WriteTx| -> Result<(), StoreError> {
            let Some(mut bulk) = active(tx, &self.id)? else { return Ok(()) };
            reports::forget(tx, &rows)?;
            files::add(tx, bulk.number, bulk.errors.files + bulk.conditions.files, &file)?;
            let reported = kind.of_mut(&mut bulk);
            reported.files += 1;
            (reported.waiting, reported.waiting_bytes) = (0, 0);
            tx.put(&BULKS, super::key(&self.id), &bulk)
        };
        Ok(kernel.store().write(write).await?)
    }

    /// Writes the reports and ends the operation.
    async fn finish(&self, ctx: &Ctx, ending: Ending) -> Result<(), Fault> {
        let store = ctx.store();
        let decide = |tx: &mut WriteTx| -> Result<(), StoreError> {
            let Some(mut bulk) = active(tx, &self.id)? else { return Ok(()) };
            bulk.ending.get_or_insert(ending.clone());
            tx.put(&BULKS, super::key(&self.id), &bulk)
        };
        store.write(decide).await.map_err(Fault::internal)?;
        loop {
            let read = store.read(|tx| active(tx, &self.id));
            let Some(bulk) = read.map_err(Fault::internal)? else { return Ok(()) };
            let failure = match self.report_all(ctx, &bulk).await {
                Ok(()) | Err(Stop::Ended | Stop::Later | Stop::Cancelled) => None,
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Failed(failure)) => Some(failure),
            };
            objects::forget(store, bulk.number).await.map_err(Fault::internal)?;
            if self.end(ctx, bulk.state, failure).await.map_err(Fault::internal)? {
                return Ok(());
            }
        }
    }

    async fn report_all(&self, ctx: &Ctx, bulk: &BulkRecord) -> Result<(), Stop> {
        if !bulk.has_begun {
            return Ok(());
        }
        for kind in Kind::ALL {
            self.report(ctx, kind).await?;
        }
        let files = ctx.store().read(|tx| files::all(tx, bulk.number))?;
        let texts =
            [manifest::files(&files), manifest::summary(&self.id, bulk, ctx.now().epoch_ms)];
        let folder = bulk.folder(&self.id.id);
        Ok(put_manifests(ctx, &bulk.output, &bulk.encryption, &folder, texts).await?)
    }

    /// Ends the operation, unless it is not in that state any more: then the reports say something
    /// else. `failure`: why they could not be written.
    async fn end(
        &self,
        ctx: &Ctx,
        state: State,
        failure: Option<Failure>,
    ) -> Result<bool, StoreError> {
        let at_ms = ctx.now().epoch_ms;
        let end = |tx: &mut WriteTx| -> Result<bool, StoreError> {
            let Some(mut bulk) = active(tx, &self.id)? else { return Ok(true) };
            if bulk.state != state {
                return Ok(false);
            }
            let failed =
                failure.clone().filter(|_| !matches!(bulk.ending, Some(Ending::Failed(_))));
            bulk.ending = Some(match failed {
                Some(failure) => Ending::Failed(failure),
                None => bulk.outcome(),
            });
            bulk.state = State::Ended { at_ms };
            for kind in Kind::ALL {
                let rows = reports::waiting(tx, bulk.number, kind)?;
                reports::forget(tx, &rows)?;
            }
            files::forget(tx, bulk.number)?;
            tx.delete(&ACTIVE, bulk.table_number)?;
            tx.put(&BULKS, super::key(&self.id), &bulk)?;
            Ok(true)
        };
        ctx.store().write(end).await
    }
}

/// Folders are objects to some tools.
fn input_object(object: api_s3::Object) -> Option<InputObject> {
    let (key, bytes) = (object.key?, object.size.unwrap_or(0).unsigned_abs());
    (bytes > 0 && !key.ends_with('/')).then_some(InputObject { key, etag: object.e_tag, bytes })
}
