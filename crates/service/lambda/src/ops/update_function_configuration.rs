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
use crate::record::{FUNCTIONS, FunctionRecord};
use crate::{Lambda, check, role, settle};

pub(crate) async fn update_function_configuration(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionConfigurationRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::parse(ctx, &input.function_name, None)?;
    name.latest_only(ctx)?;
    FunctionRecord::load(ctx, &name)?;
    check::updated(&input)?;
    let runtime = input.runtime.as_ref().map(|name| check::runtime(name.as_str())).transpose()?;
    let timeout = input.timeout.map(check::timeout).transpose()?;
    let logging = match input.logging_config.clone() {
        None => None,
        asked => Some(check::logging(asked)?),
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
    let key = FunctionRecord::key(ctx, &name.function);
    let function = ctx
        .store()
        .write(|tx| {
            let found: Option<FunctionRecord> = tx.get(&FUNCTIONS, key.clone())?;
            let mut function = found.ok_or_else(|| name.not_found(ctx))?;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != function.revision) {
                return Err(stale_revision());
            }
            change(&mut function.runtime, &runtime);
            change(&mut function.role, &input.role);
            change(&mut function.handler, &input.handler);
            change(&mut function.description, &input.description);
            change(&mut function.timeout_seconds, &timeout);
            change(&mut function.memory_mb, &input.memory_size);
            change(&mut function.tmp_mb, &input.ephemeral_storage.as_ref().map(|s| s.size));
            change(&mut function.environment, &environment);
            change(&mut function.log_group, &logging);
            function.touch(ctx);
            settle::put(ctx, tx, &function)?;
            Ok(function)
        })
        .await?;
    api.pool.retire(ctx, &name.function);
    function.configuration(ctx, name.arn(ctx))
}

fn change<T: Clone>(field: &mut T, asked: &Option<T>) {
    if let Some(asked) = asked {
        field.clone_from(asked);
    }
}
