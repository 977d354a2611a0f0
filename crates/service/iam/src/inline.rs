//! Inline policies of users, groups and roles, and the list of what is attached to them.

use api_iam::AttachedPolicy;
use kernel::Ctx;

use crate::document;
use crate::entity::{Entity, change, load, save};
use crate::error::{Result, limit, no_named};
use crate::record::Grants;
use crate::{arn, attach};

/// Sets an inline policy, replacing one of that name.
pub(crate) async fn put<E: Entity>(
    ctx: &Ctx,
    name: &str,
    policy: &str,
    text: String,
) -> Result<()> {
    document::check(&text, policy::Kind::Identity)?;
    change(ctx, |tx| {
        let mut entity: E = load(tx, ctx.account(), name)?;
        attach::check_modifiable(&entity)?;
        let inline = &mut entity.grants().inline;
        inline.insert(policy.to_owned(), text.clone());
        if inline.values().map(|text| document::size(text)).sum::<usize>() > E::INLINE_MAX {
            return Err(limit(format!(
                "Maximum policy size of {} bytes exceeded for {} {}",
                E::INLINE_MAX,
                E::KIND,
                entity.name()
            ))
            .into());
        }
        save(tx, ctx.account(), &entity)
    })
    .await
}

/// The entity's name as it is written, and the policy.
pub(crate) fn get<E: Entity>(ctx: &Ctx, name: &str, policy: &str) -> Result<(String, String)> {
    let mut entity: E = ctx.store().read(|tx| load(tx, ctx.account(), name))?;
    match entity.grants().inline.remove(policy) {
        Some(document) => Ok((entity.name().to_owned(), document)),
        None => Err(absent::<E>(policy).into()),
    }
}

/// Names of the inline policies, twice: as sort key and as item.
pub(crate) fn names<E: Entity>(ctx: &Ctx, name: &str) -> Result<Vec<(String, String)>> {
    let mut entity: E = ctx.store().read(|tx| load(tx, ctx.account(), name))?;
    Ok(entity.grants().inline.keys().map(|name| (name.clone(), name.clone())).collect())
}

/// Takes an inline policy away.
pub(crate) async fn delete<E: Entity>(ctx: &Ctx, name: &str, policy: &str) -> Result<()> {
    change(ctx, |tx| {
        let mut entity: E = load(tx, ctx.account(), name)?;
        attach::check_modifiable(&entity)?;
        if entity.grants().inline.remove(policy).is_none() {
            return Err(absent::<E>(policy).into());
        }
        save(tx, ctx.account(), &entity)
    })
    .await
}

/// Managed policies attached to an entity, those below a path, by ARN.
pub(crate) fn attached<E: Entity>(
    ctx: &Ctx,
    name: &str,
    prefix: Option<&str>,
) -> Result<Vec<(String, AttachedPolicy)>> {
    let mut entity: E = ctx.store().read(|tx| load(tx, ctx.account(), name))?;
    let mut all = shown_attached(entity.grants());
    all.retain(|policy| {
        let path = policy.policy_arn.as_deref().and_then(|arn| arn::parts(arn, "policy"));
        prefix.is_none_or(|prefix| path.is_some_and(|(_, path, _)| path.starts_with(prefix)))
    });
    let mut keyed: Vec<_> =
        all.into_iter().map(|p| (p.policy_arn.clone().unwrap_or_default(), p)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keyed)
}

/// Attached policies as the API shows them, in the order of attachment.
pub(crate) fn shown_attached(grants: &Grants) -> Vec<AttachedPolicy> {
    let shown = grants.attached.iter().map(|policy_arn| AttachedPolicy {
        policy_name: arn::parts(policy_arn, "policy").map(|(_, _, name)| name.to_owned()),
        policy_arn: Some(policy_arn.clone()),
    });
    shown.collect()
}

fn absent<E: Entity>(policy: &str) -> kernel::Fault {
    no_named(&format!("{} policy", E::KIND), policy)
}
