//! `DeleteInstance`: deletes an instance with all that is in it, and gives its numbers back.
//!
//! ```text
//! aws connect delete-instance --instance-id …
//! ```

use crate::records::{
    ALIASES, CLAIMS, CONTACTS, CONTENTS, FLOW_NAMES, FLOWS, FUNCTIONS, INSTANCES, NUMBERS,
};
use crate::{Connect, ids};
use api_connect::{DeleteInstanceOutput, DeleteInstanceRequest, Error};
use kernel::Ctx;
use serde::de::IgnoredAny;
use store::{AnyTable, Scan, StoreError, Table, WriteTx};

pub(crate) async fn delete_instance(
    _: &Connect,
    ctx: &Ctx,
    input: DeleteInstanceRequest,
) -> Result<DeleteInstanceOutput, Error> {
    let id = ids::instance_id(ctx, &input.instance_id)?;
    ctx.store()
        .write(|tx| {
            let record = ids::instance(tx, ctx, &id)?;
            if let Some(alias) = record.alias {
                tx.delete(&ALIASES, alias.to_ascii_lowercase().as_str())?;
            }
            let scope = (ctx.account(), ctx.region());
            for (_, number) in tx.scan(&NUMBERS, Scan::prefix(scope))? {
                if number.instance_id == id {
                    tx.delete(&CLAIMS, number.number.as_str())?;
                    tx.delete(&NUMBERS, (scope.0, scope.1, number.id.as_str()))?;
                }
            }
            for table in [&FLOWS as &dyn AnyTable, &FLOW_NAMES, &CONTENTS, &FUNCTIONS, &CONTACTS] {
                clear(tx, table, (scope.0, scope.1, &id))?;
            }
            tx.delete(&INSTANCES, (scope.0, scope.1, id.as_str()))?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(DeleteInstanceOutput {})
}

/// Deletes everything of an instance in `table`, whatever its records are.
fn clear(
    tx: &mut WriteTx,
    table: &dyn AnyTable,
    (account, region, id): (&str, &str, &str),
) -> Result<(), StoreError> {
    let any = Table::<IgnoredAny>::new(table.name());
    for (key, _) in tx.scan(&any, Scan::prefix((account, region, id)))? {
        tx.delete(table, key)?;
    }
    Ok(())
}
