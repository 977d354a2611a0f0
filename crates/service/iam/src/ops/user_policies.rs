//! Policies of users, inline and attached: `PutUserPolicy`, `GetUserPolicy`, `ListUserPolicies`,
//! `DeleteUserPolicy`, `AttachUserPolicy`, `DetachUserPolicy`, `ListAttachedUserPolicies`.
//!
//! ```text
//! aws iam put-user-policy --user-name x --policy-name read --policy-document file://read.json
//! aws iam attach-user-policy --user-name x --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
//! ```

use crate::error::Result;
use api_iam::{
    AttachUserPolicyOutput, AttachUserPolicyRequest, DeleteUserPolicyOutput,
    DeleteUserPolicyRequest, DetachUserPolicyOutput, DetachUserPolicyRequest, GetUserPolicyRequest,
    GetUserPolicyResponse, ListAttachedUserPoliciesRequest, ListAttachedUserPoliciesResponse,
    ListUserPoliciesRequest, ListUserPoliciesResponse, PutUserPolicyOutput, PutUserPolicyRequest,
};
use kernel::Ctx;

use crate::document::encoded;
use crate::entity::change;
use crate::page::page;
use crate::record::UserRecord;
use crate::{Iam, attach, inline};

pub(crate) async fn put_user_policy(
    _: &Iam,
    ctx: &Ctx,
    input: PutUserPolicyRequest,
) -> Result<PutUserPolicyOutput> {
    inline::put::<UserRecord>(ctx, &input.user_name, &input.policy_name, input.policy_document)
        .await?;
    Ok(PutUserPolicyOutput {})
}

pub(crate) async fn get_user_policy(
    _: &Iam,
    ctx: &Ctx,
    input: GetUserPolicyRequest,
) -> Result<GetUserPolicyResponse> {
    let (name, document) = inline::get::<UserRecord>(ctx, &input.user_name, &input.policy_name)?;
    Ok(GetUserPolicyResponse {
        user_name: name,
        policy_name: input.policy_name,
        policy_document: encoded(&document),
    })
}

pub(crate) async fn list_user_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListUserPoliciesRequest,
) -> Result<ListUserPoliciesResponse> {
    let names = inline::names::<UserRecord>(ctx, &input.user_name)?;
    let page = page(names, input.marker.as_deref(), input.max_items)?;
    Ok(ListUserPoliciesResponse {
        policy_names: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn delete_user_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteUserPolicyRequest,
) -> Result<DeleteUserPolicyOutput> {
    inline::delete::<UserRecord>(ctx, &input.user_name, &input.policy_name).await?;
    Ok(DeleteUserPolicyOutput {})
}

pub(crate) async fn attach_user_policy(
    _: &Iam,
    ctx: &Ctx,
    input: AttachUserPolicyRequest,
) -> Result<AttachUserPolicyOutput> {
    let (name, arn) = (&input.user_name, &input.policy_arn);
    change(ctx, |tx| attach::attach::<UserRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(AttachUserPolicyOutput {})
}

pub(crate) async fn detach_user_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DetachUserPolicyRequest,
) -> Result<DetachUserPolicyOutput> {
    let (name, arn) = (&input.user_name, &input.policy_arn);
    change(ctx, |tx| attach::detach::<UserRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(DetachUserPolicyOutput {})
}

pub(crate) async fn list_attached_user_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListAttachedUserPoliciesRequest,
) -> Result<ListAttachedUserPoliciesResponse> {
    let prefix = input.path_prefix.as_deref();
    let attached = inline::attached::<UserRecord>(ctx, &input.user_name, prefix)?;
    let page = page(attached, input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedUserPoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
