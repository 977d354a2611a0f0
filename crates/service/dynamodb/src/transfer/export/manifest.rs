//! The manifests of an export.

use kernel::Timestamp;
use serde_json::{Value, json};

use super::{ExportRecord, Span, View};
use crate::transfer::TransferId;
use crate::transfer::files::File;

/// `manifest-files.json`: a line for each file.
pub(super) fn files(files: &[File]) -> String {
    let line = |file: &File| {
        let File { key, items, md5, etag } = file;
        let line = json!({
            "itemCount": items, "md5Checksum": md5, "etag": etag, "dataFileS3Key": key,
        });
        format!("{line}\n")
    };
    files.iter().map(line).collect()
}

/// `manifest-summary.json`.
pub(super) fn summary(id: &TransferId, export: &ExportRecord, ended_ms: i64) -> String {
    let time = |ms| Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%S%.3fZ");
    let mut summary = json!({
        "version": "2023-08-01",
        "exportArn": id.arn(),
        "startTime": time(export.started_ms),
        "endTime": time(ended_ms),
        "tableArn": id.table_arn(),
        "tableId": export.table_id,
        "s3Bucket": export.bucket.name,
        "s3Prefix": export.prefix,
        "s3SseAlgorithm": export.encryption.algorithm,
        "s3SseKmsKeyId": export.encryption.kms_key,
        "manifestFilesS3Key": format!("{}/manifest-files.json", export.folder(&id.id)),
        "billedSizeBytes": export.bytes,
        "itemCount": export.items,
        "outputFormat": "DYNAMODB_JSON",
    });
    let more: Vec<(&str, Value)> = match export.span {
        Span::Full { at_ms } => {
            vec![("exportTime", json!(time(at_ms))), ("exportType", json!("FULL_EXPORT"))]
        }
        Span::Changes { from_ms, to_ms, view } => {
            let view = match view {
                View::New => "NEW_IMAGE",
                View::NewAndOld => "NEW_AND_OLD_IMAGES",
            };
            vec![
                ("exportFromTime", json!(time(from_ms))),
                ("exportToTime", json!(time(to_ms))),
                ("outputView", json!(view)),
                ("exportType", json!("INCREMENTAL_EXPORT")),
            ]
        }
    };
    if let Some(summary) = summary.as_object_mut() {
        summary.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    summary.to_string()
}
