//! `GetAccountAuthorizationDetails`: everything that decides who may do what, in one list.
//!
//! ```text
//! aws iam get-account-authorization-details --filter User LocalManagedPolicy
//! ```

use std::collections::HashMap;

use api_iam::{
    EntityType, GetAccountAuthorizationDetailsRequest, GetAccountAuthorizationDetailsResponse,
    GroupDetail, ManagedPolicyDetail, Policy, PolicyDetail, PolicyVersion, RoleDetail, UserDetail,
};
use kernel::{Ctx, Timestamp};
use store::{ReadTx, Scan};

use crate::document::encoded;
use crate::entity;
use crate::error::Result;
use crate::inline::shown_attached;
use crate::managed::{self, Managed};
use crate::page::page;
use crate::record::{Grants, GroupRecord, POLICIES, ProfileRecord, RoleRecord, UserRecord};
use crate::shown::{Detail, Uses};
use crate::{Iam, arn, shown, tags, trust};

enum Item {
    User(Box<UserDetail>),
    Group(Box<GroupDetail>),
    Role(Box<RoleDetail>),
    Policy(Box<ManagedPolicyDetail>),
}

pub(crate) async fn get_account_authorization_details(
    _: &Iam,
    ctx: &Ctx,
    input: GetAccountAuthorizationDetailsRequest,
) -> Result<GetAccountAuthorizationDetailsResponse> {
    let filter = input.filter.unwrap_or_default();
    let found = ctx.store().read(|tx| wanted(tx, ctx.account(), &filter))?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    let (mut users, mut groups, mut roles, mut policies) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in page.items {
        match item {
            Item::User(item) => users.push(*item),
            Item::Group(item) => groups.push(*item),
            Item::Role(item) => roles.push(*item),
            Item::Policy(item) => policies.push(*item),
        }
    }
    Ok(GetAccountAuthorizationDetailsResponse {
        user_detail_list: Some(users),
        group_detail_list: Some(groups),
        role_detail_list: Some(roles),
        policies: Some(policies),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn wanted(tx: &ReadTx, account: &str, filter: &[EntityType]) -> Result<Vec<(String, Item)>> {
    let wants = |kind: &str| filter.is_empty() || filter.iter().any(|f| f.as_str() == kind);
    let mut items = Vec::new();
    if wants("User") {
        for (key, user) in entity::list::<UserRecord>(tx, account, None)? {
            items.push((format!("1{key}"), Item::User(Box::new(user_detail(tx, account, user)?))));
        }
    }
    if wants("Group") {
        for (key, group) in entity::list::<GroupRecord>(tx, account, None)? {
            items.push((format!("2{key}"), Item::Group(Box::new(group_detail(account, group)))));
        }
    }
    if wants("Role") {
        let profiles = entity::list::<ProfileRecord>(tx, account, None)?;
        for (key, role) in entity::list::<RoleRecord>(tx, account, None)? {
            let detail = role_detail(tx, account, &role, &profiles)?;
            items.push((format!("3{key}"), Item::Role(Box::new(detail))));
        }
    }
    let uses = super::all_uses(tx, account)?;
    let mut policies = Vec::new();
    if wants("LocalManagedPolicy") {
        let own = tx.scan(&POLICIES, Scan::prefix(account))?;
        policies.extend(own.into_iter().map(|(_, record)| Managed::Customer(record)));
    }
    if wants("AWSManagedPolicy") {
        // Of AWS's policies those that are in use are told.
        let used = managed::facts().filter(|fact| uses.contains_key(fact.arn));
        policies.extend(used.map(Managed::Aws));
    }
    items.extend(policies.iter().map(|policy| policy_detail(account, policy, &uses)));
    items.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(items)
}

fn inline(grants: &Grants) -> Option<Vec<PolicyDetail>> {
    let shown = grants.inline.iter().map(|(name, document)| PolicyDetail {
        policy_name: Some(name.clone()),
        policy_document: Some(encoded(document)),
    });
    Some(shown.collect())
}

fn user_detail(tx: &ReadTx, account: &str, record: UserRecord) -> Result<UserDetail> {
    let mut groups = Vec::new();
    for group in &record.groups {
        groups.extend(entity::find::<GroupRecord>(tx, account, group)?.map(|group| group.name));
    }
    Ok(UserDetail {
        arn: Some(arn::of(account, "user", &record.path, &record.name)),
        user_policy_list: inline(&record.grants).filter(|list| !list.is_empty()),
        group_list: Some(groups),
        attached_managed_policies: Some(shown_attached(&record.grants)),
        permissions_boundary: shown::boundary(record.boundary.as_ref()),
        tags: tags::shown_if_any(&record.tags),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
        path: Some(record.path),
        user_name: Some(record.name),
        user_id: Some(record.id),
    })
}

fn group_detail(account: &str, record: GroupRecord) -> GroupDetail {
    GroupDetail {
        arn: Some(arn::of(account, "group", &record.path, &record.name)),
        group_policy_list: inline(&record.grants),
        attached_managed_policies: Some(shown_attached(&record.grants)),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
        path: Some(record.path),
        group_name: Some(record.name),
        group_id: Some(record.id),
    }
}

fn role_detail(
    tx: &ReadTx,
    account: &str,
    record: &RoleRecord,
    profiles: &[(String, ProfileRecord)],
) -> Result<RoleDetail> {
    let key = entity::key(&record.name);
    let own = profiles.iter().filter(|(_, profile)| profile.role.as_ref() == Some(&key));
    let profiles: Result<Vec<_>> =
        own.map(|(_, profile)| shown::profile(tx, account, profile, Detail::Listed)).collect();
    Ok(RoleDetail {
        path: Some(record.path.clone()),
        role_name: Some(record.name.clone()),
        role_id: Some(record.id.clone()),
        arn: Some(arn::of(account, "role", &record.path, &record.name)),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
        assume_role_policy_document: Some(encoded(&trust::current(tx, account, record)?)),
        instance_profile_list: Some(profiles?),
        role_policy_list: inline(&record.grants),
        attached_managed_policies: Some(shown_attached(&record.grants)),
        permissions_boundary: shown::boundary(record.boundary.as_ref()),
        tags: tags::shown_if_any(&record.tags),
        role_last_used: Some(shown::role_last_used(tx, &record.id)?),
    })
}

fn policy_detail(account: &str, policy: &Managed, uses: &HashMap<String, Uses>) -> (String, Item) {
    let arn = match policy {
        Managed::Aws(fact) => fact.arn.to_owned(),
        Managed::Customer(record) => record.arn(account),
    };
    let uses = uses.get(&arn).copied().unwrap_or_default();
    let shown = shown::managed(account, policy, uses, Detail::Whole);
    let Policy { policy_name, policy_id, path, default_version_id, .. } = shown;
    let detail = ManagedPolicyDetail {
        policy_name,
        policy_id,
        arn: Some(arn.clone()),
        path,
        default_version_id,
        attachment_count: shown.attachment_count,
        permissions_boundary_usage_count: shown.permissions_boundary_usage_count,
        is_attachable: shown.is_attachable,
        description: shown.description,
        create_date: shown.create_date,
        update_date: shown.update_date,
        policy_version_list: Some(versions(policy)),
    };
    (format!("4{arn}"), Item::Policy(Box::new(detail)))
}

fn versions(policy: &Managed) -> Vec<PolicyVersion> {
    let documents: Vec<&str> = match policy {
        Managed::Aws(fact) => vec![fact.document],
        Managed::Customer(record) => {
            record.versions.iter().rev().map(|version| version.document.as_str()).collect()
        }
    };
    let versions = shown::versions(policy).into_iter().zip(documents);
    versions
        .map(|(version, document)| PolicyVersion { document: Some(encoded(document)), ..version })
        .collect()
}
