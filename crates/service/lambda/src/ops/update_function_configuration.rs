//! `UpdateFunctionConfiguration`: what is given changes, the rest stays.
//!
//! ```text
//! aws lambda update-function-configuration --function-name desk --timeout 8
//! {"FunctionName": "desk", "Timeout": 8, "LastUpdateStatus": "InProgress", …}
//! ```

use std::collections::BTreeMap;

use api_lambda::{Error, FunctionConfiguration, ImageConfig, UpdateFunctionConfigurationRequest};
use kernel::Ctx;

use crate::errors::{invalid, stale_revision};
use crate::layers::LayerUse;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::{Lambda, check, code_users, layers, logging, resolve, role, settle, snapstart};

pub(crate) async fn update_function_configuration(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionConfigurationRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    ctx.store().read(|tx| resolve::load(tx, &name))?;
    check::updated(&input)?;
    let runtime = input.runtime.as_ref().map(|name| check::runtime(name.as_str())).transpose()?;
    let timeout = input.timeout.map(check::timeout).transpose()?;
    let logging = match input.logging_config.clone() {
        None => None,
        asked => Some(logging::parse(asked)?),
    };
    let variables = input.environment.and_then(|environment| environment.variables);
    let environment = variables.map(|variables| sealed(ctx, &variables)).transpose()?;
    let dead_letters = input.dead_letter_config.map(check::dead_letters).transpose()?;
    let traced = input.tracing_config.as_ref().map(check::traced);
    if let Some(role) = &input.role {
        role::check(ctx, role).await?;
    }
    // No layer goes between looking for it and using it.
    let in_use = api.host.code.in_use.read().await;
    let layers = match &input.layers {
        Some(arns) => Some(laid(api, ctx, &name, arns).await?),
        None => None,
    };
    let has_layers = input.layers.as_ref().is_some_and(|layers| !layers.is_empty());
    let (latest, codes) = ctx
        .store()
        .write(|tx| {
            let mut function = resolve::load(tx, &name)?;
            let latest = &mut function.latest;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != latest.revision) {
                return Err(stale_revision());
            }
            check::settled(&name, latest)?;
            let codes: Vec<String> = latest.codes().cloned().collect();
            let not_of_images = runtime.is_some() || input.handler.is_some() || has_layers;
            configure_image(latest, input.image_config.as_ref(), not_of_images)?;
            code_users::remove(tx, &name, latest)?;
            change(&mut latest.runtime, &runtime);
            change(&mut latest.role, &input.role);
            change(&mut latest.handler, &input.handler);
            change(&mut latest.description, &input.description);
            change(&mut latest.timeout_seconds, &timeout);
            change(&mut latest.memory_mb, &input.memory_size);
            change(&mut latest.tmp_mb, &input.ephemeral_storage.as_ref().map(|s| s.size));
            change(&mut latest.environment, &environment);
            if let Some(logging) = &logging {
                (latest.log_group, latest.log_json) = logging.clone();
            }
            change(&mut latest.dead_letters, &dead_letters);
            change(&mut latest.traced, &traced);
            change(&mut latest.layers, &layers);
            snapstart::change(latest, input.snap_start.as_ref())?;
            code_users::add(tx, &name, latest)?;
            latest.touch(ctx);
            settle::put(ctx, tx, &name, &function)?;
            Ok::<_, Error>((function.latest, codes))
        })
        .await?;
    drop(in_use);
    api.pool.retire(&name);
    if input.layers.is_some() {
        api.forget_unused(ctx, &codes).await?;
    }
    latest.configuration(ctx, name.arn())
}

/// The layers it is to have, if they fit beside its code.
async fn laid(
    api: &Lambda,
    ctx: &Ctx,
    name: &Name,
    arns: &[String],
) -> Result<Vec<LayerUse>, Error> {
    let layers = layers::used(ctx, arns)?;
    let code = ctx.store().read(|tx| resolve::load(tx, name))?.latest.code;
    check::unzipped(api.host.code.unzipped_bytes(&code).await?, &layers)?;
    Ok(layers)
}

/// The variables, checked and sealed.
fn sealed(ctx: &Ctx, variables: &BTreeMap<String, String>) -> Result<Option<String>, Error> {
    check::environment(variables)?;
    Ok(FunctionRecord::seal_environment(ctx.kernel().sealer(), variables))
}

/// What only images have, and what they do not have.
fn configure_image(
    latest: &mut FunctionRecord,
    config: Option<&ImageConfig>,
    not_of_images: bool,
) -> Result<(), Error> {
    match (&mut latest.image, config) {
        (Some(image), config) => {
            check::no_runtime(not_of_images)?;
            image.configure(config);
            Ok(())
        }
        (None, Some(_)) => Err(invalid(
            "Please don't provide ImageConfig when updating a function with packageType Zip.",
        )),
        (None, None) => Ok(()),
    }
}

fn change<T: Clone>(field: &mut T, asked: &Option<T>) {
    if let Some(asked) = asked {
        field.clone_from(asked);
    }
}
