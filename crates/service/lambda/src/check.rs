//! What the model cannot check about a function's settings.

use std::collections::BTreeMap;

use api_lambda::{
    Architecture, CreateFunctionRequest, DeadLetterConfig, Error, PackageType, TracingConfig,
    TracingMode, UpdateFunctionConfigurationRequest, VpcConfig,
};
use kernel::Fault;

use crate::code::UNZIPPED_BYTES_MAX;
use crate::errors::{conflict, invalid};
use crate::layers::LayerUse;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::runtimes::SERVED;

const TIMEOUT_SECONDS_MAX: i32 = 900;
const ENVIRONMENT_BYTES_MAX: usize = 4096;

/// Variables that belong to the runtime.
const RESERVED: &[&str] = &[
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
];

/// Checks the variables: no reserved names, at most 4 KB.
pub(crate) fn environment(variables: &BTreeMap<String, String>) -> Result<(), Error> {
    const START: &str = "Lambda was unable to configure your environment variables because the \
                         environment variables you have provided";
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(invalid(format!(
            "{START} contains reserved keys that are currently not supported for modification. \
             Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ENVIRONMENT_BYTES_MAX {
        // AWS repeats the variables here; they may be secrets, so we do not.
        return Err(invalid(format!("{START} exceeded the 4KB limit.")));
    }
    Ok(())
}

/// Checks the timeout's upper bound, which the model leaves out.
pub(crate) fn timeout(seconds: i32) -> Result<i32, Error> {
    if seconds <= TIMEOUT_SECONDS_MAX {
        return Ok(seconds);
    }
    let message = format!(
        "1 validation error detected: Value '{seconds}' at 'timeout' failed to satisfy \
         constraint: Member must have value less than or equal to {TIMEOUT_SECONDS_MAX}"
    );
    Err(Fault::sender("ValidationException", message).into())
}

/// Only runtimes that can really be run.
pub(crate) fn runtime(name: &str) -> Result<String, Error> {
    if SERVED.contains(&name) {
        return Ok(name.to_owned());
    }
    let served = SERVED.join(", ");
    Err(Fault::not_implemented(format_args!("the runtime {name}; it runs {served}")).into())
}

/// Functions run on this machine's processor.
pub(crate) fn architecture(asked: Option<Vec<Architecture>>) -> Result<String, Error> {
    let own = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" };
    match asked.as_deref() {
        None | Some([]) => Ok(own.to_owned()),
        Some([one]) if one.as_str() == own => Ok(own.to_owned()),
        Some([one]) => Err(Fault::not_implemented(format_args!(
            "the architecture {} on a machine of {own}",
            one.as_str()
        ))
        .into()),
        Some(_) => Err(invalid("Architectures must have exactly one value.")),
    }
}

/// Refuses to change or publish what is still being created or changed.
pub(crate) fn settled(name: &Name, latest: &FunctionRecord) -> Result<(), Error> {
    const NOT_NOW: &str = "The operation cannot be performed at this time.";
    if !latest.active {
        return Err(conflict(format!(
            "{NOT_NOW} The function is currently in the following state: Pending"
        )));
    }
    if !latest.settled {
        let arn = name.arn();
        return Err(conflict(format!("{NOT_NOW} An update is in progress for resource: {arn}")));
    }
    Ok(())
}

/// Where events go that could not be handled: a queue or a topic; an empty text is nowhere.
pub(crate) fn dead_letters(config: DeadLetterConfig) -> Result<Option<String>, Error> {
    let Some(arn) = config.target_arn.filter(|arn| !arn.is_empty()) else { return Ok(None) };
    match arn.split(':').nth(2) {
        Some("sqs" | "sns") => Ok(Some(arn)),
        _ => Err(invalid(format!(
            "The provided dead letter queue ARN {arn} is not valid: it must be a queue of SQS or \
             a topic of SNS."
        ))),
    }
}

/// Package and layers together are not larger than a package may be.
pub(crate) fn unzipped(code_bytes: u64, layers: &[LayerUse]) -> Result<(), Error> {
    let all = layers.iter().map(|layer| layer.unzipped_bytes).sum::<u64>() + code_bytes;
    if layers.is_empty() || all <= UNZIPPED_BYTES_MAX {
        return Ok(());
    }
    Err(invalid(format!(
        "Function code combined with layers exceeds the maximum allowed size of \
         {UNZIPPED_BYTES_MAX} bytes. The actual size is {all} bytes."
    )))
}

/// Whether traces are sampled.
pub(crate) fn traced(config: &TracingConfig) -> bool {
    config.mode == Some(TracingMode::Active)
}

/// Refuses what CreateFunction would otherwise silently leave out.
pub(crate) fn created(input: &CreateFunctionRequest) -> Result<(), Error> {
    package(input)?;
    absent("PublishTo", input.publish_to.is_some())?;
    absent("SourceKMSKeyArn", input.code.source_kms_key_arn.is_some())?;
    absent("tenant isolation", input.tenancy_config.is_some())?;
    shared(Shared {
        vpc: &input.vpc_config,
        files: input.file_system_configs.as_ref().is_some_and(|files| !files.is_empty()),
        other: input.capacity_provider_config.is_some()
            || input.durable_config.is_some()
            || input.runtime_config.is_some()
            || input.accelerator_config.is_some(),
    })
}

/// Refuses what UpdateFunctionConfiguration would otherwise silently leave out.
pub(crate) fn updated(input: &UpdateFunctionConfigurationRequest) -> Result<(), Error> {
    shared(Shared {
        vpc: &input.vpc_config,
        files: input.file_system_configs.as_ref().is_some_and(|files| !files.is_empty()),
        other: input.capacity_provider_config.is_some()
            || input.durable_config.is_some()
            || input.runtime_config.is_some()
            || input.accelerator_config.is_some(),
    })
}

/// What does not go together with the kind of package.
fn package(input: &CreateFunctionRequest) -> Result<(), Error> {
    let code = &input.code;
    if input.package_type != Some(PackageType::Image) {
        if input.image_config.is_some() {
            return Err(invalid(
                "Please don't provide ImageConfig when the intended function PackageType is Zip.",
            ));
        }
        return Ok(());
    }
    let layers = input.layers.as_ref().is_some_and(|layers| !layers.is_empty());
    no_runtime(input.runtime.is_some() || input.handler.is_some() || layers)?;
    if code.zip_file.is_some() || code.s3_bucket.is_some() || code.s3_key.is_some() {
        return Err(invalid(
            "Please do not provide other FunctionCode parameters when providing an ImageUri.",
        ));
    }
    if code.image_uri.is_none() {
        return Err(invalid(
            "Please provide ImageUri when creating a function with packageType Image.",
        ));
    }
    Ok(())
}

/// Images bring all of that along.
pub(crate) fn no_runtime(asked: bool) -> Result<(), Error> {
    if asked {
        return Err(invalid(
            "Please don't provide Handler or Runtime or Layer when the intended function \
             PackageType is Image.",
        ));
    }
    Ok(())
}

struct Shared<'a> {
    vpc: &'a Option<VpcConfig>,
    files: bool,
    other: bool,
}

fn shared(asked: Shared<'_>) -> Result<(), Error> {
    let in_vpc = asked.vpc.as_ref().is_some_and(|vpc| {
        let some = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        some(&vpc.subnet_ids) || some(&vpc.security_group_ids)
    });
    absent("VpcConfig", in_vpc)?;
    absent("FileSystemConfigs", asked.files)?;
    absent("CapacityProviderConfig, DurableConfig, RuntimeConfig or AcceleratorConfig", asked.other)
}

pub(crate) fn absent(what: &str, asked: bool) -> Result<(), Error> {
    if asked {
        Err(Fault::not_implemented(format_args!("{what} for Lambda functions")).into())
    } else {
        Ok(())
    }
}
