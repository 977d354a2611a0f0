//! `AddPermission`, `RemovePermission`, `GetPolicy`.
//!
//! ```text
//! aws lambda add-permission --function-name desk --statement-id bucket --action lambda:InvokeFunction \
//!     --principal s3.amazonaws.com --source-arn arn:aws:s3:::calls
//! {"Statement": "{\"Sid\":\"bucket\",…}"}
//! ```

use api_lambda::{
    AddPermissionRequest, AddPermissionResponse, Error, GetPolicyRequest, GetPolicyResponse,
    RemovePermissionOutput, RemovePermissionRequest,
};
use kernel::Ctx;

use crate::Lambda;
use crate::errors::not_found;
use crate::name::Name;
use crate::policy::{self, POLICIES};
use crate::resolve::resolve_tx;

pub(crate) async fn add_permission(
    _: &Lambda,
    ctx: &Ctx,
    input: AddPermissionRequest,
) -> Result<AddPermissionResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    policy::check_qualifier(&name)?;
    let statement = policy::statement(&name, &input)?;
    ctx.store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            let mut policy = policy::load(tx, &name)?;
            policy.check_revision(input.revision_id.as_ref())?;
            policy.add(ctx, &statement)?;
            Ok::<_, Error>(tx.put(&POLICIES, policy::key(&name), &policy)?)
        })
        .await?;
    Ok(AddPermissionResponse { statement: Some(statement.to_string()) })
}

pub(crate) async fn remove_permission(
    _: &Lambda,
    ctx: &Ctx,
    input: RemovePermissionRequest,
) -> Result<RemovePermissionOutput, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    ctx.store()
        .write(|tx| {
            resolve_tx(tx, &name)?;
            let mut policy = policy::load(tx, &name)?;
            policy.check_revision(input.revision_id.as_ref())?;
            policy.remove(ctx, &input.statement_id)?;
            match policy.statements.is_empty() {
                true => tx.delete(&POLICIES, policy::key(&name))?,
                false => tx.put(&POLICIES, policy::key(&name), &policy)?,
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(RemovePermissionOutput {})
}

pub(crate) async fn get_policy(
    _: &Lambda,
    ctx: &Ctx,
    input: GetPolicyRequest,
) -> Result<GetPolicyResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let found = ctx.store().read(|tx| {
        resolve_tx(tx, &name)?;
        policy::load(tx, &name)
    })?;
    if found.statements.is_empty() {
        return Err(not_found("The resource you requested does not exist."));
    }
    let policy = Some(found.document().to_string());
    Ok(GetPolicyResponse { policy, revision_id: Some(found.revision) })
}
