//! Targets of rules.

use api_events::{
    Error, ListRuleNamesByTargetRequest, ListRuleNamesByTargetResponse, ListTargetsByRuleRequest,
    ListTargetsByRuleResponse, PutTargetsRequest, PutTargetsResponse, RemoveTargetsRequest,
    RemoveTargetsResponse, RemoveTargetsResultEntry,
};
use kernel::{Ctx, Fault};

use super::page;
use crate::Shared;
use crate::error::too_many;
use crate::name::BusName;
use crate::record::{self, RULES, require_bus, require_rule};
use crate::target;

/// AWS's quota of targets of a rule.
const TARGETS_MAX: usize = 5;

/// Adds targets, or replaces those of the same ids: all of them or none.
pub(crate) async fn put_targets(
    _: &Shared,
    ctx: &Ctx,
    input: PutTargetsRequest,
) -> Result<PutTargetsResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let given = input.targets.into_iter().map(|given| target::of_api(&bus, given));
    let given: Vec<_> = given.collect::<Result<_, Fault>>()?;
    ctx.store()
        .write(|tx| {
            let mut rule = require_rule(tx, &bus, &input.rule)?;
            for target in &given {
                match rule.targets.iter_mut().find(|other| other.id == target.id) {
                    Some(other) => other.clone_from(target),
                    None => rule.targets.push(target.clone()),
                }
            }
            if rule.targets.len() > TARGETS_MAX {
                return Err(Error::from(too_many("targets of a rule")));
            }
            Ok(tx.put(&RULES, bus.key().text(&input.rule), &rule)?)
        })
        .await?;
    Ok(PutTargetsResponse { failed_entry_count: Some(0), failed_entries: Some(Vec::new()) })
}

pub(crate) async fn remove_targets(
    _: &Shared,
    ctx: &Ctx,
    input: RemoveTargetsRequest,
) -> Result<RemoveTargetsResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let missing = ctx
        .store()
        .write(|tx| {
            let mut rule = require_rule(tx, &bus, &input.rule)?;
            let is_there = |id: &String| rule.targets.iter().any(|target| target.id == *id);
            let missing: Vec<String> =
                input.ids.iter().filter(|id| !is_there(id)).cloned().collect();
            rule.targets.retain(|target| !input.ids.contains(&target.id));
            tx.put(&RULES, bus.key().text(&input.rule), &rule)?;
            Ok::<_, Error>(missing)
        })
        .await?;
    let failed = missing.into_iter().map(|id| RemoveTargetsResultEntry {
        error_code: Some("ResourceNotFoundException".into()),
        error_message: Some(format!("Rule {} does not have target {id}.", input.rule)),
        target_id: Some(id),
    });
    let failed: Vec<_> = failed.collect();
    Ok(RemoveTargetsResponse {
        failed_entry_count: Some(failed.len() as i32),
        failed_entries: Some(failed),
    })
}

pub(crate) async fn list_targets_by_rule(
    _: &Shared,
    ctx: &Ctx,
    input: ListTargetsByRuleRequest,
) -> Result<ListTargetsByRuleResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let rule = ctx.store().read(|tx| Ok::<_, Error>(require_rule(tx, &bus, &input.rule)?))?;
    let mut all = rule.targets;
    all.sort_by(|one, other| one.id.cmp(&other.id));
    let (page, next_token) = page(all, |it| &it.id, input.next_token.as_deref(), input.limit)?;
    let targets = Some(page.into_iter().map(target::to_api).collect());
    Ok(ListTargetsByRuleResponse { targets, next_token })
}

pub(crate) async fn list_rule_names_by_target(
    _: &Shared,
    ctx: &Ctx,
    input: ListRuleNamesByTargetRequest,
) -> Result<ListRuleNamesByTargetResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let rules = ctx.store().read(|tx| {
        require_bus(tx, &bus)?;
        Ok::<_, Error>(record::rules(tx, &bus, "")?)
    })?;
    let wanted = rules
        .into_iter()
        .filter(|(_, rule)| rule.targets.iter().any(|target| target.arn == input.target_arn));
    let names: Vec<String> = wanted.map(|(name, _)| name).collect();
    let (page, next_token) = page(names, |it| it, input.next_token.as_deref(), input.limit)?;
    Ok(ListRuleNamesByTargetResponse { rule_names: Some(page), next_token })
}
