//! `CreateAlias`, `GetAlias`, `UpdateAlias`, `DeleteAlias`, `ListAliases`.
//!
//! ```text
//! aws lambda create-alias --function-name desk --name live --function-version 1 \
//!     --routing-config 'AdditionalVersionWeights={"2"=0.1}'
//! {"AliasArn": "arn:aws:lambda:…:function:desk:live", "Name": "live", "FunctionVersion": "1", …}
//! ```

use api_lambda::{
    AliasConfiguration, CreateAliasRequest, DeleteAliasOutput, DeleteAliasRequest, Error,
    GetAliasRequest, ListAliasesRequest, ListAliasesResponse, UpdateAliasRequest,
};
use kernel::Ctx;
use store::Scan;

use crate::errors::{conflict, not_found, stale_revision};
use crate::name::Name;
use crate::policy::POLICIES;
use crate::record::{ALIASES, Alias};
use crate::{Lambda, alias, event_invoke, page, policy, provisioned, resolve, url};

pub(crate) async fn create_alias(
    _: &Lambda,
    ctx: &Ctx,
    input: CreateAliasRequest,
) -> Result<AliasConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    alias::check_name(&input.name)?;
    let made = Alias {
        name: input.name,
        version: input.function_version,
        description: input.description.unwrap_or_default(),
        other: alias::other(input.routing_config)?,
        revision: ctx.random().uuid(),
    };
    let key = name.alias_key(&made.name);
    ctx.store()
        .write(|tx| {
            made.check(tx, &name)?;
            if tx.contains(&ALIASES, key.clone())? {
                let arn = name.qualified(&made.name).arn();
                return Err(conflict(format!("Alias already exists: {arn}")));
            }
            Ok(tx.put(&ALIASES, key.clone(), &made)?)
        })
        .await?;
    Ok(made.configuration(&name))
}

pub(crate) async fn get_alias(
    _: &Lambda,
    ctx: &Ctx,
    input: GetAliasRequest,
) -> Result<AliasConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let found = ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        Ok::<_, Error>(tx.get(&ALIASES, name.alias_key(&input.name))?)
    })?;
    let found = found.ok_or_else(|| alias::unknown(&name, &input.name))?;
    Ok(found.configuration(&name))
}

pub(crate) async fn update_alias(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateAliasRequest,
) -> Result<AliasConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let key = name.alias_key(&input.name);
    let changed = ctx
        .store()
        .write(|tx| {
            resolve::load(tx, &name)?;
            let mut found = tx.get(&ALIASES, key.clone())?.ok_or_else(|| {
                not_found(format!("Alias not found: {}", name.qualified(&input.name).arn()))
            })?;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != found.revision) {
                return Err(stale_revision());
            }
            if let Some(version) = &input.function_version {
                found.version.clone_from(version);
            }
            if let Some(description) = &input.description {
                found.description.clone_from(description);
            }
            if input.routing_config.is_some() {
                found.other = alias::other(input.routing_config.clone())?;
            }
            found.check(tx, &name)?;
            found.revision = ctx.random().uuid();
            tx.put(&ALIASES, key.clone(), &found)?;
            Ok(found)
        })
        .await?;
    provisioned::apply(ctx, &api.pool, &name)?;
    Ok(changed.configuration(&name))
}

pub(crate) async fn delete_alias(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteAliasRequest,
) -> Result<DeleteAliasOutput, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    ctx.store()
        .write(|tx| {
            resolve::load(tx, &name)?;
            provisioned::forget(tx, &name, Some(&input.name))?;
            let qualified = name.qualified(&input.name);
            tx.delete(&POLICIES, policy::key(&qualified))?;
            tx.delete(&event_invoke::CONFIGS, event_invoke::key(&qualified))?;
            url::delete(tx, &qualified)?;
            Ok::<_, Error>(tx.delete(&ALIASES, name.alias_key(&input.name))?)
        })
        .await?;
    provisioned::apply(ctx, &api.pool, &name)?;
    Ok(DeleteAliasOutput::default())
}

pub(crate) async fn list_aliases(
    _: &Lambda,
    ctx: &Ctx,
    input: ListAliasesRequest,
) -> Result<ListAliasesResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(name.key());
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after(name.alias_key(&last));
    }
    let mut found: Vec<Alias> = ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        let all = tx.scan(&ALIASES, scan)?.into_iter().map(|(_, alias)| alias);
        let wanted = |alias: &Alias| match &input.function_version {
            Some(version) => {
                let other = alias.other.as_ref().map(|(other, _)| other);
                alias.version == *version || other == Some(version)
            }
            None => true,
        };
        Ok::<_, Error>(all.filter(wanted).take(limit + 1).collect())
    })?;
    let next_marker = page::cut(&mut found, limit, |alias| alias.name.clone());
    let aliases = found.iter().map(|alias| alias.configuration(&name)).collect();
    Ok(ListAliasesResponse { next_marker, aliases: Some(aliases) })
}
