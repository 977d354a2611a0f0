//! Tables as the API describes them.

use api_dynamodb::{
    AttributeDefinition, BillingMode, BillingModeSummary, GlobalSecondaryIndexDescription,
    GlobalSecondaryIndexWarmThroughputDescription, IndexStatus, KeySchemaElement, KeyType,
    LocalSecondaryIndexDescription, OnDemandThroughput, Projection, ProjectionType,
    ProvisionedThroughputDescription, RestoreSummary, ScalarAttributeType, TableClass,
    TableClassSummary, TableDescription, TableStatus, TableWarmThroughputDescription,
};
use kernel::{Ctx, Timestamp};

use crate::count::{Count, Sizes};
use crate::definition::throughput::warm_now;
use crate::index::{IndexKind, IndexProjection, IndexRecord, IndexState};
use crate::replica;
use crate::sse;
use crate::streams;
use crate::table::{self, KeyAttribute, OnDemandRecord, TableRecord, Throughput};
use crate::vector::{VectorIndexRecord, definition as vector};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The state of a table: an index that comes or goes keeps it UPDATING.
pub(crate) fn status(table: &TableRecord) -> TableStatus {
    let of_indexes = table.indexes.iter().map(|index| index.state);
    let mut states = of_indexes.chain(table.vectors.iter().map(|index| index.state));
    let joining = table.replicas.iter().any(|replica| replica.joining);
    if table.is_creating() {
        TableStatus::Creating
    } else if !joining && states.all(|state| state == IndexState::Active) {
        TableStatus::Active
    } else {
        TableStatus::Updating
    }
}

/// Describes a table in a state.
pub(crate) fn table(
    ctx: &Ctx,
    name: &str,
    table: &TableRecord,
    status: TableStatus,
    sizes: &Sizes,
) -> TableDescription {
    let arn = ctx.arn("dynamodb", format!("table/{name}")).to_string();
    let (local_secondary_indexes, global_secondary_indexes) =
        indexes(ctx, table, &arn, &status, sizes);
    let vectors = table.vectors.iter().enumerate().map(|(i, index)| {
        vector::describe(index, &arn, sizes.vectors.get(i).copied().unwrap_or_default())
    });
    let vector_indexes = Some(vectors.collect::<Vec<_>>()).filter(|found| !found.is_empty());
    let per_request = table.per_request_since_ms.is_some();
    let warm = warm_now(per_request, &table.throughput, table.warm);
    let mut description = TableDescription {
        attribute_definitions: Some(definitions(table)),
        table_name: Some(name.to_owned()),
        key_schema: Some(key_schema(std::slice::from_ref(&table.partition_key), &table.sort_key)),
        table_status: Some(status.clone()),
        creation_date_time: Some(Timestamp::from_ms(table.created_ms)),
        provisioned_throughput: Some(throughput(ctx, &table.throughput)),
        table_size_bytes: Some(sizes.table.bytes as i64),
        item_count: Some(sizes.table.items as i64),
        table_arn: Some(arn),
        table_id: Some(table.id.clone()),
        billing_mode_summary: table.per_request_since_ms.map(|since_ms| BillingModeSummary {
            billing_mode: Some(BillingMode::PayPerRequest),
            last_update_to_pay_per_request_date_time: Some(Timestamp::from_ms(since_ms)),
        }),
        local_secondary_indexes,
        global_secondary_indexes,
        vector_indexes,
        table_class_summary: table.class.as_ref().map(|class| TableClassSummary {
            table_class: Some(TableClass::from(class.name.as_str())),
            last_update_date_time: class.updated_ms.map(Timestamp::from_ms),
        }),
        stream_specification: streams::specification(table),
        latest_stream_arn: streams::arn(ctx, name, table),
        latest_stream_label: table.latest_stream_label.clone(),
        deletion_protection_enabled: Some(table.deletion_protection),
        restore_summary: table.restored.as_ref().map(|restored| RestoreSummary {
            source_backup_arn: restored.backup_arn.clone(),
            source_table_arn: restored.table_arn.clone(),
            restore_date_time: Timestamp::from_ms(restored.at_ms),
            restore_in_progress: true,
        }),
        on_demand_throughput: on_demand(&table.on_demand),
        warm_throughput: Some(TableWarmThroughputDescription {
            read_units_per_second: Some(warm.read_units),
            write_units_per_second: Some(warm.write_units),
            status: Some(status),
        }),
        sse_description: sse::describe(table),
        ..TableDescription::default()
    };
    replica::describe::complete(&mut description, table);
    description
}

type Indexes =
    (Option<Vec<LocalSecondaryIndexDescription>>, Option<Vec<GlobalSecondaryIndexDescription>>);

