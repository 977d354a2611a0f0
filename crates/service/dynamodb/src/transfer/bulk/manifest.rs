//! The manifests of a bulk operation's reports.

use kernel::Timestamp;
use serde_json::json;

use super::{BulkRecord, Ending, describe};
use crate::transfer::TransferId;
use crate::transfer::files::File;

/// `manifest-files.json`: a line for each file.
pub(super) fn files(files: &[File]) -> String {
    let line = |file: &File| {
        let File { key, items, md5, etag } = file;
        let line = json!({
            "outputType": key.rsplit('/').nth(1),
            "itemCount": items,
            "md5Checksum": md5,
            "etag": etag,
            "dataFileS3Key": key,
        });
        format!("{line}\n")
    };
    files.iter().map(line).collect()
}

/// `manifest-summary.json`.
pub(super) fn summary(id: &TransferId, bulk: &BulkRecord, ended_ms: i64) -> String {
    let time = |ms| Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%S%.3fZ");
    let outcome = bulk.outcome();
    let failure = match &outcome {
        Ending::Failed(failure) => Some(failure),
        _ => None,
    };
    json!({
        "version": "2023-08-01",
        "bulkOperationArn": id.arn(),
        "bulkOperationStatus": describe::outcome(&outcome, bulk.failed).as_str(),
        "startTime": time(bulk.started_ms),
        "endTime": time(ended_ms),
        "tableArn": id.table_arn(),
        "tableId": bulk.table_id,
        "inputS3Bucket": bulk.input.name,
        "inputS3KeyPrefix": bulk.input_prefix,
        "inputFormat": "DYNAMODB_JSON",
        "s3Bucket": bulk.output.name,
        "s3Prefix": bulk.output_prefix,
        "s3SseAlgorithm": bulk.encryption.algorithm,
        "s3SseKmsKeyId": bulk.encryption.kms_key,
        "manifestFilesS3Key": format!("{}/manifest-files.json", bulk.folder(&id.id)),
        "processedItemCount": bulk.processed,
        "failedItemCount": bulk.failed,
        "conditionCheckFailureCount": bulk.conditions.lines,
        "failureCode": failure.map(|failure| &failure.code),
        "failureMessage": failure.map(|failure| &failure.message),
    })
    .to_string()
}
