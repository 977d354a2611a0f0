//! SSE-KMS: messages under data keys of KMS, which are asked for in the caller's name and used
//! again for as long as the queue says (`KmsDataKeyReusePeriodSeconds`).
//!
//! A message keeps the data key it was sealed with, wrapped by KMS, and the queue it was sent to,
//! which is the encryption context: so it stays readable wherever it is moved, by whoever may use
//! the key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api_kms::{Client, DataKeySpec, DecryptRequest, GenerateDataKeyRequest};
use api_sqs::Error;
use kernel::access::Need;
use kernel::{Ctx, Fault, Principal};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use shape::Blob;

use crate::error::modeled;
use crate::name::QueueName;
use crate::record::{BODIES, Queue};

/// By which name KMS's policies know us (`kms:ViaService`).
const SERVICE: &str = "sqs.amazonaws.com";
/// The encryption context's key, as AWS has it.
const CONTEXT: &str = "aws:sqs:arn";
/// First byte of a row under a data key.
pub(crate) const MARK: u8 = 2;
/// Data keys that are kept in memory.
const KEPT_MAX: usize = 1024;

/// A data key.
#[derive(Clone)]
pub(crate) struct DataKey {
    plain: [u8; 32],
    /// As KMS wrapped it.
    wrapped: Vec<u8>,
    /// ARN of the queue it was made for.
    queue: String,
}

/// What a data key is kept by: who used it, the queue's ARN, and what it is found by.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Use {
    principal: String,
    queue: String,
    by: By,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum By {
    /// For sealing: the key of KMS as the queue names it.
    Key(String),
    /// For opening.
    Wrapped(Vec<u8>),
}

/// Data keys in use.
#[derive(Default)]
pub(crate) struct DataKeys(Mutex<HashMap<Use, (DataKey, Duration)>>);

impl DataKeys {
    fn get(&self, ctx: &Ctx, of: &Use) -> Option<DataKey> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (key, until) = kept.get(of)?;
        (ctx.elapsed() < *until).then(|| key.clone())
    }

    fn put(&self, ctx: &Ctx, of: Use, key: &DataKey, reuse_s: u32) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let until = ctx.elapsed() + Duration::from_secs(u64::from(reuse_s));
        kept.insert(of, (key.clone(), until));
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The data key for messages that are sent now; `None` for queues without a key of KMS.
    ///
    /// # Errors
    /// KMS's, as SQS passes them on.
    pub async fn to_seal(
        &self,
        ctx: &Ctx,
        name: &QueueName,
        queue: &Queue,
    ) -> Result<Option<DataKey>, Error> {
        let Some(key_id) = &queue.settings.kms else { return Ok(None) };
        let key_id = key_arn(name, key_id);
        let of = usage(ctx, name.arn(), By::Key(key_id.clone()));
        if let Some(kept) = self.get(ctx, &of) {
            return Ok(Some(kept));
        }
        let ctx = &ctx.via(SERVICE);
        service_may(ctx, "GenerateDataKey", &key_id)?;
        let request = GenerateDataKeyRequest {
            key_id,
            encryption_context: Some(context(&of.queue)),
            key_spec: Some(DataKeySpec::Aes256),
            ..GenerateDataKeyRequest::default()
        };
        let answer = ctx.client::<Client>().generate_data_key(request).await;
        let answer = answer.map_err(|fault| worded(ctx, fault))?;
        let wrapped = answer.ciphertext_blob.unwrap_or_default().0.to_vec();
        // Who sends must be allowed to open, too: so does AWS make sure that the key is whole.
        let plain = decrypt(ctx, &of.queue, &wrapped).await?;
        let key = DataKey { plain, wrapped, queue: of.queue.clone() };
        self.put(ctx, of, &key, queue.settings.reuse_s);
        Ok(Some(key))
    }

    /// The data keys of these messages, those that have one.
    ///
    /// # Errors
    /// KMS's, as SQS passes them on.
    pub async fn to_open(
        &self,
        ctx: &Ctx,
        queue: &Queue,
        sequences: impl Iterator<Item = u64>,
    ) -> Result<Opened, Error> {
        let mut wrapped = Vec::new();
        let tx = ctx.store().snapshot();
        for sequence in sequences {
            let row = tx.get_raw(&BODIES, (queue.rows, sequence))?.unwrap_or_default();
            if let Some(parts) = row.strip_prefix(&[MARK]).and_then(split) {
                let of = (parts.queue.to_owned(), parts.wrapped.to_vec());
                if !wrapped.contains(&of) {
                    wrapped.push(of);
                }
            }
        }
        let mut opened = Opened::default();
        for (arn, wrapped) in wrapped {
            let of = usage(ctx, arn, By::Wrapped(wrapped.clone()));
            let plain = match self.get(ctx, &of) {
                Some(kept) => kept.plain,
                None => {
                    let plain = decrypt(&ctx.via(SERVICE), &of.queue, &wrapped).await?;
                    let queue_arn = of.queue.clone();
                    let key = DataKey { plain, wrapped: wrapped.clone(), queue: queue_arn };
                    self.put(ctx, of, &key, queue.settings.reuse_s);
                    plain
                }
            };
            opened.0.insert(wrapped, plain);
        }
        Ok(opened)
    }
}

