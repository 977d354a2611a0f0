//! Ends `Pending` and `InProgress`: a durable task, in the same commit as the change it follows.

use std::sync::Arc;

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use store::{StoreError, WriteTx};

use crate::name::Name;
use crate::pool::Pool;
use crate::record::version_key;
use crate::record::{FUNCTIONS, Function, FunctionRecord, LATEST, SETTLE, Settle, VERSIONS};
use crate::snapstart;

pub(crate) struct Settler {
    pub pool: Arc<Pool>,
}

impl TaskHandler for Settler {
    fn run<'a>(
        &'a self,
        kernel: &'a Kernel,
        timer: &'a store::Timer,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let task: Settle =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            let settled = kernel
                .store()
                .write(|tx| {
                    tx.ack_timer(timer.id)?;
                    settle(tx, &task)
                })
                .await
                .map_err(Fault::internal)?;
            if let Some(version) = settled {
                let service = "lambda.amazonaws.com";
                let ctx = kernel.service_ctx(service, &task.account, &task.region);
                let version = Arc::new(version);
                match version.snaps() {
                    true => snapstart::make(&self.pool, &ctx, version),
                    false => self.pool.prepare(&ctx, version),
                }
            }
            Ok(())
        })
    }
}

/// The version that is now ready, unless it has changed again or has gone.
fn settle(tx: &mut WriteTx, task: &Settle) -> Result<Option<FunctionRecord>, StoreError> {
    let key = (task.account.clone(), task.region.clone(), task.name.clone());
    let end = |record: &mut FunctionRecord| {
        // A later change has its own task.
        let is_same = record.revision == task.revision;
        if is_same {
            record.active = true;
            record.settled = true;
        }
        is_same
    };
    if task.version == LATEST {
        let Some(mut function) = tx.get(&FUNCTIONS, key.clone())? else { return Ok(None) };
        if end(&mut function.latest) {
            tx.put(&FUNCTIONS, key, &function)?;
            return Ok(Some(function.latest));
        }
    } else if let Some(key) = version_key(key, &task.version)
        && let Some(mut version) = tx.get(&VERSIONS, key.clone())?
    {
        if version.snaps() {
            // It is active when there is a snapshot.
            let is_same = version.revision == task.revision && !version.active;
            if is_same {
                snapstart::wish(
                    tx,
                    &(task.account.clone(), task.region.clone(), task.name.clone()),
                    &version,
                )?;
            }
            return Ok(is_same.then_some(version));
        }
        if !end(&mut version) {
            return Ok(None);
        }
        tx.put(&VERSIONS, key, &version)?;
        return Ok(Some(version));
    }
    Ok(None)
}

/// Stores a changed `$LATEST` and the task that will settle it.
pub(crate) fn put(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &Name,
    function: &Function,
) -> Result<(), StoreError> {
    tx.put(&FUNCTIONS, name.key(), function)?;
    schedule(ctx, tx, name, &function.latest)
}

/// The task that will settle a version.
pub(crate) fn schedule(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &Name,
    version: &FunctionRecord,
) -> Result<(), StoreError> {
    let task = Settle {
        account: name.account.clone(),
        region: name.region.clone(),
        name: name.function.clone(),
        version: version.version.clone(),
        revision: version.revision.clone(),
    };
    tx.schedule(ctx.now().epoch_ms.max(0) as u64, SETTLE, &task)?;
    Ok(())
}
