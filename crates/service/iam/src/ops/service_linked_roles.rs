//! Roles of services: `CreateServiceLinkedRole`, `DeleteServiceLinkedRole`,
//! `GetServiceLinkedRoleDeletionStatus`.
//!
//! ```text
//! aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com
//! {"Role": {"Path": "/aws-service-role/ecs.amazonaws.com/", "RoleName": "AWSServiceRoleForECS"}}
//! ```

use api_iam::{
    CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse,
    DeleteServiceLinkedRoleRequest, DeleteServiceLinkedRoleResponse, DeletionTaskStatusType,
    GetServiceLinkedRoleDeletionStatusRequest, GetServiceLinkedRoleDeletionStatusResponse,
};
use kernel::Ctx;

use crate::entity::{change, create, find, key, load};
use crate::error::{Result, invalid_input, no_such};
use crate::record::{DELETIONS, Grants, ROLES, RoleRecord};
use crate::service_roles::{self, ServiceRole};
use crate::shown::Detail;
use crate::{Iam, attach, id, lookup, managed, shown};

pub(crate) async fn create_service_linked_role(
    _: &Iam,
    ctx: &Ctx,
    input: CreateServiceLinkedRoleRequest,
) -> Result<CreateServiceLinkedRoleResponse> {
    let service = input.aws_service_name;
    let Some(known) = service_roles::of(&service) else {
        let message = format!("Service {service} does not support service-linked roles.");
        return Err(invalid_input(message).into());
    };
    let name = named(known, input.custom_suffix.as_deref())?;
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": [service]},
            "Action": ["sts:AssumeRole"],
        }],
    });
    let record = RoleRecord {
        id: id::unique(ctx, "AROA"),
        path: format!("/aws-service-role/{service}/"),
        created_ms: ctx.now().epoch_ms,
        trust: trust.to_string(),
        trusted: Vec::new(),
        description: input.description,
        max_session_s: 3600,
        tags: Vec::new(),
        boundary: None,
        grants: Grants::default(),
        linked_service: Some(service),
        name,
    };
    let account = ctx.account();
    let role = change(ctx, |tx| {
        if find::<RoleRecord>(tx, account, &record.name)?.is_some() {
            let message = format!(
                "Service role name {} has been taken in this account, please try a different \
                 suffix.",
                record.name
            );
            return Err(invalid_input(message).into());
        }
        create(tx, account, &record)?;
        let mut record = record.clone();
        let policy = format!("arn:aws:iam::aws:policy/aws-service-role/{}", known.policy);
        if managed::find(tx, account, &policy)?.is_some() {
            attach::attach_checked(tx, account, &mut record, &policy)?;
        }
        shown::role(tx, account, &record, Detail::Listed)
    })
    .await?;
    Ok(CreateServiceLinkedRoleResponse { role: Some(role) })
}

/// The role's name; only some services can have several, told apart by a suffix.
fn named(known: &ServiceRole, suffix: Option<&str>) -> Result<String> {
    match suffix {
        None => Ok(known.role.to_owned()),
        Some(suffix) if known.suffix => Ok(format!("{}_{suffix}", known.role)),
        Some(_) => {
            let message = format!("Custom suffix is not allowed for {}", known.service);
            Err(invalid_input(message).into())
        }
    }
}

pub(crate) async fn delete_service_linked_role(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteServiceLinkedRoleRequest,
) -> Result<DeleteServiceLinkedRoleResponse> {
    let (account, token) = (ctx.account(), ctx.random().uuid());
    let now_ms = ctx.now().epoch_ms;
    let task = change(ctx, |tx| {
        let mut record: RoleRecord = load(tx, account, &input.role_name)?;
        let Some(service) = record.linked_service.clone() else {
            let message = format!("{} is not a service-linked role.", input.role_name);
            return Err(invalid_input(message).into());
        };
        // None of our services keeps a role in use, so the task is done at once.
        for policy in std::mem::take(&mut record.grants.attached) {
            attach::forget::<RoleRecord>(tx, account, &policy, &record.name)?;
        }
        lookup::forget(tx, account, &record.id)?;
        tx.delete(&ROLES, (account, &key(&record.name)))?;
        let task = format!("task/aws-service-role/{service}/{}/{token}", record.name);
        tx.put(&DELETIONS, (account, &task), &now_ms)?;
        Ok(task)
    })
    .await?;
    Ok(DeleteServiceLinkedRoleResponse { deletion_task_id: task })
}

pub(crate) async fn get_service_linked_role_deletion_status(
    _: &Iam,
    ctx: &Ctx,
    input: GetServiceLinkedRoleDeletionStatusRequest,
) -> Result<GetServiceLinkedRoleDeletionStatusResponse> {
    let id = &input.deletion_task_id;
    if !ctx.store().read(|tx| tx.contains(&DELETIONS, (ctx.account(), id)))? {
        return Err(no_such(format!("Deletion task {id} cannot be found.")).into());
    }
    Ok(GetServiceLinkedRoleDeletionStatusResponse {
        status: DeletionTaskStatusType::Succeeded,
        reason: None,
    })
}
