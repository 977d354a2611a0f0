//! `TagResource`, `UntagResource` and `ListTagsForResource`, of alarms.

use std::collections::BTreeMap;

use api_cloudwatch::{
    Error, ListTagsForResourceInput, ListTagsForResourceOutput, ResourceNotFoundException, Tag,
    TagResourceInput, TagResourceOutput, UntagResourceInput, UntagResourceOutput,
};
use kernel::{Arn, Ctx};
use store::ReadTx;

use crate::CloudWatch;
use crate::alarm::{ALARMS, Alarm, key};
use crate::error::invalid;

const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

/// Tags with those of a request added.
pub(super) fn checked(mut tags: Tags, more: &[Tag]) -> Result<Tags, Error> {
    for tag in more {
        if tag.key.starts_with("aws:") {
            return Err(invalid("Tag keys must not begin with aws:."));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("An alarm has at most {TAGS_MAX} tags.")));
    }
    Ok(tags)
}

/// The alarm of an ARN, and its name.
fn tagged(tx: &ReadTx, ctx: &Ctx, text: &str) -> Result<(String, Alarm), Error> {
    let missing = || ResourceNotFoundException {
        resource_type: Some("alarm".to_owned()),
        resource_id: Some(text.to_owned()),
    };
    let arn = Arn::parse(text).map_err(|_| invalid(format!("Invalid resource ARN: {text}")))?;
    let here = arn.account == ctx.account() && arn.region == ctx.region();
    let name = arn.resource.strip_prefix("alarm:").filter(|_| here && arn.service == "cloudwatch");
    let name = name.ok_or_else(missing)?;
    let alarm = tx.get(&ALARMS, key(ctx, name))?.ok_or_else(missing)?;
    Ok((name.to_owned(), alarm))
}

async fn change(
    ctx: &Ctx,
    arn: &str,
    change: impl Fn(Tags) -> Result<Tags, Error> + Send + Sync,
) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let (name, mut alarm) = tagged(tx, ctx, arn)?;
            alarm.tags = change(std::mem::take(&mut alarm.tags))?;
            Ok::<(), Error>(tx.put(&ALARMS, key(ctx, &name), &alarm)?)
        })
        .await
}

pub(crate) async fn tag_resource(
    _: &CloudWatch,
    ctx: &Ctx,
    input: TagResourceInput,
) -> Result<TagResourceOutput, Error> {
    change(ctx, &input.resource_arn, |tags| checked(tags, &input.tags)).await?;
    Ok(TagResourceOutput::default())
}

pub(crate) async fn untag_resource(
    _: &CloudWatch,
    ctx: &Ctx,
    input: UntagResourceInput,
) -> Result<UntagResourceOutput, Error> {
    let without = |mut tags: Tags| {
        tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(tags)
    };
    change(ctx, &input.resource_arn, without).await?;
    Ok(UntagResourceOutput::default())
}

pub(crate) async fn list_tags_for_resource(
    _: &CloudWatch,
    ctx: &Ctx,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput, Error> {
    let (_, alarm) = ctx.store().read(|tx| tagged(tx, ctx, &input.resource_arn))?;
    let tags = alarm.tags.into_iter().map(|(key, value)| Tag { key, value });
    Ok(ListTagsForResourceOutput { tags: Some(tags.collect()) })
}
