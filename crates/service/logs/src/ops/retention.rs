//! `PutRetentionPolicy` and `DeleteRetentionPolicy`: how long events are kept.
//!
//! ```text
//! aws logs put-retention-policy --log-group-name /app --retention-in-days 14
//! ```

use api_logs::{
    DeleteRetentionPolicyOutput, DeleteRetentionPolicyRequest, Error, PutRetentionPolicyOutput,
    PutRetentionPolicyRequest,
};
use kernel::Ctx;

use crate::error::invalid;
use crate::table::{GROUPS, group_key, require_group};
use crate::{Logs, retention};

const DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

pub(crate) async fn put_retention_policy(
    _: &Logs,
    ctx: &Ctx,
    input: PutRetentionPolicyRequest,
) -> Result<PutRetentionPolicyOutput, Error> {
    let given = input.retention_in_days;
    let Some(days) = DAYS.into_iter().find(|days| i64::from(*days) == i64::from(given)) else {
        return Err(invalid(format!(
            "1 validation error detected: Value '{given}' at 'retentionInDays' failed to satisfy \
             constraint: Member must satisfy enum value set: {DAYS:?}"
        ))
        .into());
    };
    set(ctx, &input.log_group_name, Some(days)).await?;
    Ok(PutRetentionPolicyOutput {})
}

pub(crate) async fn delete_retention_policy(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteRetentionPolicyRequest,
) -> Result<DeleteRetentionPolicyOutput, Error> {
    set(ctx, &input.log_group_name, None).await?;
    Ok(DeleteRetentionPolicyOutput {})
}

async fn set(ctx: &Ctx, name: &str, days: Option<u32>) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let mut group = require_group(tx, ctx, name)?;
            if group.retention_days == days {
                return Ok(());
            }
            group.retention_days = days;
            group.retention_run += 1;
            if days.is_some() {
                retention::begin(tx, ctx, name, &group)?;
            }
            Ok(tx.put(&GROUPS, group_key(ctx, name), &group)?)
        })
        .await
}
