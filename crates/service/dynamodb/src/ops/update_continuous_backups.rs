//! `UpdateContinuousBackups`: turns point-in-time recovery on or off.
//!
//! ```text
//! {"TableName": "Flights", "PointInTimeRecoverySpecification":
//!  {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7}}
//! ```

use api_dynamodb::{Error, UpdateContinuousBackupsInput, UpdateContinuousBackupsOutput};
use kernel::Ctx;
use store::WriteTx;

use super::describe_continuous_backups::description;
use crate::invalid::Invalid;
use crate::table::TABLES;
use crate::{DynamoDb, fault, recovery, table};

pub(crate) async fn update_continuous_backups(
    service: &DynamoDb,
    ctx: &Ctx,
    input: UpdateContinuousBackupsInput,
) -> Result<UpdateContinuousBackupsOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let wanted = &input.point_in_time_recovery_specification;
    let days = wanted.recovery_period_in_days.map(i64::from);
    let enabled = wanted.point_in_time_recovery_enabled;
    if days.is_some() && !enabled {
        return Err(Invalid::new(
            "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time \
             recovery.",
        )
        .into());
    }
    let now_ms = ctx.now().epoch_ms;
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let found = table::find(ctx, tx, &name)?;
        let mut table = found.ok_or_else(|| fault::table_not_found(&name))?;
        let mut sweep = None;
        if enabled {
            recovery::enable(ctx, tx, &name, &mut table, days)?;
        } else {
            sweep = recovery::disable(tx, &mut table, now_ms)?;
        }
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &table)?;
        Ok((table, sweep))
    };
    let (table, sweep) = ctx.store().write(write).await?;
    if let Some((sweep, watch)) = sweep {
        service.jobs.start(ctx.kernel(), sweep, watch);
    }
    let description = Some(description(&table, now_ms));
    Ok(UpdateContinuousBackupsOutput { continuous_backups_description: description })
}
