//! `UpdateFunctionCode`: another zip file; running sandboxes finish with the old one.
//!
//! ```text
//! aws lambda update-function-code --function-name desk --zip-file fileb://desk.zip --publish
//! {"FunctionName": "desk", "LastUpdateStatus": "InProgress", …}
//! ```

use api_lambda::{Error, FunctionConfiguration, UpdateFunctionCodeRequest};
use kernel::{Ctx, Fault};
use store::WriteTx;

use crate::errors::stale_revision;
use crate::name::Name;
use crate::record::{CODE_USERS, FunctionRecord, LATEST, user_key};
use crate::source::{self, Source};
use crate::{Lambda, check, code_users, publish, resolve, settle, signing};

/// The new code.
struct New {
    code: String,
    code_bytes: i64,
    unzipped_bytes: u64,
    architecture: Option<String>,
    revision: Option<String>,
    publish: bool,
    dry: bool,
}

pub(crate) async fn update_function_code(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionCodeRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    refuse_unserved(&input)?;
    ctx.store().read(|tx| resolve::load(tx, &name))?;
    let architecture = match input.architectures {
        None => None,
        asked => Some(check::architecture(asked)?),
    };
    let source = Source {
        zip_file: input.zip_file,
        bucket: input.s3_bucket,
        key: input.s3_key,
        version: input.s3_object_version,
    };
    let package = source::package(ctx, source).await?;
    let code_bytes = package.len() as i64;
    let in_use = api.host.code.in_use.read().await;
    let code = api.host.code.add(package).await?;
    let new = New {
        unzipped_bytes: api.host.code.unzipped_bytes(&code).await?,
        code,
        code_bytes,
        architecture,
        revision: input.revision_id,
        publish: input.publish == Some(true),
        dry: input.dry_run == Some(true),
    };
    let (shown, old) = ctx.store().write(|tx| change(ctx, tx, &name, &new)).await?;
    drop(in_use);
    if !new.dry {
        api.pool.retire(&name);
    }
    api.forget_unused(ctx, &[if new.dry { new.code } else { old }]).await?;
    let arn = if new.publish { name.qualified(&shown.version).arn() } else { name.arn() };
    shown.configuration(ctx, arn)
}

/// Puts the new code in its place, and returns what is to be shown and the old code.
fn change(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &Name,
    new: &New,
) -> Result<(FunctionRecord, String), Error> {
    let mut function = resolve::load(tx, name)?;
    signing::check(ctx, tx, function.signing.as_deref())?;
    let latest = &mut function.latest;
    if new.revision.as_ref().is_some_and(|asked| *asked != latest.revision) {
        return Err(stale_revision());
    }
    check::settled(name, latest)?;
    check::unzipped(new.unzipped_bytes, &latest.layers)?;
    let old = std::mem::replace(&mut latest.code, new.code.clone());
    latest.code_bytes = new.code_bytes;
    if let Some(architecture) = &new.architecture {
        latest.architecture.clone_from(architecture);
    }
    if new.dry {
        return Ok((function.latest, old));
    }
    latest.touch(ctx);
    tx.delete(&CODE_USERS, user_key(&old, &name.key(), LATEST))?;
    code_users::add(tx, name, latest)?;
    settle::put(ctx, tx, name, &function)?;
    let shown = match new.publish {
        true => publish::publish(ctx, tx, name, &mut function, None)?,
        false => function.latest,
    };
    Ok((shown, old))
}

fn refuse_unserved(input: &UpdateFunctionCodeRequest) -> Result<(), Error> {
    let asked = [
        ("container images", input.image_uri.is_some()),
        ("PublishTo", input.publish_to.is_some()),
        ("SourceKMSKeyArn", input.source_kms_key_arn.is_some()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => {
            Err(Fault::not_implemented(format_args!("{what} for Lambda functions")).into())
        }
        None => Ok(()),
    }
}
