//! `CreateTable`: makes a table.
//!
//! ```text
//! {"TableName": "Flights", "BillingMode": "PAY_PER_REQUEST",
//!  "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
//!  "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
//! ```
//!
//! The answer says CREATING, as AWS's does; the table is ACTIVE for whoever asks after it.

use api_dynamodb::{
    AttributeDefinition, BillingMode, CreateTableInput, CreateTableOutput, Error, KeySchemaElement,
    KeyType, ProvisionedThroughput, ResourceInUseException, ScalarAttributeType, TableStatus,
};
use kernel::Ctx;
use store::{Key, Scan, WriteTx};

use crate::count::Count;
use crate::invalid::Invalid;
use crate::table::{
    self, ClassRecord, ITEMS, KeyAttribute, OnDemandRecord, TABLES, TableRecord, Throughput,
};
use crate::{DynamoDb, describe, fault};

/// Units that can be provisioned at most.
const UNITS_MAX: i64 = 1_000_000_000_000;

pub(crate) async fn create_table(
    _: &DynamoDb,
    ctx: &Ctx,
    input: CreateTableInput,
) -> Result<CreateTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    refuse(&input)?;
    let now_ms = ctx.now().epoch_ms;
    let throughput = throughput(input.billing_mode.as_ref(), input.provisioned_throughput)?;
    let (partition_key, sort_key) =
        keys(input.key_schema.as_deref(), input.attribute_definitions.as_deref())?;
    let per_request = input.billing_mode == Some(BillingMode::PayPerRequest);
    let mut record = TableRecord {
        id: ctx.random().uuid(),
        number: ctx.random().u64(),
        partition_key,
        sort_key,
        created_ms: now_ms,
        throughput,
        per_request_since_ms: per_request.then_some(now_ms),
        deletion_protection: input.deletion_protection_enabled == Some(true),
        class: input
            .table_class
            .map(|class| ClassRecord { name: class.as_str().to_owned(), updated_ms: None }),
        tags: input.tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect(),
        more_attributes: Vec::new(),
        indexes: Vec::new(),
        vectors: Vec::new(),
        stream: None,
        ttl: None,
        recovery: None,
        restored: None,
        replicas: Vec::new(),
        on_demand: OnDemandRecord::default(),
        warm: None,
    };
    let write = |tx: &mut WriteTx| -> Result<TableRecord, Error> {
        if table::find(ctx, tx, &name)?.is_some() {
            let message = Some(format!("Table already exists: {name}"));
            return Err(ResourceInUseException { message }.into());
        }
        while !is_free(tx, record.number)? {
            record.number = ctx.random().u64();
        }
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &record)?;
        Ok(record.clone())
    };
    let record = ctx.store().write(write).await?;
    let description = describe::table(ctx, &name, &record, TableStatus::Creating, Count::default());
    Ok(CreateTableOutput { table_description: Some(description) })
}

/// Whether no item lies under that number, of this table's or another's past.
fn is_free(tx: &WriteTx, number: u64) -> Result<bool, Error> {
    let mut free = true;
    let scan = Scan::prefix(Key::from_bytes(number.to_be_bytes())).limit(1);
    tx.scan_raw(&ITEMS, &scan, &mut |_, _| {
        free = false;
        std::ops::ControlFlow::Break(())
    })?;
    Ok(free)
}

