//! `ListEntitiesForPolicy`: who a managed policy is attached to.
//!
//! ```text
//! aws iam list-entities-for-policy --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
//! {"PolicyGroups": [], "PolicyUsers": [{"UserName": "ann", "UserId": "AIDA…"}], "PolicyRoles": []}
//! ```

use api_iam::{
    EntityType, ListEntitiesForPolicyRequest, ListEntitiesForPolicyResponse, PolicyGroup,
    PolicyRole, PolicyUsageType, PolicyUser,
};
use kernel::Ctx;
use store::ReadTx;

use crate::attach::{self, Usage, User};
use crate::entity;
use crate::error::{Result, validation};
use crate::page::page;
use crate::record::{GroupRecord, RoleRecord, UserRecord};
use crate::{Iam, managed};

enum Found {
    Group(GroupRecord),
    User(Box<UserRecord>),
    Role(Box<RoleRecord>),
}

pub(crate) async fn list_entities_for_policy(
    _: &Iam,
    ctx: &Ctx,
    input: ListEntitiesForPolicyRequest,
) -> Result<ListEntitiesForPolicyResponse> {
    let kind = match input.entity_filter {
        None => None,
        Some(EntityType::User) => Some("user"),
        Some(EntityType::Role) => Some("role"),
        Some(EntityType::Group) => Some("group"),
        Some(other) => {
            let message = format!("EntityFilter {} is not an entity's kind.", other.as_str());
            return Err(validation(message).into());
        }
    };
    let usage = match input.policy_usage_filter {
        Some(PolicyUsageType::PermissionsPolicy) => Some(Usage::Permissions),
        Some(PolicyUsageType::PermissionsBoundary) => Some(Usage::Boundary),
        _ => None,
    };
    let found = ctx.store().read(|tx| {
        managed::load(tx, ctx.account(), &input.policy_arn)?;
        let mut users = attach::users(tx, ctx.account(), &input.policy_arn)?;
        users.retain(|user| usage.is_none_or(|usage| user.usage == usage));
        users.retain(|user| kind.is_none_or(|kind| user.kind == kind));
        found(tx, ctx.account(), &users, input.path_prefix.as_deref().unwrap_or("/"))
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    let (mut groups, mut users, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    for item in page.items {
        match item {
            Found::Group(r) => {
                groups.push(PolicyGroup { group_name: Some(r.name), group_id: Some(r.id) });
            }
            Found::User(r) => {
                users.push(PolicyUser { user_name: Some(r.name), user_id: Some(r.id) })
            }
            Found::Role(r) => {
                roles.push(PolicyRole { role_name: Some(r.name), role_id: Some(r.id) })
            }
        }
    }
    Ok(ListEntitiesForPolicyResponse {
        policy_groups: Some(groups),
        policy_users: Some(users),
        policy_roles: Some(roles),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// The entities, each once though it may use the policy twice, below a path.
fn found(tx: &ReadTx, account: &str, users: &[User], prefix: &str) -> Result<Vec<(String, Found)>> {
    let mut keys: Vec<(&str, &str)> =
        users.iter().map(|user| (user.kind.as_str(), user.name.as_str())).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::new();
    for (kind, name) in keys {
        let item = match kind {
            "group" => entity::find::<GroupRecord>(tx, account, name)?
                .filter(|r| r.path.starts_with(prefix))
                .map(Found::Group),
            "user" => entity::find::<UserRecord>(tx, account, name)?
                .filter(|r| r.path.starts_with(prefix))
                .map(|r| Found::User(Box::new(r))),
            _ => entity::find::<RoleRecord>(tx, account, name)?
                .filter(|r| r.path.starts_with(prefix))
                .map(|r| Found::Role(Box::new(r))),
        };
        found.extend(item.map(|item| (format!("{kind}/{name}"), item)));
    }
    Ok(found)
}
