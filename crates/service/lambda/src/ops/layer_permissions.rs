//! `AddLayerVersionPermission`, `RemoveLayerVersionPermission`, `GetLayerVersionPolicy`.
//!
//! ```text
//! aws lambda add-layer-version-permission --layer-name tools --version-number 1 --statement-id all \
//!     --action lambda:GetLayerVersion --principal '*'
//! ```

use api_lambda::{
    AddLayerVersionPermissionRequest, AddLayerVersionPermissionResponse, Error,
    GetLayerVersionPolicyRequest, GetLayerVersionPolicyResponse,
    RemoveLayerVersionPermissionOutput, RemoveLayerVersionPermissionRequest,
};
use kernel::Ctx;
use serde_json::json;
use store::ReadTx;

use crate::Lambda;
use crate::errors::not_found;
use crate::layers::{LAYER_POLICIES, LayerName, missing};
use crate::policy::{self, Policy};

pub(crate) async fn add_layer_version_permission(
    _: &Lambda,
    ctx: &Ctx,
    input: AddLayerVersionPermissionRequest,
) -> Result<AddLayerVersionPermissionResponse, Error> {
    let name = LayerName::parse(ctx, &input.layer_name, input.version_number)?;
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": policy::principal(&input.principal)?,
        "Action": input.action,
        "Resource": name.arn(),
    });
    if let Some(organization) = input.organization_id {
        statement["Condition"] = json!({ "StringEquals": { "aws:PrincipalOrgID": organization } });
    }
    let revision = ctx
        .store()
        .write(|tx| {
            let mut policy = load(tx, &name)?;
            policy.check_revision(input.revision_id.as_ref())?;
            policy.add(ctx, &statement)?;
            tx.put(&LAYER_POLICIES, name.key(), &policy)?;
            Ok::<_, Error>(policy.revision)
        })
        .await?;
    let statement = Some(statement.to_string());
    Ok(AddLayerVersionPermissionResponse { statement, revision_id: Some(revision) })
}

pub(crate) async fn remove_layer_version_permission(
    _: &Lambda,
    ctx: &Ctx,
    input: RemoveLayerVersionPermissionRequest,
) -> Result<RemoveLayerVersionPermissionOutput, Error> {
    let name = LayerName::parse(ctx, &input.layer_name, input.version_number)?;
    ctx.store()
        .write(|tx| {
            let mut policy = load(tx, &name)?;
            policy.check_revision(input.revision_id.as_ref())?;
            policy.remove(ctx, &input.statement_id)?;
            match policy.statements.is_empty() {
                true => tx.delete(&LAYER_POLICIES, name.key())?,
                false => tx.put(&LAYER_POLICIES, name.key(), &policy)?,
            }
            Ok::<_, Error>(())
        })
        .await?;
    Ok(RemoveLayerVersionPermissionOutput {})
}

pub(crate) async fn get_layer_version_policy(
    _: &Lambda,
    ctx: &Ctx,
    input: GetLayerVersionPolicyRequest,
) -> Result<GetLayerVersionPolicyResponse, Error> {
    let name = LayerName::parse(ctx, &input.layer_name, input.version_number)?;
    let found = ctx.store().read(|tx| load(tx, &name))?;
    if found.statements.is_empty() {
        return Err(missing());
    }
    let policy = Some(found.document().to_string());
    Ok(GetLayerVersionPolicyResponse { policy, revision_id: Some(found.revision) })
}

fn load(tx: &ReadTx, name: &LayerName) -> Result<Policy, Error> {
    if name.load(tx)?.is_none() {
        return Err(not_found(format!("Layer version {} does not exist.", name.arn())));
    }
    Ok(tx.get(&LAYER_POLICIES, name.key())?.unwrap_or_default())
}
