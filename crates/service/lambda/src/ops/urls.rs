//! `CreateFunctionUrlConfig` and its relatives: addresses of functions and aliases.
//!
//! ```text
//! aws lambda create-function-url-config --function-name desk --auth-type NONE
//! {"FunctionUrl": "http://….lambda-url.ap-northeast-2.localhost:4566/", …}
//! ```

use api_lambda::*;
use kernel::{Ctx, Fault};
use store::{Part, Scan};

use crate::errors::{conflict, not_found};
use crate::name::Name;
use crate::record::LATEST;
use crate::resolve::{self, is_number, resolve_tx};
use crate::url::{self, Rules, URLS, Url};
use crate::{Lambda, page};

pub(crate) async fn create_function_url_config(
    api: &Lambda,
    ctx: &Ctx,
    input: CreateFunctionUrlConfigRequest,
) -> Result<CreateFunctionUrlConfigResponse, Error> {
    let name = named(ctx, &input.function_name, input.qualifier.as_deref())?;
    let now_ms = ctx.now().epoch_ms;
    let made = Url {
        // AWS's are 32 letters and digits, too.
        id: ctx.random().base32(20).to_ascii_lowercase(),
        signed: input.auth_type == FunctionUrlAuthType::AwsIam,
        cors: input.cors.map(Rules::from),
        streams: streams(input.invoke_mode).unwrap_or(false),
        created_ms: now_ms,
        modified_ms: now_ms,
    };
    ctx.store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            if url::load(tx, &name)?.is_some() {
                let arn = name.arn();
                return Err(conflict(format!(
                    "Failed to create function url config for [functionArn = {arn}]. Error \
                     message:  FunctionUrlConfig exists for this Lambda function"
                )));
            }
            Ok(url::put(tx, &name, &made)?)
        })
        .await?;
    let shown = made.shown(api, ctx, &name);
    Ok(CreateFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn get_function_url_config(
    api: &Lambda,
    ctx: &Ctx,
    input: GetFunctionUrlConfigRequest,
) -> Result<GetFunctionUrlConfigResponse, Error> {
    let name = named(ctx, &input.function_name, input.qualifier.as_deref())?;
    let found = ctx.store().read(|tx| url::load(tx, &name))?;
    let shown = found.ok_or_else(missing)?.shown(api, ctx, &name);
    Ok(GetFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        last_modified_time: shown.last_modified_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn update_function_url_config(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionUrlConfigRequest,
) -> Result<UpdateFunctionUrlConfigResponse, Error> {
    let name = named(ctx, &input.function_name, input.qualifier.as_deref())?;
    let streams = streams(input.invoke_mode);
    let changed = ctx
        .store()
        .write(|tx| {
            let mut url = url::load(tx, &name)?.ok_or_else(missing)?;
            if let Some(auth) = &input.auth_type {
                url.signed = *auth == FunctionUrlAuthType::AwsIam;
            }
            if let Some(cors) = &input.cors {
                url.cors = Some(Rules::from(cors.clone()));
            }
            url.streams = streams.unwrap_or(url.streams);
            url.modified_ms = ctx.now().epoch_ms;
            url::put(tx, &name, &url)?;
            Ok::<_, Error>(url)
        })
        .await?;
    let shown = changed.shown(api, ctx, &name);
    Ok(UpdateFunctionUrlConfigResponse {
        function_url: shown.function_url,
        function_arn: shown.function_arn,
        auth_type: shown.auth_type,
        cors: shown.cors,
        creation_time: shown.creation_time,
        last_modified_time: shown.last_modified_time,
        invoke_mode: shown.invoke_mode,
    })
}

pub(crate) async fn delete_function_url_config(
    _: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionUrlConfigRequest,
) -> Result<DeleteFunctionUrlConfigOutput, Error> {
    let name = named(ctx, &input.function_name, input.qualifier.as_deref())?;
    let deleted = ctx.store().write(|tx| url::delete(tx, &name)).await?;
    if !deleted {
        return Err(missing());
    }
    Ok(DeleteFunctionUrlConfigOutput {})
}

pub(crate) async fn list_function_url_configs(
    api: &Lambda,
    ctx: &Ctx,
    input: ListFunctionUrlConfigsRequest,
) -> Result<ListFunctionUrlConfigsResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(name.key()).limit(limit + 1);
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after((name.key(), last.strip_prefix(':').unwrap_or_default()));
    }
    let rows = ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        Ok::<_, Error>(tx.scan(&URLS, scan)?)
    })?;
    let mut found: Vec<(String, Url)> = rows
        .into_iter()
        .filter_map(|(key, url)| match key.parts()?.pop()? {
            Part::Text(alias) => Some((alias, url)),
            _ => None,
        })
        .collect();
    // The function itself has an empty alias, and a marker is never empty.
    let next_marker = page::cut(&mut found, limit, |(alias, _)| format!(":{alias}"));
    let shown = |(alias, url): &(String, Url)| match alias.as_str() {
        "" => url.shown(api, ctx, &name),
        alias => url.shown(api, ctx, &name.qualified(alias)),
    };
    let function_url_configs = found.iter().map(shown).collect();
    Ok(ListFunctionUrlConfigsResponse { function_url_configs, next_marker })
}

/// A function or an alias of it.
fn named(ctx: &Ctx, text: &str, qualifier: Option<&str>) -> Result<Name, Error> {
    let name = Name::parse(ctx, text, qualifier)?;
    match name.qualifier.as_deref() {
        Some(other) if other == LATEST || is_number(other) => {
            let message = format!(
                "1 validation error detected: Value '{other}' at 'qualifier' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: \
                 ((?!^\\d+$)^[0-9a-zA-Z-_]+$)"
            );
            Err(Fault::sender("ValidationException", message).into())
        }
        _ => Ok(name),
    }
}

fn missing() -> Error {
    not_found("The resource you requested does not exist.")
}

fn streams(mode: Option<InvokeMode>) -> Option<bool> {
    Some(mode? == InvokeMode::ResponseStream)
}
