//! Tables as the API describes them.

use api_dynamodb::{
    AttributeDefinition, BillingMode, BillingModeSummary, KeySchemaElement, KeyType,
    ProvisionedThroughputDescription, ScalarAttributeType, TableClass, TableClassSummary,
    TableDescription, TableStatus,
};
use kernel::{Ctx, Timestamp};

use crate::count::Count;
use crate::table::{self, KeyAttribute, TableRecord};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Describes a table in a state.
pub(crate) fn table(
    ctx: &Ctx,
    name: &str,
    table: &TableRecord,
    status: TableStatus,
    count: Count,
) -> TableDescription {
    TableDescription {
        attribute_definitions: Some(definitions(table)),
        table_name: Some(name.to_owned()),
        key_schema: Some(key_schema(table)),
        table_status: Some(status),
        creation_date_time: Some(Timestamp::from_ms(table.created_ms)),
        provisioned_throughput: Some(throughput(ctx, table)),
        table_size_bytes: Some(count.bytes as i64),
        item_count: Some(count.items as i64),
        table_arn: Some(ctx.arn("dynamodb", format!("table/{name}")).to_string()),
        table_id: Some(table.id.clone()),
        billing_mode_summary: table.per_request_since_ms.map(|since_ms| BillingModeSummary {
            billing_mode: Some(BillingMode::PayPerRequest),
            last_update_to_pay_per_request_date_time: Some(Timestamp::from_ms(since_ms)),
        }),
        table_class_summary: table.class.as_ref().map(|class| TableClassSummary {
            table_class: Some(TableClass::from(class.name.as_str())),
            last_update_date_time: class.updated_ms.map(Timestamp::from_ms),
        }),
        deletion_protection_enabled: Some(table.deletion_protection),
        ..TableDescription::default()
    }
}

fn definitions(table: &TableRecord) -> Vec<AttributeDefinition> {
    let mut definitions: Vec<AttributeDefinition> = table
        .keys()
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
    definitions
}

fn key_schema(table: &TableRecord) -> Vec<KeySchemaElement> {
    let element = |key: &KeyAttribute, key_type| KeySchemaElement {
        attribute_name: key.name.clone(),
        key_type,
    };
    let mut schema = vec![element(&table.partition_key, KeyType::Hash)];
    schema.extend(table.sort_key.iter().map(|key| element(key, KeyType::Range)));
    schema
}

fn throughput(ctx: &Ctx, table: &TableRecord) -> ProvisionedThroughputDescription {
    let throughput = &table.throughput;
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
