//! SSE-KMS: an object's secret under a data key of KMS, asked for in the caller's name.

use std::collections::BTreeMap;

use api_kms::{Client, DataKeySpec, DecryptRequest, EncryptRequest, GenerateDataKeyRequest};
use api_s3::Error;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kernel::blobs::BlobSecret;
use kernel::{Ctx, Fault};
use shape::Blob;

use crate::records::Sse;
use crate::sse::{self, Wanted};

/// By which name KMS's policies know us (`kms:ViaService`).
const SERVICE: &str = "s3.amazonaws.com";
/// The key that is used where none is named: AWS's managed one, made when first used.
const MANAGED_KEY: &str = "alias/aws/s3";

/// Wraps a secret under a new data key.
pub(crate) async fn wrap(
    ctx: &Ctx,
    bucket: &str,
    key: &str,
    wanted: &Wanted,
    secret: &BlobSecret,
) -> Result<Sse, Error> {
    let Wanted::Kms { key: key_id, context, bucket_key, dual } = wanted else {
        return Err(Fault::internal("no key of KMS is wanted").into());
    };
    let context = bound(context.clone(), bucket, key);
    let request = GenerateDataKeyRequest {
        key_id: key_id.clone().unwrap_or_else(|| MANAGED_KEY.to_owned()),
        encryption_context: Some(context.clone()),
        key_spec: Some(DataKeySpec::Aes256),
        ..GenerateDataKeyRequest::default()
    };
    let client = ctx.via(SERVICE).client::<Client>();
    let answer = client.generate_data_key(request).await.map_err(worded)?;
    let plain: Option<[u8; 32]> = answer.plaintext.and_then(|plain| plain.0[..].try_into().ok());
    let plain = plain.ok_or_else(|| Fault::internal("KMS gave no key of 32 bytes"))?;
    let sealed = answer.ciphertext_blob.unwrap_or_default();
    Ok(Sse::Kms {
        key_arn: answer.key_id.unwrap_or_default(),
        data_key: BASE64_STANDARD.encode(&sealed.0),
        wrapped: sse::seal(ctx, &plain, secret),
        context,
        bucket_key: *bucket_key,
        dual: *dual,
    })
}

/// Wraps the secret of a replica as its source's is, under another key. KMS only encrypts here: that
/// is all that roles of replication are allowed. `source` and `target` are bucket and key.
pub(crate) async fn rewrap(
    ctx: &Ctx,
    sse: &Sse,
    source: (&str, &str),
    target: (&str, &str),
    key_id: &str,
    secret: &BlobSecret,
) -> Result<Sse, Error> {
    let Sse::Kms { context, bucket_key, dual, .. } = sse else {
        return Err(Fault::internal("no key of KMS is wanted").into());
    };
    let mut context = context.clone();
    let own = format!("arn:aws:s3:::{}/{}", source.0, source.1);
    if context.get(ARN).is_some_and(|arn| *arn == own) {
        context.remove(ARN);
    }
    let context = bound(context, target.0, target.1);
    let mut plain = BlobSecret::default();
    ctx.random().fill(&mut plain);
    let request = EncryptRequest {
        key_id: key_id.to_owned(),
        plaintext: Blob(plain.to_vec().into()),
        encryption_context: Some(context.clone()),
        ..EncryptRequest::default()
    };
    let client = ctx.via(SERVICE).client::<Client>();
    let answer = client.encrypt(request).await.map_err(worded)?;
    Ok(Sse::Kms {
        key_arn: answer.key_id.unwrap_or_default(),
        data_key: BASE64_STANDARD.encode(&answer.ciphertext_blob.unwrap_or_default().0),
        wrapped: sse::seal(ctx, &plain, secret),
        context,
        bucket_key: *bucket_key,
        dual: *dual,
    })
}

/// Opens a secret; the caller must be allowed to use the key.
pub(crate) async fn open(ctx: &Ctx, sse: &Sse) -> Result<BlobSecret, Error> {
    let lost = || Fault::internal("the data key of an object is damaged");
    let Sse::Kms { key_arn, data_key, wrapped, context, .. } = sse else {
        return Err(lost().into());
    };
    let request = DecryptRequest {
        ciphertext_blob: Some(Blob(BASE64_STANDARD.decode(data_key).map_err(|_| lost())?.into())),
        encryption_context: Some(context.clone()),
        key_id: Some(key_arn.clone()),
        ..DecryptRequest::default()
    };
    let client = ctx.via(SERVICE).client::<Client>();
    let answer = client.decrypt(request).await.map_err(worded)?;
    let plain: Option<[u8; 32]> = answer.plaintext.and_then(|plain| plain.0[..].try_into().ok());
    let opened = plain.and_then(|plain| sse::open(&plain, wrapped));
    Ok(opened.ok_or_else(lost)?)
}

/// The member of an encryption context that is S3's own.
const ARN: &str = "aws:s3:arn";

/// The encryption context of an object: what the client gave, and its ARN.
fn bound(
    mut context: BTreeMap<String, String>,
    bucket: &str,
    key: &str,
) -> BTreeMap<String, String> {
    let arn = || format!("arn:aws:s3:::{bucket}/{key}");
    context.entry(ARN.to_owned()).or_insert_with(arn);
    context
}

/// KMS's errors as S3 passes them on: `KMS.NotFoundException`; refusals are its own.
fn worded(fault: Fault) -> Error {
    if fault.status >= 500 {
        return fault.into();
    }
    if fault.code.starts_with("AccessDenied") {
        return Fault::new("AccessDenied", 403, fault.message).into();
    }
    Fault::sender(format!("KMS.{}", fault.code), fault.message).into()
}
