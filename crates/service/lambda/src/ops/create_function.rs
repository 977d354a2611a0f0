//! `CreateFunction`: a new function from a zip file.
//!
//! ```text
//! aws lambda create-function --function-name desk --runtime nodejs20.x --handler index.handler \
//!     --role arn:aws:iam::000000000000:role/desk --zip-file fileb://desk.zip
//! {"FunctionName": "desk", "State": "Pending", …}
//! ```

use api_lambda::{CreateFunctionRequest, Error, FunctionConfiguration, PackageType};
use kernel::Ctx;

use crate::errors::{conflict, invalid};
use crate::images::ImageUse;
use crate::name::Name;
use crate::record::{FUNCTIONS, Function, FunctionRecord, LATEST};
use crate::source::{self, Source};
use crate::{
    Lambda, check, code_users, images, layers, logging, publish, role, settle, signing, snapstart,
    variables,
};

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
    let tags = input.tags.clone().unwrap_or_default();
    super::tags::check(&tags)?;
    // No layer goes between looking for it and using it.
    let _in_use = api.host.code.in_use.read().await;
    let mut latest = first(ctx, &name, &input)?;
    role::check(ctx, &latest.role).await?;
    latest.touch(ctx);
    // Before the work of unpacking; the transaction below decides.
    if ctx.store().read(|tx| tx.contains(&FUNCTIONS, name.key()))? {
        return Err(exists(&name));
    }
    if let Some(image) = &mut latest.image {
        let uri = input.code.image_uri.unwrap_or_default();
        latest.code = images::adopt(api, ctx, &uri, image).await?;
    } else {
        let source = Source {
            zip_file: input.code.zip_file,
            bucket: input.code.s3_bucket,
            key: input.code.s3_key,
            version: input.code.s3_object_version,
        };
        let package = source::package(ctx, source).await?;
        latest.code_bytes = package.len() as i64;
        latest.code = api.host.code.add(package).await?;
    }
    if !latest.layers.is_empty() {
        check::unzipped(api.host.code.unzipped_bytes(&latest.code).await?, &latest.layers)?;
    }
    let wanted = input.environment.and_then(|environment| environment.variables);
    let protected = (latest.kms_key.as_deref(), latest.role.as_str());
    let protected = variables::protect(ctx, &name, protected, &wanted.unwrap_or_default()).await?;
    latest.environment = protected.environment;
    let signing = input.code_signing_config_arn.filter(|arn| !arn.is_empty());
    let created = Function {
        latest,
        tags,
        last_version: 0,
        reserved: None,
        signing,
        grants: protected.grant.into_iter().collect(),
        recursion_allowed: false,
    };
    let publish = input.publish == Some(true);
    let shown = ctx
        .store()
        .write(|tx| {
            if tx.contains(&FUNCTIONS, name.key())? {
                return Err(exists(&name));
            }
            let mut function = created.clone();
            signing::check(ctx, tx, function.signing.as_deref())?;
            code_users::add(tx, &name, &function.latest)?;
            settle::put(ctx, tx, &name, &function)?;
            match publish {
                true => publish::publish(ctx, tx, &name, &mut function, None),
                false => Ok(function.latest),
            }
        })
        .await?;
    // The ARN has no number, even where a version was published.
    shown.configuration(ctx, name.arn()).await
}

/// `$LATEST` as it is asked for, without its code and its variables.
fn first(ctx: &Ctx, name: &Name, input: &CreateFunctionRequest) -> Result<FunctionRecord, Error> {
    let is_image = input.package_type == Some(PackageType::Image);
    let (runtime, handler) = match (&input.runtime, input.handler.clone()) {
        (Some(runtime), Some(handler)) => (check::runtime(runtime.as_str())?, handler),
        _ if is_image => Default::default(),
        _ => {
            return Err(invalid(
                "Runtime and Handler are mandatory parameters for functions created with \
                 deployment packages.",
            ));
        }
    };
    let image = is_image.then(|| ImageUse::new(input.image_config.as_ref()));
    if let Some(variables) = input.environment.as_ref().and_then(|e| e.variables.as_ref()) {
        check::environment(variables)?;
    }
    let (log_group, log_json) = logging::parse(input.logging_config.clone())?;
    let dead_letters = input.dead_letter_config.clone().map(check::dead_letters).transpose()?;
    let tmp_mb = input.ephemeral_storage.as_ref().map_or(TMP_MB, |storage| storage.size);
    let snap_start = input.snap_start.as_ref().is_some_and(snapstart::wanted);
    snapstart::check(snap_start, runtime.as_str(), tmp_mb)?;
    Ok(FunctionRecord {
        name: name.function.clone(),
        version: LATEST.to_owned(),
        runtime,
        handler,
        role: input.role.clone(),
        description: input.description.clone().unwrap_or_default(),
        timeout_seconds: check::timeout(input.timeout.unwrap_or(TIMEOUT_SECONDS))?,
        memory_mb: input.memory_size.unwrap_or(MEMORY_MB),
        tmp_mb,
        environment: None,
        kms_key: input.kms_key_arn.clone().filter(|arn| !arn.is_empty()),
        architecture: check::architecture(input.architectures.clone())?,
        log_group,
        log_json,
        code: String::new(),
        code_bytes: 0,
        image,
        dead_letters: dead_letters.flatten(),
        traced: input.tracing_config.as_ref().is_some_and(check::traced),
        layers: layers::used(ctx, input.layers.as_deref().unwrap_or_default())?,
        runtime_updates: None,
        revision: String::new(),
        modified_ms: 0,
        active: false,
        settled: false,
        snap_start,
        unsnapped: None,
    })
}

fn exists(name: &Name) -> Error {
    conflict(format!("Function already exist: {}", name.function))
}
