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

use crate::count::Sizes;
use crate::invalid::Invalid;
use crate::table::{TABLES, TableRecord};
use crate::{DynamoDb, describe, fault, policy, streams, sweep, table, ttl};

pub(crate) async fn delete_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        let table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        if table.deletion_protection {
            return Err(Invalid::new(
                "Resource cannot be deleted as it is currently protected against deletion. \
                 Disable deletion protection first.",
            )
            .into());
        }
        if describe::status(&table) != TableStatus::Active {
            return Err(fault::table_in_use("Table is being updated", &name));
        }
        tx.delete(&TABLES, (ctx.account(), ctx.region(), name.as_str()))?;
        forsake(ctx, tx, &name, &table)?;
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

/// All that follows from a table's going away: whoever keeps something for a table lets go of it
/// here.
fn forsake(ctx: &Ctx, tx: &mut WriteTx, name: &str, table: &TableRecord) -> Result<(), Error> {
    let indexes = table.indexes.iter().map(|index| index.number).collect();
    let vectors = table.vectors.iter().map(|index| index.number).collect();
    let payload = sweep::Payload { number: table.number, indexes, vectors };
    tx.schedule(ctx.now().epoch_ms.unsigned_abs(), sweep::KIND, &payload)?;
    policy::delete_of_table(ctx, tx, name)?;
    streams::table_deleted(ctx, tx, name, table)?;
    ttl::table_deleted(ctx, tx, table)?;
    Ok(())
}
