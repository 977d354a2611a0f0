//! What a role's trust policy says: of callers with credentials (the kernel judges, together with
//! their own policies), and of somebody who has none yet, but a provider's word.

use api_sts::Error;
use kernel::access::{Need, ResourcePolicy};
use kernel::{Ctx, Principal, SessionFacts};

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
}

/// The refusal of a caller with credentials, in AWS's short form.
pub(crate) fn not_authorized(principal: &Principal, action: &str, role_arn: &str) -> Error {
    let who = principal.arn();
    denied(format!("User: {who} is not authorized to perform: {action} on resource: {role_arn}"))
}
