//! `DeleteTable`: deletes a table and its items.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```
//!
//! The answer says DELETING, as AWS's does; for whoever asks after it there is no such table.
//! The items are deleted in the background.

use api_dynamodb::{DeleteTableInput, DeleteTableOutput, Error, TableStatus};
use kernel::Ctx;
use store::WriteTx;

use crate::invalid::Invalid;
use crate::table::{TABLES, TableRecord};
use crate::{DynamoDb, describe, fault, sweep, table};

pub(crate) async fn delete_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DeleteTableInput,
) -> Result<DeleteTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let now_ms = ctx.now().epoch_ms.unsigned_abs();
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        let table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        if table.deletion_protection {
            return Err(Invalid::new(
                "Resource cannot be deleted as it is currently protected against deletion. \
                 Disable deletion protection first.",
            )
            .into());
        }
        tx.delete(&TABLES, (ctx.account(), ctx.region(), name.as_str()))?;
        tx.schedule(now_ms, sweep::KIND, &sweep::Payload { number: table.number })?;
        Ok(table)
    };
    let table = ctx.store().write(write).await?;
    service.counts.forget(&table);
    service.tables.forget(ctx, &name);
    let count = Default::default();
    let mut description = describe::table(ctx, &name, &table, TableStatus::Deleting, count);
    // AWS leaves out what is going away.
    description.attribute_definitions = None;
    description.key_schema = None;
    description.creation_date_time = None;
    Ok(DeleteTableOutput { table_description: Some(description) })
}
