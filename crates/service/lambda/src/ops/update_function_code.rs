//! `UpdateFunctionCode`: another zip file; running sandboxes finish with the old one.
//!
//! ```text
//! aws lambda update-function-code --function-name desk --zip-file fileb://desk.zip
//! {"FunctionName": "desk", "LastUpdateStatus": "InProgress", …}
//! ```

use api_lambda::{Error, FunctionConfiguration, UpdateFunctionCodeRequest};
use kernel::{Ctx, Fault};
use store::Scan;

use crate::errors::{invalid, stale_revision};
use crate::name::Name;
use crate::record::{CODE_USERS, FUNCTIONS, FunctionRecord};
use crate::{Lambda, check, settle};

pub(crate) async fn update_function_code(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateFunctionCodeRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::parse(ctx, &input.function_name, None)?;
    name.latest_only(ctx)?;
    refuse_unserved(&input)?;
    let found = FunctionRecord::load(ctx, &name)?;
    let architecture = match input.architectures {
        None => found.architecture.clone(),
        asked => check::architecture(asked)?,
    };
    let Some(package) = input.zip_file else {
        return Err(invalid("Please provide a source for function code."));
    };
    let code_bytes = package.0.len() as i64;
    let key = FunctionRecord::key(ctx, &name.function);
    let in_use = api.host.code.in_use.read().await;
    let code = api.host.code.add(package.0).await?;
    let dry = input.dry_run == Some(true);
    let (function, old) = ctx
        .store()
        .write(|tx| {
            let found: Option<FunctionRecord> = tx.get(&FUNCTIONS, key.clone())?;
            let mut function = found.ok_or_else(|| name.not_found(ctx))?;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != function.revision) {
                return Err(stale_revision());
            }
            let old = std::mem::replace(&mut function.code, code.clone());
            function.code_bytes = code_bytes;
            function.architecture.clone_from(&architecture);
            if !dry {
                function.touch(ctx);
                tx.delete(&CODE_USERS, (old.clone(), key.clone()))?;
                tx.put(&CODE_USERS, (code.clone(), key.clone()), &())?;
                settle::put(ctx, tx, &function)?;
            }
            Ok((function, old))
        })
        .await?;
    drop(in_use);
    if !dry {
        api.pool.retire(ctx, &name.function);
    }
    forget_unused(api, ctx, if dry { &code } else { &old }).await?;
    function.configuration(ctx, name.arn(ctx))
}

/// Removes a package that no function uses any more.
async fn forget_unused(api: &Lambda, ctx: &Ctx, code: &str) -> Result<(), Error> {
    let _alone = api.host.code.in_use.write().await;
    let scan = Scan::prefix(code.to_owned()).limit(1);
    if ctx.store().read(|tx| tx.scan(&CODE_USERS, scan))?.is_empty() {
        api.host.code.remove(code).await?;
    }
    Ok(())
}

fn refuse_unserved(input: &UpdateFunctionCodeRequest) -> Result<(), Error> {
    let asked = [
        ("container images", input.image_uri.is_some()),
        ("code in S3", input.s3_bucket.is_some() || input.s3_key.is_some()),
        ("versions (Publish)", input.publish == Some(true) || input.publish_to.is_some()),
        ("SourceKMSKeyArn", input.source_kms_key_arn.is_some()),
    ];
    match asked.iter().find(|(_, asked)| *asked) {
        Some((what, _)) => {
            Err(Fault::not_implemented(format_args!("{what} for Lambda functions")).into())
        }
        None => Ok(()),
    }
}
