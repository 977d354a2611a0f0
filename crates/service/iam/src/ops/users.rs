//! Users: `CreateUser`, `GetUser`, `ListUsers`, `UpdateUser`, `DeleteUser`.
//!
//! ```text
//! aws iam create-user --user-name ann --path /desk/ --tags Key=team,Value=blue
//! {"User": {"Path": "/desk/", "UserName": "ann", "UserId": "AIDA…", "Arn": "arn:aws:iam::…"}}
//! ```

use api_iam::{
    CreateUserRequest, CreateUserResponse, DeleteUserOutput, DeleteUserRequest, GetUserRequest,
    GetUserResponse, ListUsersRequest, ListUsersResponse, UpdateUserOutput, UpdateUserRequest,
    User,
};
use kernel::{Ctx, Timestamp};
use store::WriteTx;

use crate::caller::{Subject, subject};
use crate::entity::{self, change, create, load, save};
use crate::error::{Result, must_first};
use crate::page::page;
use crate::record::{Grants, KEYS, MEMBERS, USERS, UserRecord};
use crate::shown::Detail;
use crate::{Iam, attach, id, owned, shown, tags};

pub(crate) async fn create_user(
    _: &Iam,
    ctx: &Ctx,
    input: CreateUserRequest,
) -> Result<CreateUserResponse> {
    let mut record = UserRecord {
        name: input.user_name,
        id: id::unique(ctx, "AIDA"),
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        created_ms: ctx.now().epoch_ms,
        tags: tags::given(input.tags)?,
        boundary: None,
        grants: Grants::default(),
        groups: Vec::new(),
        keys: Vec::new(),
    };
    let boundary = input.permissions_boundary;
    let account = ctx.account();
    let record = change(ctx, |tx| {
        create(tx, account, &record)?;
        if boundary.is_some() {
            record.boundary = None;
            attach::set_boundary(tx, account, &mut record, boundary.clone())?;
            save(tx, account, &record)?;
        }
        Ok(record.clone())
    })
    .await?;
    Ok(CreateUserResponse { user: Some(shown::user(account, &record, Detail::Whole)) })
}

pub(crate) async fn get_user(_: &Iam, ctx: &Ctx, input: GetUserRequest) -> Result<GetUserResponse> {
    let account = ctx.account();
    let user = match subject(ctx, input.user_name)? {
        Subject::Root => root(account),
        Subject::User(name) => {
            let record: UserRecord = ctx.store().read(|tx| load(tx, account, &name))?;
            shown::user(account, &record, Detail::Whole)
        }
    };
    Ok(GetUserResponse { user })
}

/// The root of an account has no record: it is there since there is the account.
pub(super) fn root(account: &str) -> User {
    User {
        path: "/".to_owned(),
        user_name: "root".to_owned(),
        user_id: account.to_owned(),
        arn: format!("arn:aws:iam::{account}:root"),
        create_date: Timestamp::from_ms(0),
        ..User::default()
    }
}

pub(crate) async fn list_users(
    _: &Iam,
    ctx: &Ctx,
    input: ListUsersRequest,
) -> Result<ListUsersResponse> {
    let account = ctx.account();
    let prefix = input.path_prefix.as_deref();
    let found = ctx.store().read(|tx| entity::list::<UserRecord>(tx, account, prefix))?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListUsersResponse {
        users: page.items.iter().map(|r| shown::user(account, r, Detail::Listed)).collect(),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_user(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateUserRequest,
) -> Result<UpdateUserOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let mut record: UserRecord = load(tx, account, &input.user_name)?;
        if let Some(path) = &input.new_path {
            record.path = path.clone();
        }
        if let Some(name) = input.new_user_name.as_ref().filter(|name| **name != record.name) {
            rename(tx, account, &mut record, name)?;
        }
        save(tx, account, &record)
    })
    .await?;
    Ok(UpdateUserOutput {})
}

/// Moves everything that knows the user by name; what belongs to the user is kept by the unique id.
fn rename(tx: &mut WriteTx, account: &str, record: &mut UserRecord, name: &str) -> Result<()> {
    let (old, new) = (entity::key(&record.name), entity::key(name));
    if old != new {
        if entity::find::<UserRecord>(tx, account, name)?.is_some() {
            return Err(<UserRecord as entity::Named>::taken(name).into());
        }
        let boundary = record.boundary.clone();
        attach::renamed(tx, account, record, boundary.as_deref(), name)?;
        for group in &record.groups {
            tx.delete(&MEMBERS, (account, group, &old))?;
            tx.put(&MEMBERS, (account, group, &new), &())?;
        }
        for key in &record.keys {
            if let Some(mut found) = tx.get(&KEYS, key)? {
                found.user = Some(new.clone());
                tx.put(&KEYS, key, &found)?;
            }
        }
        tx.delete(&USERS, (account, &old))?;
    }
    record.name = name.to_owned();
    Ok(())
}

pub(crate) async fn delete_user(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteUserRequest,
) -> Result<DeleteUserOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let mut record: UserRecord = load(tx, account, &input.user_name)?;
        if let Some(what) = owned::left(tx, account, &record)? {
            return Err(must_first(what).into());
        }
        attach::set_boundary(tx, account, &mut record, None)?;
        owned::forget(tx, account, &record)?;
        Ok(tx.delete(&USERS, (account, &entity::key(&record.name)))?)
    })
    .await?;
    Ok(DeleteUserOutput {})
}
