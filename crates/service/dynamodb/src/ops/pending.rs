//! Operations that answer not-implemented until their files are there.

use api_dynamodb::*;
use kernel::{Ctx, Fault};

use crate::DynamoDb;

macro_rules! pending {
    ($($name:ident $operation:literal $input:ident $output:ident;)*) => {
        $(pub(crate) async fn $name(
            _: &DynamoDb,
            _: &Ctx,
            _: $input,
        ) -> Result<$output, Error> {
            Err(Fault::not_implemented(concat!("the operation ", $operation)).into())
        })*
    };
}

pending! {
    create_global_table "CreateGlobalTable" CreateGlobalTableInput CreateGlobalTableOutput;
    describe_global_table "DescribeGlobalTable" DescribeGlobalTableInput DescribeGlobalTableOutput;
    describe_global_table_settings "DescribeGlobalTableSettings" DescribeGlobalTableSettingsInput DescribeGlobalTableSettingsOutput;
    list_global_tables "ListGlobalTables" ListGlobalTablesInput ListGlobalTablesOutput;
    update_global_table "UpdateGlobalTable" UpdateGlobalTableInput UpdateGlobalTableOutput;
    update_global_table_settings "UpdateGlobalTableSettings" UpdateGlobalTableSettingsInput UpdateGlobalTableSettingsOutput;
}