fn refuse(input: &CreateTableInput) -> Result<(), Error> {
    let streams = input.stream_specification.as_ref();
    let sse = input.sse_specification.as_ref();
    let refused = [
        ("LocalSecondaryIndexes", input.local_secondary_indexes.is_some()),
        ("GlobalSecondaryIndexes", input.global_secondary_indexes.is_some()),
        ("StreamSpecification", streams.is_some_and(|streams| streams.stream_enabled)),
        ("SSESpecification", sse.is_some_and(|sse| sse.enabled == Some(true))),
        ("WarmThroughput", input.warm_throughput.is_some()),
        ("ResourcePolicy", input.resource_policy.is_some()),
        ("OnDemandThroughput", input.on_demand_throughput.is_some()),
        ("GlobalTableSourceArn", input.global_table_source_arn.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
        ("VectorIndexes", input.vector_indexes.is_some()),
    ];
    Ok(fault::refuse("CreateTable", &refused)?)
}

/// The throughput to begin with.
fn throughput(
    billing: Option<&BillingMode>,
    given: Option<ProvisionedThroughput>,
) -> Result<Throughput, Invalid> {
    let per_request = billing == Some(&BillingMode::PayPerRequest);
    match given {
        Some(_) if per_request => Err(neither_units()),
        None if per_request => Ok(Throughput::default()),
        None => Err(Invalid::new(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits \
             must both be specified when BillingMode is PROVISIONED",
        )),
        Some(given) => {
            check_units(&given)?;
            Ok(Throughput {
                read_units: given.read_capacity_units,
                write_units: given.write_capacity_units,
                ..Throughput::default()
            })
        }
    }
}

/// What is said to units for a table that is billed per request.
pub(super) fn neither_units() -> Invalid {
    Invalid::new(
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor \
         WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}

/// Checks that units are not beyond all bounds.
pub(super) fn check_units(given: &ProvisionedThroughput) -> Result<(), Invalid> {
    let units = [
        ("ReadCapacityUnits", given.read_capacity_units),
        ("WriteCapacityUnits", given.write_capacity_units),
    ];
    match units.iter().find(|(_, units)| *units > UNITS_MAX) {
        Some((name, units)) => {
            Err(Invalid(format!("Given value {units} for {name} is out of bounds")))
        }
        None => Ok(()),
    }
}

/// The key attributes from KeySchema and AttributeDefinitions.
fn keys(
    schema: Option<&[KeySchemaElement]>,
    definitions: Option<&[AttributeDefinition]>,
) -> Result<(KeyAttribute, Option<KeyAttribute>), Invalid> {
    let missing = |name: &str| {
        Invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    };
    let schema = schema.ok_or_else(|| missing("keySchema"))?;
    let definitions = definitions.ok_or_else(|| missing("attributeDefinitions"))?;
    check_length(schema)?;
    check_schema(schema, definitions)?;
    let attribute = |element: &KeySchemaElement| {
        let definition =
            definitions.iter().find(|known| known.attribute_name == element.attribute_name);
        let key_type = match definition.map(|definition| &definition.attribute_type) {
            Some(ScalarAttributeType::N) => table::KeyType::N,
            Some(ScalarAttributeType::B) => table::KeyType::B,
            _ => table::KeyType::S,
        };
        KeyAttribute { name: element.attribute_name.clone(), key_type }
    };
    let partition = schema.first().map(attribute).ok_or_else(|| missing("keySchema"))?;
    Ok((partition, schema.get(1).map(attribute)))
}

/// The model allows more elements, which indexes have.
fn check_length(schema: &[KeySchemaElement]) -> Result<(), Invalid> {
    if schema.len() <= 2 {
        return Ok(());
    }
    let elements: Vec<String> = schema
        .iter()
        .map(|element| {
            let KeySchemaElement { attribute_name, key_type } = element;
            format!("KeySchemaElement(attributeName={attribute_name}, keyType={key_type})")
        })
        .collect();
    Err(Invalid(format!(
        "1 validation error detected: Value '[{}]' at 'keySchema' failed to satisfy constraint: \
         Member must have length less than or equal to 2",
        elements.join(", ")
    )))
}

fn check_schema(
    schema: &[KeySchemaElement],
    definitions: &[AttributeDefinition],
) -> Result<(), Invalid> {
    let keys: Vec<&str> = schema.iter().map(|element| element.attribute_name.as_str()).collect();
    let defined: Vec<&str> =
        definitions.iter().map(|definition| definition.attribute_name.as_str()).collect();
    let problem = if keys.len() > defined.len() {
        "Invalid KeySchema: Some index key attribute have no definition".to_owned()
    } else if keys.iter().any(|key| !defined.contains(key)) {
        format!(
            "One or more parameter values were invalid: Some index key attributes are not defined \
             in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            defined.join(", ")
        )
    } else if keys.len() > 1 && keys[0] == keys[1] {
        "Both the Hash Key and the Range Key element in the KeySchema have the same name".to_owned()
    } else if schema.first().is_some_and(|element| element.key_type != KeyType::Hash) {
        "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned()
    } else if schema.get(1).is_some_and(|element| element.key_type != KeyType::Range) {
        "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".to_owned()
    } else if let Some(twice) = duplicate(&defined) {
        format!(
            "One or more parameter values were invalid: \
             Duplicate AttributeName in AttributeDefinitions: {twice}"
        )
    } else if keys.len() != defined.len() {
        "One or more parameter values were invalid: Number of attributes in KeySchema does not \
         exactly match number of attributes defined in AttributeDefinitions"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(Invalid(problem))
}

fn duplicate<'a>(names: &[&'a str]) -> Option<&'a str> {
    names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| *name)
}
