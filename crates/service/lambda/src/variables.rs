//! Functions' variables at rest: sealed under the installation key, and within that under a key of
//! KMS where the function names one (`KMSKeyArn`).
//!
//! KMS is asked in the name of whoever sets the variables or looks at them. Sandboxes are started in
//! the name of the function's role, which gets a grant for its function's variables, as on AWS.

use std::collections::BTreeMap;

use api_kms::{
    Client, CreateGrantRequest, DecryptRequest, EncryptRequest, GrantConstraints, GrantOperation,
    RevokeGrantRequest,
};
use api_lambda::{
    EnvironmentError, EnvironmentResponse, Error, KMSAccessDeniedException, KMSDisabledException,
    KMSInvalidStateException, KMSNotFoundException,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kernel::{Ctx, Fault, Sealer};
use serde::{Deserialize, Serialize};
use shape::Blob;

use crate::errors::invalid;
use crate::name::Name;
use crate::record::FunctionRecord;
use crate::role;

/// By which name KMS's policies know us (`kms:ViaService`, `aws:SourceService`).
const SERVICE: &str = "lambda.amazonaws.com";
/// The encryption context's key, as AWS has it.
const CONTEXT: &str = "aws:lambda:FunctionArn";
const PURPOSE: &str = "lambda-environment";
/// KMS encrypts so much at a time.
const PIECE_BYTES_MAX: usize = 4096;
/// As long as it takes to start a sandbox.
const SESSION_MS: i64 = 15 * 60 * 1000;

/// What lies under the installation key.
#[derive(PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Kept {
    Plain(BTreeMap<String, String>),
    /// Ciphertexts of KMS, in base64: together they are the variables as JSON.
    Kms(Vec<String>),
}

/// A grant for a function's role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// The key's ARN.
    pub key: String,
    pub id: String,
}

/// Variables that are safe to store.
#[derive(Default)]
pub(crate) struct Protected {
    /// For [`FunctionRecord::environment`].
    pub environment: Option<String>,
    pub grant: Option<Grant>,
}

/// Seals variables, under a key of KMS if one is named; then `role` is granted to open them.
///
/// # Errors
/// `InvalidParameterValueException`, if KMS refuses.
pub(crate) async fn protect(
    ctx: &Ctx,
    name: &Name,
    (key, role): (Option<&str>, &str),
    variables: &BTreeMap<String, String>,
) -> Result<Protected, Error> {
    if variables.is_empty() {
        return Ok(Protected::default());
    }
    let Some(key) = key else {
        let kept = Kept::Plain(variables.clone());
        return Ok(Protected { environment: Some(kept.sealed(ctx)?), grant: None });
    };
    let grant = grant(ctx, name, key, role).await?;
    let json = serde_json::to_vec(variables).map_err(Fault::internal)?;
    let mut pieces = Vec::new();
    for piece in json.chunks(PIECE_BYTES_MAX) {
        let request = EncryptRequest {
            key_id: key.to_owned(),
            plaintext: Blob(Bytes::copy_from_slice(piece)),
            encryption_context: Some(context(name)),
            ..EncryptRequest::default()
        };
        let answer = client(ctx).encrypt(request).await;
        let answer = answer.map_err(|fault| not_configured("Encrypt", fault))?;
        pieces.push(BASE64.encode(answer.ciphertext_blob.unwrap_or_default().0));
    }
    Ok(Protected { environment: Some(Kept::Kms(pieces).sealed(ctx)?), grant: Some(grant) })
}

/// Lets a function's role open its variables. The same grant is not made twice.
///
/// # Errors
/// `InvalidParameterValueException`, if KMS refuses.
pub(crate) async fn grant(ctx: &Ctx, name: &Name, key: &str, role: &str) -> Result<Grant, Error> {
    let constraints = GrantConstraints {
        encryption_context_equals: Some(context(name)),
        ..GrantConstraints::default()
    };
    let request = CreateGrantRequest {
        key_id: key.to_owned(),
        grantee_principal: Some(role.to_owned()),
        operations: vec![GrantOperation::Encrypt, GrantOperation::Decrypt],
        constraints: Some(constraints),
        name: Some(format!("lambda-{}", name.function)),
        ..CreateGrantRequest::default()
    };
    if key.contains(":alias/") {
        // Seen at AWS in 2019.
        let text = "Key Aliases are not supported for this operation.";
        return Err(not_configured("CreateGrant", Fault::sender("InvalidArnException", text)));
    }
    let made = client(ctx).create_grant(request).await;
    let made = made.map_err(|fault| not_configured("CreateGrant", fault))?;
    Ok(Grant { key: key.to_owned(), id: made.grant_id.unwrap_or_default() })
}

/// Takes a deleted function's grants back. A key that has gone has none.
pub(crate) async fn revoke(ctx: &Ctx, grants: Vec<Grant>) {
    let kms = ctx.as_service(SERVICE).client::<Client>();
    for Grant { key, id } in grants {
        let request = RevokeGrantRequest { key_id: key, grant_id: id, ..Default::default() };
        if let Err(fault) = kms.revoke_grant(request).await {
            ctx.log(kernel::Level::Info, format_args!("a grant of Lambda's stays: {fault:?}"));
        }
    }
}

