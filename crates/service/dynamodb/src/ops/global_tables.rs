//! The operations on global tables of version 2017.11.29, which AWS no longer lets anybody make:
//! there are none, and each operation says so as AWS does. Global tables of version 2019.11.21
//! are made with UpdateTable and its ReplicaUpdates; these operations do not see them.
//!
//! ```text
//! {"GlobalTableName": "Flights", "ReplicationGroup": [{"RegionName": "us-east-1"}]}
//! ```

use api_dynamodb::{
    CreateGlobalTableInput, CreateGlobalTableOutput, DescribeGlobalTableInput,
    DescribeGlobalTableOutput, DescribeGlobalTableSettingsInput, DescribeGlobalTableSettingsOutput,
    Error, GlobalTableNotFoundException, ListGlobalTablesInput, ListGlobalTablesOutput,
    UpdateGlobalTableInput, UpdateGlobalTableOutput, UpdateGlobalTableSettingsInput,
    UpdateGlobalTableSettingsOutput,
};
use kernel::Ctx;

use crate::DynamoDb;
use crate::invalid::Invalid;

fn version() -> Error {
    Invalid::new(
        "One or more parameter values were invalid: DynamoDB global tables version 2017.11.29 is \
         not supported. We recommend using DynamoDB global tables version 2019.11.21, instead of \
         version 2017.11.29 (Legacy).",
    )
    .into()
}

fn not_found(name: &str) -> Error {
    let message = Some(format!("Global table with name: '{name}' does not exist."));
    GlobalTableNotFoundException { message }.into()
}

pub(crate) async fn create_global_table(
    _: &DynamoDb,
    _: &Ctx,
    _: CreateGlobalTableInput,
) -> Result<CreateGlobalTableOutput, Error> {
    Err(version())
}

pub(crate) async fn update_global_table(
    _: &DynamoDb,
    _: &Ctx,
    input: UpdateGlobalTableInput,
) -> Result<UpdateGlobalTableOutput, Error> {
    if input.replica_updates.is_empty() {
        return Err(Invalid::new("One or more parameter values were invalid").into());
    }
    if input.replica_updates.iter().any(|update| update.create.is_some()) {
        return Err(version());
    }
    Err(not_found(&input.global_table_name))
}

pub(crate) async fn describe_global_table(
    _: &DynamoDb,
    _: &Ctx,
    input: DescribeGlobalTableInput,
) -> Result<DescribeGlobalTableOutput, Error> {
    Err(not_found(&input.global_table_name))
}

pub(crate) async fn describe_global_table_settings(
    _: &DynamoDb,
    _: &Ctx,
    input: DescribeGlobalTableSettingsInput,
) -> Result<DescribeGlobalTableSettingsOutput, Error> {
    Err(not_found(&input.global_table_name))
}

pub(crate) async fn update_global_table_settings(
    _: &DynamoDb,
    _: &Ctx,
    input: UpdateGlobalTableSettingsInput,
) -> Result<UpdateGlobalTableSettingsOutput, Error> {
    Err(not_found(&input.global_table_name))
}

pub(crate) async fn list_global_tables(
    _: &DynamoDb,
    _: &Ctx,
    _: ListGlobalTablesInput,
) -> Result<ListGlobalTablesOutput, Error> {
    // There are none, since none can be made.
    Ok(ListGlobalTablesOutput { global_tables: Some(Vec::new()), ..Default::default() })
}
