//! What a role's trust policy says: of callers with credentials (the kernel judges, together with
//! their own policies), and of somebody who has none yet, but a provider's word.

use std::collections::HashMap;

use api_sts::Error;
use kernel::access::{Need, ResourcePolicy};
use kernel::{Ctx, Principal, SessionFacts};
use policy::{Context, Kind, Policies, Policy, Request, ResourceRule, Source, Values, evaluate};

use crate::fault::denied;
use crate::role::Role;

/// A session that is asked for.
pub(crate) struct Wanted<'a> {
    /// `sts:AssumeRole` or another.
    pub action: &'a str,
    pub role_arn: &'a str,
    pub session_name: &'a str,
    /// What the request says, in seconds.
    pub duration_s: Option<i32>,
    pub external_id: Option<&'a str>,
    /// The caller has just proved an MFA device.
    pub has_mfa: bool,
    /// What the session would carry.
    pub facts: &'a SessionFacts,
    /// Keys of tags that a session hands on, which the request did not name.
    pub inherited: &'a [String],
}

impl Wanted<'_> {
    /// All actions that it takes.
    fn actions(&self) -> impl Iterator<Item = &str> {
        let facts = self.facts;
        let actions = [
            Some(self.action),
            (!facts.tags.is_empty()).then_some("sts:TagSession"),
            facts.source_identity.is_some().then_some("sts:SetSourceIdentity"),
        ];
        actions.into_iter().flatten()
    }

    /// The condition keys of the request, as policies write them.
    fn keys(&self, role: Option<&Role>) -> Vec<(String, Vec<String>)> {
        let facts = self.facts;
        let mut keys = vec![("sts:RoleSessionName".to_owned(), vec![self.session_name.to_owned()])];
        let mut set = |key: String, value: &str| keys.push((key, vec![value.to_owned()]));
        if let Some(duration_s) = self.duration_s {
            set("sts:DurationSeconds".into(), &duration_s.to_string());
        }
        if let Some(id) = self.external_id {
            set("sts:ExternalId".into(), id);
        }
        if let Some(source) = &facts.source_identity {
            set("sts:SourceIdentity".into(), source);
        }
        if self.has_mfa {
            set("aws:MultiFactorAuthPresent".into(), "true");
            set("aws:MultiFactorAuthAge".into(), "0");
        }
        for (key, value) in role.iter().flat_map(|role| &role.tags) {
            set(format!("aws:ResourceTag/{key}"), value);
            set(format!("iam:ResourceTag/{key}"), value);
        }
        let is_asked = |key: &String| !self.inherited.contains(key);
        let asked: Vec<_> = facts.tags.iter().filter(|(key, _)| is_asked(key)).collect();
        for (key, value) in &asked {
            set(format!("aws:RequestTag/{key}"), value);
        }
        if !asked.is_empty() {
            let names = asked.iter().map(|(key, _)| key.clone()).collect();
            keys.push(("aws:TagKeys".into(), names));
        }
        let transitive: Vec<_> =
            facts.transitive_tag_keys.iter().filter(|key| is_asked(key)).cloned().collect();
        if !transitive.is_empty() {
            keys.push(("sts:TransitiveTagKeys".into(), transitive));
        }
        keys
    }

    /// Whether the caller may have it: a root user in the own account always, everybody else by
    /// own policies and the role's.
    pub fn authorize(&self, ctx: &Ctx, role: Option<&Role>) -> Result<(), Error> {
        let mut keys = self.keys(role);
        keys.iter_mut().for_each(|(key, _)| key.make_ascii_lowercase());
        let account = match role {
            Some(role) => role.account.clone(),
            None => crate::role::parse_arn(self.role_arn)?.0,
        };
        let need = |action: &str| Need {
            keys: keys.clone(),
            guarded: true,
            policy: Some(ResourcePolicy {
                account: account.clone(),
                documents: role.iter().map(|role| role.trust.clone()).collect(),
                required: true,
                trust: true,
                ..ResourcePolicy::default()
            }),
            ..Need::new(action, self.role_arn)
        };
        let needs: Vec<Need> = self.actions().map(need).collect();
        let operation = self.action.strip_prefix("sts:").unwrap_or(self.action);
        Ok(ctx.authorize("sts", operation, &needs)?)
    }

    /// Whether the role trusts somebody for whom `provider` vouches, as trust policies name it.
    pub fn admit(&self, ctx: &Ctx, role: &Role, provider: &str) -> Result<(), Error> {
        let Ok(trust) = Policy::parse(&role.trust, Kind::Trust) else {
            return Err(refused(self.action));
        };
        let mut keys = self.keys(Some(role));
        let now = ctx.now();
        keys.push(("aws:CurrentTime".into(), vec![now.civil("%Y-%m-%dT%H:%M:%SZ")]));
        keys.push(("aws:EpochTime".into(), vec![now.epoch_ms.div_euclid(1000).to_string()]));
        if let Some(federated) = &self.facts.federated {
            keys.push(("aws:FederatedProvider".into(), vec![federated.provider.clone()]));
            keys.extend(federated.keys.iter().cloned());
        }
        let lower = |(key, values): (String, Vec<String>)| (key.to_ascii_lowercase(), values);
        let keys = Keys(keys.into_iter().map(lower).collect());
        let sources = [Source::new("trust", &trust)];
        let policies =
            Policies { resource: &sources, rule: ResourceRule::Required, ..Policies::default() };
        for action in self.actions() {
            let request = Request {
                action,
                resource: self.role_arn,
                resource_account: Some(&role.account),
                principal: policy::Principal::federated(provider),
                context: &keys,
            };
            if !evaluate(&policies, &request).is_allowed() {
                return Err(refused(action));
            }
        }
        Ok(())
    }
}

/// The refusal that names nothing: also for a role that does not exist.
pub(crate) fn refused(action: &str) -> Error {
    denied(format!("Not authorized to perform {action}"))
}

/// The refusal of a caller with credentials, in AWS's short form.
pub(crate) fn not_authorized(principal: &Principal, action: &str, role_arn: &str) -> Error {
    let who = principal.arn();
    denied(format!("User: {who} is not authorized to perform: {action} on resource: {role_arn}"))
}

/// Condition keys, in lower case.
struct Keys(HashMap<String, Vec<String>>);

impl Context for Keys {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        match self.0.get(key)?.as_slice() {
            [one] => Some(Values::from(one.as_str())),
            many => Some(Values::List(many)),
        }
    }
}
