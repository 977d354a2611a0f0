//! Groups and their members: `CreateGroup`, `GetGroup`, `ListGroups`, `UpdateGroup`,
//! `DeleteGroup`, `AddUserToGroup`, `RemoveUserFromGroup`, `ListGroupsForUser`.
//!
//! ```text
//! aws iam create-group --group-name agents
//! aws iam add-user-to-group --group-name agents --user-name ann
//! ```

use api_iam::{
    AddUserToGroupOutput, AddUserToGroupRequest, CreateGroupRequest, CreateGroupResponse,
    DeleteGroupOutput, DeleteGroupRequest, Error, GetGroupRequest, GetGroupResponse,
    ListGroupsForUserRequest, ListGroupsForUserResponse, ListGroupsRequest, ListGroupsResponse,
    RemoveUserFromGroupOutput, RemoveUserFromGroupRequest, UpdateGroupOutput, UpdateGroupRequest,
};
use kernel::Ctx;
use store::{ReadTx, Scan, WriteTx};

use crate::entity::{self, change, create, load, save};
use crate::error::{Result, must_first, no_such, quota};
use crate::page::page;
use crate::record::{GROUPS, Grants, GroupRecord, MEMBERS, UserRecord};
use crate::shown::Detail;
use crate::{Iam, attach, id, shown};

/// Groups that one user may be in.
const GROUPS_PER_USER_MAX: usize = 10;

pub(crate) async fn create_group(
    _: &Iam,
    ctx: &Ctx,
    input: CreateGroupRequest,
) -> Result<CreateGroupResponse> {
    let record = GroupRecord {
        name: input.group_name,
        id: id::unique(ctx, "AGPA"),
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        created_ms: ctx.now().epoch_ms,
        grants: Grants::default(),
    };
    change(ctx, |tx| create(tx, ctx.account(), &record)).await?;
    Ok(CreateGroupResponse { group: shown::group(ctx.account(), &record) })
}

