//! `CreateTable`: makes a table, with its indexes.
//!
//! ```text
//! {"TableName": "Flights", "BillingMode": "PAY_PER_REQUEST",
//!  "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"},
//!                           {"AttributeName": "gate", "AttributeType": "S"}],
//!  "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
//!  "GlobalSecondaryIndexes": [{"IndexName": "by-gate", "Projection": {"ProjectionType": "ALL"},
//!    "KeySchema": [{"AttributeName": "gate", "KeyType": "HASH"}]}]}
//! ```
//!
//! The answer says CREATING, as AWS's does; the table is ACTIVE for whoever asks after it.

use api_dynamodb::{
    BillingMode, CreateTableInput, CreateTableOutput, Error, ResourceInUseException, TableStatus,
};
use kernel::Ctx;
use store::{Key, RawTable, ReadTx, Scan, WriteTx};

use crate::count::Sizes;
use crate::definition::schema::Definitions;
use crate::definition::{Owner, index, tags, throughput};
use crate::index::{ENTRIES, IndexState};
use crate::invalid::Invalid;
use crate::policy::{self, PolicyRecord};
use crate::sse;
use crate::table::{self, ClassRecord, ITEMS, OnDemandRecord, TABLES, TableRecord};
use crate::vector::VECTORS;
use crate::vector::definition::{self as vector, Definition};
use crate::{DynamoDb, describe, fault, streams};

pub(crate) async fn create_table(
    _: &DynamoDb,
    ctx: &Ctx,
    mut input: CreateTableInput,
) -> Result<CreateTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    refuse(&input)?;
    let policy = input.resource_policy.take();
    policy.as_deref().map_or(Ok(()), policy::check)?;
    let policy = policy.map(|document| PolicyRecord::new(ctx, document));
    let stream = input.stream_specification.take();
    let wanted = sse::wanted(input.sse_specification.as_ref())?;
    let mut record = define(ctx, input)?;
    let view = streams::check_create(stream.as_ref())?;
    let key = sse::prepare(ctx, &name, &wanted).await?;
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        number(ctx, tx, &name, &mut record)?;
        key.as_ref().map_or(Ok(()), |key| key.give(tx, &mut record))?;
        if let Some(view) = view {
            streams::enable(ctx, tx, &name, &mut record, view)?;
        }
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &record)?;
        if let Some(policy) = &policy {
            policy::put(ctx, tx, &format!("table/{name}"), policy)?;
        }
        Ok(record.clone())
    };
    let record = ctx.store().write(write).await?;
    let sizes = Sizes::default();
    let description = describe::table(ctx, &name, &record, TableStatus::Creating, &sizes);
    Ok(CreateTableOutput { table_description: Some(description) })
}

/// The table, but for the numbers that keys begin with.
///
/// # Errors
/// In DynamoDB's words, if there can be no such table.
pub(super) fn define(ctx: &Ctx, input: CreateTableInput) -> Result<TableRecord, Invalid> {
    let now_ms = ctx.now().epoch_ms;
    let per_request = input.billing_mode == Some(BillingMode::PayPerRequest);
    let throughput =
        throughput::of_table(input.billing_mode.as_ref(), input.provisioned_throughput.as_ref())?;
    let schema = input.key_schema.as_deref().ok_or_else(|| missing("keySchema"))?;
    let definitions = input.attribute_definitions.as_deref();
    let definitions = Definitions(definitions.ok_or_else(|| missing("attributeDefinitions"))?);
    let (local, global) =
        (input.local_secondary_indexes.as_deref(), input.global_secondary_indexes.as_deref());
    let vectors = input.vector_indexes.unwrap_or_default();
    let has_indexes = local.is_some() || global.is_some() || !vectors.is_empty();
    let keys = definitions.table_keys(schema, has_indexes)?;
    let mut indexes = index::locals(&definitions, &keys, local)?;
    index::globals(&definitions, per_request, global, &mut indexes)?;
    index::check_projected_count(&indexes)?;
    let used = indexes.iter().flat_map(|index| index.keys());
    let used = std::iter::once(&keys.0).chain(&keys.1).chain(used).map(|key| key.name.as_str());
    let used = used.chain(vectors.iter().flat_map(vector::schema_names));
    definitions.check_all_used(&used.collect::<Vec<_>>())?;
    let on_demand = input.on_demand_throughput.as_ref();
    let none = OnDemandRecord::default();
    let on_demand = throughput::on_demand(Owner::Table, per_request, on_demand, none)?;
    let warm = input.warm_throughput.as_ref();
    let warm = throughput::warm(Owner::Table, per_request, &throughput, warm, None)?;
    let mut table = TableRecord {
        id: ctx.random().uuid(),
        number: 0,
        partition_key: keys.0,
        sort_key: keys.1,
        created_ms: now_ms,
        throughput,
        per_request_since_ms: per_request.then_some(now_ms),
        deletion_protection: input.deletion_protection_enabled == Some(true),
        class: input
            .table_class
            .map(|class| ClassRecord { name: class.as_str().to_owned(), updated_ms: None }),
        tags: tags::of_table(input.tags)?,
        indexes,
        vectors: Vec::new(),
        stream: None,
        latest_stream_label: None,
        ttl: None,
        recovery: None,
        restored: None,
        joining: false,
        importing: false,
        replicas: Vec::new(),
        strong: false,
        on_demand,
        warm,
        sse: None,
        meter: None,
        heat: None,
    };
    for index in vectors {
        let index = Definition::from(index).record(&table, definitions.0, IndexState::Active)?;
        table.vectors.push(index);
    }
    Ok(table)
}

fn missing(name: &str) -> Invalid {
    Invalid(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
         Member must not be null"
    ))
}

/// Gives a new table its numbers.
///
/// # Errors
/// If there is a table of its name.
pub(super) fn number(
    ctx: &Ctx,
    tx: &ReadTx,
    name: &str,
    record: &mut TableRecord,
) -> Result<(), Error> {
    if let Some(there) = table::find_any(ctx, tx, name)? {
        let message = Some(if there.is_creating() {
            format!("Table is being used: {name}")
        } else {
            format!("Table already exists: {name}")
        });
        return Err(ResourceInUseException { message }.into());
    }
    record.number = free_number(ctx, tx, &ITEMS)?;
    for index in &mut record.indexes {
        index.number = free_number(ctx, tx, &ENTRIES)?;
    }
    for index in &mut record.vectors {
        index.number = free_number(ctx, tx, &VECTORS)?;
    }
    Ok(())
}

/// A number under which nothing lies, of this table's or another's past.
pub(crate) fn free_number(ctx: &Ctx, tx: &ReadTx, stored: &RawTable) -> Result<u64, Error> {
    loop {
        let number = ctx.random().u64();
        let mut is_free = true;
        let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(1);
        tx.scan_raw(stored, &scan, &mut |_, _| {
            is_free = false;
            std::ops::ControlFlow::Break(())
        })?;
        if is_free {
            return Ok(number);
        }
    }
}

fn refuse(input: &CreateTableInput) -> Result<(), Error> {
    let refused = [
        ("GlobalTableSourceArn", input.global_table_source_arn.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
    ];
    Ok(fault::refuse("CreateTable", &refused)?)
}
