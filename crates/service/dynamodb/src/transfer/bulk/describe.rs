//! Bulk operations as the API describes them.

use std::collections::BTreeMap;

use api_dynamodb::{
    BulkOperationBytes, BulkOperationDescription, BulkOperationInputFormat,
    BulkOperationPerformanceTier, BulkOperationStatus, BulkOperationSummary,
    BulkOperationTableDetail, BulkOperationUsage, BulkOperationVectorBytes, InputCompressionType,
    InputS3Configuration, OutputS3Configuration, OutputTypeEnum, S3SseAlgorithm,
};
use kernel::Timestamp;

use super::{BulkRecord, Ending, State};
use crate::transfer::TransferId;
use crate::transfer::import::Compression;

/// As DescribeBulkOperation says it.
pub(crate) fn description(id: &TransferId, bulk: &BulkRecord) -> BulkOperationDescription {
    let failure = match (&bulk.state, &bulk.ending) {
        (State::Ended { .. }, Some(Ending::Failed(failure))) => {
            Some((failure.code.clone(), failure.message.clone()))
        }
        (State::Ended { .. }, Some(Ending::Cancelled)) => {
            let message = "The operation was cancelled by CancelBulkOperation";
            Some(("Cancelled".to_owned(), message.to_owned()))
        }
        _ => None,
    };
    let (failure_code, failure_message) = failure.unzip();
    let detail = BulkOperationTableDetail {
        table_name: Some(bulk.table_name.clone()),
        table_id: Some(bulk.table_id.clone()),
    };
    BulkOperationDescription {
        bulk_operation_arn: Some(id.arn()),
        bulk_operation_status: Some(status(bulk)),
        table_details: Some(vec![detail]),
        client_token: bulk.token.clone(),
        input_s3_configuration: Some(input(bulk)),
        output_s3_configuration: Some(output(bulk)),
        start_time: Some(Timestamp::from_ms(bulk.started_ms)),
        end_time: ended_ms(bulk).map(Timestamp::from_ms),
        processed_item_count: Some(bulk.processed as i64),
        processed_input_bytes: Some((bulk.bytes_before + bulk.bytes_of_object) as i64),
        total_input_bytes: bulk.is_listed.then_some(bulk.total_bytes as i64),
        bulk_operation_usage: Some(vec![usage(bulk)]),
        failed_item_count: Some(bulk.failed as i64),
        failure_code,
        failure_message,
        max_write_request_units: bulk.units_max,
        performance_tier: Some(match bulk.is_accelerated {
            true => BulkOperationPerformanceTier::Accelerated,
            false => BulkOperationPerformanceTier::Standard,
        }),
    }
}

/// As ListBulkOperations says it.
pub(crate) fn summary(id: &TransferId, bulk: &BulkRecord) -> BulkOperationSummary {
    BulkOperationSummary {
        bulk_operation_arn: id.arn(),
        bulk_operation_status: status(bulk),
        start_time: Timestamp::from_ms(bulk.started_ms),
        end_time: ended_ms(bulk).map(Timestamp::from_ms),
    }
}

/// BulkOperationStatus.
pub(crate) fn status(bulk: &BulkRecord) -> BulkOperationStatus {
    match bulk.state {
        State::InProgress => BulkOperationStatus::InProgress,
        State::Cancelling => BulkOperationStatus::Cancelling,
        State::Ended { .. } => outcome(&bulk.outcome(), bulk.failed),
    }
}

/// The same of one that ends so, with so many records that are no items.
pub(super) fn outcome(ending: &Ending, failed: u64) -> BulkOperationStatus {
    match ending {
        Ending::Completed if failed == 0 => BulkOperationStatus::Completed,
        Ending::Completed => BulkOperationStatus::CompletedWithErrors,
        Ending::Cancelled => BulkOperationStatus::Cancelled,
        Ending::Failed(_) => BulkOperationStatus::Failed,
    }
}

fn ended_ms(bulk: &BulkRecord) -> Option<i64> {
    match bulk.state {
        State::Ended { at_ms } => Some(at_ms),
        State::InProgress | State::Cancelling => None,
    }
}

fn input(bulk: &BulkRecord) -> InputS3Configuration {
    InputS3Configuration {
        s3_bucket_owner: bulk.input.owner.clone(),
        s3_bucket: bulk.input.name.clone(),
        s3_key_prefix: bulk.input_prefix.clone(),
        input_format: BulkOperationInputFormat::DynamodbJson,
        input_compression_type: Some(match bulk.compression {
            Compression::None => InputCompressionType::None,
            Compression::Gzip => InputCompressionType::Gzip,
        }),
    }
}

fn output(bulk: &BulkRecord) -> OutputS3Configuration {
    let algorithm = |name: &str| match name {
        "KMS" => S3SseAlgorithm::Kms,
        _ => S3SseAlgorithm::Aes256,
    };
    let kinds = [
        (bulk.errors.is_wanted, OutputTypeEnum::Error),
        (bulk.conditions.is_wanted, OutputTypeEnum::ConditionCheckFailure),
    ];
    OutputS3Configuration {
        s3_bucket_owner: bulk.output.owner.clone(),
        s3_bucket: Some(bulk.output.name.clone()),
        s3_key_prefix: bulk.output_prefix.clone(),
        s3_sse_algorithm: bulk.encryption.algorithm.as_deref().map(algorithm),
        s3_sse_kms_key_id: bulk.encryption.kms_key.clone(),
        output_type: kinds.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect(),
    }
}

fn usage(bulk: &BulkRecord) -> BulkOperationUsage {
    let bytes = |sum: u64| BulkOperationBytes { bulk_put_bytes: Some(sum as i64) };
    let sums = |sums: &BTreeMap<String, u64>| {
        let sums: BTreeMap<_, _> =
            sums.iter().map(|(name, sum)| (name.clone(), bytes(*sum))).collect();
        Some(sums).filter(|sums| !sums.is_empty())
    };
    let vector = |(name, sum): (&String, &u64)| {
        (name.clone(), BulkOperationVectorBytes { bulk_put_vector_bytes: Some(*sum as i64) })
    };
    let vectors: BTreeMap<_, _> = bulk.usage.vectors.iter().map(vector).collect();
    let of_indexes = bulk.usage.local.values().chain(bulk.usage.global.values());
    BulkOperationUsage {
        table_name: Some(bulk.table_name.clone()),
        bulk_put_bytes: Some((bulk.usage.table + of_indexes.sum::<u64>()) as i64),
        table: Some(bytes(bulk.usage.table)),
        local_secondary_indexes: sums(&bulk.usage.local),
        global_secondary_indexes: sums(&bulk.usage.global),
        vector_indexes: Some(vectors).filter(|vectors| !vectors.is_empty()),
    }
}
