//! Tags of a queue.

use api_sqs::{
    Error, ListQueueTagsRequest, ListQueueTagsResult, TagQueueOutput, TagQueueRequest,
    UntagQueueOutput, UntagQueueRequest,
};
use kernel::Ctx;

use super::queue_at;
use crate::Sqs;
use crate::error::{invalid, missing};
use crate::record::{QUEUES, require};

/// Most tags of a queue.
pub(crate) const TAGS_MAX: usize = 50;

pub(crate) async fn tag_queue(
    _: &Sqs,
    ctx: &Ctx,
    input: TagQueueRequest,
) -> Result<TagQueueOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    if input.tags.is_empty() {
        return Err(missing("Tags").into());
    }
    check(&input.tags)?;
    ctx.store()
        .write(|tx| {
            let mut queue = require(tx, &name)?;
            queue.tags.extend(input.tags.clone());
            if queue.tags.len() > TAGS_MAX {
                return Err(invalid(format!("Too many tags added for queue {}.", name.name)).into());
            }
            Ok::<_, Error>(tx.put(&QUEUES, name.key(), &queue)?)
        })
        .await?;
    Ok(TagQueueOutput {})
}

/// Refuses names that belong to AWS, and what is too long.
pub(crate) fn check(tags: &std::collections::BTreeMap<String, String>) -> Result<(), Error> {
    for (key, value) in tags {
        let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid("The tag key or value is invalid.").into());
        }
    }
    Ok(())
}

pub(crate) async fn untag_queue(
    _: &Sqs,
    ctx: &Ctx,
    input: UntagQueueRequest,
) -> Result<UntagQueueOutput, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    if input.tag_keys.is_empty() {
        return Err(invalid("Tag keys must be between 1 and 128 characters in length.").into());
    }
    ctx.store()
        .write(|tx| {
            let mut queue = require(tx, &name)?;
            queue.tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok::<_, Error>(tx.put(&QUEUES, name.key(), &queue)?)
        })
        .await?;
    Ok(UntagQueueOutput {})
}

pub(crate) async fn list_queue_tags(
    _: &Sqs,
    ctx: &Ctx,
    input: ListQueueTagsRequest,
) -> Result<ListQueueTagsResult, Error> {
    let name = queue_at(ctx, &input.queue_url)?;
    let queue = ctx.store().read(|tx| require(tx, &name))?;
    Ok(ListQueueTagsResult { tags: (!queue.tags.is_empty()).then_some(queue.tags) })
}
