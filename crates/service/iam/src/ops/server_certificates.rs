//! Server certificates: `UploadServerCertificate`, `GetServerCertificate`,
//! `ListServerCertificates`, `UpdateServerCertificate`, `DeleteServerCertificate`.
//!
//! ```text
//! aws iam upload-server-certificate --server-certificate-name desk \\
//!     --certificate-body file://cert.pem --private-key file://key.pem
//! ```

use api_iam::{
    DeleteServerCertificateOutput, DeleteServerCertificateRequest, GetServerCertificateRequest,
    GetServerCertificateResponse, ListServerCertificatesRequest, ListServerCertificatesResponse,
    ServerCertificate, ServerCertificateMetadata, UpdateServerCertificateOutput,
    UpdateServerCertificateRequest, UploadServerCertificateRequest,
    UploadServerCertificateResponse,
};
use kernel::{Ctx, Fault, Timestamp};

use crate::der::{self, Certificate};
use crate::entity::{self, Named as _, change, create, key, load, save};
use crate::error::Result;
use crate::page::page;
use crate::record::{SERVER, ServerRecord};
use crate::{Iam, access, arn, id, pem, tags};

fn metadata(account: &str, record: &ServerRecord) -> ServerCertificateMetadata {
    ServerCertificateMetadata {
        path: record.path.clone(),
        server_certificate_name: record.name.clone(),
        server_certificate_id: record.id.clone(),
        arn: arn::of(account, "server-certificate", &record.path, &record.name),
        upload_date: Some(Timestamp::from_ms(record.uploaded_ms)),
        expiration: Some(Timestamp::from_ms(record.expires_ms)),
    }
}

fn malformed(what: &str) -> Fault {
    let message = format!("Unable to parse {what}. Please ensure the {what} is in PEM format.");
    Fault::sender("MalformedCertificate", message)
}

/// The one certificate of a body.
pub(super) fn certificate(body: &str) -> Result<Certificate> {
    let blocks = pem::blocks(body).filter(|blocks| blocks.len() == 1);
    let (label, bytes) = blocks.unwrap_or_default().pop().unwrap_or_default();
    let found = if label == "CERTIFICATE" { der::certificate(&bytes) } else { None };
    Ok(found.ok_or_else(|| malformed("certificate"))?)
}

fn check_chain(chain: &str) -> Result<()> {
    let blocks = pem::blocks(chain).unwrap_or_default();
    let all = blocks
        .iter()
        .all(|(label, bytes)| label == "CERTIFICATE" && der::certificate(bytes).is_some());
    if blocks.is_empty() || !all { Err(malformed("certificate chain").into()) } else { Ok(()) }
}

fn check_key(certificate: &Certificate, key: &str) -> Result<()> {
    // A key of OpenSSL may come after the parameters of its curve.
    let mut blocks = pem::blocks(key).unwrap_or_default();
    blocks.retain(|(label, _)| label != "EC PARAMETERS");
    let [(label, bytes)] = blocks.as_slice() else { return Err(malformed("private key").into()) };
    match certificate.is_of(label, bytes) {
        Some(true) => Ok(()),
        Some(false) => {
            let message = "The public key certificate and the private key do not match.";
            Err(Fault::sender("KeyPairMismatch", message).into())
        }
        None => Err(malformed("private key").into()),
    }
}

pub(crate) async fn upload_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: UploadServerCertificateRequest,
) -> Result<UploadServerCertificateResponse> {
    let certificate = certificate(&input.certificate_body)?;
    check_key(&certificate, &input.private_key)?;
    input.certificate_chain.as_deref().map_or(Ok(()), check_chain)?;
    let id = id::unique(ctx, "ASCA");
    let record = ServerRecord {
        name: input.server_certificate_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        // AWS keeps them without the white space around them.
        body: input.certificate_body.trim().to_owned(),
        chain: input.certificate_chain.map(|chain| chain.trim().to_owned()),
        key: access::sealed(
            ctx.kernel().sealer(),
            "server-certificate",
            &id,
            input.private_key.as_bytes(),
        ),
        uploaded_ms: ctx.now().epoch_ms,
        expires_ms: certificate.not_after_ms,
        tags: tags::given(input.tags)?,
        id,
    };
    change(ctx, |tx| create(tx, ctx.account(), &record)).await?;
    Ok(UploadServerCertificateResponse {
        server_certificate_metadata: Some(metadata(ctx.account(), &record)),
        tags: tags::shown_if_any(&record.tags),
    })
}

pub(crate) async fn get_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: GetServerCertificateRequest,
) -> Result<GetServerCertificateResponse> {
    let name = &input.server_certificate_name;
    let record: ServerRecord = ctx.store().read(|tx| load(tx, ctx.account(), name))?;
    Ok(GetServerCertificateResponse {
        server_certificate: ServerCertificate {
            server_certificate_metadata: metadata(ctx.account(), &record),
            tags: tags::shown_if_any(&record.tags),
            certificate_body: record.body,
            certificate_chain: record.chain,
        },
    })
}

pub(crate) async fn list_server_certificates(
    _: &Iam,
    ctx: &Ctx,
    input: ListServerCertificatesRequest,
) -> Result<ListServerCertificatesResponse> {
    let (account, prefix) = (ctx.account(), input.path_prefix.as_deref());
    let found = ctx.store().read(|tx| entity::list::<ServerRecord>(tx, account, prefix))?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    let shown = page.items.iter().map(|record| metadata(account, record));
    Ok(ListServerCertificatesResponse {
        server_certificate_metadata_list: shown.collect(),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn update_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateServerCertificateRequest,
) -> Result<UpdateServerCertificateOutput> {
    let account = ctx.account();
    change(ctx, |tx| {
        let mut record: ServerRecord = load(tx, account, &input.server_certificate_name)?;
        let old = key(&record.name);
        if let Some(path) = &input.new_path {
            record.path.clone_from(path);
        }
        if let Some(name) = &input.new_server_certificate_name {
            if key(name) != old && entity::find::<ServerRecord>(tx, account, name)?.is_some() {
                return Err(ServerRecord::taken(name).into());
            }
            tx.delete(&SERVER, (account, &old))?;
            record.name.clone_from(name);
        }
        save(tx, account, &record)
    })
    .await?;
    Ok(UpdateServerCertificateOutput {})
}

pub(crate) async fn delete_server_certificate(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteServerCertificateRequest,
) -> Result<DeleteServerCertificateOutput> {
    change(ctx, |tx| {
        let name = &input.server_certificate_name;
        let record: ServerRecord = load(tx, ctx.account(), name)?;
        Ok(tx.delete(&SERVER, (ctx.account(), &key(&record.name)))?)
    })
    .await?;
    Ok(DeleteServerCertificateOutput {})
}
