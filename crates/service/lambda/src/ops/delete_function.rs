//! `DeleteFunction`: the function with all its versions and aliases, or one version; and the code
//! that nothing else uses.
//!
//! ```text
//! aws lambda delete-function --function-name desk
//! aws lambda delete-function --function-name desk --qualifier 3
//! ```

use api_lambda::{DeleteFunctionRequest, DeleteFunctionResponse, Error};
use kernel::Ctx;
use store::{Scan, WriteTx};

use crate::archives::Key;
use crate::errors::{conflict, invalid};
use crate::name::Name;
use crate::policy::POLICIES;
use crate::record::{ALIASES, FUNCTIONS, FunctionRecord, LATEST, VERSIONS, version_key};
use crate::resolve::{self, is_number};
use crate::url::{IDS, URLS};
use crate::variables::{self, Grant};
use crate::{Lambda, code_users, concurrency, event_invoke, policy, provisioned};

pub(crate) async fn delete_function(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionRequest,
) -> Result<DeleteFunctionResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let done = Ok(DeleteFunctionResponse { status_code: Some(204) });
    let Some(qualifier) = name.qualifier.as_deref() else {
        let (codes, grants) = ctx.store().write(|tx| delete_all(tx, &name)).await?;
        variables::revoke(ctx, grants).await;
        api.pool.retire_function(&name);
        api.host.archives.forget(&Key::function(&name.key()));
        api.forget_unused(ctx, &codes).await?;
        return done;
    };
    if qualifier == LATEST {
        return Err(invalid("$LATEST version cannot be deleted without deleting the function."));
    }
    if !is_number(qualifier) {
        return Err(invalid("Deletion of aliases is not currently supported."));
    }
    let codes = ctx.store().write(|tx| delete_version(tx, &name, qualifier)).await?;
    api.pool.retire_version(&name, qualifier);
    api.forget_unused(ctx, &codes).await?;
    done
}

/// Deletes the function; returns the packages it used, and what its roles were granted.
fn delete_all(tx: &mut WriteTx, name: &Name) -> Result<(Vec<String>, Vec<Grant>), Error> {
    let function = resolve::load(tx, name)?;
    let mut codes = Vec::new();
    let published = tx.scan(&VERSIONS, Scan::prefix(name.key()))?;
    for (key, version) in published {
        tx.delete(&VERSIONS, &key)?;
        release(tx, name, &version, &mut codes)?;
    }
    for (key, _) in tx.scan(&ALIASES, Scan::prefix(name.key()))? {
        tx.delete(&ALIASES, &key)?;
    }
    provisioned::forget(tx, name, None)?;
    for (key, _) in tx.scan(&POLICIES, Scan::prefix(name.key()))? {
        tx.delete(&POLICIES, &key)?;
    }
    for (key, _) in tx.scan(&event_invoke::CONFIGS, Scan::prefix(name.key()))? {
        tx.delete(&event_invoke::CONFIGS, &key)?;
    }
    for (key, found) in tx.scan(&URLS, Scan::prefix(name.key()))? {
        tx.delete(&URLS, &key)?;
        tx.delete(&IDS, found.id.as_str())?;
    }
    concurrency::change(tx, name, function.reserved, None)?;
    tx.delete(&FUNCTIONS, name.key())?;
    release(tx, name, &function.latest, &mut codes)?;
    Ok((codes, function.grants))
}

/// Deletes one version, if it is there and no alias needs it.
fn delete_version(tx: &mut WriteTx, name: &Name, number: &str) -> Result<Vec<String>, Error> {
    resolve::load(tx, name)?;
    let mut codes = Vec::new();
    let Some(version) = resolve::load_version(tx, name, number)? else { return Ok(codes) };
    let aliases = tx.scan(&ALIASES, Scan::prefix(name.key()))?;
    let uses = aliases.iter().map(|(_, alias)| alias).filter(|alias| {
        alias.version == number || alias.other.as_ref().is_some_and(|(other, _)| other == number)
    });
    let names: Vec<&str> = uses.map(|alias| alias.name.as_str()).collect();
    if !names.is_empty() {
        let names = names.join(", ");
        return Err(conflict(format!(
            "Unable to delete version because the following aliases reference it: [{names}]"
        )));
    }
    provisioned::forget(tx, name, Some(number))?;
    if let Some(key) = version_key(name.key(), number) {
        tx.delete(&VERSIONS, key)?;
    }
    let qualified = name.qualified(number);
    tx.delete(&POLICIES, policy::key(&qualified))?;
    tx.delete(&event_invoke::CONFIGS, event_invoke::key(&qualified))?;
    release(tx, name, &version, &mut codes)?;
    Ok(codes)
}

fn release(
    tx: &mut WriteTx,
    name: &Name,
    version: &FunctionRecord,
    codes: &mut Vec<String>,
) -> Result<(), Error> {
    code_users::remove(tx, name, version)?;
    codes.extend(version.codes().cloned());
    Ok(())
}
