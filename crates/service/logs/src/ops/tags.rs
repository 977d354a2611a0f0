//! Tags of groups: by ARN, and by name as clients did before 2022.
//!
//! ```text
//! aws logs tag-resource --resource-arn arn:aws:logs:…:log-group:/app --tags team=desk
//! ```

use std::collections::BTreeMap;

use api_logs::{
    Error, ListTagsForResourceRequest, ListTagsForResourceResponse, ListTagsLogGroupRequest,
    ListTagsLogGroupResponse, TagLogGroupOutput, TagLogGroupRequest, TagResourceOutput,
    TagResourceRequest, UntagLogGroupOutput, UntagLogGroupRequest, UntagResourceOutput,
    UntagResourceRequest,
};
use kernel::{Arn, Ctx, Fault};

use crate::Logs;
use crate::error::{invalid, no_resource};
use crate::table::{GROUPS, group_key, require_group};

const TAGS_MAX: usize = 50;

/// Refuses tags that AWS keeps for itself.
pub(super) fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Fault> {
    if tags.keys().any(|key| key.to_lowercase().starts_with("aws:")) {
        return Err(invalid("aws: prefixed tag key names are not allowed for external use."));
    }
    Ok(())
}

/// The group of an ARN; the model takes none with `:*`. Destinations, which have tags on AWS, are not served.
fn tagged(ctx: &Ctx, arn: &str) -> Result<String, Fault> {
    let parsed = Arn::parse(arn).map_err(|_| invalid("The ARN is not valid."))?;
    let ours = parsed.service == "logs"
        && parsed.region == ctx.region()
        && parsed.account == ctx.account();
    let group =
        parsed.resource.strip_prefix("log-group:").filter(|_| ours).ok_or_else(no_resource)?;
    Ok(group.to_owned())
}

/// Changes the tags of a group.
async fn change(
    ctx: &Ctx,
    group: &str,
    added: &BTreeMap<String, String>,
    removed: &[String],
) -> Result<(), Error> {
    check_tags(added)?;
    ctx.store()
        .write(|tx| {
            let mut record = require_group(tx, ctx, group)?;
            record.tags.retain(|key, _| !removed.contains(key));
            record.tags.extend(added.clone());
            if record.tags.len() > TAGS_MAX {
                let message = "A resource can have no more than 50 tags.";
                return Err(Fault::sender("TooManyTagsException", message).into());
            }
            Ok(tx.put(&GROUPS, group_key(ctx, group), &record)?)
        })
        .await
}

fn listed(ctx: &Ctx, group: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
    Ok(Some(ctx.store().read(|tx| require_group(tx, ctx, group))?.tags))
}

pub(crate) async fn tag_resource(
    _: &Logs,
    ctx: &Ctx,
    input: TagResourceRequest,
) -> Result<TagResourceOutput, Error> {
    change(ctx, &tagged(ctx, &input.resource_arn)?, &input.tags, &[]).await?;
    Ok(TagResourceOutput {})
}

pub(crate) async fn untag_resource(
    _: &Logs,
    ctx: &Ctx,
    input: UntagResourceRequest,
) -> Result<UntagResourceOutput, Error> {
    let group = tagged(ctx, &input.resource_arn)?;
    change(ctx, &group, &BTreeMap::new(), &input.tag_keys).await?;
    Ok(UntagResourceOutput {})
}

pub(crate) async fn list_tags_for_resource(
    _: &Logs,
    ctx: &Ctx,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Error> {
    Ok(ListTagsForResourceResponse { tags: listed(ctx, &tagged(ctx, &input.resource_arn)?)? })
}

pub(crate) async fn tag_log_group(
    _: &Logs,
    ctx: &Ctx,
    input: TagLogGroupRequest,
) -> Result<TagLogGroupOutput, Error> {
    let changed = change(ctx, &input.log_group_name, &input.tags, &[]).await;
    changed.map_err(|error| match Fault::from(error) {
        // The older operation does not know that error.
        fault if fault.code == "TooManyTagsException" => invalid(fault.message).into(),
        fault => Error::from(fault),
    })?;
    Ok(TagLogGroupOutput {})
}

pub(crate) async fn untag_log_group(
    _: &Logs,
    ctx: &Ctx,
    input: UntagLogGroupRequest,
) -> Result<UntagLogGroupOutput, Error> {
    change(ctx, &input.log_group_name, &BTreeMap::new(), &input.tags).await?;
    Ok(UntagLogGroupOutput {})
}

pub(crate) async fn list_tags_log_group(
    _: &Logs,
    ctx: &Ctx,
    input: ListTagsLogGroupRequest,
) -> Result<ListTagsLogGroupResponse, Error> {
    Ok(ListTagsLogGroupResponse { tags: listed(ctx, &input.log_group_name)? })
}