/// Data keys by their wrapped forms.
#[derive(Default)]
pub(crate) struct Opened(HashMap<Vec<u8>, [u8; 32]>);

fn usage(ctx: &Ctx, queue: String, by: By) -> Use {
    let principal = ctx.principal().arn();
    Use { principal, queue, by }
}

/// The queue's key by its ARN: who sends may be of another account.
fn key_arn(name: &QueueName, key_id: &str) -> String {
    if key_id.starts_with("arn:") {
        return key_id.to_owned();
    }
    let kind = if key_id.starts_with("alias/") { "" } else { "key/" };
    format!("arn:aws:kms:{}:{}:{kind}{key_id}", name.region, name.account)
}

/// A service that sends for itself is let through by the key's policy only.
fn service_may(ctx: &Ctx, operation: &str, key_id: &str) -> Result<(), Error> {
    if !matches!(ctx.principal(), Principal::Service { .. }) {
        return Ok(());
    }
    let need = Need::new(format!("kms:{operation}"), key_id);
    ctx.authorize("kms", operation, &[need]).map_err(|fault| worded(ctx, fault))
}

fn context(queue: &str) -> std::collections::BTreeMap<String, String> {
    [(CONTEXT.to_owned(), queue.to_owned())].into()
}

async fn decrypt(ctx: &Ctx, queue: &str, wrapped: &[u8]) -> Result<[u8; 32], Error> {
    let request = DecryptRequest {
        ciphertext_blob: Some(Blob(bytes::Bytes::copy_from_slice(wrapped))),
        encryption_context: Some(context(queue)),
        ..DecryptRequest::default()
    };
    let answer = ctx.client::<Client>().decrypt(request).await;
    let plain = answer.map_err(|fault| worded(ctx, fault))?.plaintext;
    let plain = plain.and_then(|plain| plain.0[..].try_into().ok());
    Ok(plain.ok_or_else(|| Fault::internal("KMS gave no key of 32 bytes"))?)
}

/// KMS's errors as SQS passes them on.
fn worded(ctx: &Ctx, fault: Fault) -> Error {
    if fault.status >= 500 {
        return fault.into();
    }
    let text = format!(
        "{} (Service: AWSKMS; Status Code: {}; Error Code: {}; Request ID: {}; Proxy: null)",
        fault.message,
        fault.status,
        fault.code,
        ctx.request_id()
    );
    match fault.code.as_ref() {
        "DisabledException" => modeled!(KmsDisabled, "{text}"),
        "KMSInvalidStateException" => modeled!(KmsInvalidState, "{text}"),
        "NotFoundException" | "InvalidArnException" => modeled!(KmsNotFound, "{text}"),
        "InvalidKeyUsageException" => modeled!(KmsInvalidKeyUsage, "{text}"),
        _ => modeled!(KmsAccessDenied, "{text}"),
    }
}

/// A row without its mark.
struct Parts<'a> {
    queue: &'a str,
    wrapped: &'a [u8],
    nonce: &'a [u8],
    sealed: &'a [u8],
}

fn split(row: &[u8]) -> Option<Parts<'_>> {
    fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
    }
    let (queue, rest) = part(row)?;
    let (wrapped, rest) = part(rest)?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
    Some(Parts { queue: std::str::from_utf8(queue).ok()?, wrapped, nonce, sealed })
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has 32 bytes"))
}

impl DataKey {
    /// The row of a message, without its mark: queue and wrapped key with their lengths, nonce,
    /// ciphertext.
    pub fn seal(&self, ctx: &Ctx, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut nonce = [0; NONCE_LEN];
        ctx.random().fill(&mut nonce);
        let mut text = plain.to_vec();
        let bound = Aad::from(self.queue.as_bytes());
        cipher(&self.plain)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut text)
            .map_err(Fault::internal)?;
        let mut row = Vec::with_capacity(text.len() + self.wrapped.len() + self.queue.len() + 32);
        for part in [self.queue.as_bytes(), &self.wrapped] {
            let len = u16::try_from(part.len()).map_err(Fault::internal)?;
            row.extend(len.to_be_bytes());
            row.extend(part);
        }
        row.extend(nonce);
        row.extend(text);
        Ok(row)
    }
}

impl Opened {
    /// What a row says; `None`: its key is not here, or it is damaged.
    pub fn open(&self, row: &[u8]) -> Option<Vec<u8>> {
        let parts = split(row)?;
        let key = self.0.get(parts.wrapped)?;
        let nonce = Nonce::try_assume_unique_for_key(parts.nonce).ok()?;
        let mut text = parts.sealed.to_vec();
        let plain = cipher(key).open_in_place(nonce, Aad::from(parts.queue.as_bytes()), &mut text);
        Some(plain.ok()?.to_vec())
    }
}
