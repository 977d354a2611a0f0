//! Publishing a version: `$LATEST` as it is, under the next number.

use api_lambda::Error;
use kernel::Ctx;
use store::WriteTx;

use crate::name::Name;
use crate::record::{FUNCTIONS, Function, FunctionRecord, Unsnapped, VERSIONS};
use crate::{code_users, resolve, settle};

/// Publishes `$LATEST` of `function`, unless the last version that was published is the same and
/// still there: then that one is returned. Stores both.
pub(crate) fn publish(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &Name,
    function: &mut Function,
    description: Option<&str>,
) -> Result<FunctionRecord, Error> {
    let last = resolve::load_version(tx, name, &function.last_version.to_string())?;
    if let Some(last) = last
        && !matches!(last.unsnapped, Some(Unsnapped::Failed(_)))
        && last.equals(&function.latest, ctx.kernel().sealer())?
    {
        return Ok(last);
    }
    function.last_version += 1;
    let number = function.last_version;
    let mut version = FunctionRecord {
        version: number.to_string(),
        active: false,
        settled: true,
        unsnapped: None,
        ..function.latest.clone()
    };
    version.modified_ms = ctx.now().epoch_ms;
    version.revision = ctx.random().uuid();
    if let Some(description) = description.filter(|text| !text.is_empty()) {
        version.description = description.to_owned();
    }
    tx.put(&FUNCTIONS, name.key(), function)?;
    tx.put(&VERSIONS, (name.key(), number), &version)?;
    code_users::add(tx, name, &version)?;
    settle::schedule(ctx, tx, name, &version)?;
    Ok(version)
}
