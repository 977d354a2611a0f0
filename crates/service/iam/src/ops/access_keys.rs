//! Access keys: `CreateAccessKey`, `ListAccessKeys`, `UpdateAccessKey`, `DeleteAccessKey`,
//! `GetAccessKeyLastUsed`.
//!
//! ```text
//! aws iam create-access-key --user-name ann
//! {"AccessKey": {"UserName": "ann", "AccessKeyId": "AKIA…", "SecretAccessKey": "…"}}
//! ```

use api_iam::{
    AccessKey, AccessKeyLastUsed, AccessKeyMetadata, CreateAccessKeyRequest,
    CreateAccessKeyResponse, DeleteAccessKeyOutput, DeleteAccessKeyRequest, Error,
    GetAccessKeyLastUsedRequest, GetAccessKeyLastUsedResponse, ListAccessKeysRequest,
    ListAccessKeysResponse, StatusType, UpdateAccessKeyOutput, UpdateAccessKeyRequest,
};
use kernel::{Ctx, Timestamp};
use store::{ReadTx, WriteTx};

use crate::caller::{Subject, subject};
use crate::entity::{self, change, load, save};
use crate::error::{Result, no_such, quota, validation};
use crate::page::page;
use crate::record::{ACCOUNTS, KEYS, KeyRecord, UserRecord};
use crate::{Iam, access, lookup};

/// Keys that one user may have.
const KEYS_MAX: usize = 2;

/// The owner's name, as it is written, and key ids.
fn keys_of(tx: &ReadTx, account: &str, who: &Subject) -> Result<(String, Vec<String>)> {
    Ok(match who {
        Subject::Root => {
            ("root".to_owned(), tx.get(&ACCOUNTS, account)?.unwrap_or_default().root_keys)
        }
        Subject::User(name) => {
            let user: UserRecord = load(tx, account, name)?;
            (user.name, user.keys)
        }
    })
}

fn set_keys(tx: &mut WriteTx, account: &str, who: &Subject, keys: Vec<String>) -> Result<()> {
    match who {
        Subject::Root => {
            let mut record = tx.get(&ACCOUNTS, account)?.unwrap_or_default();
            record.root_keys = keys;
            Ok(tx.put(&ACCOUNTS, account, &record)?)
        }
        Subject::User(name) => {
            let mut user: UserRecord = load(tx, account, name)?;
            user.keys = keys;
            save(tx, account, &user)
        }
    }
}

/// The key, if it is this owner's.
fn own_key(tx: &ReadTx, account: &str, who: &Subject, id: &str) -> Result<KeyRecord> {
    let (_, keys) = keys_of(tx, account, who)?;
    let record = if keys.iter().any(|own| own == id) { tx.get(&KEYS, id)? } else { None };
    Ok(record.ok_or_else(|| no_key(id))?)
}

fn no_key(id: &str) -> kernel::Fault {
    no_such(format!("The Access Key with id {id} cannot be found."))
}

fn status(record: &KeyRecord) -> StatusType {
    if record.active { StatusType::Active } else { StatusType::Inactive }
}

pub(crate) async fn create_access_key(
    _: &Iam,
    ctx: &Ctx,
    input: CreateAccessKeyRequest,
) -> Result<CreateAccessKeyResponse> {
    let who = subject(ctx, input.user_name)?;
    let user = match &who {
        Subject::Root => None,
        Subject::User(name) => Some(entity::key(name)),
    };
    let (id, secret, record) = access::minted(ctx, user);
    let name = change(ctx, |tx| {
        let (name, mut keys) = keys_of(tx, ctx.account(), &who)?;
        if keys.len() >= KEYS_MAX {
            return Err(quota("AccessKeysPerUser", KEYS_MAX).into());
        }
        keys.push(id.clone());
        set_keys(tx, ctx.account(), &who, keys)?;
        tx.put(&KEYS, &id, &record)?;
        Ok(name)
    })
    .await?;
    Ok(CreateAccessKeyResponse {
        access_key: AccessKey {
            user_name: name,
            access_key_id: id,
            status: status(&record),
            secret_access_key: secret,
            create_date: Some(Timestamp::from_ms(record.created_ms)),
        },
    })
}

pub(crate) async fn list_access_keys(
    _: &Iam,
    ctx: &Ctx,
    input: ListAccessKeysRequest,
) -> Result<ListAccessKeysResponse> {
    let who = subject(ctx, input.user_name)?;
    let found = ctx.store().read(|tx| {
        let (name, keys) = keys_of(tx, ctx.account(), &who)?;
        let mut found = Vec::new();
        for (at, id) in keys.into_iter().enumerate() {
            let Some(record) = tx.get(&KEYS, &id)? else { continue };
            let shown = AccessKeyMetadata {
                user_name: Some(name.clone()),
                access_key_id: Some(id),
                status: Some(status(&record)),
                create_date: Some(Timestamp::from_ms(record.created_ms)),
            };
            found.push((at.to_string(), shown));
        }
        Ok::<_, Error>(found)
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListAccessKeysResponse {
        access_key_metadata: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_access_key(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateAccessKeyRequest,
) -> Result<UpdateAccessKeyOutput> {
    let who = subject(ctx, input.user_name)?;
    let active = match input.status {
        StatusType::Active => true,
        StatusType::Inactive => false,
        other => {
            let message = format!("Status {} is not valid for access keys.", other.as_str());
            return Err(validation(message).into());
        }
    };
    change(ctx, |tx| {
        let mut record = own_key(tx, ctx.account(), &who, &input.access_key_id)?;
        record.active = active;
        Ok(tx.put(&KEYS, &input.access_key_id, &record)?)
    })
    .await?;
    Ok(UpdateAccessKeyOutput {})
}

pub(crate) async fn delete_access_key(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteAccessKeyRequest,
) -> Result<DeleteAccessKeyOutput> {
    let who = subject(ctx, input.user_name)?;
    change(ctx, |tx| {
        own_key(tx, ctx.account(), &who, &input.access_key_id)?;
        let (_, mut keys) = keys_of(tx, ctx.account(), &who)?;
        keys.retain(|own| *own != input.access_key_id);
        set_keys(tx, ctx.account(), &who, keys)?;
        tx.delete(&KEYS, &input.access_key_id)?;
        Ok(tx.delete(&lookup::USES, &input.access_key_id)?)
    })
    .await?;
    Ok(DeleteAccessKeyOutput {})
}

pub(crate) async fn get_access_key_last_used(
    _: &Iam,
    ctx: &Ctx,
    input: GetAccessKeyLastUsedRequest,
) -> Result<GetAccessKeyLastUsedResponse> {
    let id = &input.access_key_id;
    ctx.store().read(|tx| {
        let record = tx.get(&KEYS, id)?.filter(|record| record.account == ctx.account());
        let record = record.ok_or_else(|| no_key(id))?;
        let user: Option<UserRecord> = match &record.user {
            Some(name) => entity::find(tx, ctx.account(), name)?,
            None => None,
        };
        let used = lookup::last_used(tx, id)?;
        Ok(GetAccessKeyLastUsedResponse {
            user_name: Some(user.map_or_else(|| "root".to_owned(), |user| user.name)),
            access_key_last_used: Some(match used {
                Some(used) => AccessKeyLastUsed {
                    last_used_date: Some(Timestamp::from_ms(used.at_ms)),
                    service_name: used.service,
                    region: used.region,
                },
                None => AccessKeyLastUsed {
                    last_used_date: None,
                    service_name: "N/A".to_owned(),
                    region: "N/A".to_owned(),
                },
            }),
        })
    })
}
