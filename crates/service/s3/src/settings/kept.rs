//! Where settings are kept: `s3/config`, by bucket and kind, as JSON.

use api_s3::Error;
use kernel::{Ctx, Fault};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{ReadTx, WriteTx};

use super::access::{Ownership, PublicBlock};
use super::acl::Acl;
use super::cors::Cors;
use super::encryption::Encryption;
use super::lifecycle::Lifecycle;
use super::lock::BucketLock;
use super::logging::Logging;
use super::notification::Notifications;
use super::replication::Replication;
use super::website::Website;
use crate::buckets;
use crate::records::{Bucket, CONFIGS};

/// A kind of setting.
pub(crate) trait Setting: Serialize + DeserializeOwned + Sized {
    /// The second part of its key.
    const KIND: &'static str;

    /// What a bucket has that never was told.
    fn of_new_bucket() -> Option<Self> {
        None
    }
}

/// A bucket's policy, as it was sent.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct PolicyText {
    pub text: String,
    /// Whether it is public.
    pub public: bool,
}

/// Who pays for requests.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct RequesterPays(pub bool);

/// Whether transfers are accelerated; nothing if it never was said.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Accelerated(pub bool);

/// The tags of a bucket.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct BucketTags(pub super::tags::Tags);

macro_rules! kinds {
    ($($kind:literal $type:ty $(= $new:expr)?;)*) => {
        $(impl Setting for $type {
            const KIND: &'static str = $kind;
            $(fn of_new_bucket() -> Option<Self> { Some($new) })?
        })*
    };
}

kinds! {
    "accelerate" Accelerated;
    "acl" Acl;
    "cors" Cors;
    "encryption" Encryption = Encryption::default();
    "lifecycle" Lifecycle;
    "lock" BucketLock;
    "logging" Logging;
    "notification" Notifications;
    "ownership" Ownership = Ownership::Enforced;
    "payer" RequesterPays;
    "policy" PolicyText;
    "public-block" PublicBlock = PublicBlock::ALL;
    "replication" Replication;
    "tags" BucketTags;
    "website" Website;
}

/// A setting of a bucket.
pub(crate) fn get<T: Setting>(tx: &ReadTx, bucket: &str) -> Result<Option<T>, Fault> {
    let stored = tx.get_raw(&CONFIGS, (bucket, T::KIND)).map_err(kernel::store_fault)?;
    match stored {
        None => Ok(T::of_new_bucket()),
        // A setting that was there from the begin and was deleted is `null`.
        Some(bytes) => serde_json::from_slice(&bytes).map_err(Fault::internal),
    }
}

/// Puts a setting.
pub(crate) fn put<T: Setting>(tx: &mut WriteTx, bucket: &str, value: &T) -> Result<(), Error> {
    let bytes = serde_json::to_vec(value).map_err(Fault::internal)?;
    Ok(tx.put_raw(&CONFIGS, (bucket, T::KIND), bytes)?)
}

/// Deletes a setting.
pub(crate) fn delete<T: Setting>(tx: &mut WriteTx, bucket: &str) -> Result<(), Error> {
    match T::of_new_bucket() {
        None => Ok(tx.delete(&CONFIGS, (bucket, T::KIND))?),
        Some(_) => Ok(tx.put_raw(&CONFIGS, (bucket, T::KIND), &b"null"[..])?),
    }
}

/// The bucket of a request and its setting.
pub(crate) fn find<T: Setting>(
    ctx: &Ctx,
    bucket: &str,
    owner: Option<&str>,
) -> Result<(Bucket, Option<T>), Error> {
    ctx.store().read(|tx| {
        let found = buckets::bucket(tx, ctx, bucket, owner)?;
        let setting = get(tx, bucket)?;
        Ok((found, setting))
    })
}

/// Puts the setting of a request's bucket.
pub(crate) async fn set<T: Setting + Send + Sync>(
    ctx: &Ctx,
    bucket: &str,
    owner: Option<&str>,
    value: &T,
) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            buckets::bucket(tx, ctx, bucket, owner)?;
            put(tx, bucket, value)
        })
        .await
}

/// Deletes the setting of a request's bucket; that it has none is no error.
pub(crate) async fn unset<T: Setting>(
    ctx: &Ctx,
    bucket: &str,
    owner: Option<&str>,
) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            buckets::bucket(tx, ctx, bucket, owner)?;
            delete::<T>(tx, bucket)
        })
        .await
}
