//! `UpdateFunctionConfiguration`: what is given changes, the rest stays.
//!
//! ```text
//! aws lambda update-function-configuration --function-name desk --timeout 8
//! {"FunctionName": "desk", "Timeout": 8, "LastUpdateStatus": "InProgress", …}
//! ```

use api_lambda::{Error, FunctionConfiguration, UpdateFunctionConfigurationRequest};
use kernel::Ctx;

use crate::errors::stale_revision;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::{Lambda, check, logging, resolve, role, settle};

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
    let environment = match input.environment.and_then(|environment| environment.variables) {
        None => None,
        Some(variables) => {
            check::environment(&variables)?;
            Some(FunctionRecord::seal_environment(ctx.kernel().sealer(), &variables))
        }
    };
    if let Some(role) = &input.role {
        role::check(ctx, role).await?;
    }
    let latest = ctx
        .store()
        .write(|tx| {
            let mut function = resolve::load(tx, &name)?;
            let latest = &mut function.latest;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != latest.revision) {
                return Err(stale_revision());
            }
            check::settled(&name, latest)?;
            change(&mut latest.runtime, &runtime);
            change(&mut latest.role, &input.role);
            change(&mut latest.handler, &input.handler);
            change(&mut latest.description, &input.description);
            change(&mut latest.timeout_seconds, &timeout);
            change(&mut latest.memory_mb, &input.memory_size);
            change(&mut latest.tmp_mb, &input.ephemeral_storage.as_ref().map(|s| s.size));
            change(&mut latest.environment, &environment);
            if let Some((group, levels)) = &logging {
                latest.log_group.clone_from(group);
                latest.log_json.clone_from(levels);
            }
            latest.touch(ctx);
            settle::put(ctx, tx, &name, &function)?;
            Ok::<_, Error>(function.latest)
        })
        .await?;
    api.pool.retire(&name);
    latest.configuration(ctx, name.arn())
}

fn change<T: Clone>(field: &mut T, asked: &Option<T>) {
    if let Some(asked) = asked {
        field.clone_from(asked);
    }
}
