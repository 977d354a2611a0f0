//! What the service knows of its buses and rules when access to them is judged.

use std::collections::BTreeMap;

use kernel::access::{Guard, Need, ResourcePolicy};
use kernel::{Arn, Ctx};

use crate::name::{BusName, DEFAULT};
use crate::record::{self, RULES};

/// Asked by the kernel.
pub(crate) struct Buses;

/// The policy of a bus. Everything else belongs to its account alone.
pub(crate) fn policy_of(ctx: &Ctx, resource: &str) -> Option<ResourcePolicy> {
    let account = Arn::parse(resource).ok()?.account;
    let named = BusName::of_arn(resource);
    let found = named.and_then(|name| ctx.store().read(|tx| record::bus(tx, &name)).ok()?);
    let documents = found.and_then(|bus| bus.policy).into_iter().collect();
    Some(ResourcePolicy { account, documents, ..ResourcePolicy::default() })
}

impl Guard for Buses {
    fn resolve(&self, ctx: &Ctx, _kind: &str, args: &[String]) -> Option<String> {
        let [bus, rule] = args else { return None };
        Some(BusName::named(ctx, Some(bus)).rule_arn(rule))
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        policy_of(ctx, &need.resource)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let found = ctx.store().read(|tx| {
            if let Some((bus, rule)) = BusName::of_rule(resource) {
                let rule = tx.get(&RULES, bus.key().text(&rule))?;
                return Ok(rule.map(|rule| rule.tags));
            }
            let name = BusName::of_arn(resource).filter(|name| name.name != DEFAULT);
            let bus = name.map_or(Ok(None), |name| record::bus(tx, &name))?;
            Ok::<Option<BTreeMap<String, String>>, kernel::StoreError>(bus.map(|bus| bus.tags))
        });
        found.ok().flatten().unwrap_or_default().into_iter().collect()
    }
}
