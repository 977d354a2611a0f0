//! The policies of a user, group or role, for a simulation.

use api_iam::{InlinePolicyIdentifierType, PolicyIdentifier};
use kernel::Ctx;
use policy::Kind;
use store::ReadTx;

use super::facts::unclear;
use super::{Caller, Document};
use crate::entity::{Named as _, load};
use crate::error::{Result, invalid_input};
use crate::lookup::{self, Source, Statement};
use crate::record::{GroupRecord, RoleRecord, UserRecord};
use crate::{arn, managed};

/// What the ARN names, and its policies.
pub(crate) struct Named {
    pub caller: Caller,
    pub identity: Vec<Document>,
    pub boundary: Option<Document>,
}

/// Reads the policies of a user (with those of its groups), group or role of the caller's account.
pub(crate) fn of_principal(ctx: &Ctx, text: &str, excluded: &Excluded) -> Result<Named> {
    let parts = |kind| arn::parts(text, kind).map(|(account, _, name)| (kind, account, name));
    let found = ["user", "group", "role"].into_iter().find_map(parts);
    let (kind, account, name) = found.ok_or_else(|| unclear(text))?;
    if account != ctx.account() {
        let own = ctx.account();
        return Err(invalid_input(format!(
            "Invalid Policy Source Arn: caller's account {own} does not have access to policies in \
             account {account}"
        ))
        .into());
    }
    ctx.store().read(|tx| read(tx, account, (kind, name), text, excluded))
}

fn read(
    tx: &ReadTx,
    account: &str,
    (kind, name): (&str, &str),
    text: &str,
    excluded: &Excluded,
) -> Result<Named> {
    let caller = Caller::new(text)?;
    let (caller, policies, boundary) = match kind {
        "group" => {
            let group: GroupRecord = load(tx, account, name)?;
            let policies = lookup::group_policies(tx, account, &group)?;
            (caller, policies, None)
        }
        "role" => {
            let role = lookup::role(tx, account, name)?.ok_or_else(|| RoleRecord::absent(name))?;
            let identity = role.identity;
            (caller.with(identity.id, identity.tags), identity.policies, identity.boundary)
        }
        _ => {
            let user = lookup::user(tx, account, name)?.ok_or_else(|| UserRecord::absent(name))?;
            (caller.with(user.id, user.tags), user.policies, user.boundary)
        }
    };
    let documents = |statements: Vec<Statement>, is_boundary| -> Result<Vec<Document>> {
        let kept = statements.into_iter().filter(|s| !excluded.has(&s.source, is_boundary));
        kept.map(|s| Document::read(id(&s.source), &s.document, Kind::Identity)).collect()
    };
    Ok(Named {
        caller,
        identity: documents(policies, false)?,
        boundary: documents(boundary.into_iter().collect(), true)?.pop(),
    })
}

/// As AWS names a policy of a principal: an inline one with its owner, a managed one by its name.
fn id(source: &Source) -> String {
    match source {
        Source::Inline(kind, owner, policy) => format!("{kind}_{owner}_{policy}"),
        Source::Managed(policy_arn) => match arn::parts(policy_arn, "policy") {
            Some((_, _, name)) => name.to_owned(),
            None => policy_arn.clone(),
        },
    }
}

/// Policies that a simulation leaves out.
#[derive(Default)]
pub(crate) struct Excluded(Vec<PolicyIdentifier>);

impl Excluded {
    /// Reads the list; one that can name nothing is refused.
    pub(crate) fn new(list: Option<Vec<PolicyIdentifier>>) -> Result<Self> {
        let list = list.unwrap_or_default();
        for identifier in &list {
            if let PolicyIdentifier::PolicyArn(text) = identifier {
                let wild = |text: &str| text.contains(['*', '?']);
                let head = text.rsplit_once('/').map_or(text.as_str(), |(head, _)| head);
                if managed::check_arn(text).is_err() || wild(head) || text.matches('*').count() > 1
                {
                    return Err(invalid_input(format!("Invalid policy identifier: {text}")).into());
                }
            }
        }
        Ok(Self(list))
    }

    fn has(&self, source: &Source, is_boundary: bool) -> bool {
        self.0.iter().any(|identifier| match (identifier, source) {
            (PolicyIdentifier::PolicyType(kind), _) if is_boundary => {
                kind.as_str() == "permission-boundary"
            }
            (PolicyIdentifier::PolicyType(kind), Source::Inline(..)) => kind.as_str() == "inline",
            (PolicyIdentifier::PolicyType(kind), Source::Managed(text)) => {
                let is_aws = text.starts_with("arn:aws:iam::aws:");
                kind.as_str() == if is_aws { "aws-managed" } else { "user-managed" }
            }
            (PolicyIdentifier::PolicyArn(pattern), Source::Managed(text)) => like(pattern, text),
            (
                PolicyIdentifier::InlinePolicyIdentifier(named),
                Source::Inline(kind, owner, name),
            ) => is_inline(named, kind, owner, name),
            _ => false,
        })
    }
}

fn is_inline(named: &InlinePolicyIdentifierType, kind: &str, owner: &str, name: &str) -> bool {
    named.attachment_type.as_str() == kind
        && named.policy_name == name
        && like(&named.attachment_name, owner)
}

/// `*` and `?` as everywhere; names are short.
fn like(pattern: &str, text: &str) -> bool {
    policy::matches_wildcards(pattern, text)
}
