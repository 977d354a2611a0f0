//! Writes the files of an export, each with a commit that says so.

use bytes::Bytes;
use kernel::digest::hex;
use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError};
use serde::{Deserialize, Serialize};
use store::{ReadTx, WriteTx};

use super::lines::{Filled, fill};
use super::moment::Moment;
use super::{EXPORTS, ExportRecord, State, manifest};
use crate::in_use;
use crate::jobs::{self, End, Job};
use crate::rows::{Rows, Sweep};
use crate::sse;
use crate::transfer::bucket::Problem;
use crate::transfer::files::{self, File};
use crate::transfer::{TransferId, fingerprint, md5, put_manifests};

/// The job; the record says how far it is.
#[derive(Serialize, Deserialize)]
pub(crate) struct Export {
    pub id: TransferId,
}

/// Why it does not go on.
enum Stop {
    Problem(Problem),
    Fault(Fault),
    /// The kernel stops.
    Later,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Stop {
        Stop::Fault(Fault::internal(error))
    }
}

impl Job for Export {
    const KIND: &'static str = "dynamodb/export-job";

    fn id(&self) -> String {
        self.id.arn()
    }

    fn run<'a>(&'a self, kernel: &'a Kernel) -> BoxFuture<'a, Result<End, Fault>> {
        Box::pin(async move {
            let read = kernel.store().read(|tx| self.record(tx));
            let Some(export) = read.map_err(Fault::internal)? else { return Ok(End::Done) };
            let ctx = export.caller.ctx(kernel, &self.id.region);
            let failure = match self.write(&ctx, export).await {
                Ok(()) => return Ok(End::Done),
                Err(Stop::Later) => return Ok(End::Later),
                Err(Stop::Fault(fault) | Stop::Problem(Problem::Passing(fault))) => {
                    return Err(fault);
                }
                Err(Stop::Problem(Problem::Lasting(failure))) => failure,
            };
            let at_ms = kernel.clock().now().epoch_ms;
            self.end(kernel, State::Failed { at_ms, failure }).await.map_err(Fault::internal)?;
            Ok(End::Done)
        })
    }
}

impl Export {
    /// By what name it reads the table.
    pub fn reader(&self) -> String {
        self.id.arn()
    }

    /// The export, if it goes on.
    fn record(&self, tx: &ReadTx) -> Result<Option<ExportRecord>, StoreError> {
        let export = tx.get(&EXPORTS, self.id.key())?;
        Ok(export.filter(|export| export.state == State::InProgress))
    }

    async fn write(&self, ctx: &Ctx, export: ExportRecord) -> Result<(), Stop> {
        let kernel = ctx.kernel();
        if !export.has_begun {
            let key = format!("{}/_started", export.folder(&self.id.id));
            export.bucket.put(ctx, &export.encryption, &key, Bytes::new()).await?;
        }
        let numbers = [kernel.random().u64(), kernel.random().u64()];
        let now_ms = kernel.clock().now().epoch_ms;
        let staging = self.update(kernel, |tx, export| {
            export.has_begun = true;
            // What an attempt before staged is of another snapshot.
            sweep(tx, &std::mem::replace(&mut export.staged, numbers.to_vec()), now_ms)
        });
        let Some(export) = staging.await? else { return Ok(()) };
        let moment = Moment::stage(kernel, &export, numbers).await?;
        match self.write_files(ctx, export, moment).await? {
            Some(export) => self.finish(ctx, &export).await,
            None => Ok(()),
        }
    }

    /// Writes what is left of the data files; nothing if the export is gone.
    async fn write_files(
        &self,
        ctx: &Ctx,
        mut export: ExportRecord,
        moment: Moment,
    ) -> Result<Option<ExportRecord>, Stop> {
        let kernel = ctx.kernel();
        loop {
            let filled = match fill(kernel, &export, &moment) {
                Ok(filled) => filled,
                Err(fault) => {
                    sse::recover(kernel, fault).await?;
                    continue;
                }
            };
            let Some(filled) = filled else { return Err(Stop::Later) };
            let Filled { bytes, items, item_bytes, after, is_last } = filled;
            // There is a file even if there is nothing in it.
            if items > 0 || (is_last && export.files == 0) {
                // The same name after a crash: nothing is left that the manifest does not name.
                let name = fingerprint(&format!("{} {}", self.id.arn(), export.files));
                let name = &hex(&name)[..26];
                let key = format!("{}/{name}.json.gz", export.data_folder(&self.id.id));
                let md5 = md5(&bytes);
                let put = export.bucket.put(ctx, &export.encryption, &key, bytes.into());
                let etag = put.await?;
                let file = File { key, items, md5, etag };
                let added = self.update(kernel, |tx, export| {
                    files::add(tx, export.files_number, export.files, &file)?;
                    export.files += 1;
                    export.items += items;
                    export.bytes += item_bytes;
                    export.after = after.clone();
                    Ok(())
                });
                let Some(added) = added.await? else { return Ok(None) };
                export = added;
            } else {
                export.after = after;
            }
            if is_last {
                return Ok(Some(export));
            }
        }
    }

    /// Writes the manifests, which say that all is there.
    async fn finish(&self, ctx: &Ctx, export: &ExportRecord) -> Result<(), Stop> {
        let kernel = ctx.kernel();
        let files = kernel.store().read(|tx| files::all(tx, export.files_number))?;
        let at_ms = kernel.clock().now().epoch_ms;
        let texts = [manifest::files(&files), manifest::summary(&self.id, export, at_ms)];
        let folder = export.folder(&self.id.id);
        put_manifests(ctx, &export.bucket, &export.encryption, &folder, texts).await?;
        self.end(kernel, State::Completed { at_ms }).await?;
        Ok(())
    }

    /// Changes the record, and whatever goes with it; nothing if the export has ended.
    async fn update(
        &self,
        kernel: &Kernel,
        change: impl Fn(&mut WriteTx, &mut ExportRecord) -> Result<(), StoreError> + Send + Sync,
    ) -> Result<Option<ExportRecord>, StoreError> {
        let update = |tx: &mut WriteTx| {
            let Some(mut export) = self.record(tx)? else { return Ok(None) };
            change(tx, &mut export)?;
            tx.put(&EXPORTS, self.id.key(), &export)?;
            Ok(Some(export))
        };
        kernel.store().write(update).await
    }

    async fn end(&self, kernel: &Kernel, state: State) -> Result<(), StoreError> {
        let now_ms = kernel.clock().now().epoch_ms;
        let ended = self.update(kernel, |tx, export| {
            export.state = state.clone();
            sweep(tx, &std::mem::take(&mut export.staged), now_ms)?;
            files::forget(tx, export.files_number)?;
            in_use::release(tx, export.table_number, &self.reader())
        });
        ended.await.map(drop)
    }
}

/// Has staged rows swept away.
fn sweep(tx: &mut WriteTx, numbers: &[u64], now_ms: i64) -> Result<(), StoreError> {
    numbers.iter().try_for_each(|&number| {
        let sweep = Sweep { rows: Rows::Staged, number, held_as: number };
        jobs::watch(tx, now_ms, &sweep).map(drop)
    })
}
