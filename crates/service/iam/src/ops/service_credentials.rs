//! Credentials for one service: `CreateServiceSpecificCredential`,
//! `ListServiceSpecificCredentials`, `UpdateServiceSpecificCredential`,
//! `ResetServiceSpecificCredential`, `DeleteServiceSpecificCredential`.
//!
//! ```text
//! aws iam create-service-specific-credential --user-name ann --service-name codecommit.amazonaws.com
//! {"ServiceSpecificCredential": {"ServiceUserName": "ann-at-000000000000", "ServicePassword": "…"}}
//! ```

use api_iam::{
    CreateServiceSpecificCredentialRequest, CreateServiceSpecificCredentialResponse,
    DeleteServiceSpecificCredentialOutput, DeleteServiceSpecificCredentialRequest,
    ListServiceSpecificCredentialsRequest, ListServiceSpecificCredentialsResponse,
    ResetServiceSpecificCredentialRequest, ResetServiceSpecificCredentialResponse,
    ServiceSpecificCredential, ServiceSpecificCredentialMetadata, StatusType,
    UpdateServiceSpecificCredentialOutput, UpdateServiceSpecificCredentialRequest,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, Fault, Timestamp};
use store::{ReadTx, Scan};

use crate::entity::{change, load};
use crate::error::{Result, invalid_input, no_such, quota};
use crate::page::page;
use crate::record::{SERVICE_CREDENTIALS, ServiceCredentialRecord, UserRecord};
use crate::{Iam, access, caller, id};

/// Credentials of one user for each service.
const PER_SERVICE_MAX: usize = 2;
/// Services whose credentials are names with passwords.
const PASSWORDS: [&str; 2] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com"];
/// Services whose credentials are keys that can expire.
const KEYS: [&str; 2] = ["bedrock.amazonaws.com", "logs.amazonaws.com"];
const DAY_MS: i64 = 86_400_000;

fn is_key(service: &str) -> bool {
    KEYS.contains(&service)
}

/// A new secret and its sealed form.
fn secret(ctx: &Ctx, id: &str) -> (String, String) {
    let mut bytes = [0; 33];
    ctx.random().fill(&mut bytes);
    let secret = BASE64.encode(bytes);
    let sealed = access::sealed(ctx.kernel().sealer(), "service", id, secret.as_bytes());
    (secret, sealed)
}

fn with_secret(
    user: &str,
    id: String,
    record: &ServiceCredentialRecord,
    secret: String,
) -> ServiceSpecificCredential {
    let key = is_key(&record.service);
    ServiceSpecificCredential {
        create_date: Timestamp::from_ms(record.created_ms),
        expiration_date: record.expires_ms.map(Timestamp::from_ms),
        service_name: record.service.clone(),
        service_user_name: (!key).then(|| record.user_name.clone()),
        service_password: (!key).then(|| secret.clone()),
        service_credential_alias: key.then(|| record.user_name.clone()),
        service_credential_secret: key.then_some(secret),
        service_specific_credential_id: id,
        user_name: user.to_owned(),
        status: super::status(record.active),
    }
}

fn own(
    tx: &ReadTx,
    ctx: &Ctx,
    user: &str,
    id: &str,
) -> Result<(UserRecord, ServiceCredentialRecord)> {
    let user: UserRecord = load(tx, ctx.account(), user)?;
    let found = tx.get(&SERVICE_CREDENTIALS, (ctx.account(), &user.id, id))?;
    let record = found.ok_or_else(|| no_such(format!("No such credential {id} exists")))?;
    Ok((user, record))
}

fn check_service(service: &str) -> Result<()> {
    if PASSWORDS.contains(&service) || is_key(service) {
        return Ok(());
    }
    let message =
        format!("No such service {service} is supported for Service Specific Credentials");
    Err(Fault::new("NoSuchEntity", 404, message).into())
}

