//! `CreateFunction`: a new function from a zip file.
//!
//! ```text
//! aws lambda create-function --function-name desk --runtime nodejs20.x --handler index.handler \
//!     --role arn:aws:iam::000000000000:role/desk --zip-file fileb://desk.zip
//! {"FunctionName": "desk", "State": "Pending", …}
//! ```

use api_lambda::{CreateFunctionRequest, Error, FunctionConfiguration};
use kernel::Ctx;

use crate::errors::{conflict, invalid};
use crate::name::Name;
use crate::record::{CODE_USERS, FUNCTIONS, Function, FunctionRecord, LATEST, user_key};
use crate::{Lambda, check, logging, publish, role, settle};

const TIMEOUT_SECONDS: i32 = 3;
const MEMORY_MB: i32 = 128;
const TMP_MB: i32 = 512;

pub(crate) async fn create_function(
    api: &Lambda,
    ctx: &Ctx,
    input: CreateFunctionRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    check::created(&input)?;
    let (Some(runtime), Some(handler)) = (&input.runtime, input.handler.clone()) else {
        return Err(invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment \
             packages.",
        ));
    };
    let variables = input.environment.and_then(|e| e.variables).unwrap_or_default();
    check::environment(&variables)?;
    let Some(package) = input.code.zip_file else {
        return Err(invalid("Please provide a source for function code."));
    };
    let (log_group, log_json) = logging::parse(input.logging_config)?;
    let code_bytes = package.0.len() as i64;
    let mut latest = FunctionRecord {
        name: name.function.clone(),
        version: LATEST.to_owned(),
        runtime: check::runtime(runtime.as_str())?,
        handler,
        role: input.role,
        description: input.description.unwrap_or_default(),
        timeout_seconds: check::timeout(input.timeout.unwrap_or(TIMEOUT_SECONDS))?,
        memory_mb: input.memory_size.unwrap_or(MEMORY_MB),
        tmp_mb: input.ephemeral_storage.map_or(TMP_MB, |storage| storage.size),
        environment: FunctionRecord::seal_environment(ctx.kernel().sealer(), &variables),
        architecture: check::architecture(input.architectures)?,
        log_group,
        log_json,
        code: String::new(),
        code_bytes,
        revision: String::new(),
        modified_ms: 0,
        active: false,
        settled: false,
    };
    role::check(ctx, &latest.role).await?;
    latest.touch(ctx);
    // Before the work of unpacking; the transaction below decides.
    let key = name.key();
    if ctx.store().read(|tx| tx.contains(&FUNCTIONS, key.clone()))? {
        return Err(exists(&name));
    }
    let _in_use = api.host.code.in_use.read().await;
    latest.code = api.host.code.add(package.0).await?;
    let tags = input.tags.unwrap_or_default();
    let created = Function { latest, tags, last_version: 0 };
    let publish = input.publish == Some(true);
    let shown = ctx
        .store()
        .write(|tx| {
            if tx.contains(&FUNCTIONS, key.clone())? {
                return Err(exists(&name));
            }
            let mut function = created.clone();
            tx.put(&CODE_USERS, user_key(&function.latest.code, &key, LATEST), &())?;
            settle::put(ctx, tx, &name, &function)?;
            match publish {
                true => publish::publish(ctx, tx, &name, &mut function, None),
                false => Ok(function.latest),
            }
        })
        .await?;
    // The ARN has no number, even where a version was published.
    shown.configuration(ctx, name.arn())
}

fn exists(name: &Name) -> Error {
    conflict(format!("Function already exist: {}", name.function))
}
