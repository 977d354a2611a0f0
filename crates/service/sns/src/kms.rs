//! SSE-KMS of topics: what is on its way to subscribers is under a data key of KMS, asked for in the
//! publisher's name and opened by the service itself for each attempt.

use std::collections::BTreeMap;

use api_kms::{Client, DataKeySpec, DecryptRequest, GenerateDataKeyRequest};
use api_sns::{
    Error, KMSAccessDeniedException, KMSDisabledException, KMSInvalidStateException,
    KMSNotFoundException,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kernel::access::Need;
use kernel::{Ctx, Fault, Kernel, Principal};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use shape::Blob;

use crate::name::TopicName;
use crate::record::{Attribute, Delivery, Topic};

/// By which name KMS's policies know us (`kms:ViaService`).
const SERVICE: &str = "sns.amazonaws.com";
/// The encryption context's key, as AWS has it.
const CONTEXT: &str = "aws:sns:topicArn";

/// A data key.
pub(crate) struct DataKey {
    plain: [u8; 32],
    wrapped: Vec<u8>,
}

/// What of a delivery nobody may read.
#[derive(Serialize, Deserialize)]
struct Secret {
    body: String,
    subject: Option<String>,
    attributes: BTreeMap<String, Attribute>,
}

/// A data key for messages of a topic; `None` for topics without a key of KMS.
///
/// # Errors
/// KMS's, as SNS passes them on.
pub(crate) async fn to_seal(
    ctx: &Ctx,
    name: &TopicName,
    topic: &Topic,
) -> Result<Option<DataKey>, Error> {
    let Some(key_id) = topic.attributes.get("KmsMasterKeyId") else { return Ok(None) };
    let key_id = key_arn(name, key_id);
    let via = &ctx.via(SERVICE);
    if matches!(ctx.principal(), Principal::Service { .. }) {
        // A service that publishes for itself is let through by the key's policy only.
        let need = Need::new("kms:GenerateDataKey", key_id.as_str());
        via.authorize("kms", "GenerateDataKey", &[need]).map_err(|fault| worded(ctx, fault))?;
    }
    let request = GenerateDataKeyRequest {
        key_id,
        encryption_context: Some(context(&name.arn())),
        key_spec: Some(DataKeySpec::Aes256),
        ..GenerateDataKeyRequest::default()
    };
    let answer = via.client::<Client>().generate_data_key(request).await;
    let wrapped = answer.map_err(|fault| worded(ctx, fault))?.ciphertext_blob.unwrap_or_default();
    let wrapped = wrapped.0.to_vec();
    // Who publishes must be allowed to open, too, as with AWS.
    let plain = decrypt(via, &name.arn(), &wrapped).await.map_err(|fault| worded(ctx, fault))?;
    Ok(Some(DataKey { plain, wrapped }))
}

/// A topic's key by its ARN: who publishes may be of another account.
fn key_arn(name: &TopicName, key_id: &str) -> String {
    if key_id.starts_with("arn:") {
        return key_id.to_owned();
    }
    let kind = if key_id.starts_with("alias/") { "" } else { "key/" };
    format!("arn:aws:kms:{}:{}:{kind}{key_id}", name.region, name.account)
}

fn context(topic: &str) -> BTreeMap<String, String> {
    [(CONTEXT.to_owned(), topic.to_owned())].into()
}

async fn decrypt(ctx: &Ctx, topic: &str, wrapped: &[u8]) -> Result<[u8; 32], Fault> {
    let request = DecryptRequest {
        ciphertext_blob: Some(Blob(Bytes::copy_from_slice(wrapped))),
        encryption_context: Some(context(topic)),
        ..DecryptRequest::default()
    };
    let plain = ctx.client::<Client>().decrypt(request).await?.plaintext;
    let plain = plain.and_then(|plain| plain.0[..].try_into().ok());
    plain.ok_or_else(|| Fault::internal("KMS gave no key of 32 bytes"))
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

/// Seals a delivery: the wrapped key with its length, nonce, ciphertext.
pub(crate) fn close(ctx: &Ctx, key: &DataKey, delivery: &mut Delivery) -> Result<(), Fault> {
    let secret = Secret {
        body: std::mem::take(&mut delivery.body),
        subject: delivery.subject.take(),
        attributes: std::mem::take(&mut delivery.attributes),
    };
    let mut text = serde_json::to_vec(&secret).map_err(Fault::internal)?;
    let mut nonce = [0; NONCE_LEN];
    ctx.random().fill(&mut nonce);
    let bound = Aad::from(delivery.topic.as_bytes());
    cipher(&key.plain)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut text)
        .map_err(Fault::internal)?;
    let len = u16::try_from(key.wrapped.len()).map_err(Fault::internal)?;
    let row = [&len.to_be_bytes()[..], &key.wrapped, &nonce, &text].concat();
    delivery.sealed = Some(STANDARD.encode(row));
    Ok(())
}

/// A delivery as it can be made.
///
/// # Errors
/// KMS does not open its data key now, or it is damaged.
pub(crate) async fn opened(kernel: &Kernel, delivery: &Delivery) -> Result<Delivery, Fault> {
    let mut open = delivery.clone();
    let Some(sealed) = open.sealed.take() else { return Ok(open) };
    let damaged = || Fault::internal("a sealed delivery is damaged");
    let row = STANDARD.decode(sealed).map_err(|_| damaged())?;
    let (len, rest) = row.split_first_chunk::<2>().ok_or_else(damaged)?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (wrapped, rest) = rest.split_at_checked(len).ok_or_else(damaged)?;
    let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
    let topic = TopicName::of_arn(&delivery.topic).ok_or_else(damaged)?;
    let ctx = kernel.service_ctx(SERVICE, &topic.account, &topic.region);
    let plain = decrypt(&ctx, &delivery.topic, wrapped).await?;
    let mut text = text.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
    let bound = Aad::from(delivery.topic.as_bytes());
    let text = cipher(&plain).open_in_place(nonce, bound, &mut text).map_err(|_| damaged())?;
    let secret: Secret = serde_json::from_slice(text).map_err(|_| damaged())?;
    open.body = secret.body;
    open.subject = secret.subject;
    open.attributes = secret.attributes;
    Ok(open)
}

/// KMS's errors as SNS passes them on.
fn worded(ctx: &Ctx, fault: Fault) -> Error {
    if fault.status >= 500 {
        return fault.into();
    }
    let message = Some(format!(
        "{} (Service: AWSKMS; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        fault.message,
        fault.status,
        fault.code,
        ctx.request_id()
    ));
    match fault.code.as_ref() {
        "DisabledException" => KMSDisabledException { message }.into(),
        "KMSInvalidStateException" => KMSInvalidStateException { message }.into(),
        "NotFoundException" | "InvalidArnException" => KMSNotFoundException { message }.into(),
        _ => KMSAccessDeniedException { message }.into(),
    }
}
