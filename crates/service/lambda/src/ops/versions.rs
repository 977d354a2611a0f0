//! `PublishVersion`, `ListVersionsByFunction`.
//!
//! ```text
//! aws lambda publish-version --function-name desk --description first
//! {"FunctionArn": "arn:aws:lambda:…:function:desk:1", "Version": "1", …}
//! ```

use api_lambda::{
    Error, FunctionConfiguration, ListVersionsByFunctionRequest, ListVersionsByFunctionResponse,
    PublishVersionRequest,
};
use kernel::Ctx;
use store::Scan;

use crate::configuration::code_sha256;
use crate::errors::{invalid, stale_revision};
use crate::name::Name;
use crate::record::{FunctionRecord, VERSIONS, version_key};
use crate::{Lambda, check, page, publish, resolve};

pub(crate) async fn publish_version(
    api: &Lambda,
    ctx: &Ctx,
    input: PublishVersionRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    check::absent("PublishTo", input.publish_to.is_some())?;
    let _in_use = api.host.code.in_use.read().await;
    let version = ctx
        .store()
        .write(|tx| {
            let mut function = resolve::load(tx, &name)?;
            if input.revision_id.as_ref().is_some_and(|asked| *asked != function.latest.revision) {
                return Err(stale_revision());
            }
            let actual = code_sha256(&function.latest.code);
            if let Some(asked) = input.code_sha256.as_ref().filter(|asked| **asked != actual) {
                return Err(invalid(format!(
                    "CodeSHA256 ({asked}) is different from current CodeSHA256 in $LATEST \
                     ({actual}). Please try again with the CodeSHA256 in $LATEST."
                )));
            }
            check::settled(&name, &function.latest)?;
            publish::publish(ctx, tx, &name, &mut function, input.description.as_deref())
        })
        .await?;
    version.configuration(ctx, name.qualified(&version.version).arn()).await
}

pub(crate) async fn list_versions_by_function(
    _: &Lambda,
    ctx: &Ctx,
    input: ListVersionsByFunctionRequest,
) -> Result<ListVersionsByFunctionResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let limit = page::limit(input.max_items);
    let last = page::open(input.marker)?;
    let mut scan = Scan::prefix(name.key()).limit(limit + 1);
    if let Some(key) = last.as_ref().and_then(|last| version_key(name.key(), last)) {
        scan = scan.after(key);
    }
    let mut found: Vec<FunctionRecord> = ctx.store().read(|tx| {
        let latest = resolve::load(tx, &name)?.latest;
        let first = last.is_none().then_some(latest);
        let published = tx.scan(&VERSIONS, scan)?.into_iter().map(|(_, version)| version);
        Ok::<_, Error>(first.into_iter().chain(published).collect())
    })?;
    let next_marker = page::cut(&mut found, limit, |version| version.version.clone());
    let mut versions = Vec::new();
    for version in &found {
        let arn = name.qualified(&version.version).arn();
        versions.push(version.configuration(ctx, arn).await?);
    }
    Ok(ListVersionsByFunctionResponse { next_marker, versions: Some(versions) })
}
