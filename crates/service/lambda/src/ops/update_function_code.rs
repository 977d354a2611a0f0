//! `UpdateFunctionCode`: another zip file; running sandboxes finish with the old one.
//!
//! ```text
//! aws lambda update-function-code --function-name desk --zip-file fileb://desk.zip --publish
//! {"FunctionName": "desk", "LastUpdateStatus": "InProgress", …}
//! ```

use api_lambda::{Error, FunctionConfiguration, UpdateFunctionCodeRequest};
use kernel::{Ctx, Fault};
use store::WriteTx;

use crate::errors::{invalid, stale_revision};
use crate::name::Name;
use crate::record::{CODE_USERS, FunctionRecord, LATEST, user_key};
use crate::{Lambda, check, publish, resolve, settle};

/// The new code.
struct New {
    code: String,
    code_bytes: i64,
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
    let Some(package) = input.zip_file else {
        return Err(invalid("Please provide a source for function code."));
    };
    let code_bytes = package.0.len() as i64;
    let in_use = api.host.code.in_use.read().await;
    let new = New {
        code: api.host.code.add(package.0).await?,
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
    let latest = &mut function.latest;
    if new.revision.as_ref().is_some_and(|asked| *asked != latest.revision) {
        return Err(stale_revision());
    }
    check::settled(name, latest)?;
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
    tx.put(&CODE_USERS, user_key(&new.code, &name.key(), LATEST), &())?;
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
        ("code in S3", input.s3_bucket.is_some() || input.s3_key.is_some()),
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
