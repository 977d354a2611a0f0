//! `RestoreTableFromBackup`: makes a table with the items of a backup.
//!
//! ```text
//! {"TargetTableName": "Flights-again",
//!  "BackupArn": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/backup/01489602797149-73d8d5bc"}
//! ```
//!
//! The table is CREATING until all items are in it.

use api_dynamodb::{Error, RestoreTableFromBackupInput, RestoreTableFromBackupOutput, TableStatus};
use kernel::Ctx;
use store::WriteTx;

use crate::backup::{self, BackupId, BackupState};
use crate::count::Sizes;
use crate::restore::target::Overrides;
use crate::restore::{self, Source};
use crate::{DynamoDb, describe, in_use, table};

pub(crate) async fn restore_table_from_backup(
    service: &DynamoDb,
    ctx: &Ctx,
    input: RestoreTableFromBackupInput,
) -> Result<RestoreTableFromBackupOutput, Error> {
    let name = table::name(ctx, &input.target_table_name)?;
    let arn = &input.backup_arn;
    let id = BackupId::parse(ctx, arn)?;
    let overrides = Overrides {
        billing: input.billing_mode_override,
        global: input.global_secondary_index_override,
        local: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
        sse: input.sse_specification_override,
        vectors: input.vector_index_override,
    };
    overrides.refuse("RestoreTableFromBackup")?;
    overrides.check_region(ctx, &id.region)?;
    restore::check_limit(ctx)?;
    let source = ctx.store().read(|tx| id.get(tx, arn)).ok().map(|backup| backup.table);
    let key = overrides.key(ctx, &name, source).await?;
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let backup = id.get(tx, arn)?;
        let restored =
            restore::record(Some(id.arn()), backup::describe::table_arn(&id), backup.created_ms);
        let mut table = overrides.table(ctx, &backup.table, restored)?;
        restore::check_free(ctx, tx, &name)?;
        if backup.state == BackupState::Creating {
            return Err(backup::in_use(format!("Backup is being created: {arn}")));
        }
        if in_use::is_held(tx, backup.number)? {
            return Err(backup::in_use(format!(
                "Backup is being used to restore another table: {arn}"
            )));
        }
        let source = Source { rows: backup.rows, number: backup.number, undo: None };
        key.as_ref().map_or(Ok(()), |key| key.give(tx, &mut table))?;
        let (fill, watch) = restore::begin(ctx, tx, &name, &table, &source)?;
        Ok((table, fill, watch))
    };
    let (table, fill, watch) = ctx.store().write(write).await?;
    service.jobs.start(ctx.kernel(), fill, watch);
    let description = describe::table(ctx, &name, &table, TableStatus::Creating, &Sizes::default());
    Ok(RestoreTableFromBackupOutput { table_description: Some(description) })
}
