//! `DescribeTable`: what a table is like.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```

use api_dynamodb::{DescribeTableInput, DescribeTableOutput, Error};
use kernel::Ctx;

use crate::{DynamoDb, describe, fault, table};

pub(crate) async fn describe_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let found = ctx.store().read(|tx| table::find(ctx, tx, &name))?;
    let table = found.ok_or_else(|| fault::no_such_table(&name))?;
    let sizes = service.counts.of(ctx, &table)?;
    let description = describe::table(ctx, &name, &table, describe::status(&table), &sizes);
    Ok(DescribeTableOutput { table: Some(description) })
}
