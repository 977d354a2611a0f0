//! Imports as the API describes them.

use api_dynamodb::{
    BillingMode, CsvOptions, GlobalSecondaryIndex, ImportStatus, ImportSummary,
    ImportTableDescription, InputCompressionType, InputFormat, InputFormatOptions,
    ProvisionedThroughput, S3BucketSource, TableCreationParameters,
};
use kernel::Timestamp;

use super::{Compression, Format, GROUP, ImportRecord, State};
use crate::describe::{definitions, key_schema, on_demand, projection};
use crate::index::IndexRecord;
use crate::table::Throughput;
use crate::transfer::TransferId;

/// As DescribeImport says it.
pub(crate) fn description(id: &TransferId, import: &ImportRecord) -> ImportTableDescription {
    let failure = match &import.state {
        State::Failed { failure, .. } => Some(failure),
        _ => None,
    };
    ImportTableDescription {
        import_arn: Some(id.arn()),
        import_status: Some(status(import)),
        table_arn: Some(id.table_arn()),
        table_id: Some(import.table.id.clone()),
        client_token: import.token.clone(),
        s3_bucket_source: Some(source(import)),
        error_count: Some(import.errors as i64),
        cloud_watch_log_group_arn: Some(log_group(id)),
        input_format: Some(format(import)),
        input_format_options: match &import.format {
            Format::Csv { delimiter, header } if delimiter.is_some() || header.is_some() => {
                let csv = CsvOptions { delimiter: delimiter.clone(), header_list: header.clone() };
                Some(InputFormatOptions { csv: Some(csv) })
            }
            _ => None,
        },
        input_compression_type: Some(match import.compression {
            Compression::None => InputCompressionType::None,
            Compression::Gzip => InputCompressionType::Gzip,
        }),
        table_creation_parameters: Some(parameters(id, import)),
        start_time: Some(Timestamp::from_ms(import.started_ms)),
        end_time: ended_ms(import).map(Timestamp::from_ms),
        processed_size_bytes: Some(import.bytes as i64),
        processed_item_count: Some(import.processed as i64),
        imported_item_count: Some(import.imported as i64),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
    }
}

/// As ListImports says it.
pub(crate) fn summary(id: &TransferId, import: &ImportRecord) -> ImportSummary {
    ImportSummary {
        import_arn: Some(id.arn()),
        import_status: Some(status(import)),
        table_arn: Some(id.table_arn()),
        s3_bucket_source: Some(source(import)),
        cloud_watch_log_group_arn: Some(log_group(id)),
        input_format: Some(format(import)),
        start_time: Some(Timestamp::from_ms(import.started_ms)),
        end_time: ended_ms(import).map(Timestamp::from_ms),
    }
}

fn status(import: &ImportRecord) -> ImportStatus {
    match import.state {
        State::InProgress => ImportStatus::InProgress,
        State::Completed { .. } => ImportStatus::Completed,
        State::Failed { .. } => ImportStatus::Failed,
    }
}

fn ended_ms(import: &ImportRecord) -> Option<i64> {
    match import.state {
        State::InProgress => None,
        State::Completed { at_ms } | State::Failed { at_ms, .. } => Some(at_ms),
    }
}

fn source(import: &ImportRecord) -> S3BucketSource {
    S3BucketSource {
        s3_bucket_owner: import.bucket.owner.clone(),
        s3_bucket: import.bucket.name.clone(),
        s3_key_prefix: import.prefix.clone(),
    }
}

fn log_group(id: &TransferId) -> String {
    format!("arn:aws:logs:{}:{}:log-group:{GROUP}:*", id.region, id.account)
}

fn format(import: &ImportRecord) -> InputFormat {
    match import.format {
        Format::Json => InputFormat::DynamodbJson,
        Format::Csv { .. } => InputFormat::Csv,
    }
}

fn parameters(id: &TransferId, import: &ImportRecord) -> TableCreationParameters {
    let table = &import.table;
    let per_request = table.per_request_since_ms.is_some();
    let units = |throughput: &Throughput| {
        (!per_request).then_some(ProvisionedThroughput {
            read_capacity_units: throughput.read_units,
            write_capacity_units: throughput.write_units,
        })
    };
    let index = |index: &IndexRecord| GlobalSecondaryIndex {
        index_name: index.name.clone(),
        key_schema: key_schema(&index.partition, &index.sort),
        projection: projection(&index.projection),
        provisioned_throughput: units(&index.throughput),
        on_demand_throughput: on_demand(&index.on_demand),
        ..GlobalSecondaryIndex::default()
    };
    let indexes: Vec<_> = table.indexes.iter().map(index).collect();
    TableCreationParameters {
        table_name: id.table_name.clone(),
        attribute_definitions: definitions(table),
        key_schema: key_schema(std::slice::from_ref(&table.partition_key), &table.sort_key),
        billing_mode: Some(match per_request {
            true => BillingMode::PayPerRequest,
            false => BillingMode::Provisioned,
        }),
        provisioned_throughput: units(&table.throughput),
        on_demand_throughput: on_demand(&table.on_demand),
        global_secondary_indexes: Some(indexes).filter(|indexes| !indexes.is_empty()),
        ..TableCreationParameters::default()
    }
}
