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
use crate::images::ImageUse;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::source::{self, Source};
use crate::{Lambda, check, code_users, images, publish, resolve, settle, signing};

/// The new code.
struct New {
    code: String,
    code_bytes: i64,
    image: Option<ImageUse>,
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
    let latest = ctx.store().read(|tx| resolve::load(tx, &name))?.latest;
    same_kind(&latest, &input)?;
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
    let mut image = latest.image;
    let package = match &input.image_uri {
        Some(_) => None,
        None => Some(source::package(ctx, source).await?),
    };
    let in_use = api.host.code.in_use.read().await;
    let (code, code_bytes, unzipped_bytes) = match (package, &mut image) {
        (Some(package), _) => {
            let code_bytes = package.len() as i64;
            let code = api.host.code.add(package).await?;
            let unzipped_bytes = api.host.code.unzipped_bytes(&code).await?;
            (code, code_bytes, unzipped_bytes)
        }
        (None, image) => {
            let uri = input.image_uri.unwrap_or_default();
            let image = image.get_or_insert_default();
            (images::adopt(api, ctx, &uri, image).await?, 0, 0)
        }
    };
    let new = New {
        unzipped_bytes,
        code,
        code_bytes,
        image,
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
    let unused = match new.dry {
        true => {
            let blobs = new.image.map(|image| image.blobs).unwrap_or_default();
            blobs.into_iter().chain([new.code]).collect()
        }
        false => old,
    };
    api.forget_unused(ctx, &unused).await?;
    let arn = if new.publish { name.qualified(&shown.version).arn() } else { name.arn() };
    shown.configuration(ctx, arn).await
}

/// Puts the new code in its place, and returns what is to be shown and the old code.
fn change(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &Name,
    new: &New,
) -> Result<(FunctionRecord, Vec<String>), Error> {
    let mut function = resolve::load(tx, name)?;
    signing::check(ctx, tx, function.signing.as_deref())?;
    let latest = &mut function.latest;
    if new.revision.as_ref().is_some_and(|asked| *asked != latest.revision) {
        return Err(stale_revision());
    }
    check::settled(name, latest)?;
    check::unzipped(new.unzipped_bytes, &latest.layers)?;
    let old: Vec<String> = latest.codes().cloned().collect();
    if !new.dry {
        code_users::remove(tx, name, latest)?;
    }
    latest.code.clone_from(&new.code);
    latest.code_bytes = new.code_bytes;
    latest.image.clone_from(&new.image);
    if let Some(architecture) = &new.architecture {
        latest.architecture.clone_from(architecture);
    }
    if new.dry {
        return Ok((function.latest, old));
    }
    latest.touch(ctx);
    code_users::add(tx, name, latest)?;
    settle::put(ctx, tx, name, &function)?;
    let shown = match new.publish {
        true => publish::publish(ctx, tx, name, &mut function, None)?,
        false => function.latest,
    };
    Ok((shown, old))
}

/// A package stays a package, and an image an image.
fn same_kind(latest: &FunctionRecord, input: &UpdateFunctionCodeRequest) -> Result<(), Error> {
    match (&latest.image, &input.image_uri) {
        (Some(_), None) => {
            Err(invalid("Please provide ImageUri when updating a function with packageType Image."))
        }
        (None, Some(_)) => Err(invalid(
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        )),
        _ => Ok(()),
    }
}

fn refuse_unserved(input: &UpdateFunctionCodeRequest) -> Result<(), Error> {
    let asked = [
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
