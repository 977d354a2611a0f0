//! A version as a line of a list.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use kernel::Timestamp;
use serde_json::json;
use shape::TimeFormat;

use crate::buckets;
use crate::records::{Bucket, Data, Sse, Version};
use crate::settings::acl::Acl;
use crate::settings::inventory::Inventory;
use crate::settings::lock::Mode;
use crate::settings::tags::form_encode;

/// Fields in the order in which S3 writes them, whatever the order of the configuration.
const ORDER: [&str; 16] = [
    "Size",
    "LastModifiedDate",
    "ETag",
    "StorageClass",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
];

/// What a line says of a version that is not in its record.
pub(super) struct Row<'a> {
    pub key: &'a str,
    pub version: &'a Version,
    pub latest: bool,
    /// When a rule deletes it, milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

/// How lines of an inventory look.
pub(super) struct Lines<'a> {
    bucket: &'a Bucket,
    all: bool,
    fields: Vec<&'static str>,
    /// All objects are the bucket's owner's.
    enforced: bool,
}

impl<'a> Lines<'a> {
    pub fn new(bucket: &'a Bucket, inventory: &Inventory, enforced: bool) -> Self {
        let wanted = |name: &&&str| inventory.fields.iter().any(|field| field == **name);
        let fields = ORDER.iter().filter(wanted).copied().collect();
        Lines { bucket, all: inventory.all, fields, enforced }
    }

    /// `fileSchema` of the manifest.
    pub fn schema(&self) -> String {
        let mut names = vec!["Bucket", "Key"];
        if self.all {
            names.extend(["VersionId", "IsLatest", "IsDeleteMarker"]);
        }
        names.extend(&self.fields);
        names.join(", ")
    }

    /// Writes a line.
    pub fn line(&self, out: &mut String, row: &Row<'_>) {
        quote(out, &self.bucket.name);
        out.push(',');
        quote(out, &form_encode(row.key).replace("%2F", "/"));
        if self.all {
            let version = row.version;
            let id = version.version_id.as_deref().unwrap_or_default();
            let flags = [row.latest, version.delete_marker].map(|flag| flag.to_string());
            for value in [id, &flags[0], &flags[1]] {
                out.push(',');
                quote(out, value);
            }
        }
        for field in &self.fields {
            out.push(',');
            quote(out, &self.value(field, row).unwrap_or_default());
        }
        out.push('\n');
    }

    fn value(&self, field: &str, row: &Row<'_>) -> Option<String> {
        let version = row.version;
        match field {
            "LastModifiedDate" => Some(time(version.modified_ms)),
            "ReplicationStatus" => {
                let status = version.replication.as_ref()?.status()?;
                Some(status.as_str().to_owned())
            }
            "ObjectOwner" => Some(self.owner(version)),
            // Of a delete marker there is nothing else to say.
            _ if version.delete_marker => None,
            "Size" => Some(version.size.to_string()),
            "ETag" => Some(version.etag.clone()),
            "StorageClass" => Some(version.storage_class.as_deref().unwrap_or("STANDARD").into()),
            "IsMultipartUploaded" => Some(matches!(version.data, Data::Parts { .. }).to_string()),
            "EncryptionStatus" => Some(encryption(version.sse.as_ref()).to_owned()),
            "ObjectLockRetainUntilDate" => Some(time(version.retention?.until_ms)),
            "ObjectLockMode" => Some(match version.retention?.mode {
                Mode::Governance => "GOVERNANCE".to_owned(),
                Mode::Compliance => "COMPLIANCE".to_owned(),
            }),
            "ObjectLockLegalHoldStatus" => {
                Some(if version.legal_hold? { "On" } else { "Off" }.to_owned())
            }
            // Nothing here ever moves an object to another tier.
            "IntelligentTieringAccessTier" => {
                let tiered = version.storage_class.as_deref() == Some("INTELLIGENT_TIERING");
                tiered.then(|| "FREQUENT".to_owned())
            }
            "BucketKeyStatus" => match version.sse.as_ref()? {
                Sse::Kms { bucket_key: true, .. } => Some("ENABLED".to_owned()),
                Sse::Kms { .. } => Some("DISABLED".to_owned()),
                _ => None,
            },
            "ChecksumAlgorithm" => {
                version.checksum.as_ref().map(|checksum| checksum.algorithm.to_string())
            }
            "ObjectAccessControlList" => Some(self.acl(version)),
            "LifecycleExpirationDate" => row.expires_ms.map(time),
            _ => None,
        }
    }

    fn owner(&self, version: &Version) -> String {
        let account = if self.enforced { &self.bucket.account } else { &version.owner };
        buckets::canonical_id(account)
    }

    /// The list as JSON in base64.
    fn acl(&self, version: &Version) -> String {
        let own = || Acl::private(&self.owner(version));
        let acl = version.acl.clone().filter(|_| !self.enforced).unwrap_or_else(own);
        let grants = acl.to_api().into_iter().filter_map(|grant| {
            let (grantee, permission) = grant.grantee.zip(grant.permission)?;
            let permission = permission.as_str().to_owned();
            Some(match (grantee.id, grantee.uri) {
                (Some(id), _) => {
                    json!({"canonicalId": id, "type": "CanonicalUser", "permission": permission})
                }
                (None, uri) => json!({"uri": uri, "type": "Group", "permission": permission}),
            })
        });
        let grants: Vec<serde_json::Value> = grants.collect();
        let list = json!({"version": "2022-11-10", "status": "AVAILABLE", "grants": grants});
        BASE64_STANDARD.encode(list.to_string())
    }
}

fn encryption(sse: Option<&Sse>) -> &'static str {
    match sse {
        None => "NOT-SSE",
        Some(Sse::Own { .. }) => "SSE-S3",
        Some(Sse::Kms { dual: false, .. }) => "SSE-KMS",
        Some(Sse::Kms { dual: true, .. }) => "DSSE-KMS",
        Some(Sse::Customer { .. }) => "SSE-C",
    }
}

/// Always with milliseconds.
fn time(at_ms: i64) -> String {
    let whole = Timestamp::from_ms(at_ms - at_ms.rem_euclid(1000)).format(TimeFormat::Iso8601);
    let seconds = whole.trim_end_matches('Z').split('.').next().unwrap_or_default();
    format!("{seconds}.{:03}Z", at_ms.rem_euclid(1000))
}

fn quote(out: &mut String, value: &str) {
    out.push('"');
    for character in value.chars() {
        if character == '"' {
            out.push('"');
        }
        out.push(character);
    }
    out.push('"');
}
