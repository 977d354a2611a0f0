//! Tags of buses and rules.

use std::collections::BTreeMap;

use api_events::{
    Error, ListTagsForResourceRequest, ListTagsForResourceResponse, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};
use kernel::{Ctx, Fault};
use store::{ReadTx, WriteTx};

use crate::Shared;
use crate::error::{invalid, not_found};
use crate::name::BusName;
use crate::record::{BUSES, RULES, require_bus, require_rule};

/// Most tags of a resource.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

/// Adds tags, or replaces those of the same keys.
pub(super) fn add(tags: &mut Tags, new: Vec<Tag>) -> Result<(), Fault> {
    tags.extend(new.into_iter().map(|tag| (tag.key, tag.value)));
    if tags.len() > TAGS_MAX {
        return Err(invalid(format!("A resource can have at most {TAGS_MAX} tags.")));
    }
    Ok(())
}

/// What can have tags.
enum Tagged {
    Bus(BusName),
    Rule(BusName, String),
}

impl Tagged {
    fn of(ctx: &Ctx, arn: &str) -> Result<Self, Fault> {
        let bus = || BusName::of_arn(arn).map(Tagged::Bus);
        let found = BusName::of_rule(arn).map(|(bus, rule)| Tagged::Rule(bus, rule)).or_else(bus);
        let is_ours = |it: &Tagged| {
            let (Tagged::Bus(bus) | Tagged::Rule(bus, _)) = it;
            bus.account == ctx.account() && bus.region == ctx.region()
        };
        let missing = || not_found(format!("Resource {arn} does not exist."));
        found.filter(is_ours).ok_or_else(missing)
    }

    fn tags(&self, tx: &ReadTx) -> Result<Tags, Fault> {
        match self {
            Tagged::Bus(bus) => Ok(require_bus(tx, bus)?.tags),
            Tagged::Rule(bus, rule) => Ok(require_rule(tx, bus, rule)?.tags),
        }
    }

    fn set(&self, tx: &mut WriteTx, tags: Tags) -> Result<(), Error> {
        match self {
            Tagged::Bus(name) => {
                let mut bus = require_bus(tx, name)?;
                bus.tags = tags;
                Ok(tx.put(&BUSES, name.key(), &bus)?)
            }
            Tagged::Rule(bus, name) => {
                let mut rule = require_rule(tx, bus, name)?;
                rule.tags = tags;
                Ok(tx.put(&RULES, bus.key().text(name), &rule)?)
            }
        }
    }
}

pub(crate) async fn tag_resource(
    _: &Shared,
    ctx: &Ctx,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, Error> {
    let tagged = Tagged::of(ctx, &input.resource_arn)?;
    ctx.store()
        .write(|tx| {
            let mut tags = tagged.tags(tx)?;
            add(&mut tags, input.tags.clone())?;
            tagged.set(tx, tags)
        })
        .await?;
    Ok(TagResourceResponse {})
}

pub(crate) async fn untag_resource(
    _: &Shared,
    ctx: &Ctx,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, Error> {
    let tagged = Tagged::of(ctx, &input.resource_arn)?;
    ctx.store()
        .write(|tx| {
            let mut tags = tagged.tags(tx)?;
            tags.retain(|key, _| !input.tag_keys.contains(key));
            tagged.set(tx, tags)
        })
        .await?;
    Ok(UntagResourceResponse {})
}

pub(crate) async fn list_tags_for_resource(
    _: &Shared,
    ctx: &Ctx,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Error> {
    let tagged = Tagged::of(ctx, &input.resource_arn)?;
    let tags = ctx.store().read(|tx| Ok::<_, Error>(tagged.tags(tx)?))?;
    let tags = tags.into_iter().map(|(key, value)| Tag { key, value });
    Ok(ListTagsForResourceResponse { tags: Some(tags.collect()) })
}
