//! ReplicaUpdates of UpdateTable, as a request has them.

use api_dynamodb::{
    Error, MultiRegionConsistency, OnDemandThroughputOverride, ProvisionedThroughputOverride,
    ReplicationGroupUpdate, TableClass, UpdateTableInput,
};
use kernel::Ctx;

use crate::fault;
use crate::invalid::Invalid;
use crate::regions::{self, REGIONS};

/// What a replica is to have other than the table it is made from.
#[derive(Clone, Default)]
pub(crate) struct Overrides {
    pub read_units: Option<i64>,
    pub on_demand_reads_max: Option<i64>,
    pub class: Option<TableClass>,
}

/// What is to be done; in each region once.
pub(crate) enum Actions {
    Create(Vec<(String, Overrides)>),
    Update(Vec<(String, Overrides)>),
    Delete(Vec<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Create,
    Update,
    Delete,
}

impl Actions {
    /// Reads a request that has ReplicaUpdates.
    ///
    /// # Errors
    /// In DynamoDB's words, but for what is not served.
    pub fn read(ctx: &Ctx, input: &UpdateTableInput) -> Result<Actions, Error> {
        refuse(input)?;
        check_alone(input)?;
        let mut kind = None;
        let mut found: Vec<(String, Overrides)> = Vec::new();
        for update in input.replica_updates.iter().flatten() {
            let (own, region, overrides) = action(update)?;
            if kind.is_some_and(|kind| kind != own) {
                return Err(mixed().into());
            }
            kind = Some(own);
            check_region(ctx, &region)?;
            if !found.iter().any(|(known, _)| *known == region) {
                found.push((region, overrides));
            }
        }
        let Some(kind) = kind else { return Err(nothing().into()) };
        let strong = input.multi_region_consistency == Some(MultiRegionConsistency::Strong);
        if strong && kind != Kind::Create {
            return Err(Invalid::new(
                "Only Replica Create actions are supported when MultiRegionConsistency parameter \
                 is provided.",
            )
            .into());
        }
        if strong && found.len() != 2 {
            return Err(Invalid::new(
                "Unsupported replica count for global tables with MultiRegionConsistency set to \
                 STRONG.",
            )
            .into());
        }
        Ok(match kind {
            Kind::Create => Actions::Create(found),
            Kind::Update => Actions::Update(found),
            Kind::Delete => Actions::Delete(found.into_iter().map(|(region, _)| region).collect()),
        })
    }
}

fn refuse(input: &UpdateTableInput) -> Result<(), Error> {
    let updates = || input.replica_updates.iter().flatten();
    let creates = || updates().filter_map(|update| update.create.as_ref());
    let changes = || updates().filter_map(|update| update.update.as_ref());
    let refused = [
        ("GlobalTableWitnessUpdates", input.global_table_witness_updates.is_some()),
        (
            "GlobalTableSettingsReplicationMode",
            input.global_table_settings_replication_mode.is_some(),
        ),
        ("ReplicaUpdates.Disassociate", updates().any(|update| update.disassociate.is_some())),
        (
            "ReplicaUpdates.KMSMasterKeyId",
            creates().any(|create| create.kms_master_key_id.is_some())
                || changes().any(|change| change.kms_master_key_id.is_some()),
        ),
        (
            "ReplicaUpdates.GlobalSecondaryIndexes",
            creates().any(|create| create.global_secondary_indexes.is_some())
                || changes().any(|change| change.global_secondary_indexes.is_some()),
        ),
    ];
    Ok(fault::refuse("UpdateTable", &refused)?)
}

fn check_alone(input: &UpdateTableInput) -> Result<(), Invalid> {
    let more = input.billing_mode.is_some()
        || input.provisioned_throughput.is_some()
        || input.global_secondary_index_updates.is_some()
        || input.stream_specification.is_some()
        || input.sse_specification.is_some()
        || input.table_class.is_some()
        || input.deletion_protection_enabled.is_some()
        || input.on_demand_throughput.is_some()
        || input.warm_throughput.is_some()
        || input.vector_index_updates.is_some();
    if more {
        return Err(Invalid::new(
            "One or more parameter values were invalid: \
             Replica modification must be the only operation in the request",
        ));
    }
    Ok(())
}

fn mixed() -> Invalid {
    Invalid::new("Update table operation with more than one type of replica actions not allowed.")
}

fn nothing() -> Invalid {
    Invalid::new("There are no actions specified in the Replica Update Action of the request.")
}

fn action(update: &ReplicationGroupUpdate) -> Result<(Kind, String, Overrides), Invalid> {
    let ReplicationGroupUpdate { create, update: change, delete, .. } = update;
    match (create, change, delete) {
        (Some(create), None, None) => {
            let overrides = overrides(
                create.provisioned_throughput_override.as_ref(),
                create.on_demand_throughput_override.as_ref(),
                create.table_class_override.clone(),
            );
            Ok((Kind::Create, create.region_name.clone(), overrides))
        }
        (None, Some(change), None) => {
            let overrides = overrides(
                change.provisioned_throughput_override.as_ref(),
                change.on_demand_throughput_override.as_ref(),
                change.table_class_override.clone(),
            );
            let Overrides { read_units, on_demand_reads_max, class } = &overrides;
            if read_units.is_none() && on_demand_reads_max.is_none() && class.is_none() {
                return Err(nothing());
            }
            Ok((Kind::Update, change.region_name.clone(), overrides))
        }
        (None, None, Some(delete)) => {
            Ok((Kind::Delete, delete.region_name.clone(), Overrides::default()))
        }
        (None, None, None) => Err(nothing()),
        _ => Err(mixed()),
    }
}

fn overrides(
    provisioned: Option<&ProvisionedThroughputOverride>,
    on_demand: Option<&OnDemandThroughputOverride>,
    class: Option<TableClass>,
) -> Overrides {
    Overrides {
        read_units: provisioned.and_then(|given| given.read_capacity_units),
        on_demand_reads_max: on_demand.and_then(|given| given.max_read_request_units),
        class,
    }
}

fn check_region(ctx: &Ctx, region: &str) -> Result<(), Invalid> {
    if region == ctx.region() {
        return Err(Invalid::new(
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use \
             CreateTable, DeleteTable, or UpdateTable as required.",
        ));
    }
    if !regions::is_known(region) {
        return Err(Invalid(format!(
            "Region {region} is not supported. The latest version of global tables are only \
             supported in the following regions: [{}]",
            REGIONS.join(", ")
        )));
    }
    Ok(())
}
