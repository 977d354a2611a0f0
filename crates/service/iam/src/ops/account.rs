//! What belongs to the account: `CreateAccountAlias`, `ListAccountAliases`, `DeleteAccountAlias`,
//! the password policy, `GetAccountSummary`, `SetSecurityTokenServicePreferences`.
//!
//! ```text
//! aws iam create-account-alias --account-alias flight-desk
//! aws iam update-account-password-policy --minimum-password-length 12 --require-symbols
//! ```

use api_iam::{
    CreateAccountAliasOutput, CreateAccountAliasRequest, DeleteAccountAliasOutput,
    DeleteAccountAliasRequest, DeleteAccountPasswordPolicyInput, DeleteAccountPasswordPolicyOutput,
    GetAccountPasswordPolicyInput, GetAccountPasswordPolicyResponse, GlobalEndpointTokenVersion,
    ListAccountAliasesRequest, ListAccountAliasesResponse, PasswordPolicy,
    SetSecurityTokenServicePreferencesOutput, SetSecurityTokenServicePreferencesRequest,
    UpdateAccountPasswordPolicyOutput, UpdateAccountPasswordPolicyRequest,
};
use kernel::Ctx;

use crate::Iam;
use crate::entity::change;
use crate::error::{Result, exists, no_such, validation};
use crate::page::page;
use crate::record::{ACCOUNTS, ALIASES, PasswordRules};

pub(crate) async fn create_account_alias(
    _: &Iam,
    ctx: &Ctx,
    input: CreateAccountAliasRequest,
) -> Result<CreateAccountAliasOutput> {
    let alias = input.account_alias;
    // The model's pattern looks ahead, which ours cannot: `^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$`.
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [alias.as_bytes().first(), alias.as_bytes().last()];
    let good = alias.bytes().all(|b| inner(b) || b == b'-')
        && ends.into_iter().flatten().all(|b| inner(*b))
        && !alias.contains("--");
    if !good {
        return Err(validation(format!(
            "1 validation error detected: Value '{alias}' at 'accountAlias' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: \
             ^[a-z0-9]([a-z0-9]|-(?!-)){{1,61}}[a-z0-9]$"
        ))
        .into());
    }
    change(ctx, |tx| {
        if tx.get(&ALIASES, &alias)?.is_some_and(|owner| owner != ctx.account()) {
            return Err(exists(format!("The account alias {alias} already exists.")).into());
        }
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        // An account has one alias: a new one takes the place of the old.
        if let Some(old) = record.alias.replace(alias.clone()) {
            tx.delete(&ALIASES, &old)?;
        }
        tx.put(&ALIASES, &alias, &ctx.account().to_owned())?;
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await?;
    Ok(CreateAccountAliasOutput {})
}

pub(crate) async fn list_account_aliases(
    _: &Iam,
    ctx: &Ctx,
    input: ListAccountAliasesRequest,
) -> Result<ListAccountAliasesResponse> {
    let record = ctx.store().read(|tx| tx.get(&ACCOUNTS, ctx.account()))?.unwrap_or_default();
    let aliases = record.alias.map(|alias| (alias.clone(), alias)).into_iter().collect();
    let page = page(aliases, input.marker.as_deref(), input.max_items)?;
    Ok(ListAccountAliasesResponse {
        account_aliases: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn delete_account_alias(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteAccountAliasRequest,
) -> Result<DeleteAccountAliasOutput> {
    let alias = input.account_alias;
    change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        if record.alias.as_ref() != Some(&alias) {
            return Err(no_such(format!("The account alias {alias} cannot be found.")).into());
        }
        record.alias = None;
        tx.delete(&ALIASES, &alias)?;
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await?;
    Ok(DeleteAccountAliasOutput {})
}

fn no_policy(ctx: &Ctx) -> kernel::Fault {
    let account = ctx.account();
    no_such(format!("The Password Policy with domain name {account} cannot be found."))
}

pub(crate) async fn get_account_password_policy(
    _: &Iam,
    ctx: &Ctx,
    _: GetAccountPasswordPolicyInput,
) -> Result<GetAccountPasswordPolicyResponse> {
    let record = ctx.store().read(|tx| tx.get(&ACCOUNTS, ctx.account()))?.unwrap_or_default();
    let rules = record.passwords.ok_or_else(|| no_policy(ctx))?;
    Ok(GetAccountPasswordPolicyResponse {
        password_policy: PasswordPolicy {
            minimum_password_length: Some(rules.length_min),
            require_symbols: Some(rules.symbols),
            require_numbers: Some(rules.numbers),
            require_uppercase_characters: Some(rules.upper),
            require_lowercase_characters: Some(rules.lower),
            allow_users_to_change_password: Some(rules.own_change),
            expire_passwords: Some(rules.age_days_max.is_some()),
            max_password_age: rules.age_days_max,
            password_reuse_prevention: rules.reuse,
            hard_expiry: rules.hard_expiry,
        },
    })
}

pub(crate) async fn update_account_password_policy(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateAccountPasswordPolicyRequest,
) -> Result<UpdateAccountPasswordPolicyOutput> {
    // What is not given goes back to its default: nothing of the former policy stays.
    let rules = PasswordRules {
        length_min: input.minimum_password_length.unwrap_or(6),
        symbols: input.require_symbols.unwrap_or(false),
        numbers: input.require_numbers.unwrap_or(false),
        upper: input.require_uppercase_characters.unwrap_or(false),
        lower: input.require_lowercase_characters.unwrap_or(false),
        own_change: input.allow_users_to_change_password.unwrap_or(false),
        age_days_max: input.max_password_age,
        reuse: input.password_reuse_prevention,
        hard_expiry: input.hard_expiry,
    };
    change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        record.passwords = Some(rules.clone());
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await?;
    Ok(UpdateAccountPasswordPolicyOutput {})
}

pub(crate) async fn delete_account_password_policy(
    _: &Iam,
    ctx: &Ctx,
    _: DeleteAccountPasswordPolicyInput,
) -> Result<DeleteAccountPasswordPolicyOutput> {
    change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        if record.passwords.take().is_none() {
            let message = "The account policy with name PasswordPolicy cannot be found.";
            return Err(no_such(message).into());
        }
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await?;
    Ok(DeleteAccountPasswordPolicyOutput {})
}

pub(crate) async fn set_security_token_service_preferences(
    _: &Iam,
    ctx: &Ctx,
    input: SetSecurityTokenServicePreferencesRequest,
) -> Result<SetSecurityTokenServicePreferencesOutput> {
    let version = match input.global_endpoint_token_version {
        GlobalEndpointTokenVersion::V2Token => 2,
        _ => 1,
    };
    change(ctx, |tx| {
        let mut record = tx.get(&ACCOUNTS, ctx.account())?.unwrap_or_default();
        record.token_version = version;
        Ok(tx.put(&ACCOUNTS, ctx.account(), &record)?)
    })
    .await?;
    Ok(SetSecurityTokenServicePreferencesOutput {})
}
