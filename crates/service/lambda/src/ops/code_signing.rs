//! Code signing configurations, and which functions have one.
//!
//! ```text
//! aws lambda create-code-signing-config --allowed-publishers SigningProfileVersionArns=arn:aws:signer:…
//! {"CodeSigningConfig": {"CodeSigningConfigId": "csc-…", …}}
//! ```

use api_lambda::*;
use kernel::Ctx;
use store::Scan;

use crate::errors::conflict;
use crate::name::Name;
use crate::record::{FUNCTIONS, Function, FunctionRecord};
use crate::signing::{self, CONFIGS, Config};
use crate::{Lambda, page, resolve};

pub(crate) async fn create_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: CreateCodeSigningConfigRequest,
) -> Result<CreateCodeSigningConfigResponse, Error> {
    let tags = input.tags.unwrap_or_default();
    super::tags::check(&tags)?;
    let made = Config {
        id: format!("csc-0{}", ctx.random().hex(8)),
        description: input.description,
        publishers: input.allowed_publishers.signing_profile_version_arns,
        enforces: enforces(input.code_signing_policies).unwrap_or(false),
        tags,
        modified_ms: ctx.now().epoch_ms,
    };
    ctx.store().write(|tx| put(ctx, tx, &made)).await?;
    Ok(CreateCodeSigningConfigResponse { code_signing_config: made.shown(ctx) })
}

pub(crate) async fn get_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: GetCodeSigningConfigRequest,
) -> Result<GetCodeSigningConfigResponse, Error> {
    let arn = &input.code_signing_config_arn;
    let found = ctx.store().read(|tx| signing::load(ctx, tx, arn))?;
    let found = found.ok_or_else(|| signing::missing(arn))?;
    Ok(GetCodeSigningConfigResponse { code_signing_config: found.shown(ctx) })
}

pub(crate) async fn update_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: UpdateCodeSigningConfigRequest,
) -> Result<UpdateCodeSigningConfigResponse, Error> {
    let arn = &input.code_signing_config_arn;
    let enforces = enforces(input.code_signing_policies);
    let changed = ctx
        .store()
        .write(|tx| {
            let mut config = signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing(arn))?;
            if input.description.is_some() {
                config.description.clone_from(&input.description);
            }
            if let Some(publishers) = &input.allowed_publishers {
                config.publishers.clone_from(&publishers.signing_profile_version_arns);
            }
            config.enforces = enforces.unwrap_or(config.enforces);
            config.modified_ms = ctx.now().epoch_ms;
            put(ctx, tx, &config)?;
            Ok::<_, Error>(config)
        })
        .await?;
    Ok(UpdateCodeSigningConfigResponse { code_signing_config: changed.shown(ctx) })
}

pub(crate) async fn delete_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: DeleteCodeSigningConfigRequest,
) -> Result<DeleteCodeSigningConfigResponse, Error> {
    let arn = &input.code_signing_config_arn;
    ctx.store()
        .write(|tx| {
            let config = signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing(arn))?;
            let functions = tx.scan(&FUNCTIONS, Scan::prefix(FunctionRecord::prefix(ctx)))?;
            if functions.iter().any(|(_, function)| function.signing.as_ref() == Some(arn)) {
                return Err(conflict(format!(
                    "The Lambda code signing configuration {arn} is in use by functions."
                )));
            }
            Ok(tx.delete(&CONFIGS, (ctx.account(), ctx.region(), config.id))?)
        })
        .await?;
    Ok(DeleteCodeSigningConfigResponse {})
}

pub(crate) async fn list_code_signing_configs(
    _: &Lambda,
    ctx: &Ctx,
    input: ListCodeSigningConfigsRequest,
) -> Result<ListCodeSigningConfigsResponse, Error> {
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix((ctx.account(), ctx.region())).limit(limit + 1);
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after((ctx.account(), ctx.region(), last));
    }
    let rows = ctx.store().read(|tx| tx.scan(&CONFIGS, scan))?;
    let mut found: Vec<Config> = rows.into_iter().map(|(_, config)| config).collect();
    let next_marker = page::cut(&mut found, limit, |config| config.id.clone());
    let code_signing_configs = Some(found.iter().map(|config| config.shown(ctx)).collect());
    Ok(ListCodeSigningConfigsResponse { next_marker, code_signing_configs })
}

pub(crate) async fn put_function_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: PutFunctionCodeSigningConfigRequest,
) -> Result<PutFunctionCodeSigningConfigResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let code_signing_config_arn = input.code_signing_config_arn;
    set(ctx, &name, Some(&code_signing_config_arn)).await?;
    let function_name = name.function;
    Ok(PutFunctionCodeSigningConfigResponse { code_signing_config_arn, function_name })
}

pub(crate) async fn get_function_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: GetFunctionCodeSigningConfigRequest,
) -> Result<GetFunctionCodeSigningConfigResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let function = ctx.store().read(|tx| resolve::load(tx, &name))?;
    Ok(GetFunctionCodeSigningConfigResponse {
        code_signing_config_arn: function.signing.unwrap_or_default(),
        function_name: name.function,
    })
}

pub(crate) async fn delete_function_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionCodeSigningConfigRequest,
) -> Result<DeleteFunctionCodeSigningConfigOutput, Error> {
    set(ctx, &Name::whole(ctx, &input.function_name)?, None).await?;
    Ok(DeleteFunctionCodeSigningConfigOutput {})
}

pub(crate) async fn list_functions_by_code_signing_config(
    _: &Lambda,
    ctx: &Ctx,
    input: ListFunctionsByCodeSigningConfigRequest,
) -> Result<ListFunctionsByCodeSigningConfigResponse, Error> {
    let arn = &input.code_signing_config_arn;
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(FunctionRecord::prefix(ctx));
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after(FunctionRecord::key(ctx, &last));
    }
    let rows = ctx.store().read(|tx| {
        signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing(arn))?;
        Ok::<_, Error>(tx.scan(&FUNCTIONS, scan)?)
    })?;
    let uses = |function: &Function| function.signing.as_ref() == Some(arn);
    let mut found: Vec<Function> =
        rows.into_iter().map(|(_, f)| f).filter(uses).take(limit + 1).collect();
    let next_marker = page::cut(&mut found, limit, |function| function.latest.name.clone());
    let arns = found.iter().map(|function| Name::of(ctx, &function.latest.name).arn());
    let function_arns = Some(arns.collect());
    Ok(ListFunctionsByCodeSigningConfigResponse { next_marker, function_arns })
}

async fn set(ctx: &Ctx, name: &Name, arn: Option<&String>) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let mut function = resolve::load(tx, name)?;
            if let Some(arn) = arn {
                signing::load(ctx, tx, arn)?.ok_or_else(|| signing::missing_for_function(arn))?;
            }
            function.signing = arn.cloned();
            Ok::<_, Error>(tx.put(&FUNCTIONS, name.key(), &function)?)
        })
        .await
}

fn put(ctx: &Ctx, tx: &mut store::WriteTx, config: &Config) -> Result<(), Error> {
    Ok(tx.put(&CONFIGS, (ctx.account(), ctx.region(), &config.id), config)?)
}

fn enforces(policies: Option<CodeSigningPolicies>) -> Option<bool> {
    Some(policies?.untrusted_artifact_on_deployment? == CodeSigningPolicy::Enforce)
}
