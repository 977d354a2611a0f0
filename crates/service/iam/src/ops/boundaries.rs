//! Permissions boundaries: `PutUserPermissionsBoundary`, `DeleteUserPermissionsBoundary`,
//! `PutRolePermissionsBoundary`, `DeleteRolePermissionsBoundary`.
//!
//! ```text
//! aws iam put-user-permissions-boundary --user-name ann \\
//!     --permissions-boundary arn:aws:iam::aws:policy/PowerUserAccess
//! ```

use api_iam::{
    DeleteRolePermissionsBoundaryOutput, DeleteRolePermissionsBoundaryRequest,
    DeleteUserPermissionsBoundaryOutput, DeleteUserPermissionsBoundaryRequest,
    PutRolePermissionsBoundaryOutput, PutRolePermissionsBoundaryRequest,
    PutUserPermissionsBoundaryOutput, PutUserPermissionsBoundaryRequest,
};
use kernel::Ctx;

use crate::entity::{Bounded, change, load, save};
use crate::error::{Result, no_such};
use crate::record::{RoleRecord, UserRecord};
use crate::{Iam, attach};

async fn set<E: Bounded>(ctx: &Ctx, name: &str, policy_arn: Option<String>) -> Result<()> {
    change(ctx, |tx| {
        let mut entity: E = load(tx, ctx.account(), name)?;
        attach::check_modifiable(&entity)?;
        if policy_arn.is_none() && entity.boundary().is_none() {
            let message = format!("{} {name} does not have a permissions boundary.", E::WHAT);
            return Err(no_such(message).into());
        }
        attach::set_boundary(tx, ctx.account(), &mut entity, policy_arn.clone())?;
        save(tx, ctx.account(), &entity)
    })
    .await
}

pub(crate) async fn put_user_permissions_boundary(
    _: &Iam,
    ctx: &Ctx,
    input: PutUserPermissionsBoundaryRequest,
) -> Result<PutUserPermissionsBoundaryOutput> {
    set::<UserRecord>(ctx, &input.user_name, Some(input.permissions_boundary)).await?;
    Ok(PutUserPermissionsBoundaryOutput {})
}

pub(crate) async fn delete_user_permissions_boundary(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteUserPermissionsBoundaryRequest,
) -> Result<DeleteUserPermissionsBoundaryOutput> {
    set::<UserRecord>(ctx, &input.user_name, None).await?;
    Ok(DeleteUserPermissionsBoundaryOutput {})
}

pub(crate) async fn put_role_permissions_boundary(
    _: &Iam,
    ctx: &Ctx,
    input: PutRolePermissionsBoundaryRequest,
) -> Result<PutRolePermissionsBoundaryOutput> {
    set::<RoleRecord>(ctx, &input.role_name, Some(input.permissions_boundary)).await?;
    Ok(PutRolePermissionsBoundaryOutput {})
}

pub(crate) async fn delete_role_permissions_boundary(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteRolePermissionsBoundaryRequest,
) -> Result<DeleteRolePermissionsBoundaryOutput> {
    set::<RoleRecord>(ctx, &input.role_name, None).await?;
    Ok(DeleteRolePermissionsBoundaryOutput {})
}
