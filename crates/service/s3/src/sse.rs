//! Encryption of objects: every object has a secret of its own, and what differs is under what the
//! secret is wrapped. So copying an object never needs its bytes, only its secret.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use api_s3::{Error, ServerSideEncryption};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kernel::blobs::BlobSecret;
use kernel::{BoxFuture, Ctx, Fault, Kernel, Reseal, ResealProgress, reseal_rows};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::records::{MASTER, Sse};
use crate::{S3, errors};

/// What a request, or else the bucket, wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Wanted {
    /// `AES256`.
    #[default]
    Own,
    Kms {
        key: Option<String>,
        context: BTreeMap<String, String>,
        bucket_key: bool,
        dual: bool,
    },
    Customer(CustomerKey),
}

/// A key that a client brought along.
#[derive(Clone, PartialEq)]
pub(crate) struct CustomerKey {
    key: [u8; 32],
    /// Base64.
    pub md5: String,
}

impl std::fmt::Debug for CustomerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CustomerKey({})", self.md5)
    }
}

impl CustomerKey {
    /// Of the three headers; `None` if there is none of them.
    pub fn read(
        algorithm: Option<&str>,
        key: Option<&str>,
        md5: Option<&str>,
    ) -> Result<Option<Self>, Fault> {
        let name = "x-amz-server-side-encryption";
        let (algorithm, key) = match (algorithm, key, md5) {
            (None, None, None) => return Ok(None),
            (None, ..) => {
                let text = "Requests specifying Server Side Encryption with Customer provided keys \
                            must provide a valid encryption algorithm.";
                return Err(errors::invalid_argument(name, Some("null"), text));
            }
            (Some(_), None, _) => {
                let text = "Requests specifying Server Side Encryption with Customer provided keys \
                            must provide an appropriate secret key.";
                return Err(errors::invalid_argument(name, Some("null"), text));
            }
            (Some(algorithm), Some(key), _) => (algorithm, key),
        };
        if algorithm != "AES256" {
            let text =
                "The encryption request you specified is not valid. Supported value: AES256.";
            return Err(Fault::sender("InvalidEncryptionAlgorithmError", text));
        }
        let key: Option<[u8; 32]> =
            BASE64_STANDARD.decode(key).ok().and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| {
            let text = "The secret key was invalid for the specified algorithm.";
            errors::invalid_argument(name, Some("null"), text)
        })?;
        let Some(md5) = md5 else {
            let text = "Requests specifying Server Side Encryption with Customer provided keys must \
                        provide the client calculated MD5 of the secret key.";
            return Err(errors::invalid_argument(name, Some("null"), text));
        };
        let mut digests = kernel::digest::Digests::new([kernel::digest::Algorithm::Md5]);
        digests.update(&key);
        let computed = digests.finish().remove(0).1;
        if BASE64_STANDARD.decode(md5).ok() != Some(computed) {
            let text =
                "The calculated MD5 hash of the key did not match the hash that was provided.";
            return Err(errors::invalid_argument(name, Some("null"), text));
        }
        Ok(Some(CustomerKey { key, md5: md5.to_owned() }))
    }
}

