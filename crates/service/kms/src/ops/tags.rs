//! `TagResource`, `UntagResource`, `ListResourceTags`.
//!
//! ```text
//! aws kms tag-resource --key-id 1234abcd-12ab-34cd-56ef-1234567890ab \
//!     --tags TagKey=team,TagValue=desk
//! ```

use api_kms::{
    Error, ListResourceTagsRequest, ListResourceTagsResponse, TagResourceOutput,
    TagResourceRequest, UntagResourceOutput, UntagResourceRequest,
};
use kernel::Ctx;

use crate::error::bad_marker;
use crate::find::{Names, find};
use crate::page::limit;
use crate::record::KEYS;
use crate::{Kms, tags};

/// Tags of a page when a request does not say.
const USUAL: usize = 50;

pub(crate) async fn tag_resource(
    _: &Kms,
    ctx: &Ctx,
    input: TagResourceRequest,
) -> Result<TagResourceOutput, Error> {
    ctx.store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("TagResource")?;
            key.not_ending()?;
            tags::add(&mut key.record.tags, &input.tags)?;
            tx.put(&KEYS, key.place.key(), &key.record)?;
            Ok(TagResourceOutput {})
        })
        .await
}

pub(crate) async fn untag_resource(
    _: &Kms,
    ctx: &Ctx,
    input: UntagResourceRequest,
) -> Result<UntagResourceOutput, Error> {
    ctx.store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("UntagResource")?;
            key.not_ending()?;
            for tag in &input.tag_keys {
                tags::check_key(tag)?;
                key.record.tags.remove(tag);
            }
            tx.put(&KEYS, key.place.key(), &key.record)?;
            Ok(UntagResourceOutput {})
        })
        .await
}

pub(crate) async fn list_resource_tags(
    _: &Kms,
    ctx: &Ctx,
    input: ListResourceTagsRequest,
) -> Result<ListResourceTagsResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    let all = tags::list(&key.record.tags);
    // The marker is the last tag's key.
    let begin = match &input.marker {
        None => 0,
        Some(marker) => {
            1 + all.iter().position(|tag| tag.tag_key == *marker).ok_or_else(bad_marker)?
        }
    };
    let max = limit(input.limit, USUAL);
    let more = all.len() > begin + max;
    let page: Vec<_> = all.into_iter().skip(begin).take(max).collect();
    Ok(ListResourceTagsResponse {
        next_marker: page.last().filter(|_| more).map(|tag| tag.tag_key.clone()),
        truncated: Some(more),
        tags: Some(page),
    })
}
