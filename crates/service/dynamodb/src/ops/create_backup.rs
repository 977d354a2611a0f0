//! `CreateBackup`: copies a table as it is now.
//!
//! ```text
//! {"TableName": "Flights", "BackupName": "before-the-move"}
//! ```
//!
//! The answer says CREATING, as AWS's does; the copy is made in the background.

use api_dynamodb::{
    BackupStatus, CreateBackupInput, CreateBackupOutput, Error, LimitExceededException,
};
use kernel::Ctx;
use store::WriteTx;

use crate::backup::copy::Copy;
use crate::backup::{BACKUPS, BackupId, BackupKind, BackupRecord, BackupState, describe};
use crate::rows::Rows;
use crate::{DynamoDb, fault, in_use, jobs, table};

/// Copies that are made at the same time at most.
const COPIES_MAX: usize = 500;

pub(crate) async fn create_backup(
    service: &DynamoDb,
    ctx: &Ctx,
    input: CreateBackupInput,
) -> Result<CreateBackupOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    if service.jobs.running() >= COPIES_MAX {
        let message = Some(format!(
            "Subscriber limit exceeded: Only {COPIES_MAX} backup operations can be done \
             simultaneously"
        ));
        return Err(LimitExceededException { message }.into());
    }
    let created_ms = ctx.now().epoch_ms;
    let id = BackupId {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table_name: name.clone(),
        id: format!("{created_ms:014}-{}", ctx.random().hex(4)),
    };
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::table_not_found(&name))?;
        in_use::hold(tx, table.number, &id.arn())?;
        let record = BackupRecord {
            name: input.backup_name.clone(),
            table_name: name.clone(),
            table,
            created_ms,
            expires_ms: None,
            state: BackupState::Creating,
            kind: BackupKind::User,
            rows: Rows::Copies,
            number: ctx.random().u64(),
            items: 0,
            bytes: 0,
            data_key: None,
        };
        tx.put(&BACKUPS, id.key(), &record)?;
        let watch = jobs::watch(tx, created_ms, &Copy { backup: id.clone() })?;
        Ok((record, watch))
    };
    let (record, watch) = ctx.store().write(write).await?;
    let details = describe::details(&id.arn(), &record, BackupStatus::Creating);
    service.jobs.start(ctx.kernel(), Copy { backup: id }, watch);
    Ok(CreateBackupOutput { backup_details: Some(details) })
}