/// What the headers of a write say; `None` leaves it to the bucket.
pub(crate) fn wanted(
    sse: Option<&ServerSideEncryption>,
    kms_key: Option<&str>,
    kms_context: Option<&str>,
    bucket_key: Option<bool>,
    customer: Option<CustomerKey>,
) -> Result<Option<Wanted>, Fault> {
    let dual = match (sse, customer) {
        (None, None) if kms_key.is_some() => {
            let text = "Server Side Encryption with AWS KMS managed key requires HTTP header \
                        x-amz-server-side-encryption : aws:kms";
            let name = "x-amz-server-side-encryption";
            return Err(errors::invalid_argument(name, Some("null"), text));
        }
        (None, None) => return Ok(None),
        (None, Some(key)) => return Ok(Some(Wanted::Customer(key))),
        (Some(sse), Some(_)) => {
            let text = "Server Side Encryption with Customer provided key is incompatible with the \
                        encryption method specified";
            let name = "x-amz-server-side-encryption";
            return Err(errors::invalid_argument(name, Some(sse.as_str()), text));
        }
        (Some(ServerSideEncryption::Aes256), None) if kms_key.is_some() => {
            let text = "Server Side Encryption with AWS KMS managed key requires HTTP header \
                        x-amz-server-side-encryption : aws:kms";
            let name = "x-amz-server-side-encryption";
            return Err(errors::invalid_argument(name, Some("AES256"), text));
        }
        (Some(ServerSideEncryption::Aes256), None) => return Ok(Some(Wanted::Own)),
        (Some(ServerSideEncryption::AwsKms), None) => false,
        (Some(ServerSideEncryption::AwsKmsDsse), None) => true,
        (Some(other), None) => {
            let text = "The encryption method specified is not supported";
            let name = "x-amz-server-side-encryption";
            return Err(errors::invalid_argument(name, Some(other.as_str()), text));
        }
    };
    let context = kms_context.map(context).transpose()?.unwrap_or_default();
    let key = kms_key.map(str::to_owned);
    Ok(Some(Wanted::Kms { key, context, bucket_key: bucket_key == Some(true), dual }))
}

/// `x-amz-server-side-encryption-context`: base64 of a JSON object of strings.
fn context(header: &str) -> Result<BTreeMap<String, String>, Fault> {
    let bytes = BASE64_STANDARD.decode(header).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| {
        let text = "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 \
                    string holding JSON which represents a string-string map";
        errors::invalid_argument("x-amz-server-side-encryption-context", Some(header), text)
    })
}

impl S3 {
    /// A new secret, and how it is kept.
    pub(crate) async fn new_secret(
        &self,
        ctx: &Ctx,
        bucket: &str,
        key: &str,
        wanted: &Wanted,
    ) -> Result<(BlobSecret, Sse), Error> {
        let mut secret = BlobSecret::default();
        ctx.random().fill(&mut secret);
        let sse = self.wrap(ctx, bucket, key, wanted, &secret).await?;
        Ok((secret, sse))
    }

    /// Wraps a secret as wanted.
    pub(crate) async fn wrap(
        &self,
        ctx: &Ctx,
        bucket: &str,
        key: &str,
        wanted: &Wanted,
        secret: &BlobSecret,
    ) -> Result<Sse, Error> {
        Ok(match wanted {
            Wanted::Own => {
                let master = self.master(ctx).await?;
                Sse::Own { wrapped: seal(ctx, &master, secret) }
            }
            Wanted::Customer(customer) => Sse::Customer {
                md5: customer.md5.clone(),
                wrapped: seal(ctx, &customer.key, secret),
            },
            Wanted::Kms { .. } => crate::kms::wrap(ctx, bucket, key, wanted, secret).await?,
        })
    }

    /// The secret of an object, for somebody who brought `customer` along.
    pub(crate) async fn secret(
        &self,
        ctx: &Ctx,
        sse: Option<&Sse>,
        customer: Option<&CustomerKey>,
    ) -> Result<BlobSecret, Error> {
        let not_customers = || {
            let text = "The encryption parameters are not applicable to this object.";
            errors::invalid_request(text)
        };
        match (sse, customer) {
            (Some(Sse::Customer { md5, wrapped }), Some(customer)) => {
                let opened = (*md5 == customer.md5).then(|| open(&customer.key, wrapped));
                opened.flatten().ok_or_else(|| errors::access_denied().into())
            }
            (Some(Sse::Customer { .. }), None) => {
                let text = "The object was stored using a form of Server Side Encryption. The \
                            correct parameters must be provided to retrieve the object.";
                Err(errors::invalid_request(text).into())
            }
            (_, Some(_)) => Err(not_customers().into()),
            (Some(Sse::Own { wrapped }), None) => {
                let master = self.master(ctx).await?;
                open(&master, wrapped).ok_or_else(|| lost().into())
            }
            (Some(kms @ Sse::Kms { .. }), None) => crate::kms::open(ctx, kms).await,
            (None, None) => Err(lost().into()),
        }
    }

