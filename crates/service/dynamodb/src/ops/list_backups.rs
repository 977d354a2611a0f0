//! `ListBackups`: backups of a table or of all, by table and time, a page at a time.
//!
//! ```text
//! {"TableName": "Flights", "BackupType": "ALL", "Limit": 10}
//! ```

use api_dynamodb::{BackupTypeFilter, Error, ListBackupsInput, ListBackupsOutput};
use kernel::Ctx;
use store::{Key, Part, Scan};

use crate::backup::{BACKUPS, BackupId, BackupKind, BackupRecord, describe};
use crate::invalid::Invalid;
use crate::{DynamoDb, table};

/// Backups on a page if no limit is given; the model allows 1 to 100.
const LIMIT_DEFAULT: i32 = 100;
/// Records read at once.
const BATCH: usize = 100;

pub(crate) async fn list_backups(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListBackupsInput,
) -> Result<ListBackupsOutput, Error> {
    let name = input.table_name.as_deref().map(|given| table::name(ctx, given)).transpose()?;
    if let (Some(lower), Some(upper)) = (input.time_range_lower_bound, input.time_range_upper_bound)
        && lower.epoch_ms > upper.epoch_ms
    {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             Time range lower bound must be less than or equal to upper bound",
        )
        .into());
    }
    let mut after =
        input.exclusive_start_backup_arn.as_deref().map(|arn| start(ctx, arn)).transpose()?;
    let limit = input.limit.unwrap_or(LIMIT_DEFAULT).unsigned_abs() as usize;
    let mut found: Vec<(BackupId, BackupRecord)> = Vec::new();
    let prefix = match &name {
        Some(name) => Key::of((ctx.account(), ctx.region(), name.as_str())),
        None => Key::of((ctx.account(), ctx.region())),
    };
    ctx.store().read(|tx| -> Result<(), Error> {
        // One more than wanted, which says whether there is another page.
        while found.len() <= limit {
            let mut scan = Scan::prefix(&prefix).limit(BATCH);
            if let Some(after) = &after {
                scan = scan.after(after);
            }
            let batch = tx.scan(&BACKUPS, scan)?;
            let is_last = batch.len() < BATCH;
            after = batch.last().map(|(key, _)| key.clone());
            let matching = batch.into_iter().filter(|(_, backup)| matches(&input, backup));
            found.extend(matching.filter_map(|(key, backup)| Some((id(ctx, &key)?, backup))));
            if is_last {
                break;
            }
        }
        Ok(())
    })?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more).map(|(id, _)| id.arn());
    Ok(ListBackupsOutput {
        backup_summaries: Some(found.iter().map(|(id, b)| describe::summary(id, b)).collect()),
        last_evaluated_backup_arn: last,
    })
}

/// Where the page begins that an earlier one ended with.
fn start(ctx: &Ctx, arn: &str) -> Result<Key, Error> {
    let id = BackupId::parse(ctx, arn)?;
    if id.region != ctx.region() {
        return Err(Invalid::new(
            "Invalid Request: The supplied ExclusiveStartBackupArn does not match the region",
        )
        .into());
    }
    Ok(id.key())
}

fn id(ctx: &Ctx, key: &Key) -> Option<BackupId> {
    let mut parts = key.parts()?;
    match (parts.pop()?, parts.pop()?) {
        (Part::Text(id), Part::Text(table_name)) => Some(BackupId {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            table_name,
            id,
        }),
        _ => None,
    }
}

fn matches(input: &ListBackupsInput, backup: &BackupRecord) -> bool {
    let kind = match input.backup_type.as_ref().unwrap_or(&BackupTypeFilter::User) {
        BackupTypeFilter::User => backup.kind == BackupKind::User,
        BackupTypeFilter::System => backup.kind == BackupKind::System,
        BackupTypeFilter::All => true,
        // There is no AWS Backup here.
        _ => false,
    };
    let at_ms = backup.created_ms;
    kind && input.time_range_lower_bound.is_none_or(|lower| at_ms >= lower.epoch_ms)
        && input.time_range_upper_bound.is_none_or(|upper| at_ms < upper.epoch_ms)
}
