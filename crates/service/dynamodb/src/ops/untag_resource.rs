//! `UntagResource`: takes tags away from a table; it need not have them.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights",
//!  "TagKeys": ["team"]}
//! ```

use api_dynamodb::{Error, UntagResourceInput, UntagResourceOutput};
use kernel::Ctx;
use store::WriteTx;

use crate::DynamoDb;
use crate::invalid::Invalid;
use crate::resource::Resource;
use crate::table::TABLES;

pub(crate) async fn untag_resource(
    _: &DynamoDb,
    ctx: &Ctx,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    let resource = Resource::parse(ctx, "UntagResource", &input.resource_arn)?;
    let resource = resource.only_table("tags of streams")?;
    if input.tag_keys.is_empty() {
        return Err(Invalid::new("Atleast one Tag Key needs to be provided as Input.").into());
    }
    let write = |tx: &mut WriteTx| -> Result<(), Error> {
        let mut table = resource.find(ctx, tx)?;
        let before = table.tags.len();
        table.tags.retain(|(key, _)| !input.tag_keys.contains(key));
        if table.tags.len() != before {
            tx.put(&TABLES, (ctx.account(), ctx.region(), resource.table.as_str()), &table)?;
        }
        Ok(())
    };
    ctx.store().write(write).await?;
    Ok(UntagResourceOutput::default())
}
