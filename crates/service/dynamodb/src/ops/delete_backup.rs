//! `DeleteBackup`: deletes a backup, unless a table is just being restored from it.
//!
//! ```text
//! {"BackupArn": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/backup/01489602797149-73d8d5bc"}
//! ```

use api_dynamodb::{DeleteBackupInput, DeleteBackupOutput, Error};
use kernel::{Ctx, Timestamp};
use store::WriteTx;

use crate::backup::{self, BackupId, BackupKind, BackupState, describe};
use crate::invalid::Invalid;
use crate::{DynamoDb, in_use};

pub(crate) async fn delete_backup(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DeleteBackupInput,
) -> Result<DeleteBackupOutput, Error> {
    let arn = &input.backup_arn;
    let id = BackupId::parse_here(ctx, arn)?;
    let now_ms = ctx.now().epoch_ms;
    let delete = |tx: &mut WriteTx| -> Result<_, Error> {
        let record = id.get(tx, arn)?;
        if record.kind == BackupKind::System {
            let expires = Timestamp::from_ms(record.expires_ms.unwrap_or_default());
            return Err(Invalid(format!(
                "Invalid Request: User is not allowed to delete the system backup with arn \
                 {arn}. It will automatically expire on {}",
                expires.civil("%Y-%m-%dT%H:%M:%S.%3fZ")
            ))
            .into());
        }
        if record.state == BackupState::Creating {
            return Err(backup::in_use(format!("Backup is being created: {arn}")));
        }
        if in_use::is_held(tx, record.number)? {
            return Err(backup::in_use(format!("Backup is being used to restore table: {arn}")));
        }
        let (sweep, watch) = record.delete(tx, &id, now_ms)?;
        Ok((record, sweep, watch))
    };
    let (record, sweep, watch) = ctx.store().write(delete).await?;
    service.jobs.start(ctx.kernel(), sweep, watch);
    let description = describe::description(&id, arn, &record, true);
    Ok(DeleteBackupOutput { backup_description: Some(description) })
}
