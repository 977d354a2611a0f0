//! `DescribeTable`: what a table is like.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```

use api_dynamodb::{DescribeTableInput, DescribeTableOutput, Error};
use kernel::Ctx;

use crate::count::Sizes;
use crate::{DynamoDb, describe, fault, table};

pub(crate) async fn describe_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let found = ctx.store().read(|tx| table::find_any(ctx, tx, &name))?;
    let table = found.ok_or_else(|| fault::no_such_table(&name))?;
    // A table that is being filled says nothing of its size, as in AWS.
    let sizes =
        if table.is_creating() { Sizes::default() } else { service.counts.of(ctx, &table)? };
    let description = describe::table(ctx, &name, &table, describe::status(&table), &sizes);
    Ok(DescribeTableOutput { table: Some(description) })
}
