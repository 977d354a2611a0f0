//! Signing certificates of users: `UploadSigningCertificate`, `ListSigningCertificates`,
//! `UpdateSigningCertificate`, `DeleteSigningCertificate`.
//!
//! ```text
//! aws iam upload-signing-certificate --user-name ann --certificate-body file://cert.pem
//! ```

use api_iam::{
    DeleteSigningCertificateOutput, DeleteSigningCertificateRequest,
    ListSigningCertificatesRequest, ListSigningCertificatesResponse, SigningCertificate,
    StatusType, UpdateSigningCertificateOutput, UpdateSigningCertificateRequest,
    UploadSigningCertificateRequest, UploadSigningCertificateResponse,
};
use kernel::{Ctx, Fault, Timestamp};
use store::Scan;

use crate::entity::{change, load};
use crate::error::{Result, no_such, quota};
use crate::page::page;
use crate::record::{SIGNING, SigningRecord, UserRecord};
use crate::{Iam, caller, der, pem};

const PER_USER_MAX: usize = 2;

fn shown(user: &str, id: String, record: SigningRecord) -> SigningCertificate {
    SigningCertificate {
        user_name: user.to_owned(),
        certificate_id: id,
        certificate_body: record.body,
        status: super::status(record.active),
        upload_date: Some(Timestamp::from_ms(record.uploaded_ms)),
    }
}

fn absent(id: &str) -> Fault {
    no_such(format!("The Certificate with id {id} cannot be found."))
}

pub(crate) async fn upload_signing_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: UploadSigningCertificateRequest,
) -> Result<UploadSigningCertificateResponse> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    let body = input.certificate_body;
    let blocks = pem::blocks(&body).unwrap_or_default();
    let is_one =
        |(label, bytes): &pem::Block| label == "CERTIFICATE" && der::certificate(bytes).is_some();
    if blocks.len() != 1 || !blocks.iter().all(is_one) {
        let message = format!("Certificate {body} is malformed");
        return Err(Fault::sender("MalformedCertificate", message).into());
    }
    let id = ctx.random().base32(32);
    let record = SigningRecord { body, active: true, uploaded_ms: ctx.now().epoch_ms };
    let user = change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let own = tx.scan(&SIGNING, Scan::prefix((account, &user.id)))?;
        if own.iter().any(|(_, other)| other.body.trim() == record.body.trim()) {
            let message = "The specified certificate is already associated with the user.";
            return Err(Fault::new("DuplicateCertificate", 409, message).into());
        }
        if own.len() >= PER_USER_MAX {
            return Err(quota("CertificatesPerUser", PER_USER_MAX).into());
        }
        tx.put(&SIGNING, (account, &user.id, &id), &record)?;
        Ok(user.name)
    })
    .await?;
    Ok(UploadSigningCertificateResponse { certificate: shown(&user, id, record) })
}

pub(crate) async fn list_signing_certificates(
    _: &Iam,
    ctx: &Ctx,
    input: ListSigningCertificatesRequest,
) -> Result<ListSigningCertificatesResponse> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    let found = ctx.store().read(|tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let found = tx.scan(&SIGNING, Scan::prefix((account, &user.id)))?.into_iter();
        let shown = found.map(|(key, record)| {
            let id = super::last_part(&key);
            (id.clone(), shown(&user.name, id, record))
        });
        Ok::<_, api_iam::Error>(shown.collect())
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListSigningCertificatesResponse {
        certificates: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_signing_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateSigningCertificateRequest,
) -> Result<UpdateSigningCertificateOutput> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    let active = matches!(input.status, StatusType::Active);
    change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let key = (account, &user.id, &input.certificate_id);
        let found = tx.get(&SIGNING, key)?;
        let mut record = found.ok_or_else(|| absent(&input.certificate_id))?;
        record.active = active;
        Ok(tx.put(&SIGNING, key, &record)?)
    })
    .await?;
    Ok(UpdateSigningCertificateOutput {})
}

pub(crate) async fn delete_signing_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteSigningCertificateRequest,
) -> Result<DeleteSigningCertificateOutput> {
    let (name, account) = (caller::user(ctx, input.user_name)?, ctx.account());
    change(ctx, |tx| {
        let user: UserRecord = load(tx, account, &name)?;
        let key = (account, &user.id, &input.certificate_id);
        if !tx.contains(&SIGNING, key)? {
            return Err(absent(&input.certificate_id).into());
        }
        Ok(tx.delete(&SIGNING, key)?)
    })
    .await?;
    Ok(DeleteSigningCertificateOutput {})
}
