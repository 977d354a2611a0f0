//! `UpdateFunctionConfiguration`: what is given changes, the rest stays.
//!
//! ```text
//! aws lambda update-function-configuration --function-name desk --timeout 8
//! {"FunctionName": "desk", "Timeout": 8, "LastUpdateStatus": "InProgress", …}
//! ```

use api_lambda::{Error, FunctionConfiguration, ImageConfig, UpdateFunctionConfigurationRequest};
use kernel::Ctx;

use crate::errors::{conflict, invalid, stale_revision};
use crate::layers::LayerUse;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::variables::{self, Grant};
use crate::{Lambda, check, code_users, layers, logging, resolve, role, settle, snapstart};

pub(crate) async fn update_function_configuration(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionConfigurationRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let before = ctx.store().read(|tx| resolve::load(tx, &name))?.latest;
    check::updated(&input)?;
    let runtime = input.runtime.as_ref().map(|name| check::runtime(name.as_str())).transpose()?;
    let timeout = input.timeout.map(check::timeout).transpose()?;
    let logging = match input.logging_config.clone() {
        None => None,
        asked => Some(logging::parse(asked)?),
    };
    let dead_letters = input.dead_letter_config.clone().map(check::dead_letters).transpose()?;
    let traced = input.tracing_config.as_ref().map(check::traced);
    if let Some(role) = &input.role {
        role::check(ctx, role).await?;
    }
    let protection = Protection::of(ctx, &name, &before, &input).await?;
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
            protection.still_fits(&name, &before, latest)?;
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
            protection.apply(latest);
            if let Some(logging) = &logging {
                (latest.log_group, latest.log_json) = logging.clone();
            }
            change(&mut latest.dead_letters, &dead_letters);
            change(&mut latest.traced, &traced);
            change(&mut latest.layers, &layers);
            snapstart::change(latest, input.snap_start.as_ref())?;
            code_users::add(tx, &name, latest)?;
            latest.touch(ctx);
            protection.note_grant(&mut function.grants);
            settle::put(ctx, tx, &name, &function)?;
            Ok::<_, Error>((function.latest, codes))
        })
        .await?;
    drop(in_use);
    api.pool.retire(&name);
    if input.layers.is_some() {
        api.forget_unused(ctx, &codes).await?;
    }
    latest.configuration(ctx, name.arn()).await
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

/// What changes about the variables and the key they are under.
struct Protection {
    environment: Option<Option<String>>,
    key: Option<Option<String>>,
    grant: Option<Grant>,
    /// The variables are the old ones under another key.
    moved: bool,
}

impl Protection {
    async fn of(
        ctx: &Ctx,
        name: &Name,
        before: &FunctionRecord,
        input: &UpdateFunctionConfigurationRequest,
    ) -> Result<Protection, Error> {
        let key = input.kms_key_arn.clone().map(|arn| Some(arn).filter(|arn| !arn.is_empty()));
        let current = key.as_ref().unwrap_or(&before.kms_key).as_deref();
        let role = input.role.as_deref().unwrap_or(&before.role);
        let given = input.environment.as_ref().and_then(|given| given.variables.as_ref());
        let moved = given.is_none() && key.as_ref().is_some_and(|key| *key != before.kms_key);
        let (environment, grant) = match given {
            Some(variables) => {
                check::environment(variables)?;
                let made = variables::protect(ctx, name, (current, role), variables).await?;
                (Some(made.environment), made.grant)
            }
            None if moved => {
                let variables = variables::again(ctx, before).await?;
                let made = variables::protect(ctx, name, (current, role), &variables).await?;
                (Some(made.environment), made.grant)
            }
            None => match current.filter(|_| role != before.role && before.environment.is_some()) {
                Some(key) => (None, Some(variables::grant(ctx, name, key, role).await?)),
                None => (None, None),
            },
        };
        Ok(Protection { environment, key, grant, moved })
    }

    fn apply(&self, latest: &mut FunctionRecord) {
        change(&mut latest.environment, &self.environment);
        change(&mut latest.kms_key, &self.key);
    }

    fn note_grant(&self, grants: &mut Vec<Grant>) {
        grants.extend(self.grant.clone().filter(|grant| !grants.contains(grant)));
    }

    /// Nobody has changed the variables while they were moved to another key.
    fn still_fits(
        &self,
        name: &Name,
        before: &FunctionRecord,
        latest: &FunctionRecord,
    ) -> Result<(), Error> {
        if !self.moved || latest.environment == before.environment {
            return Ok(());
        }
        Err(conflict(format!(
            "The operation cannot be performed at this time. An update is in progress for \
             resource: {}",
            name.arn()
        )))
    }
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
