//! Policies of roles, inline and attached: `PutRolePolicy`, `GetRolePolicy`, `ListRolePolicies`,
//! `DeleteRolePolicy`, `AttachRolePolicy`, `DetachRolePolicy`, `ListAttachedRolePolicies`.
//!
//! ```text
//! aws iam put-role-policy --role-name x --policy-name read --policy-document file://read.json
//! aws iam attach-role-policy --role-name x --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
//! ```

use crate::error::Result;
use api_iam::{
    AttachRolePolicyOutput, AttachRolePolicyRequest, DeleteRolePolicyOutput,
    DeleteRolePolicyRequest, DetachRolePolicyOutput, DetachRolePolicyRequest, GetRolePolicyRequest,
    GetRolePolicyResponse, ListAttachedRolePoliciesRequest, ListAttachedRolePoliciesResponse,
    ListRolePoliciesRequest, ListRolePoliciesResponse, PutRolePolicyOutput, PutRolePolicyRequest,
};
use kernel::Ctx;

use crate::document::encoded;
use crate::entity::change;
use crate::page::page;
use crate::record::RoleRecord;
use crate::{Iam, attach, inline};

pub(crate) async fn put_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: PutRolePolicyRequest,
) -> Result<PutRolePolicyOutput> {
    inline::put::<RoleRecord>(ctx, &input.role_name, &input.policy_name, input.policy_document)
        .await?;
    Ok(PutRolePolicyOutput {})
}

pub(crate) async fn get_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: GetRolePolicyRequest,
) -> Result<GetRolePolicyResponse> {
    let (name, document) = inline::get::<RoleRecord>(ctx, &input.role_name, &input.policy_name)?;
    Ok(GetRolePolicyResponse {
        role_name: name,
        policy_name: input.policy_name,
        policy_document: encoded(&document),
    })
}

pub(crate) async fn list_role_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListRolePoliciesRequest,
) -> Result<ListRolePoliciesResponse> {
    let names = inline::names::<RoleRecord>(ctx, &input.role_name)?;
    let page = page(names, input.marker.as_deref(), input.max_items)?;
    Ok(ListRolePoliciesResponse {
        policy_names: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn delete_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteRolePolicyRequest,
) -> Result<DeleteRolePolicyOutput> {
    inline::delete::<RoleRecord>(ctx, &input.role_name, &input.policy_name).await?;
    Ok(DeleteRolePolicyOutput {})
}

pub(crate) async fn attach_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: AttachRolePolicyRequest,
) -> Result<AttachRolePolicyOutput> {
    let (name, arn) = (&input.role_name, &input.policy_arn);
    change(ctx, |tx| attach::attach::<RoleRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(AttachRolePolicyOutput {})
}

pub(crate) async fn detach_role_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DetachRolePolicyRequest,
) -> Result<DetachRolePolicyOutput> {
    let (name, arn) = (&input.role_name, &input.policy_arn);
    change(ctx, |tx| attach::detach::<RoleRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(DetachRolePolicyOutput {})
}

pub(crate) async fn list_attached_role_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListAttachedRolePoliciesRequest,
) -> Result<ListAttachedRolePoliciesResponse> {
    let prefix = input.path_prefix.as_deref();
    let attached = inline::attached::<RoleRecord>(ctx, &input.role_name, prefix)?;
    let page = page(attached, input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedRolePoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
