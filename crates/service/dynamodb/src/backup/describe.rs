//! Backups as the API describes them.

use api_dynamodb::{
    BackupDescription, BackupDetails, BackupStatus, BackupSummary, BackupType, BillingMode,
    GlobalSecondaryIndexInfo, LocalSecondaryIndexInfo, ProvisionedThroughput, SourceTableDetails,
    SourceTableFeatureDetails, StreamSpecification, StreamViewType, TimeToLiveDescription,
    TimeToLiveStatus,
};
use kernel::Timestamp;

use super::{BackupId, BackupKind, BackupRecord, BackupState};
use crate::describe::{key_schema, on_demand, projection};
use crate::index::{IndexKind, IndexRecord, IndexState};
use crate::sse;
use crate::table::{StreamView, TableRecord, Throughput};

/// As DescribeBackup says it; the ARN is that of the request.
pub(crate) fn description(
    id: &BackupId,
    arn: &str,
    backup: &BackupRecord,
    deleted: bool,
) -> BackupDescription {
    let status = if deleted { BackupStatus::Deleted } else { status(backup) };
    BackupDescription {
        backup_details: Some(details(arn, backup, status)),
        source_table_details: Some(source(id, backup)),
        source_table_feature_details: Some(features(backup)),
    }
}

/// A backup's state, as in the API.
pub(crate) fn status(backup: &BackupRecord) -> BackupStatus {
    match backup.state {
        BackupState::Creating => BackupStatus::Creating,
        BackupState::Available => BackupStatus::Available,
    }
}

fn kind(backup: &BackupRecord) -> BackupType {
    match backup.kind {
        BackupKind::User => BackupType::User,
        BackupKind::System => BackupType::System,
    }
}

/// What a backup is, without the table.
pub(crate) fn details(arn: &str, backup: &BackupRecord, status: BackupStatus) -> BackupDetails {
    BackupDetails {
        backup_arn: arn.to_owned(),
        backup_name: backup.name.clone(),
        backup_size_bytes: Some(backup.bytes as i64),
        backup_status: status,
        backup_type: kind(backup),
        backup_creation_date_time: Timestamp::from_ms(backup.created_ms),
        backup_expiry_date_time: backup.expires_ms.map(Timestamp::from_ms),
    }
}

/// As ListBackups says it.
pub(crate) fn summary(id: &BackupId, backup: &BackupRecord) -> BackupSummary {
    BackupSummary {
        table_name: Some(backup.table_name.clone()),
        table_id: Some(backup.table.id.clone()),
        table_arn: Some(table_arn(id)),
        backup_arn: Some(id.arn()),
        backup_name: Some(backup.name.clone()),
        backup_creation_date_time: Some(Timestamp::from_ms(backup.created_ms)),
        backup_expiry_date_time: backup.expires_ms.map(Timestamp::from_ms),
        backup_status: Some(status(backup)),
        backup_type: Some(kind(backup)),
        backup_size_bytes: Some(backup.bytes as i64),
    }
}

/// The ARN of the table a backup is of.
pub(crate) fn table_arn(id: &BackupId) -> String {
    let BackupId { account, region, table_name, .. } = id;
    format!("arn:aws:dynamodb:{region}:{account}:table/{table_name}")
}

fn source(id: &BackupId, backup: &BackupRecord) -> SourceTableDetails {
    let table = &backup.table;
    let per_request = table.per_request_since_ms.is_some();
    SourceTableDetails {
        table_name: backup.table_name.clone(),
        table_id: table.id.clone(),
        table_arn: Some(table_arn(id)),
        table_size_bytes: Some(backup.bytes as i64),
        key_schema: key_schema(std::slice::from_ref(&table.partition_key), &table.sort_key),
        table_creation_date_time: Timestamp::from_ms(table.created_ms),
        provisioned_throughput: throughput(&table.throughput),
        on_demand_throughput: on_demand(&table.on_demand),
        item_count: Some(backup.items as i64),
        billing_mode: Some(match per_request {
            true => BillingMode::PayPerRequest,
            false => BillingMode::Provisioned,
        }),
    }
}

/// Only what is there; a backup of the system says nothing of it.
fn features(backup: &BackupRecord) -> SourceTableFeatureDetails {
    let table = &backup.table;
    if backup.kind == BackupKind::System {
        return SourceTableFeatureDetails::default();
    }
    let ttl = table.ttl.as_ref();
    SourceTableFeatureDetails {
        local_secondary_indexes: indexes(table, IndexKind::Local, |index| {
            LocalSecondaryIndexInfo {
                index_name: Some(index.name.clone()),
                key_schema: Some(key_schema(&index.partition, &index.sort)),
                projection: Some(projection(&index.projection)),
            }
        }),
        global_secondary_indexes: indexes(table, IndexKind::Global, |index| {
            GlobalSecondaryIndexInfo {
                index_name: Some(index.name.clone()),
                key_schema: Some(key_schema(&index.partition, &index.sort)),
                projection: Some(projection(&index.projection)),
                provisioned_throughput: Some(throughput(&index.throughput)),
                on_demand_throughput: on_demand(&index.on_demand),
            }
        }),
        stream_description: table.stream.as_ref().map(|stream| StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(match stream.view {
                StreamView::KeysOnly => StreamViewType::KeysOnly,
                StreamView::NewImage => StreamViewType::NewImage,
                StreamView::OldImage => StreamViewType::OldImage,
                StreamView::NewAndOldImages => StreamViewType::NewAndOldImages,
            }),
        }),
        time_to_live_description: ttl.map(|ttl| TimeToLiveDescription {
            time_to_live_status: Some(TimeToLiveStatus::Enabled),
            attribute_name: Some(ttl.attribute.clone()),
        }),
        sse_description: sse::describe(table),
        vector_indexes: None,
    }
}

fn indexes<T>(
    table: &TableRecord,
    kind: IndexKind,
    info: impl Fn(&IndexRecord) -> T,
) -> Option<Vec<T>> {
    let lives = |index: &&IndexRecord| index.kind == kind && index.state != IndexState::Deleting;
    let infos: Vec<T> = table.indexes.iter().filter(lives).map(info).collect();
    (!infos.is_empty()).then_some(infos)
}

fn throughput(throughput: &Throughput) -> ProvisionedThroughput {
    ProvisionedThroughput {
        read_capacity_units: throughput.read_units,
        write_capacity_units: throughput.write_units,
    }
}
