//! `ListTags`, `TagResource`, `UntagResource`: of functions and code signing configurations.
//!
//! ```text
//! aws lambda tag-resource --resource arn:aws:lambda:…:function:desk --tags team=calls
//! ```

use std::collections::BTreeMap;

use api_lambda::{
    Error, ListTagsRequest, ListTagsResponse, TagResourceOutput, TagResourceRequest,
    UntagResourceOutput, UntagResourceRequest,
};
use kernel::{Ctx, Fault};
use store::{ReadTx, WriteTx};

use super::event_source_mappings;
use crate::errors::invalid;
use crate::mappings::record::{MAPPINGS, Mapping};
use crate::name::Name;
use crate::record::FUNCTIONS;
use crate::{Lambda, resolve, signing};

/// AWS's limit.
const TAGS_MAX: usize = 50;

type Tags = BTreeMap<String, String>;

pub(crate) async fn list_tags(
    _: &Lambda,
    ctx: &Ctx,
    input: ListTagsRequest,
) -> Result<ListTagsResponse, Error> {
    let target = Target::of(ctx, &input.resource)?;
    let tags = ctx.store().read(|tx| target.tags(ctx, tx))?;
    Ok(ListTagsResponse { tags: Some(tags) })
}

pub(crate) async fn tag_resource(
    _: &Lambda,
    ctx: &Ctx,
    input: TagResourceRequest,
) -> Result<TagResourceOutput, Error> {
    check(&input.tags)?;
    let target = Target::of(ctx, &input.resource)?;
    ctx.store()
        .write(|tx| {
            let mut tags = target.tags(ctx, tx)?;
            tags.extend(input.tags.clone());
            check_count(&tags)?;
            target.put(ctx, tx, tags)
        })
        .await?;
    Ok(TagResourceOutput {})
}

pub(crate) async fn untag_resource(
    _: &Lambda,
    ctx: &Ctx,
    input: UntagResourceRequest,
) -> Result<UntagResourceOutput, Error> {
    let target = Target::of(ctx, &input.resource)?;
    ctx.store()
        .write(|tx| {
            let mut tags = target.tags(ctx, tx)?;
            tags.retain(|key, _| !input.tag_keys.contains(key));
            target.put(ctx, tx, tags)
        })
        .await?;
    Ok(UntagResourceOutput {})
}

/// Checks tags as they are given.
pub(crate) fn check(tags: &Tags) -> Result<(), Error> {
    if tags.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(invalid("System tag keys (prefixed with aws:) may not be specified."));
    }
    check_count(tags)
}

fn check_count(tags: &Tags) -> Result<(), Error> {
    if tags.len() > TAGS_MAX {
        return Err(invalid("Number of tags exceeds resource tag limit."));
    }
    Ok(())
}

enum Target {
    Function(Name),
    /// An event source mapping's UUID.
    Mapping(String),
    Signing(String),
}

impl Target {
    fn of(ctx: &Ctx, arn: &str) -> Result<Target, Error> {
        if signing::id(ctx, arn).is_some() {
            return Ok(Target::Signing(arn.to_owned()));
        }
        let mappings = ctx.arn("lambda", "event-source-mapping:").to_string();
        if let Some(id) = arn.strip_prefix(&mappings) {
            return Ok(Target::Mapping(id.to_owned()));
        }
        if arn.contains(":capacity-provider:") {
            return Err(Fault::not_implemented(format_args!("tags of {arn}")).into());
        }
        let name = Name::parse(ctx, arn, None)?;
        if name.qualifier.is_some() {
            return Err(invalid(
                "Tags on function aliases and versions are not supported. Please specify a \
                 function ARN.",
            ));
        }
        Ok(Target::Function(name))
    }

    fn tags(&self, ctx: &Ctx, tx: &ReadTx) -> Result<Tags, Error> {
        match self {
            Target::Function(name) => Ok(resolve::load(tx, name)?.tags),
            Target::Mapping(id) => Ok(event_source_mappings::load(ctx, tx, id)?.tags),
            Target::Signing(arn) => {
                Ok(signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing(arn))?.tags)
            }
        }
    }

    fn put(&self, ctx: &Ctx, tx: &mut WriteTx, tags: Tags) -> Result<(), Error> {
        match self {
            Target::Function(name) => {
                let mut function = resolve::load(tx, name)?;
                function.tags = tags;
                tx.put(&FUNCTIONS, name.key(), &function)?;
            }
            Target::Mapping(id) => {
                let mut mapping = event_source_mappings::load(ctx, tx, id)?;
                mapping.tags = tags;
                tx.put(&MAPPINGS, Mapping::key(ctx, id), &mapping)?;
            }
            Target::Signing(arn) => {
                let mut config =
                    signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing(arn))?;
                config.tags = tags;
                tx.put(&signing::CONFIGS, (ctx.account(), ctx.region(), &config.id), &config)?;
            }
        }
        Ok(())
    }
}
