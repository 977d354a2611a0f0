//! Tags of what is found by name: `TagUser`, `UntagUser`, `ListUserTags`, and the same of roles
//! instance profiles and server certificates.
//!
//! ```text
//! aws iam tag-role --role-name desk --tags Key=team,Value=blue
//! ```

use api_iam::{
    ListInstanceProfileTagsRequest, ListInstanceProfileTagsResponse, ListRoleTagsRequest,
    ListRoleTagsResponse, ListUserTagsRequest, ListUserTagsResponse, Tag, TagInstanceProfileOutput,
    TagInstanceProfileRequest, TagRoleOutput, TagRoleRequest, TagUserOutput, TagUserRequest,
    UntagInstanceProfileOutput, UntagInstanceProfileRequest, UntagRoleOutput, UntagRoleRequest,
    UntagUserOutput, UntagUserRequest,
};
use api_iam::{
    ListServerCertificateTagsRequest, ListServerCertificateTagsResponse,
    TagServerCertificateOutput, TagServerCertificateRequest, UntagServerCertificateOutput,
    UntagServerCertificateRequest,
};
use kernel::Ctx;

use crate::Iam;
use crate::entity::{Tagged, change, load, save};
use crate::error::Result;
use crate::page::page;
use crate::record::{ProfileRecord, RoleRecord, ServerRecord, UserRecord};
use crate::tags;

async fn tag<T: Tagged>(ctx: &Ctx, name: &str, more: Vec<Tag>) -> Result<()> {
    let more = tags::given(Some(more))?;
    change(ctx, |tx| {
        let mut record: T = load(tx, ctx.account(), name)?;
        tags::add(record.tags(), &more)?;
        save(tx, ctx.account(), &record)
    })
    .await
}

async fn untag<T: Tagged>(ctx: &Ctx, name: &str, keys: Vec<String>) -> Result<()> {
    change(ctx, |tx| {
        let mut record: T = load(tx, ctx.account(), name)?;
        tags::remove(record.tags(), &keys);
        save(tx, ctx.account(), &record)
    })
    .await
}

fn listed<T: Tagged>(ctx: &Ctx, name: &str) -> Result<Vec<(String, Tag)>> {
    let mut record: T = ctx.store().read(|tx| load(tx, ctx.account(), name))?;
    Ok(tags::keyed(record.tags()))
}

pub(crate) async fn tag_user(_: &Iam, ctx: &Ctx, input: TagUserRequest) -> Result<TagUserOutput> {
    tag::<UserRecord>(ctx, &input.user_name, input.tags).await?;
    Ok(TagUserOutput {})
}

pub(crate) async fn untag_user(
    _: &Iam,
    ctx: &Ctx,
    input: UntagUserRequest,
) -> Result<UntagUserOutput> {
    untag::<UserRecord>(ctx, &input.user_name, input.tag_keys).await?;
    Ok(UntagUserOutput {})
}

pub(crate) async fn list_user_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListUserTagsRequest,
) -> Result<ListUserTagsResponse> {
    let tags = listed::<UserRecord>(ctx, &input.user_name)?;
    let page = page(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListUserTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn tag_role(_: &Iam, ctx: &Ctx, input: TagRoleRequest) -> Result<TagRoleOutput> {
    tag::<RoleRecord>(ctx, &input.role_name, input.tags).await?;
    Ok(TagRoleOutput {})
}

pub(crate) async fn untag_role(
    _: &Iam,
    ctx: &Ctx,
    input: UntagRoleRequest,
) -> Result<UntagRoleOutput> {
    untag::<RoleRecord>(ctx, &input.role_name, input.tag_keys).await?;
    Ok(UntagRoleOutput {})
}

pub(crate) async fn list_role_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListRoleTagsRequest,
) -> Result<ListRoleTagsResponse> {
    let tags = listed::<RoleRecord>(ctx, &input.role_name)?;
    let page = page(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListRoleTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn tag_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: TagInstanceProfileRequest,
) -> Result<TagInstanceProfileOutput> {
    tag::<ProfileRecord>(ctx, &input.instance_profile_name, input.tags).await?;
    Ok(TagInstanceProfileOutput {})
}

pub(crate) async fn untag_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: UntagInstanceProfileRequest,
) -> Result<UntagInstanceProfileOutput> {
    untag::<ProfileRecord>(ctx, &input.instance_profile_name, input.tag_keys).await?;
    Ok(UntagInstanceProfileOutput {})
}

pub(crate) async fn list_instance_profile_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListInstanceProfileTagsRequest,
) -> Result<ListInstanceProfileTagsResponse> {
    let tags = listed::<ProfileRecord>(ctx, &input.instance_profile_name)?;
    let page = page(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListInstanceProfileTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn tag_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: TagServerCertificateRequest,
) -> Result<TagServerCertificateOutput> {
    tag::<ServerRecord>(ctx, &input.server_certificate_name, input.tags).await?;
    Ok(TagServerCertificateOutput {})
}

pub(crate) async fn untag_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: UntagServerCertificateRequest,
) -> Result<UntagServerCertificateOutput> {
    untag::<ServerRecord>(ctx, &input.server_certificate_name, input.tag_keys).await?;
    Ok(UntagServerCertificateOutput {})
}

pub(crate) async fn list_server_certificate_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListServerCertificateTagsRequest,
) -> Result<ListServerCertificateTagsResponse> {
    let tags = listed::<ServerRecord>(ctx, &input.server_certificate_name)?;
    let page = page(tags, input.marker.as_deref(), input.max_items)?;
    Ok(ListServerCertificateTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
