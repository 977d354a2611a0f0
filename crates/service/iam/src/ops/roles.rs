//! Roles: `CreateRole`, `GetRole`, `ListRoles`, `UpdateRole`, `UpdateRoleDescription`,
//! `UpdateAssumeRolePolicy`, `DeleteRole`.
//!
//! ```text
//! aws iam create-role --role-name desk --assume-role-policy-document '{"Version": "2012-10-17",
//!   "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
//!   "Action": "sts:AssumeRole"}]}'
//! ```

use api_iam::{
    CreateRoleRequest, CreateRoleResponse, DeleteRoleOutput, DeleteRoleRequest, GetRoleRequest,
    GetRoleResponse, ListRolesRequest, ListRolesResponse, UpdateAssumeRolePolicyOutput,
    UpdateAssumeRolePolicyRequest, UpdateRoleDescriptionRequest, UpdateRoleDescriptionResponse,
    UpdateRoleRequest, UpdateRoleResponse,
};
use kernel::Ctx;

use crate::document;
use crate::entity::{self, change, create, load, save};
use crate::error::{Result, must_first, quota, validation};
use crate::page::page;
use crate::record::{Grants, ROLES, RoleRecord};
use crate::shown::Detail;
use crate::{Iam, attach, id, lookup, shown, tags, trust};

/// Characters of a trust policy: the limit that AWS begins with.
const TRUST_MAX: usize = 2048;
/// Seconds, when the request says nothing.
const SESSION_S: i32 = 3600;

pub(crate) async fn create_role(
    _: &Iam,
    ctx: &Ctx,
    input: CreateRoleRequest,
) -> Result<CreateRoleResponse> {
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    if path.starts_with("/aws-service-role/") {
        let message = "The specified value for path is invalid: it is reserved for service-linked \
                       roles.";
        return Err(validation(message).into());
    }
    let mut record = RoleRecord {
        name: input.role_name,
        id: id::unique(ctx, "AROA"),
        path,
        created_ms: ctx.now().epoch_ms,
        trust: checked_trust(input.assume_role_policy_document)?,
        trusted: Vec::new(),
        description: input.description,
        max_session_s: input.max_session_duration.unwrap_or(SESSION_S),
        tags: tags::given(input.tags)?,
        boundary: None,
        grants: Grants::default(),
        linked_service: None,
    };
    let (account, boundary) = (ctx.account(), input.permissions_boundary);
    let role = change(ctx, |tx| {
        record.boundary = None;
        record.trusted = trust::principals(tx, account, &record.trust)?;
        create(tx, account, &record)?;
        if boundary.is_some() {
            attach::set_boundary(tx, account, &mut record, boundary.clone())?;
            save(tx, account, &record)?;
        }
        // A role that was just made was never used, and AWS does not say so here.
        Ok(api_iam::Role {
            role_last_used: None,
            ..shown::role(tx, account, &record, Detail::Whole)?
        })
    })
    .await?;
    Ok(CreateRoleResponse { role })
}

/// A trust policy that is one, and not too long.
fn checked_trust(text: String) -> crate::error::Result<String> {
    document::check(&text, policy::Kind::Trust)?;
    document::check_size(&text, TRUST_MAX, || quota("ACLSizePerRole", TRUST_MAX))?;
    Ok(text)
}

pub(crate) async fn get_role(_: &Iam, ctx: &Ctx, input: GetRoleRequest) -> Result<GetRoleResponse> {
    let account = ctx.account();
    let role = ctx.store().read(|tx| {
        shown::role(tx, account, &load(tx, account, &input.role_name)?, Detail::Whole)
    })?;
    Ok(GetRoleResponse { role })
}

pub(crate) async fn list_roles(
    _: &Iam,
    ctx: &Ctx,
    input: ListRolesRequest,
) -> Result<ListRolesResponse> {
    let account = ctx.account();
    let prefix = input.path_prefix.as_deref();
    ctx.store().read(|tx| {
        let found = entity::list::<RoleRecord>(tx, account, prefix)?;
        let page = page(found, input.marker.as_deref(), input.max_items)?;
        let shown = page.items.iter().map(|r| shown::role(tx, account, r, Detail::Listed));
        Ok(ListRolesResponse {
            roles: shown.collect::<Result<_>>()?,
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    })
}

pub(crate) async fn update_role(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateRoleRequest,
) -> Result<UpdateRoleResponse> {
    change(ctx, |tx| {
        let mut record: RoleRecord = load(tx, ctx.account(), &input.role_name)?;
        attach::check_modifiable(&record)?;
        if let Some(description) = &input.description {
            record.description = Some(description.clone());
        }
        if let Some(seconds) = input.max_session_duration {
            record.max_session_s = seconds;
        }
        save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(UpdateRoleResponse {})
}

pub(crate) async fn update_role_description(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateRoleDescriptionRequest,
) -> Result<UpdateRoleDescriptionResponse> {
    let role = change(ctx, |tx| {
        let mut record: RoleRecord = load(tx, ctx.account(), &input.role_name)?;
        attach::check_modifiable(&record)?;
        record.description = Some(input.description.clone());
        save(tx, ctx.account(), &record)?;
        shown::role(tx, ctx.account(), &record, Detail::Whole)
    })
    .await?;
    Ok(UpdateRoleDescriptionResponse { role: Some(role) })
}

pub(crate) async fn update_assume_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateAssumeRolePolicyRequest,
) -> Result<UpdateAssumeRolePolicyOutput> {
    let text = checked_trust(input.policy_document)?;
    change(ctx, |tx| {
        let mut record: RoleRecord = load(tx, ctx.account(), &input.role_name)?;
        attach::check_modifiable(&record)?;
        record.trusted = trust::principals(tx, ctx.account(), &text)?;
        record.trust.clone_from(&text);
        save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(UpdateAssumeRolePolicyOutput {})
}

pub(crate) async fn delete_role(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteRoleRequest,
) -> Result<DeleteRoleOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let mut record: RoleRecord = load(tx, account, &input.role_name)?;
        attach::check_modifiable(&record)?;
        let key = entity::key(&record.name);
        if !super::instance_profiles::of_role(tx, account, &key)?.is_empty() {
            return Err(must_first("remove roles from instance profile").into());
        }
        super::check_no_grants(&record.grants)?;
        attach::set_boundary(tx, account, &mut record, None)?;
        lookup::forget(tx, account, &record.id)?;
        Ok(tx.delete(&ROLES, (account, &key))?)
    })
    .await?;
    Ok(DeleteRoleOutput {})
}
