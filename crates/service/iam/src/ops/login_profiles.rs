//! Passwords of users: `CreateLoginProfile`, `GetLoginProfile`, `UpdateLoginProfile`,
//! `DeleteLoginProfile`, `ChangePassword`.
//!
//! ```text
//! aws iam create-login-profile --user-name ann --password 'Long-enough-1'
//! ```

use api_iam::{
    ChangePasswordOutput, ChangePasswordRequest, CreateLoginProfileRequest,
    CreateLoginProfileResponse, DeleteLoginProfileOutput, DeleteLoginProfileRequest,
    GetLoginProfileRequest, GetLoginProfileResponse, LoginProfile, UpdateLoginProfileOutput,
    UpdateLoginProfileRequest,
};
use kernel::{Ctx, Fault, Timestamp};
use store::ReadTx;

use crate::entity::{change, load};
use crate::error::{Result, exists, no_such, validation};
use crate::record::{ACCOUNTS, LOGINS, LoginRecord, PasswordRules, UserRecord};
use crate::{Iam, caller, password};

fn rules(tx: &ReadTx, account: &str) -> Result<Option<PasswordRules>> {
    Ok(tx.get(&ACCOUNTS, account)?.and_then(|record| record.passwords))
}

fn no_login(name: &str) -> Fault {
    no_such(format!("Login Profile for User {name} cannot be found."))
}

fn login(tx: &ReadTx, account: &str, name: &str) -> Result<(UserRecord, LoginRecord)> {
    let user: UserRecord = load(tx, account, name)?;
    let login = tx.get(&LOGINS, (account, &user.id))?.ok_or_else(|| no_login(name))?;
    Ok((user, login))
}

fn shown(user: &UserRecord, login: &LoginRecord) -> LoginProfile {
    LoginProfile {
        user_name: user.name.clone(),
        create_date: Timestamp::from_ms(login.created_ms),
        password_reset_required: Some(login.reset_required),
    }
}

pub(crate) async fn create_login_profile(
    _: &Iam,
    ctx: &Ctx,
    input: CreateLoginProfileRequest,
) -> Result<CreateLoginProfileResponse> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    let Some(password) = input.password else {
        return Err(validation("Password is required.").into());
    };
    let (user, rules) = ctx.store().read(|tx| {
        Ok::<_, api_iam::Error>((load::<UserRecord>(tx, account, &name)?, rules(tx, account)?))
    })?;
    password::check(rules.as_ref(), &password)?;
    let now_ms = ctx.now().epoch_ms;
    let record = LoginRecord {
        created_ms: now_ms,
        changed_ms: now_ms,
        reset_required: input.password_reset_required.unwrap_or(false),
        hash: password::hashed(ctx, &user.id, &password).await?,
        former: Vec::new(),
        used_ms: None,
    };
    change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &name)?;
        if tx.contains(&LOGINS, (account, &user.id))? {
            return Err(exists(format!("Login Profile for user {name} already exists.")).into());
        }
        Ok(tx.put(&LOGINS, (account, &user.id), &record)?)
    })
    .await?;
    Ok(CreateLoginProfileResponse { login_profile: shown(&user, &record) })
}

pub(crate) async fn get_login_profile(
    _: &Iam,
    ctx: &Ctx,
    input: GetLoginProfileRequest,
) -> Result<GetLoginProfileResponse> {
    let name = caller::user(ctx, input.user_name)?;
    let (user, login) = ctx.store().read(|tx| login(tx, ctx.account(), &name))?;
    Ok(GetLoginProfileResponse { login_profile: shown(&user, &login) })
}

pub(crate) async fn update_login_profile(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateLoginProfileRequest,
) -> Result<UpdateLoginProfileOutput> {
    replace(ctx, &input.user_name, input.password.as_deref(), input.password_reset_required)
        .await?;
    Ok(UpdateLoginProfileOutput {})
}

/// Sets a new password, keeping the old one among the former.
async fn replace(
    ctx: &Ctx,
    name: &str,
    password: Option<&str>,
    reset_required: Option<bool>,
) -> Result<()> {
    let account = ctx.account();
    let ((user, known), rules) = ctx
        .store()
        .read(|tx| Ok::<_, api_iam::Error>((login(tx, account, name)?, rules(tx, account)?)))?;
    let hash = match password {
        Some(password) => {
            password::check(rules.as_ref(), password)?;
            password::check_reuse(ctx, &user.id, rules.as_ref(), &known, password).await?;
            Some(password::hashed(ctx, &user.id, password).await?)
        }
        None => None,
    };
    let now_ms = ctx.now().epoch_ms;
    change(ctx, |tx| {
        let (user, mut login) = login(tx, account, name)?;
        if let Some(hash) = &hash {
            let old = std::mem::replace(&mut login.hash, hash.clone());
            login.former.insert(0, old);
            login.former.truncate(password::FORMER_MAX);
            login.changed_ms = now_ms;
        }
        login.reset_required = reset_required.unwrap_or(login.reset_required);
        Ok(tx.put(&LOGINS, (account, &user.id), &login)?)
    })
    .await
}

pub(crate) async fn delete_login_profile(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteLoginProfileRequest,
) -> Result<DeleteLoginProfileOutput> {
    let name = caller::user(ctx, input.user_name)?;
    change(ctx, |tx| {
        let (user, _) = login(tx, ctx.account(), &name)?;
        Ok(tx.delete(&LOGINS, (ctx.account(), &user.id))?)
    })
    .await?;
    Ok(DeleteLoginProfileOutput {})
}

pub(crate) async fn change_password(
    _: &Iam,
    ctx: &Ctx,
    input: ChangePasswordRequest,
) -> Result<ChangePasswordOutput> {
    let Some(name) = ctx.principal().user_name().map(str::to_owned) else {
        let message = "Only IAM Users can change their own password";
        return Err(Fault::sender("InvalidUserType", message).into());
    };
    let (user, login) = ctx.store().read(|tx| login(tx, ctx.account(), &name))?;
    if !password::is(ctx, &user.id, &login.hash, &input.old_password).await? {
        let message = "The old password was incorrect.";
        return Err(Fault::new("AccessDenied", 403, message).into());
    }
    replace(ctx, &name, Some(&input.new_password), Some(false)).await?;
    Ok(ChangePasswordOutput {})
}
