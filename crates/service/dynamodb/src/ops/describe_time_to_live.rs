//! `DescribeTimeToLive`: whether a table has time to live, and which attribute says when.
//!
//! ```text
//! {"TableName": "Sessions"}
//! ```

use api_dynamodb::{
    DescribeTimeToLiveInput, DescribeTimeToLiveOutput, Error, TimeToLiveDescription,
    TimeToLiveStatus,
};
use kernel::Ctx;

use crate::{DynamoDb, fault, table};

pub(crate) async fn describe_time_to_live(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeTimeToLiveInput,
) -> Result<DescribeTimeToLiveOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let found = ctx.store().read(|tx| table::find(ctx, tx, &name))?;
    let table = found.ok_or_else(|| fault::no_such_table(&name))?;
    let status = match &table.ttl {
        None => TimeToLiveStatus::Disabled,
        Some(ttl) if ttl.building => TimeToLiveStatus::Enabling,
        Some(_) => TimeToLiveStatus::Enabled,
    };
    Ok(DescribeTimeToLiveOutput {
        time_to_live_description: Some(TimeToLiveDescription {
            time_to_live_status: Some(status),
            attribute_name: table.ttl.map(|ttl| ttl.attribute),
        }),
    })
}
