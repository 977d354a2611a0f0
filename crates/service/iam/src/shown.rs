//! Records as the API shows them.

use api_iam::{
    AttachedPermissionsBoundary, Group, InstanceProfile, PermissionsBoundaryAttachmentType, Policy,
    PolicyVersion, Role, RoleLastUsed, User,
};
use kernel::Timestamp;
use store::ReadTx;

use crate::document::encoded;
use crate::entity;
use crate::error::Result;
use crate::managed::{Fact, Managed};
use crate::record::{GroupRecord, PolicyRecord, ProfileRecord, RoleRecord, UserRecord};
use crate::{arn, lookup, tags, trust};

/// How many entities use a policy: attached, as a boundary.
pub(crate) type Uses = (i32, i32);

/// How much of an entity an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As in lists: no tags, no boundary, no last use.
    Listed,
    /// Everything.
    Whole,
}

pub(crate) fn user(account: &str, record: &UserRecord, detail: Detail) -> User {
    let whole = detail == Detail::Whole;
    User {
        path: record.path.clone(),
        user_name: record.name.clone(),
        user_id: record.id.clone(),
        arn: arn::of(account, "user", &record.path, &record.name),
        create_date: Timestamp::from_ms(record.created_ms),
        password_last_used: None,
        permissions_boundary: whole.then(|| boundary(record.boundary.as_ref())).flatten(),
        tags: whole.then(|| tags::shown_if_any(&record.tags)).flatten(),
    }
}

pub(crate) fn group(account: &str, record: &GroupRecord) -> Group {
    Group {
        path: record.path.clone(),
        group_name: record.name.clone(),
        group_id: record.id.clone(),
        arn: arn::of(account, "group", &record.path, &record.name),
        create_date: Timestamp::from_ms(record.created_ms),
    }
}

pub(crate) fn role(
    tx: &ReadTx,
    account: &str,
    record: &RoleRecord,
    detail: Detail,
) -> Result<Role> {
    let whole = detail == Detail::Whole;
    let last_used = match whole {
        true => Some(role_last_used(tx, &record.id)?),
        false => None,
    };
    Ok(Role {
        path: record.path.clone(),
        role_name: record.name.clone(),
        role_id: record.id.clone(),
        arn: arn::of(account, "role", &record.path, &record.name),
        create_date: Timestamp::from_ms(record.created_ms),
        assume_role_policy_document: Some(encoded(&trust::current(tx, account, record)?)),
        description: record.description.clone(),
        max_session_duration: Some(record.max_session_s),
        permissions_boundary: whole.then(|| boundary(record.boundary.as_ref())).flatten(),
        tags: whole.then(|| tags::shown_if_any(&record.tags)).flatten(),
        role_last_used: last_used,
        source_role_template: None,
    })
}

/// An empty structure says that the role has not been used.
pub(crate) fn role_last_used(tx: &ReadTx, role_id: &str) -> Result<RoleLastUsed> {
    Ok(lookup::last_used(tx, role_id)?.map_or_else(RoleLastUsed::default, |used| RoleLastUsed {
        last_used_date: Some(Timestamp::from_ms(used.at_ms)),
        region: Some(used.region),
    }))
}

pub(crate) fn profile(
    tx: &ReadTx,
    account: &str,
    record: &ProfileRecord,
    detail: Detail,
) -> Result<InstanceProfile> {
    let role_record: Option<RoleRecord> = match &record.role {
        Some(name) => entity::find(tx, account, name)?,
        None => None,
    };
    let roles: Result<Vec<Role>> =
        role_record.iter().map(|r| role(tx, account, r, Detail::Listed)).collect();
    Ok(InstanceProfile {
        path: record.path.clone(),
        instance_profile_name: record.name.clone(),
        instance_profile_id: record.id.clone(),
        arn: arn::of(account, "instance-profile", &record.path, &record.name),
        create_date: Timestamp::from_ms(record.created_ms),
        roles: roles?,
        tags: (detail == Detail::Whole).then(|| tags::shown_if_any(&record.tags)).flatten(),
    })
}

pub(crate) fn boundary(arn: Option<&String>) -> Option<AttachedPermissionsBoundary> {
    arn.map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_type: Some(
            PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy,
        ),
        permissions_boundary_arn: Some(arn.clone()),
    })
}

pub(crate) fn managed(account: &str, policy: &Managed, uses: Uses, detail: Detail) -> Policy {
    match policy {
        Managed::Aws(found) => fact(found, uses),
        Managed::Customer(record) => customer(account, record, uses, detail),
    }
}

pub(crate) fn fact(fact: &Fact, (attached, bounding): Uses) -> Policy {
    Policy {
        policy_name: Some(fact.name.to_owned()),
        policy_id: Some(fact.id.clone()),
        arn: Some(fact.arn.to_owned()),
        path: Some(fact.path.to_owned()),
        default_version_id: Some(fact.version.clone()),
        attachment_count: Some(attached),
        permissions_boundary_usage_count: Some(bounding),
        is_attachable: Some(true),
        create_date: Some(fact.created),
        update_date: Some(fact.updated),
        ..Policy::default()
    }
}

pub(crate) fn customer(
    account: &str,
    record: &PolicyRecord,
    (attached, bounding): Uses,
    detail: Detail,
) -> Policy {
    let whole = detail == Detail::Whole;
    Policy {
        policy_name: Some(record.name.clone()),
        policy_id: Some(record.id.clone()),
        arn: Some(record.arn(account)),
        path: Some(record.path.clone()),
        default_version_id: Some(format!("v{}", record.default_version)),
        attachment_count: Some(attached),
        permissions_boundary_usage_count: Some(bounding),
        is_attachable: Some(true),
        description: record.description.clone().filter(|_| whole),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
        update_date: Some(Timestamp::from_ms(record.updated_ms)),
        tags: whole.then(|| tags::shown_if_any(&record.tags)).flatten(),
    }
}

/// The versions of a policy, newest first, as lists show them: without documents.
pub(crate) fn versions(policy: &Managed) -> Vec<PolicyVersion> {
    match policy {
        Managed::Aws(fact) => vec![PolicyVersion {
            version_id: Some(fact.version.clone()),
            is_default_version: Some(true),
            create_date: Some(fact.updated),
            document: None,
        }],
        Managed::Customer(record) => {
            let newest_first = record.versions.iter().rev();
            newest_first
                .map(|version| PolicyVersion {
                    version_id: Some(format!("v{}", version.number)),
                    is_default_version: Some(version.number == record.default_version),
                    create_date: Some(Timestamp::from_ms(version.created_ms)),
                    document: None,
                })
                .collect()
        }
    }
}
