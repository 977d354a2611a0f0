//! Replicas as DescribeTable shows them.

use api_dynamodb::{
    GlobalTableSettingsReplicationMode, MultiRegionConsistency, OnDemandThroughputOverride,
    ProvisionedThroughputOverride, ReplicaDescription, ReplicaStatus, TableClass,
    TableClassSummary, TableDescription,
};

use crate::table::{ReplicaRecord, TableRecord};

/// Says of what global table a table is part, if it is of one.
pub(crate) fn complete(description: &mut TableDescription, table: &TableRecord) {
    if table.replicas.is_empty() {
        return;
    }
    let mode = GlobalTableSettingsReplicationMode::EnabledWithOverrides;
    description.global_table_version = Some("2019.11.21".to_owned());
    description.global_table_settings_replication_mode = Some(mode);
    description.multi_region_consistency = table.strong.then_some(MultiRegionConsistency::Strong);
    description.replicas = Some(table.replicas.iter().map(replica).collect());
}

fn replica(replica: &ReplicaRecord) -> ReplicaDescription {
    let status = match replica.joining {
        true => ReplicaStatus::Creating,
        false => ReplicaStatus::Active,
    };
    ReplicaDescription {
        region_name: Some(replica.region.clone()),
        replica_status: Some(status),
        provisioned_throughput_override: replica
            .read_units
            .map(|units| ProvisionedThroughputOverride { read_capacity_units: Some(units) }),
        on_demand_throughput_override: replica
            .on_demand_reads_max
            .map(|units| OnDemandThroughputOverride { max_read_request_units: Some(units) }),
        replica_table_class_summary: replica.class.as_ref().map(|class| TableClassSummary {
            table_class: Some(TableClass::from(class.as_str())),
            ..TableClassSummary::default()
        }),
        global_table_settings_replication_mode: Some(
            GlobalTableSettingsReplicationMode::EnabledWithOverrides,
        ),
        ..ReplicaDescription::default()
    }
}
