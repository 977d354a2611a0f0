//! `UpdateTable`: changes a table's settings, or makes, changes or takes away a global index.
//!
//! ```text
//! {"TableName": "Flights",
//!  "ProvisionedThroughput": {"ReadCapacityUnits": 10, "WriteCapacityUnits": 5}}
//! ```
//!
//! Settings hold at once, though the answer says UPDATING as AWS's does. An index is filled, or
//! its entries are deleted, in the background: until then the table stays UPDATING.

use api_dynamodb::{
    BillingMode, Error, IndexStatus, ResourceInUseException, SSEDescription, SSEStatus,
    TableStatus, UpdateTableInput, UpdateTableOutput,
};
use kernel::Ctx;
use store::WriteTx;

use crate::definition::index_updates::{self, Place, comes_or_goes};
use crate::definition::{Owner, throughput};
use crate::index::{IndexKind, IndexState};
use crate::invalid::Invalid;
use crate::sse::{self, Change, Wanted};
use crate::table::{ClassRecord, OnDemandRecord, TABLES, TableRecord, Throughput};
use crate::vector::{definition as vector, updates as vector_updates};
use crate::{DynamoDb, describe, fault, replica, streams, table};

pub(crate) async fn update_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: UpdateTableInput,
) -> Result<UpdateTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    if input.replica_updates.is_some() {
        return replica::update::update(service, ctx, &name, &input).await;
    }
    refuse(&input)?;
    check(&input)?;
    let switch = streams::check_update(&input)?;
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    index_updates::check(updates)?;
    let vectors = input.vector_index_updates.as_deref().unwrap_or_default();
    vector_updates::check(vectors)?;
    let encryption = encryption(ctx, &name, &input).await?;
    let definitions = input.attribute_definitions.as_deref().unwrap_or_default();
    let place = Place { ctx, name: &name, now_ms: ctx.now().epoch_ms };
    // Of a global table, all replicas change, but for what is each one's own.
    let of_all = UpdateTableInput { deletion_protection_enabled: None, ..input.clone() };
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let mut table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        let before = sse::describe(&table);
        check_state(&table, &name, &input)?;
        update(&mut table, &input, place.now_ms)?;
        replica::check_stream(&table, switch)?;
        if let Some(switch) = switch {
            streams::switch(ctx, tx, &name, &mut table, switch)?;
        }
        let changed = index_updates::apply(&place, tx, &mut table, updates, definitions)?;
        vector_updates::apply(&place, tx, &mut table, vectors, definitions)?;
        replica::everywhere_else(ctx, tx, &table, |ctx, tx, other| {
            update(other, &of_all, place.now_ms)?;
            let place = Place { ctx, ..place };
            index_updates::apply(&place, tx, other, updates, definitions)?;
            vector_updates::apply(&place, tx, other, vectors, definitions)
        })?;
        let seal = encryption.apply(ctx, tx, &name, &mut table)?;
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &table)?;
        Ok((table, changed, before, seal))
    };
    let (table, changed, before, seal) = ctx.store().write(write).await?;
    if let Some((seal, watch)) = seal {
        service.jobs.start(ctx.kernel(), seal, watch);
    }
    let sizes = service.counts.of(ctx, &table)?;
    let mut description = describe::table(ctx, &name, &table, TableStatus::Updating, &sizes);
    for index in description.global_secondary_indexes.iter_mut().flatten() {
        if index.index_name.as_ref().is_some_and(|name| changed.contains(name)) {
            index.index_status = Some(IndexStatus::Updating);
        }
    }
    if input.sse_specification.is_some() {
        // The answer names the key of before; the table never stops being ACTIVE.
        let status = Some(SSEStatus::Updating);
        description.table_status = Some(TableStatus::Active);
        description.sse_description = Some(SSEDescription { status, ..before.unwrap_or_default() });
    }
    Ok(UpdateTableOutput { table_description: Some(description) })
}

/// How the table is to be encrypted from now on.
async fn encryption(ctx: &Ctx, name: &str, input: &UpdateTableInput) -> Result<Change, Error> {
    let wanted = sse::wanted(input.sse_specification.as_ref())?;
    if wanted == Wanted::Nothing {
        return Ok(Change::Nothing);
    }
    let table = ctx.store().read(|tx| table::find(ctx, tx, name))?;
    let table = table.ok_or_else(|| fault::no_such_table(name))?;
    let is_global = ("SSESpecification of a global table", !table.replicas.is_empty());
    fault::refuse("UpdateTable", &[is_global])?;
    if table.sse.as_ref().is_some_and(|sse| sse.pending) {
        let message = Some("Server-Side Encryption is still being updated".to_owned());
        return Err(ResourceInUseException { message }.into());
    }
    Change::new(ctx, name, &wanted, table.sse.as_ref()).await
}

