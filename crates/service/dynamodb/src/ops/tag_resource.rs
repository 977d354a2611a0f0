//! `TagResource`: adds tags to a table, or changes the values of tags it has.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights",
//!  "Tags": [{"Key": "team", "Value": "desk"}]}
//! ```
//!
//! Tags of streams are refused: nothing lists them yet.

use api_dynamodb::{Error, TagResourceInput, TagResourceOutput};
use kernel::Ctx;
use store::WriteTx;

use crate::DynamoDb;
use crate::definition::tags;
use crate::invalid::Invalid;
use crate::resource::Resource;
use crate::table::TABLES;

pub(crate) async fn tag_resource(
    _: &DynamoDb,
    ctx: &Ctx,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    let resource = Resource::parse(ctx, "TagResource", &input.resource_arn)?;
    let resource = resource.only_table("tags of streams")?;
    if input.tags.is_empty() {
        return Err(Invalid::new("Atleast one Tag needs to be provided as Input.").into());
    }
    tags::check_all(&input.tags)?;
    let write = |tx: &mut WriteTx| -> Result<(), Error> {
        let mut table = resource.find(ctx, tx)?;
        tags::add(&mut table.tags, input.tags.clone())?;
        tx.put(&TABLES, (ctx.account(), ctx.region(), resource.table.as_str()), &table)?;
        Ok(())
    };
    ctx.store().write(write).await?;
    Ok(TagResourceOutput::default())
}
