//! Exports as the API describes them.

use api_dynamodb::{
    ExportDescription, ExportFormat, ExportStatus, ExportSummary, ExportType, ExportViewType,
    IncrementalExportSpecification, S3SseAlgorithm,
};
use kernel::Timestamp;

use super::{ExportRecord, Span, State, View};
use crate::transfer::TransferId;

/// As DescribeExport says it.
pub(crate) fn description(id: &TransferId, export: &ExportRecord) -> ExportDescription {
    let (ended_ms, failure) = match &export.state {
        State::InProgress => (None, None),
        State::Completed { at_ms } => (Some(*at_ms), None),
        State::Failed { at_ms, failure } => (Some(*at_ms), Some(failure)),
    };
    let is_done = matches!(export.state, State::Completed { .. });
    let (export_time, incremental) = match export.span {
        Span::Full { at_ms } => (Some(Timestamp::from_ms(at_ms)), None),
        Span::Changes { from_ms, to_ms, view } => {
            let specification = IncrementalExportSpecification {
                export_from_time: Some(Timestamp::from_ms(from_ms)),
                export_to_time: Some(Timestamp::from_ms(to_ms)),
                export_view_type: Some(match view {
                    View::New => ExportViewType::NewImage,
                    View::NewAndOld => ExportViewType::NewAndOldImages,
                }),
            };
            (None, Some(specification))
        }
    };
    ExportDescription {
        export_arn: Some(id.arn()),
        export_status: Some(status(export)),
        start_time: Some(Timestamp::from_ms(export.started_ms)),
        end_time: ended_ms.map(Timestamp::from_ms),
        export_manifest: is_done
            .then(|| format!("{}/manifest-summary.json", export.folder(&id.id))),
        table_arn: Some(id.table_arn()),
        table_id: Some(export.table_id.clone()),
        export_time,
        client_token: export.token.clone(),
        s3_bucket: Some(export.bucket.name.clone()),
        s3_bucket_owner: export.bucket.owner.clone(),
        s3_prefix: export.prefix.clone(),
        s3_sse_algorithm: export.encryption.algorithm.as_deref().map(S3SseAlgorithm::from),
        s3_sse_kms_key_id: export.encryption.kms_key.clone(),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        export_format: Some(ExportFormat::DynamodbJson),
        billed_size_bytes: is_done.then_some(export.bytes as i64),
        item_count: is_done.then_some(export.items as i64),
        export_type: export.names_kind.then(|| kind(export)),
        incremental_export_specification: incremental,
        filter_specification: None,
    }
}

/// As ListExports says it.
pub(crate) fn summary(id: &TransferId, export: &ExportRecord) -> ExportSummary {
    ExportSummary {
        export_arn: Some(id.arn()),
        export_status: Some(status(export)),
        export_type: Some(kind(export)),
    }
}

fn status(export: &ExportRecord) -> ExportStatus {
    match export.state {
        State::InProgress => ExportStatus::InProgress,
        State::Completed { .. } => ExportStatus::Completed,
        State::Failed { .. } => ExportStatus::Failed,
    }
}

fn kind(export: &ExportRecord) -> ExportType {
    match export.span {
        Span::Full { .. } => ExportType::FullExport,
        Span::Changes { .. } => ExportType::IncrementalExport,
    }
}
