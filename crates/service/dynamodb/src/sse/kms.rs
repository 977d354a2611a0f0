//! What is asked of KMS, by its typed client and with the encryption context that AWS documents.

use std::collections::BTreeMap;

use api_kms::{
    Client, DataKeySpec, DecryptRequest, DescribeKeyRequest, EncryptRequest, GenerateDataKeyRequest,
};
use bytes::Bytes;
use kernel::{Ctx, Fault};
use shape::Blob;

use super::SERVICE;
use crate::fault::validation;

/// The code for callers that may not use a key.
pub(super) const DENIED: &str = "AccessDeniedException";

/// A data key that KMS has made.
pub(super) struct Made {
    pub secret: [u8; 32],
    pub wrapped: Vec<u8>,
}

fn client(ctx: &Ctx) -> Client {
    ctx.via(SERVICE).client()
}

fn context(ctx: &Ctx, table: &str) -> Option<BTreeMap<String, String>> {
    let context = [
        ("aws:dynamodb:tableName".to_owned(), table.to_owned()),
        ("aws:dynamodb:subscriberId".to_owned(), ctx.account().to_owned()),
    ];
    Some(context.into())
}

/// The ARN of a key, given as KMS takes it; an alias means what it means now.
pub(super) async fn arn(ctx: &Ctx, key_id: &str) -> Result<String, Fault> {
    if let Some(region) = key_id.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2))
        && region != ctx.region()
    {
        // Keys are of the table's region.
        let fault = Fault::sender("NotFoundException", format!("Invalid arn {region}"));
        return Err(worded(ctx, fault));
    }
    let request = DescribeKeyRequest { key_id: key_id.to_owned(), grant_tokens: None };
    let answer = client(ctx).describe_key(request).await.map_err(|fault| worded(ctx, fault))?;
    answer.key_metadata.and_then(|key| key.arn).ok_or_else(|| Fault::internal("a key without ARN"))
}

/// Makes a data key for a table.
pub(super) async fn generate(ctx: &Ctx, table: &str, arn: &str) -> Result<Made, Fault> {
    let request = GenerateDataKeyRequest {
        key_id: arn.to_owned(),
        encryption_context: context(ctx, table),
        key_spec: Some(DataKeySpec::Aes256),
        ..GenerateDataKeyRequest::default()
    };
    let answer =
        client(ctx).generate_data_key(request).await.map_err(|fault| worded(ctx, fault))?;
    let wrapped = answer.ciphertext_blob.unwrap_or_default().0.to_vec();
    // Whoever makes a table must be allowed to read it, too.
    let secret = decrypt(ctx, table, arn, &wrapped).await?;
    Ok(Made { secret, wrapped })
}

/// Wraps a data key under another key of KMS.
pub(super) async fn encrypt(
    ctx: &Ctx,
    table: &str,
    arn: &str,
    secret: &[u8; 32],
) -> Result<Vec<u8>, Fault> {
    let request = EncryptRequest {
        key_id: arn.to_owned(),
        plaintext: Blob(Bytes::copy_from_slice(secret)),
        encryption_context: context(ctx, table),
        ..EncryptRequest::default()
    };
    let answer = client(ctx).encrypt(request).await.map_err(|fault| worded(ctx, fault))?;
    let wrapped = answer.ciphertext_blob.unwrap_or_default().0.to_vec();
    decrypt(ctx, table, arn, &wrapped).await?;
    Ok(wrapped)
}

/// Unwraps a data key.
pub(super) async fn decrypt(
    ctx: &Ctx,
    table: &str,
    arn: &str,
    wrapped: &[u8],
) -> Result<[u8; 32], Fault> {
    let request = DecryptRequest {
        ciphertext_blob: Some(Blob(Bytes::copy_from_slice(wrapped))),
        key_id: Some(arn.to_owned()),
        encryption_context: context(ctx, table),
        ..DecryptRequest::default()
    };
    let answer = client(ctx).decrypt(request).await.map_err(|fault| worded(ctx, fault))?;
    let secret = answer.plaintext.and_then(|plain| plain.0[..].try_into().ok());
    secret.ok_or_else(|| Fault::internal("KMS gave no key of 32 bytes"))
}

/// KMS's errors as DynamoDB passes them on (texts seen at AWS in October 2026).
fn worded(ctx: &Ctx, fault: Fault) -> Fault {
    if fault.status >= 500 {
        return fault;
    }
    let code = fault.code.as_ref();
    let (beginning, class, code, message) = match code {
        "AccessDeniedException" => ("key access denied", "AWSKMSException", code, &*fault.message),
        "DisabledException" => ("key disabled", code, code, &*fault.message),
        // AWS's first step is a grant, which a key of another kind does not allow.
        "InvalidKeyUsageException" | "ValidationException" => (
            "internal",
            "AWSKMSException",
            "ValidationException",
            "EncryptionContext is supported only when creating a grant for a symmetric encryption \
             KMS key.",
        ),
        _ => ("validation", code, code, &*fault.message),
    };
    let text = format!(
        "KMS {beginning} error: com.amazonaws.services.kms.model.{class}: {message} (Service: \
         AWSKMS; Status Code: {}; Error Code: {code}; Request ID: {}; Proxy: null)",
        fault.status,
        ctx.request_id()
    );
    match beginning {
        "key access denied" => Fault::sender(DENIED, text),
        "internal" => Fault::new("InternalServerError", 500, text),
        _ => validation(text),
    }
}
