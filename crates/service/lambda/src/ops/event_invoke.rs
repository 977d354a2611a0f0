//! `PutFunctionEventInvokeConfig` and its relatives: how events are handled that nobody waits for.
//!
//! ```text
//! aws lambda put-function-event-invoke-config --function-name desk --maximum-retry-attempts 0
//! {"FunctionArn": "arn:aws:lambda:…:function:desk:$LATEST", "MaximumRetryAttempts": 0, …}
//! ```

use api_lambda::{
    DeleteFunctionEventInvokeConfigOutput, DeleteFunctionEventInvokeConfigRequest, Error,
    FunctionEventInvokeConfig, GetFunctionEventInvokeConfigRequest,
    ListFunctionEventInvokeConfigsRequest, ListFunctionEventInvokeConfigsResponse,
    PutFunctionEventInvokeConfigRequest, UpdateFunctionEventInvokeConfigRequest,
};
use kernel::Ctx;
use store::{Part, Scan};

use crate::errors::invalid;
use crate::event_invoke::{self, CONFIGS, EventConfig};
use crate::name::Name;
use crate::resolve::{self, resolve_tx};
use crate::{Lambda, page};

pub(crate) async fn put_function_event_invoke_config(
    _: &Lambda,
    ctx: &Ctx,
    input: PutFunctionEventInvokeConfigRequest,
) -> Result<FunctionEventInvokeConfig, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    if input.maximum_retry_attempts.is_none()
        && input.maximum_event_age_in_seconds.is_none()
        && input.destination_config.is_none()
    {
        return Err(invalid(
            "You must specify at least one of error handling or destination setting.",
        ));
    }
    let mut made = EventConfig { modified_ms: ctx.now().epoch_ms, ..EventConfig::default() };
    let (retries, age) = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
    made.change(&name, retries, age, input.destination_config.as_ref())?;
    ctx.store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            Ok::<_, Error>(tx.put(&CONFIGS, event_invoke::key(&name), &made)?)
        })
        .await?;
    Ok(made.shown(&name))
}

pub(crate) async fn update_function_event_invoke_config(
    _: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionEventInvokeConfigRequest,
) -> Result<FunctionEventInvokeConfig, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let (retries, age) = (input.maximum_retry_attempts, input.maximum_event_age_in_seconds);
    let changed = ctx
        .store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            let mut config =
                event_invoke::load(tx, &name)?.ok_or_else(|| event_invoke::missing(&name))?;
            config.change(&name, retries, age, input.destination_config.as_ref())?;
            config.modified_ms = ctx.now().epoch_ms;
            tx.put(&CONFIGS, event_invoke::key(&name), &config)?;
            Ok::<_, Error>(config)
        })
        .await?;
    Ok(changed.shown(&name))
}

pub(crate) async fn get_function_event_invoke_config(
    _: &Lambda,
    ctx: &Ctx,
    input: GetFunctionEventInvokeConfigRequest,
) -> Result<FunctionEventInvokeConfig, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let found = ctx.store().read(|tx| {
        resolve_tx(tx, &name)?;
        event_invoke::load(tx, &name)
    })?;
    Ok(found.ok_or_else(|| event_invoke::missing(&name))?.shown(&name))
}

pub(crate) async fn delete_function_event_invoke_config(
    _: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionEventInvokeConfigRequest,
) -> Result<DeleteFunctionEventInvokeConfigOutput, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    ctx.store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            event_invoke::load(tx, &name)?.ok_or_else(|| event_invoke::missing(&name))?;
            Ok::<_, Error>(tx.delete(&CONFIGS, event_invoke::key(&name))?)
        })
        .await?;
    Ok(DeleteFunctionEventInvokeConfigOutput {})
}

pub(crate) async fn list_function_event_invoke_configs(
    _: &Lambda,
    ctx: &Ctx,
    input: ListFunctionEventInvokeConfigsRequest,
) -> Result<ListFunctionEventInvokeConfigsResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(name.key()).limit(limit + 1);
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after((name.key(), last));
    }
    let rows = ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        Ok::<_, Error>(tx.scan(&CONFIGS, scan)?)
    })?;
    let mut found: Vec<(String, EventConfig)> = rows
        .into_iter()
        .filter_map(|(key, config)| match key.parts()?.pop()? {
            Part::Text(qualifier) => Some((qualifier, config)),
            _ => None,
        })
        .collect();
    let next_marker = page::cut(&mut found, limit, |(qualifier, _)| qualifier.clone());
    let configs = found.iter().map(|(qualifier, config)| config.shown(&name.qualified(qualifier)));
    let function_event_invoke_configs = Some(configs.collect());
    Ok(ListFunctionEventInvokeConfigsResponse { function_event_invoke_configs, next_marker })
}
