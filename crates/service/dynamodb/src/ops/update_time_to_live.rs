//! `UpdateTimeToLive`: enables or disables time to live.
//!
//! ```text
//! {"TableName": "Sessions",
//!  "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"}}
//! ```
//!
//! AWS refuses another change within about half an hour; here only until the one before is done.

use api_dynamodb::{Error, UpdateTimeToLiveInput, UpdateTimeToLiveOutput};
use kernel::Ctx;
use store::WriteTx;

use crate::table::TABLES;
use crate::{DynamoDb, fault, replica, table, ttl};

pub(crate) async fn update_time_to_live(
    _: &DynamoDb,
    ctx: &Ctx,
    input: UpdateTimeToLiveInput,
) -> Result<UpdateTimeToLiveOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let wanted = &input.time_to_live_specification;
    let write = |tx: &mut WriteTx| -> Result<(), Error> {
        let mut table = table::find(ctx, tx, &name)?.ok_or_else(|| fault::no_such_table(&name))?;
        if wanted.enabled {
            ttl::enable(ctx, tx, &name, &mut table, &wanted.attribute_name)?;
        } else {
            ttl::disable(ctx, tx, &mut table, &wanted.attribute_name)?;
        }
        // It is the same in all replicas.
        replica::everywhere_else(ctx, tx, &table, |ctx, tx, other| match wanted.enabled {
            true => ttl::enable(ctx, tx, &name, other, &wanted.attribute_name),
            false => ttl::disable(ctx, tx, other, &wanted.attribute_name),
        })?;
        Ok(tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &table)?)
    };
    ctx.store().write(write).await?;
    let time_to_live_specification = Some(input.time_to_live_specification);
    Ok(UpdateTimeToLiveOutput { time_to_live_specification })
}
