//! Policies of groups, inline and attached: `PutGroupPolicy`, `GetGroupPolicy`, `ListGroupPolicies`,
//! `DeleteGroupPolicy`, `AttachGroupPolicy`, `DetachGroupPolicy`, `ListAttachedGroupPolicies`.
//!
//! ```text
//! aws iam put-group-policy --group-name x --policy-name read --policy-document file://read.json
//! aws iam attach-group-policy --group-name x --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess
//! ```

use crate::error::Result;
use api_iam::{
    AttachGroupPolicyOutput, AttachGroupPolicyRequest, DeleteGroupPolicyOutput,
    DeleteGroupPolicyRequest, DetachGroupPolicyOutput, DetachGroupPolicyRequest,
    GetGroupPolicyRequest, GetGroupPolicyResponse, ListAttachedGroupPoliciesRequest,
    ListAttachedGroupPoliciesResponse, ListGroupPoliciesRequest, ListGroupPoliciesResponse,
    PutGroupPolicyOutput, PutGroupPolicyRequest,
};
use kernel::Ctx;

use crate::document::encoded;
use crate::entity::change;
use crate::page::page;
use crate::record::GroupRecord;
use crate::{Iam, attach, inline};

pub(crate) async fn put_group_policy(
    _: &Iam,
    ctx: &Ctx,
    input: PutGroupPolicyRequest,
) -> Result<PutGroupPolicyOutput> {
    inline::put::<GroupRecord>(ctx, &input.group_name, &input.policy_name, input.policy_document)
        .await?;
    Ok(PutGroupPolicyOutput {})
}

pub(crate) async fn get_group_policy(
    _: &Iam,
    ctx: &Ctx,
    input: GetGroupPolicyRequest,
) -> Result<GetGroupPolicyResponse> {
    let (name, document) = inline::get::<GroupRecord>(ctx, &input.group_name, &input.policy_name)?;
    Ok(GetGroupPolicyResponse {
        group_name: name,
        policy_name: input.policy_name,
        policy_document: encoded(&document),
    })
}

pub(crate) async fn list_group_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListGroupPoliciesRequest,
) -> Result<ListGroupPoliciesResponse> {
    let names = inline::names::<GroupRecord>(ctx, &input.group_name)?;
    let page = page(names, input.marker.as_deref(), input.max_items)?;
    Ok(ListGroupPoliciesResponse {
        policy_names: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn delete_group_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteGroupPolicyRequest,
) -> Result<DeleteGroupPolicyOutput> {
    inline::delete::<GroupRecord>(ctx, &input.group_name, &input.policy_name).await?;
    Ok(DeleteGroupPolicyOutput {})
}

pub(crate) async fn attach_group_policy(
    _: &Iam,
    ctx: &Ctx,
    input: AttachGroupPolicyRequest,
) -> Result<AttachGroupPolicyOutput> {
    let (name, arn) = (&input.group_name, &input.policy_arn);
    change(ctx, |tx| attach::attach::<GroupRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(AttachGroupPolicyOutput {})
}

pub(crate) async fn detach_group_policy(
    _: &Iam,
    ctx: &Ctx,
    input: DetachGroupPolicyRequest,
) -> Result<DetachGroupPolicyOutput> {
    let (name, arn) = (&input.group_name, &input.policy_arn);
    change(ctx, |tx| attach::detach::<GroupRecord>(tx, ctx.account(), name, arn)).await?;
    Ok(DetachGroupPolicyOutput {})
}

pub(crate) async fn list_attached_group_policies(
    _: &Iam,
    ctx: &Ctx,
    input: ListAttachedGroupPoliciesRequest,
) -> Result<ListAttachedGroupPoliciesResponse> {
    let prefix = input.path_prefix.as_deref();
    let attached = inline::attached::<GroupRecord>(ctx, &input.group_name, prefix)?;
    let page = page(attached, input.marker.as_deref(), input.max_items)?;
    Ok(ListAttachedGroupPoliciesResponse {
        attached_policies: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