fn indexes(
    ctx: &Ctx,
    table: &TableRecord,
    table_arn: &str,
    status: &TableStatus,
    sizes: &Sizes,
) -> Indexes {
    let (mut locals, mut globals) = (Vec::new(), Vec::new());
    for (i, index) in table.indexes.iter().enumerate() {
        let count = sizes.indexes.get(i).copied().unwrap_or_default();
        let arn = format!("{table_arn}/index/{}", index.name);
        match index.kind {
            IndexKind::Local => locals.push(LocalSecondaryIndexDescription {
                index_name: Some(index.name.clone()),
                key_schema: Some(key_schema(&index.partition, &index.sort)),
                projection: Some(projection(&index.projection)),
                index_size_bytes: Some(count.bytes as i64),
                item_count: Some(count.items as i64),
                index_arn: Some(arn),
            }),
            IndexKind::Global => globals.push(global(ctx, table, index, arn, status, count)),
        }
    }
    (
        Some(locals).filter(|found| !found.is_empty()),
        Some(globals).filter(|found| !found.is_empty()),
    )
}

fn global(
    ctx: &Ctx,
    table: &TableRecord,
    index: &IndexRecord,
    arn: String,
    table_status: &TableStatus,
    count: Count,
) -> GlobalSecondaryIndexDescription {
    let status = match index.state {
        IndexState::Active if *table_status == TableStatus::Creating => IndexStatus::Creating,
        IndexState::Active => IndexStatus::Active,
        IndexState::Creating => IndexStatus::Creating,
        IndexState::Deleting => IndexStatus::Deleting,
    };
    let per_request = table.per_request_since_ms.is_some();
    let warm = warm_now(per_request, &index.throughput, index.warm);
    GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(key_schema(&index.partition, &index.sort)),
        projection: Some(projection(&index.projection)),
        index_status: Some(status.clone()),
        backfilling: (index.state == IndexState::Creating).then_some(true),
        provisioned_throughput: Some(throughput(ctx, &index.throughput)),
        index_size_bytes: Some(count.bytes as i64),
        item_count: Some(count.items as i64),
        index_arn: Some(arn),
        on_demand_throughput: on_demand(&index.on_demand),
        warm_throughput: Some(GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second: Some(warm.read_units),
            write_units_per_second: Some(warm.write_units),
            status: Some(status),
        }),
    }
}

pub(crate) fn projection(projection: &IndexProjection) -> Projection {
    let (kind, names) = match projection {
        IndexProjection::All => (ProjectionType::All, None),
        IndexProjection::KeysOnly => (ProjectionType::KeysOnly, None),
        IndexProjection::Include(names) => (ProjectionType::Include, Some(names.clone())),
    };
    Projection { projection_type: Some(kind), non_key_attributes: names }
}

pub(crate) fn on_demand(record: &OnDemandRecord) -> Option<OnDemandThroughput> {
    (*record != OnDemandRecord::default()).then_some(OnDemandThroughput {
        max_read_request_units: Some(record.read_units_max.unwrap_or(-1)),
        max_write_request_units: Some(record.write_units_max.unwrap_or(-1)),
    })
}

/// The key attributes of the table and of all indexes, each once.
pub(crate) fn definitions(table: &TableRecord) -> Vec<AttributeDefinition> {
    let of_indexes = table.indexes.iter().flat_map(IndexRecord::keys);
    let mut definitions: Vec<AttributeDefinition> = table
        .keys()
        .chain(of_indexes)
        .chain(table.vectors.iter().flat_map(VectorIndexRecord::schema))
        .map(|key| AttributeDefinition {
            attribute_name: key.name.clone(),
            attribute_type: match key.key_type {
                table::KeyType::S => ScalarAttributeType::S,
                table::KeyType::N => ScalarAttributeType::N,
                table::KeyType::B => ScalarAttributeType::B,
            },
        })
        .collect();
    definitions.sort_by(|a, b| a.attribute_name.cmp(&b.attribute_name));
    definitions.dedup_by(|a, b| a.attribute_name == b.attribute_name);
    definitions
}

/// A key schema.
pub(crate) fn key_schema<'a>(
    partition: &'a [KeyAttribute],
    sort: impl IntoIterator<Item = &'a KeyAttribute>,
) -> Vec<KeySchemaElement> {
    let element = |key: &KeyAttribute, key_type| KeySchemaElement {
        attribute_name: key.name.clone(),
        key_type,
    };
    let mut schema: Vec<_> = partition.iter().map(|key| element(key, KeyType::Hash)).collect();
    schema.extend(sort.into_iter().map(|key| element(key, KeyType::Range)));
    schema
}

fn throughput(ctx: &Ctx, throughput: &Throughput) -> ProvisionedThroughputDescription {
    let today = ctx.now().epoch_ms.div_euclid(DAY_MS);
    let decreased_today =
        throughput.decreased_ms.is_some_and(|at_ms| at_ms.div_euclid(DAY_MS) == today);
    ProvisionedThroughputDescription {
        last_increase_date_time: throughput.increased_ms.map(Timestamp::from_ms),
        last_decrease_date_time: throughput.decreased_ms.map(Timestamp::from_ms),
        number_of_decreases_today: Some(if decreased_today { throughput.decreases } else { 0 }),
        read_capacity_units: Some(throughput.read_units),
        write_capacity_units: Some(throughput.write_units),
    }
}
