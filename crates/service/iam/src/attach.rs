//! Managed policies attached to users, groups and roles, and set as boundaries. The entity lists
//! its policies; an index lists the entities of a policy.

use kernel::Fault;
use store::{Key, Part, ReadTx, Scan, WriteTx};

use crate::entity::{self, Bounded, Entity};
use crate::error::{Result, no_such, quota};
use crate::managed::{self, Managed, no_policy};
use crate::record::ATTACHMENTS;

/// Managed policies attached to one entity.
const ATTACHED_MAX: usize = 10;

/// What an entity uses a policy for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Usage {
    Permissions,
    Boundary,
}

impl Usage {
    fn key(self) -> &'static str {
        match self {
            Usage::Permissions => "p",
            Usage::Boundary => "b",
        }
    }
}

/// An entity that uses a policy.
pub(crate) struct User {
    pub usage: Usage,
    /// [`Entity::KIND`].
    pub kind: String,
    /// Its name in lower case.
    pub name: String,
}

/// Attaches a policy; again is no mistake.
pub(crate) fn attach<E: Entity>(
    tx: &mut WriteTx,
    account: &str,
    name: &str,
    policy_arn: &str,
) -> Result<()> {
    let mut entity: E = entity::load(tx, account, name)?;
    check_modifiable(&entity)?;
    managed::check_arn(policy_arn)?;
    let policy =
        managed::find(tx, account, policy_arn)?.ok_or_else(|| not_attachable(policy_arn))?;
    check_attachable(&policy, entity.linked_service().is_some())?;
    attach_checked(tx, account, &mut entity, policy_arn)
}

/// Attaches a policy that is known to be attachable.
pub(crate) fn attach_checked<E: Entity>(
    tx: &mut WriteTx,
    account: &str,
    entity: &mut E,
    policy_arn: &str,
) -> Result<()> {
    let attached = &mut entity.grants().attached;
    if attached.iter().any(|own| own == policy_arn) {
        return Ok(());
    }
    if attached.len() >= ATTACHED_MAX {
        return Err(quota(E::ATTACHED_QUOTA, ATTACHED_MAX).into());
    }
    attached.push(policy_arn.to_owned());
    entity::save(tx, account, entity)?;
    let key = index_key(account, policy_arn, Usage::Permissions, E::KIND, entity.name());
    Ok(tx.put(&ATTACHMENTS, key, &())?)
}

/// Detaches a policy.
pub(crate) fn detach<E: Entity>(
    tx: &mut WriteTx,
    account: &str,
    name: &str,
    policy_arn: &str,
) -> Result<()> {
    let mut entity: E = entity::load(tx, account, name)?;
    check_modifiable(&entity)?;
    managed::check_arn(policy_arn)?;
    let attached = &mut entity.grants().attached;
    let before = attached.len();
    attached.retain(|own| own != policy_arn);
    if attached.len() == before {
        return Err(no_policy(policy_arn).into());
    }
    entity::save(tx, account, &entity)?;
    let key = index_key(account, policy_arn, Usage::Permissions, E::KIND, name);
    Ok(tx.delete(&ATTACHMENTS, key)?)
}

/// Takes the index entry of an attachment away; the caller deletes the entity.
pub(crate) fn forget<E: Entity>(
    tx: &mut WriteTx,
    account: &str,
    policy_arn: &str,
    name: &str,
) -> Result<()> {
    let key = index_key(account, policy_arn, Usage::Permissions, E::KIND, name);
    Ok(tx.delete(&ATTACHMENTS, key)?)
}

