//! What is stored, and where. All of S3's tables:
//!
//! ```text
//! s3/bucket   (name)                       Bucket
//! s3/config   (name, kind)                 sub-resources of a bucket, each kind a type of its own
//! s3/object   (name, key)                  Version: the current one, unless that is a delete marker
//! s3/version  (name, key, newest first)    Version: all others, and all delete markers
//! s3/null     (name, key)                  order of the version "null", if it is in s3/version
//! ```
//!
//! A version is in exactly one of `s3/object` and `s3/version`, so listing a bucket never steps over
//! old versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{RawTable, Table};

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
    /// Nothing is the owner's alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
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

impl Version {
    /// The last part of its key in [`VERSIONS`]: newest first.
    pub fn place(&self) -> u64 {
        u64::MAX - self.order
    }

    /// As it is shown: `null` for the one without.
    pub fn shown_id(&self) -> &str {
        self.version_id.as_deref().unwrap_or("null")
    }
}
