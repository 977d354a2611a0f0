//! Events of objects on their way to the default event bus of the bucket's account, through the
//! outbox.

use api_events::{PutEventsRequest, PutEventsRequestEntry};
use api_s3::Error;
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level, Principal, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use shape::TimeFormat;
use store::{Event, WriteTx};

use crate::hooks::Happened;
use crate::records::{Bucket, Version};
use crate::settings::notification::Happening;

/// The topic of events that are to be put.
pub(crate) const TOPIC: &str = "s3.event-bridge";
/// Who S3 is, as requester of what it does by itself.
const S3: &str = "s3.amazonaws.com";

/// An event for the bus.
#[derive(Serialize, Deserialize)]
struct Told {
    account: String,
    region: String,
    bucket: String,
    at_ms: i64,
    detail_type: String,
    detail: Json,
}

/// Emits what happened, in the commit in which it happens. Of some things EventBridge is not told.
pub(crate) fn emit(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    what: Happened,
    happening: &Happening,
    version: &Version,
) -> Result<(), Error> {
    let Some(detail_type) = detail_type(what) else { return Ok(()) };
    let requester = match ctx.principal() {
        Principal::Service { .. } => S3,
        Principal::Anonymous => "anonymous",
        other => other.account(),
    };
    let class = version.storage_class.as_deref().unwrap_or("STANDARD");
    let told = Told {
        account: bucket.account.clone(),
        region: bucket.region.clone(),
        bucket: bucket.name.clone(),
        at_ms: happening.at_ms,
        detail_type: detail_type.to_owned(),
        detail: detail(what, happening, requester, class),
    };
    // What happens to one key is told in its order.
    tx.emit(TOPIC, &format!("{}/{}", bucket.name, happening.key), &told)?;
    Ok(())
}

fn detail_type(what: Happened) -> Option<&'static str> {
    Some(match what {
        Happened::CreatedPut | Happened::CreatedCopy | Happened::CreatedComplete => {
            "Object Created"
        }
        Happened::Removed | Happened::MarkerCreated => "Object Deleted",
        Happened::TaggingPut => "Object Tags Added",
        Happened::TaggingDelete => "Object Tags Deleted",
        Happened::AclPut => "Object ACL Updated",
        Happened::Transition => "Object Storage Class Changed",
        Happened::RestorePost => "Object Restore Initiated",
        Happened::RestoreCompleted => "Object Restore Completed",
        Happened::RestoreDeleted => "Object Restore Expired",
        // These go to queues, topics and functions only.
        Happened::RetentionPut | Happened::ReplicationFailed => return None,
    })
}

/// As AWS's guide lists the members ("EventBridge event message structure"). Keys are plain here.
fn detail(what: Happened, h: &Happening, requester: &str, class: &str) -> Json {
    let mut object = json!({"key": h.key});
    if let Some(size) = h.size {
        object["size"] = json!(size);
    }
    if let Some(etag) = &h.etag {
        object["etag"] = json!(etag);
    }
    if let Some(version) = &h.version {
        object["version-id"] = json!(version);
    }
    let has_order = matches!(detail_type(what), Some("Object Created" | "Object Deleted"));
    if has_order {
        object["sequencer"] = json!(format!("{:018X}", h.sequence));
    }
    let mut detail = json!({
        "version": "0",
        "bucket": {"name": h.bucket},
        "object": object,
        "request-id": h.request_id,
        "requester": requester,
    });
    // What S3 does by itself comes from nowhere.
    if requester != S3 {
        detail["source-ip-address"] = json!(h.source_ip);
    }
    let is_by_rule = h.event.starts_with("Lifecycle");
    match what {
        Happened::CreatedPut if h.event.ends_with(":Post") => {
            detail["reason"] = "POST Object".into()
        }
        Happened::CreatedPut => detail["reason"] = "PutObject".into(),
        Happened::CreatedCopy => detail["reason"] = "CopyObject".into(),
        Happened::CreatedComplete => detail["reason"] = "CompleteMultipartUpload".into(),
        Happened::Removed | Happened::MarkerCreated => {
            let reason = if is_by_rule { "Lifecycle Expiration" } else { "DeleteObject" };
            detail["reason"] = reason.into();
            detail["deletion-type"] = match what {
                Happened::Removed => "Permanently Deleted",
                _ => "Delete Marker Created",
            }
            .into();
        }
        Happened::Transition => detail["destination-storage-class"] = class.into(),
        Happened::RestorePost => detail["source-storage-class"] = class.into(),
        Happened::RestoreCompleted => {
            detail["source-storage-class"] = class.into();
            if let Some((until_ms, _)) = &h.restored {
                let until = Timestamp::from_ms(until_ms - until_ms.rem_euclid(1000));
                detail["restore-expiry-time"] = until.format(TimeFormat::Iso8601).into();
            }
        }
        _ => {}
    }
    detail
}

