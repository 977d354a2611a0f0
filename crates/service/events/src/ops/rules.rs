//! Rules.

use api_events::{
    DeleteRuleOutput, DeleteRuleRequest, DescribeRuleRequest, DescribeRuleResponse,
    DisableRuleOutput, DisableRuleRequest, EnableRuleOutput, EnableRuleRequest, Error,
    ListRulesRequest, ListRulesResponse, PutRuleRequest, PutRuleResponse, RuleState,
};
use kernel::{Arn, Ctx, Fault};
use pattern::Pattern;

use super::{page, tags};
use crate::Shared;
use crate::clockwork;
use crate::error::{bad_pattern, invalid, too_many};
use crate::name::{BusName, DEFAULT};
use crate::record::{self, RULES, Rule, now_ms, require_bus, require_rule};
use crate::schedule::Schedule;

/// AWS's quota of rules on a bus.
const RULES_MAX: usize = 300;

pub(crate) async fn put_rule(
    _: &Shared,
    ctx: &Ctx,
    input: PutRuleRequest,
) -> Result<PutRuleResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    check(&bus, &input)?;
    let mut given_tags = Default::default();
    tags::add(&mut given_tags, input.tags.unwrap_or_default())?;
    let now_ms = now_ms(ctx.kernel());
    let state = input.state;
    ctx.store()
        .write(|tx| {
            require_bus(tx, &bus)?;
            let key = bus.key().text(&input.name);
            let there = tx.get(&RULES, &key)?;
            if there.is_none() && record::rules(tx, &bus, "")?.len() >= RULES_MAX {
                return Err(Error::from(too_many("rules")));
            }
            let mut rule = Rule {
                pattern: input.event_pattern.clone(),
                schedule: input.schedule_expression.clone(),
                enabled: state != Some(RuleState::Disabled),
                description: input.description.clone(),
                role: input.role_arn.clone(),
                tags: given_tags.clone(),
                targets: Vec::new(),
                timer: None,
            };
            let mut same = false;
            if let Some(old) = there {
                // Tags of a rule that is there are left alone.
                rule.tags = old.tags;
                rule.targets = old.targets;
                rule.timer = old.timer;
                same = rule.schedule == old.schedule && rule.enabled == old.enabled;
            }
            // A schedule that stays the same goes on as it is.
            if !same {
                clockwork::wind(tx, &bus, &input.name, &mut rule, now_ms)?;
            }
            Ok(tx.put(&RULES, &key, &rule)?)
        })
        .await?;
    Ok(PutRuleResponse { rule_arn: Some(bus.rule_arn(&input.name)) })
}