pub(crate) async fn create_service_specific_credential(
    _: &Iam,
    ctx: &Ctx,
    input: CreateServiceSpecificCredentialRequest,
) -> Result<CreateServiceSpecificCredentialResponse> {
    let (service, account) = (input.service_name, ctx.account());
    check_service(&service)?;
    let days = input.credential_age_days;
    if days.is_some() && !is_key(&service) {
        let message = format!("Credentials for {service} do not expire");
        return Err(invalid_input(message).into());
    }
    let now_ms = ctx.now().epoch_ms;
    let id = id::unique(ctx, "ACCA");
    let (secret, sealed) = secret(ctx, &id);
    let made = change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &input.user_name)?;
        let all = tx.scan(&SERVICE_CREDENTIALS, Scan::prefix((account, &user.id)))?;
        let same = all.iter().filter(|(_, other)| other.service == service).count();
        if same >= PER_SERVICE_MAX {
            return Err(quota("ServiceSpecificCredentialsPerUser", PER_SERVICE_MAX).into());
        }
        // The second of a service has a number after its name, as in AWS.
        let plus = if same == 0 { String::new() } else { format!("+{same}") };
        let record = ServiceCredentialRecord {
            service: service.clone(),
            user_name: format!("{}{plus}-at-{account}", user.name),
            secret: sealed.clone(),
            active: true,
            created_ms: now_ms,
            expires_ms: days.map(|days| now_ms + i64::from(days) * DAY_MS),
        };
        tx.put(&SERVICE_CREDENTIALS, (account, &user.id, &id), &record)?;
        Ok(with_secret(&user.name, id.clone(), &record, secret.clone()))
    })
    .await?;
    Ok(CreateServiceSpecificCredentialResponse { service_specific_credential: Some(made) })
}

pub(crate) async fn list_service_specific_credentials(
    _: &Iam,
    ctx: &Ctx,
    input: ListServiceSpecificCredentialsRequest,
) -> Result<ListServiceSpecificCredentialsResponse> {
    let account = ctx.account();
    let service = input.service_name;
    service.as_deref().map_or(Ok(()), check_service)?;
    let name = caller::user(ctx, input.user_name)?;
    let now_ms = ctx.now().epoch_ms;
    let found = ctx.store().read(|tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let all = tx.scan(&SERVICE_CREDENTIALS, Scan::prefix((account, &user.id)))?.into_iter();
        let wanted = all.filter(|(_, r)| service.as_ref().is_none_or(|s| *s == r.service));
        let shown = wanted.map(|(key, record)| {
            let (id, is_key) = (super::last_part(&key), is_key(&record.service));
            let expired = record.expires_ms.is_some_and(|end| end <= now_ms);
            let shown = ServiceSpecificCredentialMetadata {
                user_name: user.name.clone(),
                status: if expired { StatusType::Expired } else { super::status(record.active) },
                service_user_name: (!is_key).then(|| record.user_name.clone()),
                service_credential_alias: is_key.then_some(record.user_name),
                create_date: Timestamp::from_ms(record.created_ms),
                expiration_date: record.expires_ms.map(Timestamp::from_ms),
                service_specific_credential_id: id.clone(),
                service_name: record.service,
            };
            (id, shown)
        });
        Ok::<_, api_iam::Error>(shown.collect())
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListServiceSpecificCredentialsResponse {
        service_specific_credentials: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_service_specific_credential(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateServiceSpecificCredentialRequest,
) -> Result<UpdateServiceSpecificCredentialOutput> {
    let (name, id) = (caller::user(ctx, input.user_name)?, &input.service_specific_credential_id);
    change(ctx, |tx| {
        let (user, mut record) = own(tx, ctx, &name, id)?;
        record.active = matches!(input.status, StatusType::Active);
        Ok(tx.put(&SERVICE_CREDENTIALS, (ctx.account(), &user.id, id), &record)?)
    })
    .await?;
    Ok(UpdateServiceSpecificCredentialOutput {})
}

pub(crate) async fn reset_service_specific_credential(
    _: &Iam,
    ctx: &Ctx,
    input: ResetServiceSpecificCredentialRequest,
) -> Result<ResetServiceSpecificCredentialResponse> {
    let (name, id) = (caller::user(ctx, input.user_name)?, &input.service_specific_credential_id);
    let (secret, sealed) = secret(ctx, id);
    let reset = change(ctx, |tx| {
        let (user, mut record) = own(tx, ctx, &name, id)?;
        record.secret.clone_from(&sealed);
        tx.put(&SERVICE_CREDENTIALS, (ctx.account(), &user.id, id), &record)?;
        Ok(with_secret(&user.name, id.clone(), &record, secret.clone()))
    })
    .await?;
    Ok(ResetServiceSpecificCredentialResponse { service_specific_credential: Some(reset) })
}

pub(crate) async fn delete_service_specific_credential(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteServiceSpecificCredentialRequest,
) -> Result<DeleteServiceSpecificCredentialOutput> {
    let (name, id) = (caller::user(ctx, input.user_name)?, &input.service_specific_credential_id);
    change(ctx, |tx| {
        let (user, _) = own(tx, ctx, &name, id)?;
        Ok(tx.delete(&SERVICE_CREDENTIALS, (ctx.account(), &user.id, id))?)
    })
    .await?;
    Ok(DeleteServiceSpecificCredentialOutput {})
}