    /// What wraps the secrets of objects: made once, sealed under the installation key, so that a
    /// new installation key seals one record again and not every object's.
    async fn master(&self, ctx: &Ctx) -> Result<BlobSecret, Error> {
        let kept = *self.master.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(master) = kept {
            return Ok(master);
        }
        let sealer = ctx.kernel().sealer();
        let mut fresh = BlobSecret::default();
        ctx.random().fill(&mut fresh);
        let fresh = sealer.seal(PURPOSE, &fresh);
        let sealed = ctx
            .store()
            .write(|tx| -> Result<bytes::Bytes, Error> {
                if let Some(sealed) = tx.get_raw(&MASTER, 0_u64)? {
                    return Ok(sealed);
                }
                tx.put_raw(&MASTER, 0_u64, fresh.clone())?;
                Ok(fresh.clone().into())
            })
            .await?;
        let opened = sealer.open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
        let master: BlobSecret = opened.try_into().map_err(|_| lost())?;
        *self.master.lock().unwrap_or_else(PoisonError::into_inner) = Some(master);
        Ok(master)
    }
}

/// Seals the master again; the secrets of objects stay as they are.
pub(crate) struct Master;

impl Reseal for Master {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_rows(kernel, &MASTER, progress, |sealer, _, sealed| {
            sealer.resealed(PURPOSE, sealed)
        }))
    }
}

/// What the master is sealed as.
const PURPOSE: &str = "s3/master";

fn lost() -> Fault {
    Fault::internal("the secret of an object cannot be opened")
}

/// Wraps a secret: nonce, ciphertext and tag in base64.
pub(crate) fn seal(ctx: &Ctx, under: &[u8; 32], secret: &BlobSecret) -> String {
    let mut nonce = [0; NONCE_LEN];
    ctx.random().fill(&mut nonce);
    let mut sealed = secret.to_vec();
    let tag = gcm(under)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)
        .expect("32 bytes are far less than AES-GCM allows");
    BASE64_STANDARD.encode([&nonce[..], &sealed, tag.as_ref()].concat())
}

/// Opens what [`seal`] wrapped; nothing if it is another key, or damaged.
pub(crate) fn open(under: &[u8; 32], wrapped: &str) -> Option<BlobSecret> {
    let wrapped = BASE64_STANDARD.decode(wrapped).ok()?;
    let (nonce, sealed) = wrapped.split_first_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = gcm(under).open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
    (&*opened).try_into().ok()
}

fn gcm(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes are a key"))
}

impl Sse {
    /// Whether an ETag is an MD5 of the bytes.
    pub fn etag_is_md5(&self) -> bool {
        matches!(self, Sse::Own { .. })
    }
}

/// Puts how an object is encrypted into the members of an answer.
macro_rules! show_sse {
    ($output:expr, $sse:expr) => {{
        use crate::records::Sse;
        use api_s3::ServerSideEncryption;
        match $sse {
            None => {}
            Some(Sse::Own { .. }) => {
                $output.server_side_encryption = Some(ServerSideEncryption::Aes256);
            }
            Some(Sse::Kms { key_arn, bucket_key, dual, .. }) => {
                $output.server_side_encryption = Some(match dual {
                    true => ServerSideEncryption::AwsKmsDsse,
                    false => ServerSideEncryption::AwsKms,
                });
                $output.ssekms_key_id = Some(key_arn.clone());
                $output.bucket_key_enabled = bucket_key.then_some(true);
            }
            Some(Sse::Customer { md5, .. }) => {
                $output.sse_customer_algorithm = Some("AES256".to_owned());
                $output.sse_customer_key_md5 = Some(md5.clone());
            }
        }
    }};
}

pub(crate) use show_sse;