/// The variables, in the name of the caller, who may be told why not.
pub(crate) async fn seen(
    ctx: &Ctx,
    function: &FunctionRecord,
) -> Result<Option<EnvironmentResponse>, Error> {
    let (variables, error) = match opened(ctx, ctx, function).await {
        Ok(variables) if variables.is_empty() => return Ok(None),
        Ok(variables) => (Some(variables), None),
        Err(fault) if fault.status >= 500 => return Err(fault.into()),
        Err(fault) => {
            let message = format!(
                "Lambda was unable to decrypt your environment variables because the KMS access \
                 was denied. Please check your KMS permissions. KMS Exception: {} KMS Message: {}",
                fault.code, fault.message
            );
            let error_code = Some("AccessDeniedException".into());
            (None, Some(EnvironmentError { error_code, message: Some(message) }))
        }
    };
    Ok(Some(EnvironmentResponse { variables, error }))
}

/// The variables for another key, in the name of the caller.
///
/// # Errors
/// `InvalidParameterValueException`, if KMS refuses.
pub(crate) async fn again(
    ctx: &Ctx,
    function: &FunctionRecord,
) -> Result<BTreeMap<String, String>, Error> {
    opened(ctx, ctx, function).await.map_err(|fault| not_configured("Decrypt", fault))
}

/// The variables for a sandbox, in the name of the function's role.
///
/// # Errors
/// `KMSAccessDeniedException` and its like, if KMS refuses.
pub(crate) async fn of(
    ctx: &Ctx,
    function: &FunctionRecord,
) -> Result<BTreeMap<String, String>, Error> {
    if function.kms_key.is_none() {
        return Ok(opened(ctx, ctx, function).await?);
    }
    let lent = role::lent(ctx, &function.role, &function.name, SESSION_MS).await?;
    opened(ctx, &lent, function).await.map_err(unable)
}

async fn opened(
    ctx: &Ctx,
    caller: &Ctx,
    function: &FunctionRecord,
) -> Result<BTreeMap<String, String>, Fault> {
    let pieces = match function.kept(ctx.kernel().sealer())? {
        None => return Ok(BTreeMap::new()),
        Some(Kept::Plain(variables)) => return Ok(variables),
        Some(Kept::Kms(pieces)) => pieces,
    };
    let name = Name::of(ctx, &function.name);
    let mut json = Vec::new();
    for piece in pieces {
        let request = DecryptRequest {
            ciphertext_blob: Some(Blob(BASE64.decode(piece).map_err(Fault::internal)?.into())),
            encryption_context: Some(context(&name)),
            ..DecryptRequest::default()
        };
        let answer = client(caller).decrypt(request).await?;
        json.extend_from_slice(&answer.plaintext.unwrap_or_default().0);
    }
    serde_json::from_slice(&json).map_err(Fault::internal)
}

fn client(ctx: &Ctx) -> Client {
    ctx.via(SERVICE).client()
}

fn context(name: &Name) -> BTreeMap<String, String> {
    let whole = Name { qualifier: None, ..name.clone() };
    [(CONTEXT.to_owned(), whole.arn())].into()
}

/// What whoever configures a function is told (seen at AWS for `CreateGrant`).
fn not_configured(operation: &str, fault: Fault) -> Error {
    if fault.status >= 500 {
        return fault.into();
    }
    invalid(format!(
        "Lambda was unable to configure access to your environment variables because the KMS key \
         is invalid for {operation}. Please check your KMS key settings. KMS Exception: {} KMS \
         Message: {}",
        fault.code, fault.message
    ))
}

/// What whoever invokes a function is told. AWS leaves no space before `KMS Message`.
fn unable(fault: Fault) -> Error {
    if fault.status >= 500 {
        return fault.into();
    }
    let text = |why: &str| {
        Some(format!(
            "Lambda was unable to decrypt the environment variables because {why}. Please check \
             the function's KMS key settings. KMS Exception: {}KMS Message: {}",
            fault.code, fault.message
        ))
    };
    let r#type = None;
    match fault.code.as_ref() {
        "DisabledException" => {
            KMSDisabledException { message: text("the KMS key used is disabled"), r#type }.into()
        }
        "KMSInvalidStateException" => {
            let message = text("the state of the KMS key used is not valid for Decrypt");
            KMSInvalidStateException { message, r#type }.into()
        }
        "NotFoundException" => {
            KMSNotFoundException { message: text("the KMS key was not found"), r#type }.into()
        }
        _ => KMSAccessDeniedException { message: text("KMS access was denied"), r#type }.into(),
    }
}

impl Kept {
    fn sealed(&self, ctx: &Ctx) -> Result<String, Fault> {
        let plain = serde_json::to_vec(self).map_err(Fault::internal)?;
        Ok(BASE64.encode(ctx.kernel().sealer().seal(PURPOSE, &plain)))
    }
}

impl FunctionRecord {
    fn kept(&self, sealer: &Sealer) -> Result<Option<Kept>, Fault> {
        let Some(sealed) = &self.environment else { return Ok(None) };
        let sealed = BASE64.decode(sealed).map_err(Fault::internal)?;
        let plain = sealer.open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
        serde_json::from_slice(&plain).map_err(Fault::internal)
    }

    /// Whether both have the same variables. Under KMS, only those that were set at once are known to
    /// be the same.
    pub fn has_variables_of(&self, other: &FunctionRecord, sealer: &Sealer) -> Result<bool, Fault> {
        Ok(self.kept(sealer)? == other.kept(sealer)?)
    }
}

/// The same variables under the newest installation key; false if they are already.
pub(crate) fn resealed(
    sealer: &Sealer,
    version: &mut FunctionRecord,
) -> Result<bool, kernel::SealError> {
    let Some(sealed) = &mut version.environment else { return Ok(false) };
    let old = BASE64.decode(&*sealed).map_err(|_| kernel::SealError::Forged)?;
    let Some(new) = sealer.resealed(PURPOSE, &old)? else { return Ok(false) };
    *sealed = BASE64.encode(new);
    Ok(true)
}
