//! `PutRuntimeManagementConfig`, `PutFunctionRecursionConfig`, and what reads them.
//!
//! ```text
//! aws lambda put-function-recursion-config --function-name desk --recursive-loop Allow
//! {"RecursiveLoop": "Allow"}
//! ```

use api_lambda::{
    Error, GetFunctionRecursionConfigRequest, GetFunctionRecursionConfigResponse,
    GetRuntimeManagementConfigRequest, GetRuntimeManagementConfigResponse,
    PutFunctionRecursionConfigRequest, PutFunctionRecursionConfigResponse,
    PutRuntimeManagementConfigRequest, PutRuntimeManagementConfigResponse, RecursiveLoop,
    UpdateRuntimeOn,
};
use kernel::{Ctx, Fault};

use crate::Lambda;
use crate::errors::invalid;
use crate::name::Name;
use crate::record::{FUNCTIONS, LATEST, VERSIONS, version_key};
use crate::resolve::{self, is_number, resolve_tx};

pub(crate) async fn put_runtime_management_config(
    _: &Lambda,
    ctx: &Ctx,
    input: PutRuntimeManagementConfigRequest,
) -> Result<PutRuntimeManagementConfigResponse, Error> {
    let name = managed(ctx, &input.function_name, input.qualifier.as_deref())?;
    match (&input.update_runtime_on, &input.runtime_version_arn) {
        (UpdateRuntimeOn::Manual, None) => {
            return Err(invalid(
                "You must specify a RuntimeVersionArn when UpdateRuntimeOn is Manual.",
            ));
        }
        (UpdateRuntimeOn::Manual, Some(_)) => {
            let what = "UpdateRuntimeOn Manual: runtimes are those that are installed";
            return Err(Fault::not_implemented(what).into());
        }
        (_, Some(_)) => {
            return Err(invalid(
                "You can only specify a RuntimeVersionArn when UpdateRuntimeOn is Manual.",
            ));
        }
        (_, None) => {}
    }
    let asked = input.update_runtime_on.as_str().to_owned();
    ctx.store()
        .write(|tx| {
            match name.qualifier.as_deref() {
                None | Some(LATEST) => {
                    let mut function = resolve::load(tx, &name)?;
                    function.latest.runtime_updates = Some(asked.clone());
                    tx.put(&FUNCTIONS, name.key(), &function)?;
                }
                Some(number) => {
                    let mut version = resolve_tx(tx, &name)?.as_ref().clone();
                    version.runtime_updates = Some(asked.clone());
                    let key = version_key(name.key(), number).ok_or_else(|| name.not_found())?;
                    tx.put(&VERSIONS, key, &version)?;
                }
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(PutRuntimeManagementConfigResponse {
        update_runtime_on: input.update_runtime_on,
        function_arn: name.arn(),
        runtime_version_arn: None,
    })
}

pub(crate) async fn get_runtime_management_config(
    _: &Lambda,
    ctx: &Ctx,
    input: GetRuntimeManagementConfigRequest,
) -> Result<GetRuntimeManagementConfigResponse, Error> {
    let name = managed(ctx, &input.function_name, input.qualifier.as_deref())?;
    let version = ctx.store().read(|tx| resolve_tx(tx, &name))?;
    let updates = version.runtime_updates.as_deref().unwrap_or("Auto");
    Ok(GetRuntimeManagementConfigResponse {
        update_runtime_on: Some(UpdateRuntimeOn::from(updates)),
        function_arn: Some(name.arn()),
        runtime_version_arn: None,
    })
}

/// A version, not an alias.
fn managed(ctx: &Ctx, text: &str, qualifier: Option<&str>) -> Result<Name, Error> {
    let name = Name::parse(ctx, text, qualifier)?;
    match name.qualifier.as_deref() {
        Some(alias) if alias != LATEST && !is_number(alias) => Err(name.not_found()),
        _ => Ok(name),
    }
}

pub(crate) async fn put_function_recursion_config(
    _: &Lambda,
    ctx: &Ctx,
    input: PutFunctionRecursionConfigRequest,
) -> Result<PutFunctionRecursionConfigResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let allowed = input.recursive_loop == RecursiveLoop::Allow;
    ctx.store()
        .write(|tx| {
            let mut function = resolve::load(tx, &name)?;
            function.recursion_allowed = allowed;
            Ok::<_, Error>(tx.put(&FUNCTIONS, name.key(), &function)?)
        })
        .await?;
    Ok(PutFunctionRecursionConfigResponse { recursive_loop: Some(input.recursive_loop) })
}

pub(crate) async fn get_function_recursion_config(
    _: &Lambda,
    ctx: &Ctx,
    input: GetFunctionRecursionConfigRequest,
) -> Result<GetFunctionRecursionConfigResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let function = ctx.store().read(|tx| resolve::load(tx, &name))?;
    let setting =
        if function.recursion_allowed { RecursiveLoop::Allow } else { RecursiveLoop::Terminate };
    Ok(GetFunctionRecursionConfigResponse { recursive_loop: Some(setting) })
}
