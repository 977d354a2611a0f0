//! Ends `Pending` and `InProgress`: a durable task, in the same commit as the change it follows.

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use store::{StoreError, WriteTx};

use crate::name::Name;
use crate::record::version_key;
use crate::record::{FUNCTIONS, Function, FunctionRecord, LATEST, SETTLE, Settle, VERSIONS};

pub(crate) struct Settler;

impl TaskHandler for Settler {
    fn run<'a>(
        &'a self,
        kernel: &'a Kernel,
        timer: &'a store::Timer,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let task: Settle =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            kernel
                .store()
                .write(|tx| {
                    tx.ack_timer(timer.id)?;
                    settle(tx, &task)
                })
                .await
                .map_err(Fault::internal)
        })
    }
}

fn settle(tx: &mut WriteTx, task: &Settle) -> Result<(), StoreError> {
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
        let Some(mut function) = tx.get(&FUNCTIONS, key.clone())? else { return Ok(()) };
        if end(&mut function.latest) {
            tx.put(&FUNCTIONS, key, &function)?;
        }
    } else if let Some(key) = version_key(key, &task.version)
        && let Some(mut version) = tx.get(&VERSIONS, key.clone())?
        && end(&mut version)
    {
        tx.put(&VERSIONS, key, &version)?;
    }
    Ok(())
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