/// Sets or takes away a boundary; the caller saves the entity.
pub(crate) fn set_boundary<E: Bounded>(
    tx: &mut WriteTx,
    account: &str,
    entity: &mut E,
    policy_arn: Option<String>,
) -> Result<()> {
    if let Some(policy_arn) = &policy_arn {
        let parsed = crate::arn::parts(policy_arn, "policy");
        if parsed.is_none() {
            let message =
                format!("Value ({policy_arn}) for parameter PermissionsBoundary is invalid.");
            return Err(Fault::sender("InvalidParameterValue", message).into());
        }
        if managed::find(tx, account, policy_arn)?.is_none() {
            let message = format!("Scope ARN: {policy_arn} does not exist or is not attachable.");
            return Err(no_such(message).into());
        }
    }
    let old = std::mem::replace(entity.boundary(), policy_arn.clone());
    let index =
        |arn: &str, entity: &E| index_key(account, arn, Usage::Boundary, E::KIND, entity.name());
    if let Some(old) = old {
        tx.delete(&ATTACHMENTS, index(&old, entity))?;
    }
    if let Some(new) = policy_arn {
        tx.put(&ATTACHMENTS, index(&new, entity), &())?;
    }
    Ok(())
}

/// Moves the index entries of an entity that gets another name.
pub(crate) fn renamed<E: Entity>(
    tx: &mut WriteTx,
    account: &str,
    entity: &mut E,
    boundary: Option<&str>,
    new_name: &str,
) -> Result<()> {
    let attached = entity.grants().attached.clone();
    let uses = attached.iter().map(|arn| (arn.as_str(), Usage::Permissions));
    for (arn, usage) in uses.chain(boundary.map(|arn| (arn, Usage::Boundary))) {
        tx.delete(&ATTACHMENTS, index_key(account, arn, usage, E::KIND, entity.name()))?;
        tx.put(&ATTACHMENTS, index_key(account, arn, usage, E::KIND, new_name), &())?;
    }
    Ok(())
}

/// Who uses a policy: groups, roles, users, each by name.
pub(crate) fn users(tx: &ReadTx, account: &str, policy_arn: &str) -> Result<Vec<User>> {
    let found = tx.scan(&ATTACHMENTS, Scan::prefix((account, policy_arn)))?;
    Ok(found.into_iter().filter_map(|(key, ())| Some(parsed(&key)?.1)).collect())
}

/// Who uses any policy of the account, with the policy's ARN.
pub(crate) fn all(tx: &ReadTx, account: &str) -> Result<Vec<(String, User)>> {
    let found = tx.scan(&ATTACHMENTS, Scan::prefix(account))?;
    Ok(found.into_iter().filter_map(|(key, ())| parsed(&key)).collect())
}

/// Only its service may change the role of a service.
pub(crate) fn check_modifiable<E: Entity>(entity: &E) -> Result<()> {
    let Some(service) = entity.linked_service() else { return Ok(()) };
    let message = format!(
        "Cannot perform the operation on the protected role '{}' - this role is only modifiable \
         by {service}",
        entity.name()
    );
    Err(Fault::sender("UnmodifiableEntity", message).into())
}

fn check_attachable(policy: &Managed, to_service: bool) -> Result<()> {
    match policy {
        Managed::Aws(fact) if fact.path.starts_with("/aws-service-role/") && !to_service => {
            let message = "Cannot attach a Service Role Policy to a Customer Role.";
            Err(Fault::sender("PolicyNotAttachable", message).into())
        }
        _ => Ok(()),
    }
}

fn not_attachable(policy_arn: &str) -> Fault {
    no_such(format!("Policy {policy_arn} does not exist or is not attachable."))
}

fn index_key(account: &str, arn: &str, usage: Usage, kind: &str, name: &str) -> Key {
    Key::of((account, arn, usage.key(), kind, &entity::key(name)))
}

fn parsed(key: &Key) -> Option<(String, User)> {
    let mut parts = key.parts()?.into_iter().skip(1).map(|part| match part {
        Part::Text(text) => text,
        _ => String::new(),
    });
    let (arn, usage) = (parts.next()?, parts.next()?);
    let usage = if usage == "b" { Usage::Boundary } else { Usage::Permissions };
    Some((arn, User { usage, kind: parts.next()?, name: parts.next()? }))
}
