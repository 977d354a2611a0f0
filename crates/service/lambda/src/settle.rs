//! Ends `Pending` and `InProgress`: a durable task, in the same commit as the change it follows.

use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use store::{StoreError, WriteTx};

use crate::record::{FUNCTIONS, FunctionRecord, SETTLE, Settle};

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
            let key = (task.account.clone(), task.region.clone(), task.name.clone());
            kernel
                .store()
                .write(|tx| {
                    tx.ack_timer(timer.id)?;
                    let Some(mut function) = tx.get(&FUNCTIONS, key.clone())? else {
                        return Ok(());
                    };
                    // A later change has its own task.
                    if function.revision == task.revision {
                        function.active = true;
                        function.settled = true;
                        tx.put(&FUNCTIONS, key.clone(), &function)?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
                .map_err(Fault::internal)
        })
    }
}

/// Stores a changed function and the task that will settle it.
pub(crate) fn put(
    ctx: &Ctx,
    tx: &mut WriteTx,
    function: &FunctionRecord,
) -> Result<(), StoreError> {
    tx.put(&FUNCTIONS, FunctionRecord::key(ctx, &function.name), function)?;
    let task = Settle {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: function.name.clone(),
        revision: function.revision.clone(),
    };
    tx.schedule(ctx.now().epoch_ms.max(0) as u64, SETTLE, &task)?;
    Ok(())
}
