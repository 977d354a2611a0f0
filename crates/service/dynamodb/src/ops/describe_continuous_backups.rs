//! `DescribeContinuousBackups`: whether, and to which moments, a table can go back.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```

use api_dynamodb::{
    ContinuousBackupsDescription, ContinuousBackupsStatus, DescribeContinuousBackupsInput,
    DescribeContinuousBackupsOutput, Error, PointInTimeRecoveryDescription,
    PointInTimeRecoveryStatus,
};
use kernel::{Ctx, Timestamp};

use crate::table::TableRecord;
use crate::{DynamoDb, fault, table};

pub(crate) async fn describe_continuous_backups(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeContinuousBackupsInput,
) -> Result<DescribeContinuousBackupsOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let found = ctx.store().read(|tx| table::find(ctx, tx, &name))?;
    let table = found.ok_or_else(|| fault::table_not_found(&name))?;
    let description = description(&table, ctx.now().epoch_ms);
    Ok(DescribeContinuousBackupsOutput { continuous_backups_description: Some(description) })
}

/// Continuous backups are always on; going back to a moment is what can be turned off.
pub(super) fn description(table: &TableRecord, now_ms: i64) -> ContinuousBackupsDescription {
    let recovery = match table.recovery.as_ref().filter(|recovery| !recovery.ending) {
        Some(recovery) => {
            let earliest_ms = recovery.earliest_ms(now_ms);
            let latest_ms = (now_ms.div_euclid(1000) * 1000).max(earliest_ms);
            PointInTimeRecoveryDescription {
                point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Enabled),
                recovery_period_in_days: i32::try_from(recovery.days).ok(),
                earliest_restorable_date_time: Some(Timestamp::from_ms(earliest_ms)),
                latest_restorable_date_time: Some(Timestamp::from_ms(latest_ms)),
            }
        }
        None => PointInTimeRecoveryDescription {
            point_in_time_recovery_status: Some(PointInTimeRecoveryStatus::Disabled),
            ..PointInTimeRecoveryDescription::default()
        },
    };
    ContinuousBackupsDescription {
        continuous_backups_status: ContinuousBackupsStatus::Enabled,
        point_in_time_recovery_description: Some(recovery),
    }
}
