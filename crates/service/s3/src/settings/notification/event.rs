//! The JSON of S3's event messages, version 2.1 (2.3 for those S3 sends with it).

use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use shape::TimeFormat;

use crate::replicate::Failure;

/// Something that happened to an object: all that a message says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Happening {
    /// `ObjectCreated:Put`.
    pub event: String,
    pub region: String,
    pub bucket: String,
    /// Canonical user id of the bucket's owner.
    pub owner: String,
    pub key: String,
    /// Absent for removals.
    pub size: Option<i64>,
    /// Without quotes; absent for removals.
    pub etag: Option<String>,
    /// Absent in buckets without versioning.
    pub version: Option<String>,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// STS's `UserId` of who did it, or a service's name.
    pub principal: String,
    pub source_ip: String,
    pub request_id: String,
    /// Of a restore that is done: until when its copy is there, milliseconds since 1970, and the
    /// class of the object.
    #[serde(default)]
    pub restored: Option<(i64, String)>,
    /// Of a copy for another bucket that could not be made.
    #[serde(default)]
    pub not_replicated: Option<Failure>,
    /// Grows with each change of the key.
    pub sequence: u64,
}

/// The message for one destination.
pub(crate) fn records(happening: &Happening, configuration: &str) -> Json {
    let h = happening;
    let mut object = json!({"key": form_encode(&h.key)});
    if let Some(size) = h.size {
        object["size"] = json!(size);
    }
    if let Some(etag) = &h.etag {
        object["eTag"] = json!(etag);
    }
    if let Some(version) = &h.version {
        object["versionId"] = json!(version);
    }
    object["sequencer"] = json!(format!("{:018X}", h.sequence));
    let mut record = json!({
        "eventVersion": version_of(&h.event),
        "eventSource": "aws:s3",
        "awsRegion": h.region,
        "eventTime": time(h.at_ms),
        "eventName": h.event,
        "userIdentity": {"principalId": format!("AWS:{}", h.principal)},
        "requestParameters": {"sourceIPAddress": h.source_ip},
        "responseElements": {
            "x-amz-request-id": h.request_id,
            "x-amz-id-2": h.request_id,
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": h.bucket,
                "ownerIdentity": {"principalId": h.owner},
                "arn": format!("arn:aws:s3:::{}", h.bucket),
            },
            "object": object,
        },
    });
    if let Some((until_ms, class)) = &h.restored {
        record["glacierEventData"] = json!({"restoreEventData": {
            "lifecycleRestorationExpiryTime": time(*until_ms),
            "lifecycleRestoreStorageClass": class,
        }});
    }
    if let Some(failure) = &h.not_replicated {
        record["replicationEventData"] = json!({
            "replicationRuleId": failure.rule,
            "destinationBucket": format!("arn:aws:s3:::{}", failure.to),
            "s3Operation": "OBJECT_PUT",
            "requestTime": time(failure.at_ms),
            "failureReason": failure.reason,
        });
    }
    json!({"Records": [record]})
}

/// What S3 sends to a queue or topic when it becomes a destination.
pub(crate) fn test_event(bucket: &str, now: Timestamp, request_id: &str) -> Json {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": time(now.epoch_ms),
        "Bucket": bucket,
        "RequestId": request_id,
        "HostId": request_id,
    })
}

fn version_of(event: &str) -> &'static str {
    if event.starts_with("Replication") {
        return "2.2";
    }
    let later = ["Lifecycle", "IntelligentTiering", "ObjectTagging", "ObjectAcl"];
    match later.iter().any(|start| event.starts_with(start)) {
        true => "2.3",
        false => "2.1",
    }
}

/// Always with milliseconds, as S3 writes it.
fn time(at_ms: i64) -> String {
    let at = Timestamp::from_ms(at_ms - at_ms.rem_euclid(1000)).format(TimeFormat::Iso8601);
    let seconds = at.trim_end_matches('Z').split('.').next().unwrap_or_default();
    format!("{seconds}.{:03}Z", at_ms.rem_euclid(1000))
}

/// Encodes a key as forms do: a space is `+`, slashes stay.
fn form_encode(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte) => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    let digit = char::from_digit(digit.into(), 16).unwrap_or('0');
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
    out
}
