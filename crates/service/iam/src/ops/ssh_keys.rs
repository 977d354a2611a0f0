//! SSH public keys: `UploadSSHPublicKey`, `GetSSHPublicKey`, `ListSSHPublicKeys`,
//! `UpdateSSHPublicKey`, `DeleteSSHPublicKey`.
//!
//! ```text
//! aws iam upload-ssh-public-key --user-name ann --ssh-public-key-body "$(cat id_rsa.pub)"
//! ```

use api_iam::{
    DeleteSSHPublicKeyOutput, DeleteSSHPublicKeyRequest, EncodingType, GetSSHPublicKeyRequest,
    GetSSHPublicKeyResponse, ListSSHPublicKeysRequest, ListSSHPublicKeysResponse, SSHPublicKey,
    SSHPublicKeyMetadata, StatusType, UpdateSSHPublicKeyOutput, UpdateSSHPublicKeyRequest,
    UploadSSHPublicKeyRequest, UploadSSHPublicKeyResponse,
};
use kernel::{Ctx, Fault, Timestamp};
use store::{ReadTx, Scan};

use crate::entity::{change, load};
use crate::error::{Result, no_such, quota};
use crate::page::page;
use crate::record::{SSH_KEYS, SshKeyRecord, UserRecord};
use crate::ssh::{self, KeyError};
use crate::{Iam, caller, id};

const PER_USER_MAX: usize = 5;

fn refusal(error: KeyError) -> Fault {
    match error {
        KeyError::Encoding => Fault::sender(
            "UnrecognizedPublicKeyEncoding",
            "The public key encoding is not recognized: give an OpenSSH or PEM key.",
        ),
        KeyError::Invalid => Fault::sender(
            "InvalidPublicKey",
            "The public key is not an RSA key of at least 2048 bits.",
        ),
    }
}

fn shown(user: &str, id: &str, record: &SshKeyRecord, pem: bool) -> Result<SSHPublicKey> {
    let key = ssh::read(&record.body).map_err(refusal)?;
    Ok(SSHPublicKey {
        user_name: user.to_owned(),
        ssh_public_key_id: id.to_owned(),
        fingerprint: key.fingerprint(),
        ssh_public_key_body: if pem { key.pem() } else { record.body.clone() },
        status: super::status(record.active),
        upload_date: Some(Timestamp::from_ms(record.uploaded_ms)),
    })
}

fn own(tx: &ReadTx, ctx: &Ctx, user: &str, id: &str) -> Result<(UserRecord, SshKeyRecord)> {
    let user: UserRecord = load(tx, ctx.account(), user)?;
    let found = tx.get(&SSH_KEYS, (ctx.account(), &user.id, id))?;
    let record = found
        .ok_or_else(|| no_such(format!("The SSH Public Key with id {id} cannot be found.")))?;
    Ok((user, record))
}

pub(crate) async fn upload_ssh_public_key(
    _: &Iam,
    ctx: &Ctx,
    input: UploadSSHPublicKeyRequest,
) -> Result<UploadSSHPublicKeyResponse> {
    let key = ssh::read(&input.ssh_public_key_body).map_err(refusal)?;
    let (account, id) = (ctx.account(), id::unique(ctx, "APKA"));
    let given = input.ssh_public_key_body.trim();
    // Keys are kept in OpenSSH's form, with the comment of those who gave one.
    let body = if given.starts_with(RSA_LINE) { given.to_owned() } else { key.line() };
    let record = SshKeyRecord { body, active: true, uploaded_ms: ctx.now().epoch_ms };
    let name = change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &input.user_name)?;
        let keys = tx.scan(&SSH_KEYS, Scan::prefix((account, &user.id)))?;
        if keys.iter().any(|(_, other)| ssh::read(&other.body).as_ref() == Ok(&key)) {
            let message = "The SSH public key is already associated with the user.";
            return Err(Fault::sender("DuplicateSSHPublicKey", message).into());
        }
        if keys.len() >= PER_USER_MAX {
            return Err(quota("SSHPublicKeysPerUser", PER_USER_MAX).into());
        }
        tx.put(&SSH_KEYS, (account, &user.id, &id), &record)?;
        Ok(user.name)
    })
    .await?;
    let shown = shown(&name, &id, &record, false)?;
    Ok(UploadSSHPublicKeyResponse { ssh_public_key: Some(shown) })
}

const RSA_LINE: &str = "ssh-rsa ";

pub(crate) async fn get_ssh_public_key(
    _: &Iam,
    ctx: &Ctx,
    input: GetSSHPublicKeyRequest,
) -> Result<GetSSHPublicKeyResponse> {
    let id = &input.ssh_public_key_id;
    let (user, record) = ctx.store().read(|tx| own(tx, ctx, &input.user_name, id))?;
    let pem = matches!(input.encoding, EncodingType::Pem);
    let shown = shown(&user.name, id, &record, pem)?;
    Ok(GetSSHPublicKeyResponse { ssh_public_key: Some(shown) })
}

pub(crate) async fn list_ssh_public_keys(
    _: &Iam,
    ctx: &Ctx,
    input: ListSSHPublicKeysRequest,
) -> Result<ListSSHPublicKeysResponse> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    let found = ctx.store().read(|tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let found = tx.scan(&SSH_KEYS, Scan::prefix((account, &user.id)))?.into_iter();
        let shown = found.map(|(key, record)| {
            let id = super::last_part(&key);
            let shown = SSHPublicKeyMetadata {
                user_name: user.name.clone(),
                ssh_public_key_id: id.clone(),
                status: super::status(record.active),
                upload_date: Timestamp::from_ms(record.uploaded_ms),
            };
            (id, shown)
        });
        Ok::<_, api_iam::Error>(shown.collect())
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListSSHPublicKeysResponse {
        ssh_public_keys: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_ssh_public_key(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateSSHPublicKeyRequest,
) -> Result<UpdateSSHPublicKeyOutput> {
    let id = &input.ssh_public_key_id;
    change(ctx, |tx| {
        let (user, mut record) = own(tx, ctx, &input.user_name, id)?;
        record.active = matches!(input.status, StatusType::Active);
        Ok(tx.put(&SSH_KEYS, (ctx.account(), &user.id, id), &record)?)
    })
    .await?;
    Ok(UpdateSSHPublicKeyOutput {})
}

pub(crate) async fn delete_ssh_public_key(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteSSHPublicKeyRequest,
) -> Result<DeleteSSHPublicKeyOutput> {
    let id = &input.ssh_public_key_id;
    change(ctx, |tx| {
        let (user, _) = own(tx, ctx, &input.user_name, id)?;
        Ok(tx.delete(&SSH_KEYS, (ctx.account(), &user.id, id))?)
    })
    .await?;
    Ok(DeleteSSHPublicKeyOutput {})
}