pub(crate) async fn get_group(
    _: &Iam,
    ctx: &Ctx,
    input: GetGroupRequest,
) -> Result<GetGroupResponse> {
    let account = ctx.account();
    let (group, members) = ctx.store().read(|tx| {
        let group: GroupRecord = load(tx, account, &input.group_name)?;
        let mut members = Vec::new();
        for name in members_of(tx, account, &group.name)? {
            if let Some(user) = entity::find::<UserRecord>(tx, account, &name)? {
                members.push((name, shown::user(account, &user, Detail::Listed)));
            }
        }
        Ok::<_, Error>((group, members))
    })?;
    let page = page(members, input.marker.as_deref(), input.max_items)?;
    Ok(GetGroupResponse {
        group: shown::group(account, &group),
        users: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

/// Keys (names in lower case) of a group's users.
fn members_of(tx: &ReadTx, account: &str, group: &str) -> Result<Vec<String>> {
    let found = tx.scan(&MEMBERS, Scan::prefix((account, &entity::key(group))))?;
    Ok(found.iter().map(|(key, ())| super::last_part(key)).collect())
}

pub(crate) async fn list_groups(
    _: &Iam,
    ctx: &Ctx,
    input: ListGroupsRequest,
) -> Result<ListGroupsResponse> {
    let account = ctx.account();
    let prefix = input.path_prefix.as_deref();
    let found = ctx.store().read(|tx| entity::list::<GroupRecord>(tx, account, prefix))?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupsResponse {
        groups: page.items.iter().map(|record| shown::group(account, record)).collect(),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn list_groups_for_user(
    _: &Iam,
    ctx: &Ctx,
    input: ListGroupsForUserRequest,
) -> Result<ListGroupsForUserResponse> {
    let account = ctx.account();
    let groups = ctx.store().read(|tx| {
        let user: UserRecord = load(tx, account, &input.user_name)?;
        let mut groups = Vec::new();
        for name in user.groups {
            if let Some(group) = entity::find::<GroupRecord>(tx, account, &name)? {
                groups.push((name, shown::group(account, &group)));
            }
        }
        groups.sort_by(|a, b| a.0.cmp(&b.0));
        Ok::<_, Error>(groups)
    })?;
    let page = page(groups, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupsForUserResponse {
        groups: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_group(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateGroupRequest,
) -> Result<UpdateGroupOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let mut record: GroupRecord = load(tx, account, &input.group_name)?;
        if let Some(path) = &input.new_path {
            record.path = path.clone();
        }
        if let Some(name) = input.new_group_name.as_ref().filter(|name| **name != record.name) {
            rename(tx, account, &mut record, name)?;
        }
        save(tx, account, &record)
    })
    .await?;
    Ok(UpdateGroupOutput {})
}

fn rename(tx: &mut WriteTx, account: &str, record: &mut GroupRecord, name: &str) -> Result<()> {
    let (old, new) = (entity::key(&record.name), entity::key(name));
    if old != new {
        if entity::find::<GroupRecord>(tx, account, name)?.is_some() {
            return Err(<GroupRecord as entity::Named>::taken(name).into());
        }
        attach::renamed(tx, account, record, None, name)?;
        for member in members_of(tx, account, &old)? {
            tx.delete(&MEMBERS, (account, &old, &member))?;
            tx.put(&MEMBERS, (account, &new, &member), &())?;
            if let Some(mut user) = entity::find::<UserRecord>(tx, account, &member)? {
                let own = user.groups.iter_mut().filter(|group| **group == old);
                own.for_each(|group| new.clone_into(group));
                save(tx, account, &user)?;
            }
        }
        tx.delete(&GROUPS, (account, &old))?;
    }
    record.name = name.to_owned();
    Ok(())
}

pub(crate) async fn delete_group(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteGroupRequest,
) -> Result<DeleteGroupOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let record: GroupRecord = load(tx, account, &input.group_name)?;
        if !members_of(tx, account, &record.name)?.is_empty() {
            return Err(must_first("remove users from group").into());
        }
        super::check_no_grants(&record.grants)?;
        Ok(tx.delete(&GROUPS, (account, &entity::key(&record.name)))?)
    })
    .await?;
    Ok(DeleteGroupOutput {})
}

pub(crate) async fn add_user_to_group(
    _: &Iam,
    ctx: &Ctx,
    input: AddUserToGroupRequest,
) -> Result<AddUserToGroupOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let group: GroupRecord = load(tx, account, &input.group_name)?;
        let mut user: UserRecord = load(tx, account, &input.user_name)?;
        let key = entity::key(&group.name);
        if user.groups.contains(&key) {
            return Ok(());
        }
        if user.groups.len() >= GROUPS_PER_USER_MAX {
            return Err(quota("GroupsPerUser", GROUPS_PER_USER_MAX).into());
        }
        tx.put(&MEMBERS, (account, &key, &entity::key(&user.name)), &())?;
        user.groups.push(key);
        save(tx, account, &user)
    })
    .await?;
    Ok(AddUserToGroupOutput {})
}

pub(crate) async fn remove_user_from_group(
    _: &Iam,
    ctx: &Ctx,
    input: RemoveUserFromGroupRequest,
) -> Result<RemoveUserFromGroupOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let group: GroupRecord = load(tx, account, &input.group_name)?;
        let mut user: UserRecord = load(tx, account, &input.user_name)?;
        let key = entity::key(&group.name);
        let Some(at) = user.groups.iter().position(|own| *own == key) else {
            let message = format!("User {} not in group {}", input.user_name, input.group_name);
            return Err(no_such(message).into());
        };
        user.groups.remove(at);
        tx.delete(&MEMBERS, (account, &key, &entity::key(&user.name)))?;
        save(tx, account, &user)
    })
    .await?;
    Ok(RemoveUserFromGroupOutput {})
}
