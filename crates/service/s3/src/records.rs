//! What is stored, and where. All of S3's tables:
//!
//! ```text
//! s3/bucket   (name)                       Bucket
//! s3/config   (name, kind)                 sub-resources of a bucket, each kind a type of its own;
//!             (name, "inventory", id)      of inventories there are many
//! s3/object   (name, key)                  Version: the current one, unless that is a delete marker
//! s3/version  (name, key, newest first)    Version: all others, and all delete markers
//! s3/parts    (id)                         the parts of an object that was uploaded in parts
//! s3/upload   (name, key, upload id)       Upload: one in parts that is under way
//! s3/part     (upload id, number)          UploadedPart of one that is under way
//! s3/master   (0)                          what wraps the secrets of objects, sealed
//! s3/null     (name, key)                  order of the version "null", if it is in s3/version
//! s3/moved    (name, key, version id)      order of a replica that another version had already
//! ```
//!
//! A version is in exactly one of `s3/object` and `s3/version`, so listing a bucket never steps over
//! old versions.

use std::collections::BTreeMap;

use kernel::Timestamp;
use kernel::blobs::Blob;
use kernel::digest::Algorithm;
use serde::{Deserialize, Serialize};
use store::{RawTable, Table};

use crate::replicate::Replicating;
use crate::settings::acl::Acl;
use crate::settings::lock::Retention;

/// By name: names are global in an installation.
pub(crate) const BUCKETS: Table<Bucket> = Table::new("s3/bucket");
/// Sub-resources, by bucket and kind. A kind's own module names the type; deleting the bucket
/// deletes all of them.
pub(crate) const CONFIGS: RawTable = RawTable::new("s3/config");
/// Current versions by bucket and key.
pub(crate) const OBJECTS: Table<Version> = Table::new("s3/object");
/// Noncurrent versions and delete markers by bucket, key and [`Version::place`].
pub(crate) const VERSIONS: Table<Version> = Table::new("s3/version");
/// Order of the version "null" by bucket and key, where it is in [`VERSIONS`].
pub(crate) const NULLS: Table<u64> = Table::new("s3/null");
/// Order of a replica whose own was taken, by bucket, key and version id.
pub(crate) const MOVED: Table<u64> = Table::new("s3/moved");

/// Parts of objects, by [`Data::Parts`]'s id.
pub(crate) const PARTS: Table<Vec<ObjectPart>> = Table::new("s3/parts");
/// Uploads in parts by bucket, key and upload id.
pub(crate) const UPLOADS: Table<Upload> = Table::new("s3/upload");
/// Their parts by upload id and number.
pub(crate) const UPLOADED: Table<UploadedPart> = Table::new("s3/part");
/// What wraps the secrets of objects.
pub(crate) const MASTER: RawTable = RawTable::new("s3/master");

/// A bucket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub name: String,
    /// The owner, twelve digits.
    pub account: String,
    pub region: String,
    /// Milliseconds since 1970.
    pub created_ms: i64,
    #[serde(default)]
    pub versioning: Versioning,
    /// Whether objects may be locked; cannot be taken back.
    #[serde(default)]
    pub object_lock: bool,
}

/// Whether versions are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Versioning {
    /// Never were.
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// A version of an object, or a delete marker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Version {
    /// Grows with each version of the key.
    pub order: u64,
    /// Nothing is the version "null".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub delete_marker: bool,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
    /// Bytes of the object.
    pub size: u64,
    #[serde(skip_serializing_if = "Data::is_nothing")]
    pub data: Data,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse: Option<Sse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// Without quotes.
    pub etag: String,
    /// The account it belongs to.
    pub owner: String,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// `x-amz-meta-*`, without the prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Nothing is `STANDARD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Whether a legal hold is on; nothing if it never was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<bool>,
    /// Until when a copy of an archived object can be read, milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restored_until_ms: Option<i64>,
    /// Nothing is the owner's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// Where it is copied to, or that it is such a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication: Option<Replicating>,
}

/// The headers that an object is answered with, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website_redirect: Option<String>,
}

impl Headers {
    fn is_empty(&self) -> bool {
        *self == Headers::default()
    }
}

/// Where an object's bytes are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Data {
    /// It has none: a delete marker.
    #[default]
    Nothing,
    One(Blob),
    /// In [`PARTS`].
    Parts {
        id: String,
        count: u32,
    },
}

impl Data {
    fn is_nothing(&self) -> bool {
        *self == Data::Nothing
    }
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ObjectPart {
    /// As it was uploaded; what is shown counts from 1 without gaps.
    pub number: u32,
    pub blob: Blob,
    /// Base64, by the algorithm of the object's checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// How an object's secret is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Sse {
    /// `AES256`: wrapped under the installation's master.
    Own { wrapped: String },
    /// `aws:kms`: wrapped under a data key of KMS, which is `data_key` as KMS sealed it.
    Kms {
        key_arn: String,
        data_key: String,
        wrapped: String,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        context: BTreeMap<String, String>,
        #[serde(default)]
        bucket_key: bool,
        /// `aws:kms:dsse`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dual: bool,
    },
    /// SSE-C: wrapped under the client's key, of which only the MD5 is known, base64.
    Customer { md5: String, wrapped: String },
}

/// A checksum of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checksum {
    pub algorithm: Algorithm,
    /// Base64; of composite ones with `-` and the number of parts.
    pub value: String,
    /// Of the parts' checksums rather than of the object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub composite: bool,
}

/// An upload in parts that is under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub id: String,
    pub key: String,
    /// Milliseconds since 1970.
    pub initiated_ms: i64,
    /// The account that began it.
    pub initiator: String,
    /// What the object will be, as far as it is known.
    pub version: Version,
    /// By which its parts are summed.
    pub algorithm: Algorithm,
    /// Whether the client chose the algorithm.
    #[serde(default)]
    pub chosen: bool,
    #[serde(default)]
    pub composite: bool,
}

/// A part of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadedPart {
    pub blob: Blob,
    /// Without quotes.
    pub etag: String,
    /// MD5 of the part, hexadecimal, whatever the ETag is.
    pub md5: String,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
    /// Base64, by the upload's algorithm.
    pub checksum: String,
}

impl Version {
    /// The last part of its key in [`VERSIONS`]: newest first.
    pub fn place(&self) -> u64 {
        u64::MAX - self.order
    }

    /// Whether it is in an archive, where only what was restored can be read: its class.
    pub fn archive(&self) -> Option<&str> {
        self.storage_class.as_deref().filter(|class| matches!(*class, "GLACIER" | "DEEP_ARCHIVE"))
    }

    /// Until when its restored copy can be read, if it has one now.
    pub fn restored(&self, now: Timestamp) -> Option<Timestamp> {
        let until_ms = self.restored_until_ms.filter(|until_ms| *until_ms > now.epoch_ms);
        self.archive().and(until_ms).map(Timestamp::from_ms)
    }

    /// As it is shown: `null` for the one without.
    pub fn shown_id(&self) -> &str {
        self.version_id.as_deref().unwrap_or("null")
    }
}