/// Puts events from the outbox.
pub(crate) struct Teller;

impl EventHandler for Teller {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let told: Told = event.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx(S3, &told.account, &told.region);
            let entry = PutEventsRequestEntry {
                time: Some(Timestamp::from_ms(told.at_ms)),
                source: Some("aws.s3".into()),
                resources: Some(vec![format!("arn:aws:s3:::{}", told.bucket)]),
                detail_type: Some(told.detail_type),
                detail: Some(told.detail.to_string()),
                ..Default::default()
            };
            let input = PutEventsRequest { entries: vec![entry], ..Default::default() };
            let answer = match ctx.client::<api_events::Client>().put_events(input).await {
                Ok(answer) => answer,
                Err(fault) if fault.status >= 500 && fault.status != 501 => return Err(fault),
                Err(fault) => {
                    let bucket = &told.bucket;
                    kernel.log(Level::Warn, format_args!("s3: event of {bucket}: {fault}"));
                    return Ok(());
                }
            };
            for refused in answer.entries.unwrap_or_default() {
                if let Some(why) = refused.error_message {
                    let bucket = &told.bucket;
                    kernel.log(Level::Warn, format_args!("s3: event of {bucket}: {why}"));
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_have_s3s_form() {
        let happening = |event: &str| Happening {
            event: event.into(),
            region: "eu-west-1".into(),
            bucket: "b".into(),
            owner: "o".into(),
            key: "a b".into(),
            size: Some(3),
            etag: Some("e".into()),
            version: Some("v".into()),
            at_ms: 0,
            principal: "AIDA".into(),
            source_ip: "127.0.0.1".into(),
            request_id: "r".into(),
            restored: Some((1_700_000_000_007, "GLACIER".into())),
            not_replicated: None,
            sequence: 0xAB,
        };
        let check = |what, event: &str, requester: &str, expected: Json| {
            assert_eq!(detail(what, &happening(event), requester, "GLACIER"), expected, "{event}");
        };
        let full = json!({
            "key": "a b", "size": 3, "etag": "e", "version-id": "v",
            "sequencer": "0000000000000000AB",
        });
        let short = json!({"key": "a b", "size": 3, "etag": "e", "version-id": "v"});
        check(
            Happened::CreatedPut,
            "ObjectCreated:Put",
            "1",
            json!({
                "version": "0", "bucket": {"name": "b"}, "object": full, "request-id": "r",
                "requester": "1", "source-ip-address": "127.0.0.1", "reason": "PutObject",
            }),
        );
        check(
            Happened::MarkerCreated,
            "LifecycleExpiration:DeleteMarkerCreated",
            S3,
            json!({
                "version": "0", "bucket": {"name": "b"}, "object": full, "request-id": "r",
                "requester": S3, "reason": "Lifecycle Expiration",
                "deletion-type": "Delete Marker Created",
            }),
        );
        check(
            Happened::RestoreCompleted,
            "ObjectRestore:Completed",
            S3,
            json!({
                "version": "0", "bucket": {"name": "b"}, "object": short, "request-id": "r",
                "requester": S3, "source-storage-class": "GLACIER",
                "restore-expiry-time": "2023-11-14T22:13:20Z",
            }),
        );
        check(
            Happened::TaggingPut,
            "ObjectTagging:Put",
            "1",
            json!({
                "version": "0", "bucket": {"name": "b"}, "object": short, "request-id": "r",
                "requester": "1", "source-ip-address": "127.0.0.1",
            }),
        );
    }
}
