//! `RestoreTableToPointInTime`: makes a table with the items another one had at a moment.
//!
//! ```text
//! {"SourceTableName": "Flights", "TargetTableName": "Flights-yesterday",
//!  "RestoreDateTime": 1700000000}
//! ```
//!
//! The latest restorable time is now, not five minutes ago as in AWS: nobody waits for it.

use api_dynamodb::{
    Error, InvalidRestoreTimeException, RestoreTableToPointInTimeInput,
    RestoreTableToPointInTimeOutput, TableStatus,
};
use kernel::{Arn, Ctx, Timestamp};
use store::WriteTx;

use crate::count::Sizes;
use crate::invalid::Invalid;
use crate::restore::target::Overrides;
use crate::restore::{self, Source, UndoTo};
use crate::rows::Rows;
use crate::table::{RecoveryRecord, TABLES};
use crate::{DynamoDb, describe, fault, recovery, table};

pub(crate) async fn restore_table_to_point_in_time(
    service: &DynamoDb,
    ctx: &Ctx,
    input: RestoreTableToPointInTimeInput,
) -> Result<RestoreTableToPointInTimeOutput, Error> {
    let name = table::name(ctx, &input.target_table_name)?;
    let (region, source_name) = source(ctx, &input)?;
    let latest = input.use_latest_restorable_time == Some(true);
    check_times(latest, input.restore_date_time)?;
    let overrides = Overrides {
        billing: input.billing_mode_override,
        global: input.global_secondary_index_override,
        local: input.local_secondary_index_override,
        provisioned: input.provisioned_throughput_override,
        on_demand: input.on_demand_throughput_override,
        sse: input.sse_specification_override,
        vectors: input.vector_index_override,
    };
    overrides.refuse("RestoreTableToPointInTime")?;
    overrides.check_region(ctx, &region)?;
    restore::check_limit(ctx)?;
    let now_ms = ctx.now().epoch_ms;
    let source_key = (ctx.account(), region.as_str(), source_name.as_str());
    let key =
        overrides.key(ctx, &name, ctx.store().read(|tx| tx.get(&TABLES, source_key))?).await?;
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let found = tx.get(&TABLES, source_key)?;
        let found = found.filter(|table| !table.is_creating());
        let from = found.ok_or_else(|| fault::table_not_found(&source_name))?;
        let recovery = recovery::enabled(&from, &source_name)?;
        let at_ms = match input.restore_date_time.filter(|_| !latest) {
            Some(at) => checked(recovery, at, now_ms)?,
            None => now_ms,
        };
        let account = ctx.account();
        let arn = format!("arn:aws:dynamodb:{region}:{account}:table/{source_name}");
        let mut table = overrides.table(ctx, &from, restore::record(None, arn, at_ms))?;
        restore::check_free(ctx, tx, &name)?;
        let undo = Some(UndoTo { log: recovery.number, at_ms });
        let source = Source { rows: Rows::Items, number: from.number, undo };
        key.as_ref().map_or(Ok(()), |key| key.give(tx, &mut table))?;
        let (fill, watch) = restore::begin(ctx, tx, &name, &table, &source)?;
        Ok((table, fill, watch))
    };
    let (table, fill, watch) = ctx.store().write(write).await?;
    service.jobs.start(ctx.kernel(), fill, watch);
    let description = describe::table(ctx, &name, &table, TableStatus::Creating, &Sizes::default());
    Ok(RestoreTableToPointInTimeOutput { table_description: Some(description) })
}

/// Region and name of the source.
fn source(ctx: &Ctx, input: &RestoreTableToPointInTimeInput) -> Result<(String, String), Error> {
    let here = ctx.region().to_owned();
    match (&input.source_table_name, &input.source_table_arn) {
        (Some(_), Some(_)) => {
            Err(Invalid::new("Must provide exactly one of: sourceTableArn, sourceTableName").into())
        }
        (None, None) => Err(Invalid::new(
            "The parameter 'TableName' is required but was not present in the request",
        )
        .into()),
        (Some(name), None) => Ok((here, table::name(ctx, name)?)),
        (None, Some(given)) => {
            let not_one = || Invalid::new("Invalid Request: sourceTableArn is not a valid ARN");
            let arn = Arn::parse(given).map_err(|_| not_one())?;
            let name = arn.resource.strip_prefix("table/").ok_or_else(not_one)?;
            if arn.service != "dynamodb" || name.is_empty() || name.contains('/') {
                return Err(not_one().into());
            }
            if arn.account != ctx.account() {
                return Err(Invalid::new(
                    "This action is only supported by accounts that match the resource owner’s \
                     account.",
                )
                .into());
            }
            Ok((arn.region, name.to_owned()))
        }
    }
}

fn check_times(latest: bool, at: Option<Timestamp>) -> Result<(), Invalid> {
    match (latest, at) {
        (true, Some(_)) => Err(Invalid::new(
            "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for \
             point-in-time restore request. Please specify either RestoreDateTime time or \
             UseLatestRestorableTime",
        )),
        (false, None) => Err(Invalid::new(
            "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be \
             specified, but not both",
        )),
        _ => Ok(()),
    }
}

/// The moment in milliseconds, if the table can go back to it.
fn checked(recovery: &RecoveryRecord, at: Timestamp, now_ms: i64) -> Result<i64, Error> {
    recovery.check_time("RestoreDateTime", at, now_ms).map_err(|text| {
        let message = Some(text);
        InvalidRestoreTimeException { message }.into()
    })
}
