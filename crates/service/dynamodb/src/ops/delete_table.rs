//! `DeleteTable`: deletes a table, its items and its indexes.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```
//!
//! The answer says DELETING, as AWS's does; for whoever asks after it there is no such table.
//! The items and the entries of indexes are deleted in the background.

use api_dynamodb::{DeleteTableInput, DeleteTableOutput, Error, TableStatus};
use kernel::Ctx;
use store::WriteTx;

use crate::count::{Count, Sizes};
use crate::invalid::Invalid;
use crate::table::{TABLES, TableRecord};
use crate::{
    DynamoDb, backup, describe, fault, insights, policy, recovery, replica, streams, sweep, table,
    ttl,
};

pub(crate) async fn delete_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let count = count_for_backup(service, ctx, &name)?;
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        let table = table::find_any(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        if table.deletion_protection {
            return Err(Invalid::new(
                "Resource cannot be deleted as it is currently protected against deletion. \
                 Disable deletion protection first.",
            )
            .into());
        }
        if table.is_creating() {
            return Err(fault::table_in_use("Table is being created", &name));
        }
        if describe::status(&table) != TableStatus::Active {
            return Err(fault::table_in_use("Table is being updated", &name));
        }
        if table.strong {
            return Err(replica::update::one_of_strong().into());
        }
        tx.delete(&TABLES, (ctx.account(), ctx.region(), name.as_str()))?;
        replica::leave(ctx, tx, &table)?;
        let recovers = table.recovery.as_ref().is_some_and(|recovery| !recovery.ending);
        forsake(ctx, tx, &name, &table, recovers.then_some(count))?;
        Ok(table)
    };
    let table = ctx.store().write(write).await?;
    service.counts.forget(&table);
    service.tables.forget(ctx, &name);
    let sizes = Sizes::default();
    let mut description = describe::table(ctx, &name, &table, TableStatus::Deleting, &sizes);
    // AWS leaves out what is going away.
    description.attribute_definitions = None;
    description.key_schema = None;
    description.creation_date_time = None;
    description.local_secondary_indexes = None;
    description.global_secondary_indexes = None;
    description.warm_throughput = None;
    Ok(DeleteTableOutput { table_description: Some(description) })
}

/// What the backup says that the deletion of a table with point-in-time recovery leaves behind.
fn count_for_backup(service: &DynamoDb, ctx: &Ctx, name: &str) -> Result<Count, Error> {
    match ctx.store().read(|tx| table::find(ctx, tx, name))? {
        Some(table) if table.recovery.is_some() => Ok(service.counts.of(ctx, &table)?.table),
        _ => Ok(Count::default()),
    }
}

/// All that follows from a table's going away: whoever keeps something for a table lets go of it
/// here.
pub(crate) fn forsake(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &TableRecord,
    backup: Option<Count>,
) -> Result<(), Error> {
    let indexes = table.indexes.iter().map(|index| index.number).collect();
    let vectors = table.vectors.iter().map(|index| index.number).collect();
    // A table that could go back in time leaves its items to a backup of the system.
    let number = match backup {
        Some(count) => {
            backup::system::make(ctx, tx, name, table, count)?;
            None
        }
        None => Some(table.number),
    };
    recovery::end(tx, &mut table.clone(), ctx.now().epoch_ms)?;
    let payload = sweep::Payload { number, indexes, vectors };
    tx.schedule(ctx.now().epoch_ms.unsigned_abs(), sweep::KIND, &payload)?;
    policy::delete_of_table(ctx, tx, name)?;
    insights::delete_of_table(ctx, tx, name)?;
    streams::table_deleted(ctx, tx, name, table)?;
    ttl::table_deleted(ctx, tx, table)?;
    Ok(())
}
