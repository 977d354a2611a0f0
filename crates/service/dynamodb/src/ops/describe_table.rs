//! `DescribeTable`: what a table is like.
//!
//! ```text
//! {"TableName": "Flights"}
//! ```

use api_dynamodb::{DescribeTableInput, DescribeTableOutput, Error, TableStatus};
use kernel::Ctx;

use crate::count::Sizes;
use crate::sse::{self, SseRecord};
use crate::{DynamoDb, describe, fault, table};

pub(crate) async fn describe_table(
    service: &DynamoDb,
    ctx: &Ctx,
    input: DescribeTableInput,
) -> Result<DescribeTableOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let found = ctx.store().read(|tx| table::find_any(ctx, tx, &name))?;
    let mut table = found.ok_or_else(|| fault::no_such_table(&name))?;
    sse::look(ctx, &name, &mut table).await?;
    // A table that is being filled says nothing of its size, as in AWS.
    let sizes =
        if table.is_creating() { Sizes::default() } else { service.counts.of(ctx, &table)? };
    let status = match describe::status(&table) {
        TableStatus::Active if table.sse.as_ref().is_some_and(SseRecord::is_inaccessible) => {
            TableStatus::InaccessibleEncryptionCredentials
        }
        status => status,
    };
    let description = describe::table(ctx, &name, &table, status, &sizes);
    Ok(DescribeTableOutput { table: Some(description) })
}