fn check(bus: &BusName, input: &PutRuleRequest) -> Result<(), Fault> {
    if input.event_pattern.is_none() && input.schedule_expression.is_none() {
        return Err(invalid("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(text) = &input.schedule_expression {
        if bus.name != DEFAULT {
            return Err(invalid("ScheduleExpression is supported only on the default event bus."));
        }
        if Schedule::parse(text).is_none() {
            return Err(invalid("Parameter ScheduleExpression is not valid."));
        }
    }
    if let Some(text) = &input.event_pattern {
        understood(text)?;
    }
    if input.state == Some(RuleState::EnabledWithAllCloudtrailManagementEvents) {
        return Err(Fault::not_implemented(
            "the state ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS of rules (there is no \
             CloudTrail)",
        ));
    }
    let Some(role) = &input.role_arn else { return Ok(()) };
    match Arn::parse(role) {
        Ok(arn) if arn.service == "iam" && arn.account == bus.account => Ok(()),
        Ok(arn) if arn.service == "iam" => {
            Err(Fault::new("AccessDeniedException", 403, "Cross-account pass role is not allowed."))
        }
        _ => Err(invalid(format!("RoleArn {role} is not valid."))),
    }
}

/// A pattern that asks for something.
pub(super) fn understood(text: &str) -> Result<Pattern, Fault> {
    let pattern = Pattern::parse(text).map_err(|why| bad_pattern(&why))?;
    if pattern.is_empty() {
        return Err(bad_pattern(&pattern::Invalid("Empty Patterns are not allowed".into())));
    }
    Ok(pattern)
}

/// Removes a rule that has no targets any more. One that is not there is no mistake.
pub(crate) async fn delete_rule(
    _: &Shared,
    ctx: &Ctx,
    input: DeleteRuleRequest,
) -> Result<DeleteRuleOutput, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    ctx.store()
        .write(|tx| {
            require_bus(tx, &bus)?;
            let key = bus.key().text(&input.name);
            let Some(mut rule) = tx.get(&RULES, &key)? else { return Ok::<_, Error>(()) };
            if !rule.targets.is_empty() {
                return Err(invalid("Rule can't be deleted since it has targets.").into());
            }
            clockwork::stop(tx, &mut rule)?;
            Ok(tx.delete(&RULES, &key)?)
        })
        .await?;
    Ok(DeleteRuleOutput {})
}

pub(crate) async fn describe_rule(
    _: &Shared,
    ctx: &Ctx,
    input: DescribeRuleRequest,
) -> Result<DescribeRuleResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let rule = ctx.store().read(|tx| Ok::<_, Error>(require_rule(tx, &bus, &input.name)?))?;
    Ok(DescribeRuleResponse {
        arn: Some(bus.rule_arn(&input.name)),
        name: Some(input.name),
        state: Some(state(&rule)),
        event_pattern: rule.pattern,
        schedule_expression: rule.schedule,
        description: rule.description,
        role_arn: rule.role,
        managed_by: None,
        created_by: Some(bus.account),
        event_bus_name: Some(bus.name),
    })
}

fn state(rule: &Rule) -> RuleState {
    if rule.enabled { RuleState::Enabled } else { RuleState::Disabled }
}

pub(crate) async fn list_rules(
    _: &Shared,
    ctx: &Ctx,
    input: ListRulesRequest,
) -> Result<ListRulesResponse, Error> {
    let bus = BusName::local(ctx, input.event_bus_name.as_deref())?;
    let prefix = input.name_prefix.unwrap_or_default();
    let all = ctx.store().read(|tx| {
        require_bus(tx, &bus)?;
        Ok::<_, Error>(record::rules(tx, &bus, &prefix)?)
    })?;
    let (page, next_token) = page(all, |it| &it.0, input.next_token.as_deref(), input.limit)?;
    let shown = page.into_iter().map(|(name, rule)| api_events::Rule {
        arn: Some(bus.rule_arn(&name)),
        name: Some(name),
        state: Some(state(&rule)),
        event_pattern: rule.pattern,
        schedule_expression: rule.schedule,
        description: rule.description,
        role_arn: rule.role,
        managed_by: None,
        event_bus_name: Some(bus.name.clone()),
    });
    Ok(ListRulesResponse { rules: Some(shown.collect()), next_token })
}

pub(crate) async fn enable_rule(
    _: &Shared,
    ctx: &Ctx,
    input: EnableRuleRequest,
) -> Result<EnableRuleOutput, Error> {
    switch(ctx, input.event_bus_name.as_deref(), &input.name, true).await?;
    Ok(EnableRuleOutput {})
}

pub(crate) async fn disable_rule(
    _: &Shared,
    ctx: &Ctx,
    input: DisableRuleRequest,
) -> Result<DisableRuleOutput, Error> {
    switch(ctx, input.event_bus_name.as_deref(), &input.name, false).await?;
    Ok(DisableRuleOutput {})
}

async fn switch(ctx: &Ctx, bus: Option<&str>, name: &str, enabled: bool) -> Result<(), Error> {
    let bus = BusName::local(ctx, bus)?;
    let now_ms = now_ms(ctx.kernel());
    ctx.store()
        .write(|tx| {
            let mut rule = require_rule(tx, &bus, name)?;
            if rule.enabled == enabled {
                return Ok(());
            }
            rule.enabled = enabled;
            clockwork::wind(tx, &bus, name, &mut rule, now_ms)?;
            Ok(tx.put(&RULES, bus.key().text(name), &rule)?)
        })
        .await
}
