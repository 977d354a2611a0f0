//! Backups that DynamoDB makes by itself: of a table with point-in-time recovery when it is
//! deleted. It keeps the items where they are, so it costs nothing to make.

use kernel::{BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Timer, WriteTx};

use super::{BACKUPS, BackupId, BackupKind, BackupRecord, BackupState};
use crate::count::Count;
use crate::rows::Rows;
use crate::table::TableRecord;

/// The kind of the timer that ends such a backup.
pub(crate) const KIND: &str = "dynamodb/backup-expiry";
/// How long it is kept.
const KEPT_MS: i64 = 35 * 24 * 60 * 60 * 1000;

/// Which backup expires.
#[derive(Serialize, Deserialize)]
struct Payload {
    backup: BackupId,
}

/// Makes the backup of a table that is deleted in the same transaction; its items must stay.
pub(crate) fn make(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &TableRecord,
    count: Count,
) -> Result<(), StoreError> {
    let created_ms = ctx.now().epoch_ms;
    let expires_ms = created_ms + KEPT_MS;
    let backup = BackupId {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table_name: name.to_owned(),
        id: format!("{created_ms:014}-00000000"),
    };
    let record = BackupRecord {
        name: format!("{name}$DeletedTableBackup"),
        table_name: name.to_owned(),
        table: table.clone(),
        created_ms,
        expires_ms: Some(expires_ms),
        state: BackupState::Available,
        kind: BackupKind::System,
        rows: Rows::Items,
        number: table.number,
        items: count.items,
        bytes: count.bytes,
        data_key: None,
    };
    tx.put(&BACKUPS, backup.key(), &record)?;
    tx.schedule(expires_ms.unsigned_abs(), KIND, &Payload { backup })?;
    Ok(())
}

/// Ends backups that have expired.
pub(crate) struct Expiry;

impl TaskHandler for Expiry {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Payload { backup } = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms;
            let expire = |tx: &mut WriteTx| -> Result<(), StoreError> {
                match tx.get(&BACKUPS, backup.key())? {
                    Some(record) => record.delete(tx, &backup, now_ms).map(drop),
                    None => Ok(()),
                }
            };
            kernel.store().write(expire).await.map_err(Fault::internal)
        })
    }
}
