//! `DescribeBackup`: what a backup is, and what its table was like.
//!
//! ```text
//! {"BackupArn": "arn:aws:dynamodb:us-east-1:000000000000:table/Flights/backup/01489602797149-73d8d5bc"}
//! ```

use api_dynamodb::{DescribeBackupInput, DescribeBackupOutput, Error};
use kernel::Ctx;

use crate::DynamoDb;
use crate::backup::{BackupId, describe};

pub(crate) async fn describe_backup(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeBackupInput,
) -> Result<DescribeBackupOutput, Error> {
    let id = BackupId::parse_here(ctx, &input.backup_arn)?;
    let backup = ctx.store().read(|tx| id.get(tx, &input.backup_arn))?;
    let description = describe::description(&id, &input.backup_arn, &backup, false);
    Ok(DescribeBackupOutput { backup_description: Some(description) })
}
