//! The same decision with everything that led to it, for the policy simulator and for people.

use std::collections::BTreeMap;

use crate::decision::{Decision, Match, PolicyType};
use crate::evaluate::{Asked, Policies, Request, Source, evaluate};

/// A decision and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation<'p> {
    /// As [`evaluate`] gives it.
    pub decision: Decision<'p>,
    /// Every statement that applies to the request, in the order of the policies.
    pub matched: Vec<Match<'p>>,
    /// Context keys that the policies ask for and the request does not have; as they are written,
    /// sorted.
    pub missing: Vec<&'p str>,
}

impl Explanation<'_> {
    /// Whether policies of this type allow the request on their own: one does, none denies.
    pub fn allows(&self, policy_type: PolicyType) -> bool {
        let mut effects =
            self.matched.iter().filter(|m| m.policy_type == policy_type).map(|m| m.effect);
        let mut allows = false;
        effects.all(|effect| {
            allows = true;
            effect == crate::Effect::Allow
        }) && allows
    }
}

/// Decides a request and lists every statement that applies. Slower than [`evaluate`].
pub fn explain<'p>(policies: &Policies<'p>, request: &Request) -> Explanation<'p> {
    let asked = Asked::new(request);
    let mut matched = Vec::new();
    let mut missing = BTreeMap::new();
    let mut add = |policy_type: PolicyType, sources: &[Source<'p>]| {
        for source in sources {
            for (index, statement) in source.policy.statements().iter().enumerate() {
                if statement.applies(&asked).is_some() {
                    matched.push(Match::new(policy_type, source, index, statement));
                }
                statement.each_key(&mut |key, name| {
                    if !missing.contains_key(key) && asked.context.values(key).is_none() {
                        missing.insert(key, name);
                    }
                });
            }
        }
    };
    for level in policies.resource_control {
        add(PolicyType::ResourceControl, level);
    }
    for level in policies.service_control {
        add(PolicyType::ServiceControl, level);
    }
    for source in policies.resource {
        let is_trust = source.policy.kind() == crate::Kind::Trust;
        let policy_type = if is_trust { PolicyType::Trust } else { PolicyType::Resource };
        add(policy_type, std::slice::from_ref(source));
    }
    if asked.principal.has_identity() {
        add(PolicyType::Identity, policies.identity);
        add(PolicyType::Boundary, policies.boundary.as_slice());
        add(PolicyType::Session, policies.session);
    }
    Explanation {
        decision: evaluate(policies, request),
        matched,
        missing: missing.into_values().collect(),
    }
}
