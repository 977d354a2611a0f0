//! `UpdateTable`: changes a table's throughput, billing mode, class or deletion protection.
//!
//! ```text
//! {"TableName": "Flights",
//!  "ProvisionedThroughput": {"ReadCapacityUnits": 10, "WriteCapacityUnits": 5}}
//! ```

use api_dynamodb::{
    BillingMode, Error, ProvisionedThroughput, TableStatus, UpdateTableInput, UpdateTableOutput,
};
use kernel::Ctx;
use store::WriteTx;

use crate::definition::Owner;
use crate::definition::throughput::{check_units, neither_units};
use crate::invalid::Invalid;
use crate::table::{ClassRecord, TABLES, TableRecord, Throughput};
use crate::{DynamoDb, describe, fault, streams, table};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn update_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: UpdateTableInput,
) -> Result<UpdateTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    refuse(&input)?;
    check(&input)?;
    let switch = streams::check_update(input.stream_specification.as_ref())?;
    let now_ms = ctx.now().epoch_ms;
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        let mut table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        update(&mut table, &input, now_ms)?;
        if let Some(switch) = switch {
            streams::switch(ctx, tx, &name, &mut table, switch)?;
        }
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &table)?;
        Ok(table)
    };
    let table = ctx.store().write(write).await?;
    let sizes = service.counts.of(ctx, &table)?;
    let description = describe::table(ctx, &name, &table, TableStatus::Updating, &sizes);
    Ok(UpdateTableOutput { table_description: Some(description) })
}

fn refuse(input: &UpdateTableInput) -> Result<(), Error> {
    let refused = [
        ("GlobalSecondaryIndexUpdates", input.global_secondary_index_updates.is_some()),
        ("SSESpecification", input.sse_specification.is_some()),
        ("ReplicaUpdates", input.replica_updates.is_some()),
        ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
        ("GlobalTableWitnessUpdates", input.global_table_witness_updates.is_some()),
        ("OnDemandThroughput", input.on_demand_throughput.is_some()),
        ("WarmThroughput", input.warm_throughput.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
        ("DisassociationProtectionEnabled", input.disassociation_protection_enabled.is_some()),
        ("VectorIndexUpdates", input.vector_index_updates.is_some()),
    ];
    Ok(fault::refuse("UpdateTable", &refused)?)
}

fn check(input: &UpdateTableInput) -> Result<(), Invalid> {
    let throughput = input.provisioned_throughput.as_ref();
    let changes_something = throughput.is_some()
        || input.billing_mode.is_some()
        || input.table_class.is_some()
        || input.deletion_protection_enabled.is_some()
        || input.stream_specification.is_some();
    if !changes_something {
        return Err(Invalid::new(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    if input.billing_mode == Some(BillingMode::Provisioned) && throughput.is_none() {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ));
    }
    throughput.map_or(Ok(()), |given| check_units(Owner::Table, given))
}

fn update(table: &mut TableRecord, input: &UpdateTableInput, now_ms: i64) -> Result<(), Invalid> {
    let was_per_request = table.per_request_since_ms.is_some();
    let per_request = match &input.billing_mode {
        Some(mode) => *mode == BillingMode::PayPerRequest,
        None => was_per_request,
    };
    if let Some(given) = &input.provisioned_throughput {
        if per_request {
            return Err(neither_units());
        }
        change_throughput(&mut table.throughput, given, now_ms)?;
    }
    if per_request && !was_per_request {
        table.throughput = Throughput::default();
    }
    table.per_request_since_ms =
        if per_request { table.per_request_since_ms.or(Some(now_ms)) } else { None };
    if let Some(protection) = input.deletion_protection_enabled {
        table.deletion_protection = protection;
    }
    if let Some(class) = &input.table_class {
        table.class =
            Some(ClassRecord { name: class.as_str().to_owned(), updated_ms: Some(now_ms) });
    }
    Ok(())
}

fn change_throughput(
    current: &mut Throughput,
    given: &ProvisionedThroughput,
    now_ms: i64,
) -> Result<(), Invalid> {
    let (reads, writes) = (given.read_capacity_units, given.write_capacity_units);
    if (reads, writes) == (current.read_units, current.write_units) {
        return Err(Invalid(format!(
            "The provisioned throughput for the table will not change. The requested value equals \
             the current value. Current ReadCapacityUnits provisioned for the table: {reads}. \
             Requested ReadCapacityUnits: {reads}. Current WriteCapacityUnits provisioned for the \
             table: {writes}. Requested WriteCapacityUnits: {writes}. Refer to the Amazon \
             DynamoDB Developer Guide for current limits and how to request higher limits."
        )));
    }
    if reads > current.read_units || writes > current.write_units {
        current.increased_ms = Some(now_ms);
    }
    if reads < current.read_units || writes < current.write_units {
        let today = now_ms.div_euclid(DAY_MS);
        let is_first = current.decreased_ms.is_none_or(|at_ms| at_ms.div_euclid(DAY_MS) != today);
        current.decreases = if is_first { 1 } else { current.decreases + 1 };
        current.decreased_ms = Some(now_ms);
    }
    (current.read_units, current.write_units) = (reads, writes);
    Ok(())
}
