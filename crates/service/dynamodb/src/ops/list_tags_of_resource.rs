//! `ListTagsOfResource`: the tags of a table.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights"}
//! ```
//!
//! There are 50 at most, and they are all on one page, as in AWS.

use api_dynamodb::{Error, ListTagsOfResourceInput, ListTagsOfResourceOutput, Tag};
use kernel::Ctx;

use crate::DynamoDb;
use crate::invalid::Invalid;
use crate::resource::Resource;

pub(crate) async fn list_tags_of_resource(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListTagsOfResourceInput,
) -> Result<ListTagsOfResourceOutput, Error> {
    let resource = Resource::parse(ctx, "ListTagsOfResource", &input.resource_arn)?;
    let resource = resource.only_table("tags of streams")?;
    if input.next_token.is_some() {
        // No answer has one.
        return Err(Invalid::new("NextToken is not valid").into());
    }
    let table = ctx.store().read(|tx| resource.find(ctx, tx))?;
    let tags = table.tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
    Ok(ListTagsOfResourceOutput { tags: Some(tags), next_token: None })
}
