//! Instance profiles: `CreateInstanceProfile`, `GetInstanceProfile`, `ListInstanceProfiles`,
//! `ListInstanceProfilesForRole`, `DeleteInstanceProfile`, `AddRoleToInstanceProfile`,
//! `RemoveRoleFromInstanceProfile`.
//!
//! ```text
//! aws iam create-instance-profile --instance-profile-name desk
//! aws iam add-role-to-instance-profile --instance-profile-name desk --role-name desk
//! ```

use api_iam::{
    AddRoleToInstanceProfileOutput, AddRoleToInstanceProfileRequest, CreateInstanceProfileRequest,
    CreateInstanceProfileResponse, DeleteInstanceProfileOutput, DeleteInstanceProfileRequest,
    GetInstanceProfileRequest, GetInstanceProfileResponse, InstanceProfile,
    ListInstanceProfilesForRoleRequest, ListInstanceProfilesForRoleResponse,
    ListInstanceProfilesRequest, ListInstanceProfilesResponse, RemoveRoleFromInstanceProfileOutput,
    RemoveRoleFromInstanceProfileRequest,
};
use kernel::Ctx;
use store::ReadTx;

use crate::entity::{self, change, create, load, save};
use crate::error::{Result, must_first, no_named, quota};
use crate::page::{Page, page};
use crate::record::{PROFILES, ProfileRecord, RoleRecord};
use crate::shown::Detail;
use crate::{Iam, attach, id, shown, tags};

pub(crate) async fn create_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: CreateInstanceProfileRequest,
) -> Result<CreateInstanceProfileResponse> {
    let record = ProfileRecord {
        name: input.instance_profile_name,
        id: id::unique(ctx, "AIPA"),
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        created_ms: ctx.now().epoch_ms,
        tags: tags::given(input.tags)?,
        role: None,
    };
    let instance_profile = change(ctx, |tx| {
        create(tx, ctx.account(), &record)?;
        shown::profile(tx, ctx.account(), &record, Detail::Whole)
    })
    .await?;
    Ok(CreateInstanceProfileResponse { instance_profile })
}

pub(crate) async fn get_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: GetInstanceProfileRequest,
) -> Result<GetInstanceProfileResponse> {
    let instance_profile = ctx.store().read(|tx| {
        let record = load(tx, ctx.account(), &input.instance_profile_name)?;
        shown::profile(tx, ctx.account(), &record, Detail::Whole)
    })?;
    Ok(GetInstanceProfileResponse { instance_profile })
}

pub(crate) async fn list_instance_profiles(
    _: &Iam,
    ctx: &Ctx,
    input: ListInstanceProfilesRequest,
) -> Result<ListInstanceProfilesResponse> {
    let prefix = input.path_prefix.as_deref();
    ctx.store().read(|tx| {
        let found = entity::list::<ProfileRecord>(tx, ctx.account(), prefix)?;
        let page = page(found, input.marker.as_deref(), input.max_items)?;
        Ok(ListInstanceProfilesResponse {
            instance_profiles: all_shown(tx, ctx, &page)?,
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    })
}

fn all_shown(tx: &ReadTx, ctx: &Ctx, page: &Page<ProfileRecord>) -> Result<Vec<InstanceProfile>> {
    let records = page.items.iter();
    records.map(|record| shown::profile(tx, ctx.account(), record, Detail::Listed)).collect()
}

/// Profiles that hold a role, given by its key.
pub(super) fn of_role(
    tx: &ReadTx,
    account: &str,
    role: &str,
) -> Result<Vec<(String, ProfileRecord)>> {
    let mut found = entity::list::<ProfileRecord>(tx, account, None)?;
    found.retain(|(_, record)| record.role.as_deref() == Some(role));
    Ok(found)
}

pub(crate) async fn list_instance_profiles_for_role(
    _: &Iam,
    ctx: &Ctx,
    input: ListInstanceProfilesForRoleRequest,
) -> Result<ListInstanceProfilesForRoleResponse> {
    ctx.store().read(|tx| {
        let role: RoleRecord = load(tx, ctx.account(), &input.role_name)?;
        let found = of_role(tx, ctx.account(), &entity::key(&role.name))?;
        let page = page(found, input.marker.as_deref(), input.max_items)?;
        Ok(ListInstanceProfilesForRoleResponse {
            instance_profiles: all_shown(tx, ctx, &page)?,
            is_truncated: page.is_truncated,
            marker: page.marker,
        })
    })
}

pub(crate) async fn delete_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteInstanceProfileRequest,
) -> Result<DeleteInstanceProfileOutput> {
    change(ctx, |tx| {
        let record: ProfileRecord = load(tx, ctx.account(), &input.instance_profile_name)?;
        if record.role.is_some() {
            return Err(must_first("remove roles from instance profile").into());
        }
        Ok(tx.delete(&PROFILES, (ctx.account(), &entity::key(&record.name)))?)
    })
    .await?;
    Ok(DeleteInstanceProfileOutput {})
}

pub(crate) async fn add_role_to_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: AddRoleToInstanceProfileRequest,
) -> Result<AddRoleToInstanceProfileOutput> {
    change(ctx, |tx| {
        let mut record: ProfileRecord = load(tx, ctx.account(), &input.instance_profile_name)?;
        let role: RoleRecord = load(tx, ctx.account(), &input.role_name)?;
        attach::check_modifiable(&role)?;
        if record.role.is_some() {
            return Err(quota("InstanceSessionsPerInstanceProfile", 1).into());
        }
        record.role = Some(entity::key(&role.name));
        save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(AddRoleToInstanceProfileOutput {})
}

pub(crate) async fn remove_role_from_instance_profile(
    _: &Iam,
    ctx: &Ctx,
    input: RemoveRoleFromInstanceProfileRequest,
) -> Result<RemoveRoleFromInstanceProfileOutput> {
    change(ctx, |tx| {
        let mut record: ProfileRecord = load(tx, ctx.account(), &input.instance_profile_name)?;
        if record.role != Some(entity::key(&input.role_name)) {
            return Err(no_named("role", &input.role_name).into());
        }
        record.role = None;
        save(tx, ctx.account(), &record)
    })
    .await?;
    Ok(RemoveRoleFromInstanceProfileOutput {})
}