fn refuse(input: &UpdateTableInput) -> Result<(), Error> {
    let refused = [
        ("MultiRegionConsistency", input.multi_region_consistency.is_some()),
        ("GlobalTableWitnessUpdates", input.global_table_witness_updates.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
        ("DisassociationProtectionEnabled", input.disassociation_protection_enabled.is_some()),
    ];
    Ok(fault::refuse("UpdateTable", &refused)?)
}

fn changes_something(input: &UpdateTableInput) -> bool {
    input.provisioned_throughput.is_some()
        || input.billing_mode.is_some()
        || input.global_secondary_index_updates.as_ref().is_some_and(|given| !given.is_empty())
        || input.vector_index_updates.as_ref().is_some_and(|given| !given.is_empty())
        || input.sse_specification.is_some()
        || input.table_class.is_some()
        || input.deletion_protection_enabled.is_some()
        || input.stream_specification.is_some()
        || input.on_demand_throughput.is_some()
        || input.warm_throughput.is_some()
}

fn check(input: &UpdateTableInput) -> Result<(), Invalid> {
    let throughput = input.provisioned_throughput.as_ref();
    if !changes_something(input) {
        return Err(Invalid::new(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    if input.sse_specification.is_some() && !is_alone(input) {
        return Err(Invalid::new(
            "One or more parameter values were invalid: Server-Side Encryption modification must \
             be the only operation in the request",
        ));
    }
    if input.billing_mode == Some(BillingMode::Provisioned) && throughput.is_none() {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             ProvisionedThroughput must be specified when BillingMode is PROVISIONED",
        ));
    }
    throughput.map_or(Ok(()), |given| throughput::check_units(Owner::Table, given))
}

/// Whether the request changes the encryption and nothing else.
fn is_alone(input: &UpdateTableInput) -> bool {
    let others = UpdateTableInput { sse_specification: None, ..input.clone() };
    !changes_something(&others)
}

/// Refuses what has to wait until an index has come or gone. An index that is still being filled
/// may be taken away.
fn check_state(table: &TableRecord, name: &str, input: &UpdateTableInput) -> Result<(), Error> {
    if describe::status(table) == TableStatus::Active {
        return Ok(());
    }
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let Some(update) = updates.iter().find(|update| comes_or_goes(update)) else {
        return Err(fault::table_in_use("Table is being updated", name));
    };
    if table.vectors.iter().any(|index| index.state != IndexState::Active) {
        return Err(index_updates::one_at_a_time());
    }
    let busy = table.indexes.iter().filter(|index| index.state != IndexState::Active);
    let given_up = update.delete.as_ref().map(|action| &action.index_name);
    for index in busy {
        if index.state != IndexState::Creating || Some(&index.name) != given_up {
            return Err(index_updates::one_at_a_time());
        }
    }
    Ok(())
}

fn update(table: &mut TableRecord, input: &UpdateTableInput, now_ms: i64) -> Result<(), Invalid> {
    update_billing(table, input, now_ms)?;
    let per_request = table.per_request_since_ms.is_some();
    let on_demand = input.on_demand_throughput.as_ref();
    let warm = input.warm_throughput.as_ref();
    table.on_demand = throughput::on_demand(Owner::Table, per_request, on_demand, table.on_demand)?;
    table.warm = throughput::warm(Owner::Table, per_request, &table.throughput, warm, table.warm)?;
    if let Some(protection) = input.deletion_protection_enabled {
        table.deletion_protection = protection;
    }
    if let Some(class) = &input.table_class {
        table.class =
            Some(ClassRecord { name: class.as_str().to_owned(), updated_ms: Some(now_ms) });
    }
    Ok(())
}

/// The billing mode and what is provisioned.
fn update_billing(
    table: &mut TableRecord,
    input: &UpdateTableInput,
    now_ms: i64,
) -> Result<(), Invalid> {
    let was_per_request = table.per_request_since_ms.is_some();
    let per_request = match &input.billing_mode {
        Some(mode) => *mode == BillingMode::PayPerRequest,
        None => was_per_request,
    };
    if let Some(given) = &input.provisioned_throughput {
        if per_request {
            return Err(throughput::neither_units());
        }
        throughput::change(Owner::Table, &mut table.throughput, &given.into(), now_ms)?;
    }
    if per_request && !was_per_request {
        table.throughput = Throughput::default();
        table.indexes.iter_mut().for_each(|index| index.throughput = Throughput::default());
    }
    if !per_request && !table.vectors.is_empty() {
        return Err(vector::only_per_request());
    }
    if !per_request && was_per_request {
        check_all_provisioned(table, input)?;
        table.on_demand = OnDemandRecord::default();
        table.indexes.iter_mut().for_each(|index| index.on_demand = OnDemandRecord::default());
    }
    table.per_request_since_ms =
        if per_request { table.per_request_since_ms.or(Some(now_ms)) } else { None };
    Ok(())
}

/// Checks that a table that is no longer billed per request gets units for all its indexes.
fn check_all_provisioned(table: &TableRecord, input: &UpdateTableInput) -> Result<(), Invalid> {
    let updates = input.global_secondary_index_updates.as_deref().unwrap_or_default();
    let is_given = |name: &String| {
        updates
            .iter()
            .filter_map(|update| update.update.as_ref())
            .any(|action| action.index_name == *name && action.provisioned_throughput.is_some())
    };
    let missing: Vec<&str> = (table.indexes.iter())
        .filter(|index| index.kind == IndexKind::Global && !is_given(&index.name))
        .map(|index| index.name.as_str())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Invalid(format!(
        "One or more parameter values were invalid: \
         ProvisionedThroughput must be specified for index: {}",
        missing.join(",")
    )))
}
