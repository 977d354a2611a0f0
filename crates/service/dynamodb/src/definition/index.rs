//! Definitions of secondary indexes.

use api_dynamodb::{
    CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex, KeySchemaElement, LocalSecondaryIndex,
    OnDemandThroughput, Projection, ProjectionType, ProvisionedThroughput, WarmThroughput,
};

use super::schema::{Definitions, IndexKeys, duplicate};
use super::{Owner, throughput};
use crate::index::{IndexKind, IndexProjection, IndexRecord, IndexState};
use crate::invalid::Invalid;
use crate::table::{KeyAttribute, OnDemandRecord, Throughput};

/// Local indexes a table may have.
const LOCAL_MAX: usize = 5;
/// Global indexes a table may have.
pub(crate) const GLOBAL_MAX: usize = 20;
/// NonKeyAttributes that all indexes of a table may have together.
const PROJECTED_MAX: usize = 100;

/// A global index as it is given with a new table or later.
pub(crate) struct Global<'a> {
    pub name: &'a str,
    pub key_schema: &'a [KeySchemaElement],
    pub projection: &'a Projection,
    pub provisioned: Option<&'a ProvisionedThroughput>,
    pub on_demand: Option<&'a OnDemandThroughput>,
    pub warm: Option<&'a WarmThroughput>,
}

impl<'a> From<&'a GlobalSecondaryIndex> for Global<'a> {
    fn from(given: &'a GlobalSecondaryIndex) -> Global<'a> {
        Global {
            name: &given.index_name,
            key_schema: &given.key_schema,
            projection: &given.projection,
            provisioned: given.provisioned_throughput.as_ref(),
            on_demand: given.on_demand_throughput.as_ref(),
            warm: given.warm_throughput.as_ref(),
        }
    }
}

impl<'a> From<&'a CreateGlobalSecondaryIndexAction> for Global<'a> {
    fn from(given: &'a CreateGlobalSecondaryIndexAction) -> Global<'a> {
        Global {
            name: &given.index_name,
            key_schema: &given.key_schema,
            projection: &given.projection,
            provisioned: given.provisioned_throughput.as_ref(),
            on_demand: given.on_demand_throughput.as_ref(),
            warm: given.warm_throughput.as_ref(),
        }
    }
}

/// The local indexes of a new table. Their numbers are not set yet.
pub(crate) fn locals(
    definitions: &Definitions<'_>,
    table_keys: &(KeyAttribute, Option<KeyAttribute>),
    given: Option<&[LocalSecondaryIndex]>,
) -> Result<Vec<IndexRecord>, Invalid> {
    let Some(given) = given else { return Ok(Vec::new()) };
    if given.is_empty() {
        return Err(parameter("List of LocalSecondaryIndexes is empty"));
    }
    if table_keys.1.is_none() {
        return Err(parameter(
            "Table KeySchema does not have a range key, \
             which is required when specifying a LocalSecondaryIndex",
        ));
    }
    let mut indexes: Vec<IndexRecord> = Vec::new();
    for (i, given) in given.iter().enumerate() {
        let name = given.index_name.as_str();
        let keys = definitions.local_keys(i + 1, name, &given.key_schema, &table_keys.0.name)?;
        let projection = projection(&given.projection)?;
        check_name(&indexes, name)?;
        indexes.push(record(name, IndexKind::Local, keys, projection));
    }
    if indexes.len() > LOCAL_MAX {
        return Err(parameter("Number of LocalSecondaryIndexes exceeds per-table limit of 5"));
    }
    Ok(indexes)
}

/// Adds the global indexes of a new table.
pub(crate) fn globals(
    definitions: &Definitions<'_>,
    per_request: bool,
    given: Option<&[GlobalSecondaryIndex]>,
    indexes: &mut Vec<IndexRecord>,
) -> Result<(), Invalid> {
    let Some(given) = given else { return Ok(()) };
    if given.is_empty() {
        return Err(parameter("List of GlobalSecondaryIndexes is empty"));
    }
    for given in given {
        let index = global(definitions, per_request, &given.into())?;
        check_name(indexes, &index.name)?;
        indexes.push(index);
    }
    check_global_count(indexes)
}

/// A global index. Its number is not set yet.
pub(crate) fn global(
    definitions: &Definitions<'_>,
    per_request: bool,
    given: &Global<'_>,
) -> Result<IndexRecord, Invalid> {
    let keys = definitions.global_keys(given.name, given.key_schema)?;
    let projection = projection(given.projection)?;
    let provisioned = throughput::of_index(given.name, per_request, given.provisioned)?;
    let owner = Owner::Index(given.name);
    let none = OnDemandRecord::default();
    let on_demand = throughput::on_demand(owner, per_request, given.on_demand, none)?;
    let warm = throughput::warm(owner, per_request, &provisioned, given.warm, None)?;
    Ok(IndexRecord {
        throughput: provisioned,
        on_demand,
        warm,
        ..record(given.name, IndexKind::Global, keys, projection)
    })
}

fn record(
    name: &str,
    kind: IndexKind,
    (partition, sort): IndexKeys,
    projection: IndexProjection,
) -> IndexRecord {
    IndexRecord {
        name: name.to_owned(),
        number: 0,
        kind,
        partition,
        sort,
        projection,
        state: IndexState::Active,
        throughput: Throughput::default(),
        on_demand: OnDemandRecord::default(),
        warm: None,
    }
}

fn check_name(indexes: &[IndexRecord], name: &str) -> Result<(), Invalid> {
    if indexes.iter().any(|known| known.name == name) {
        return Err(parameter(&format!("Duplicate index name: {name}")));
    }
    Ok(())
}

/// Checks that there are not too many global indexes.
pub(crate) fn check_global_count(indexes: &[IndexRecord]) -> Result<(), Invalid> {
    if indexes.iter().filter(|index| index.kind == IndexKind::Global).count() > GLOBAL_MAX {
        return Err(parameter("GlobalSecondaryIndex count exceeds the per-table limit of 20"));
    }
    Ok(())
}

/// Checks that all indexes together do not name too many attributes.
pub(crate) fn check_projected_count(indexes: &[IndexRecord]) -> Result<(), Invalid> {
    let count = |index: &IndexRecord| match &index.projection {
        IndexProjection::Include(names) => names.len(),
        _ => 0,
    };
    if indexes.iter().map(count).sum::<usize>() > PROJECTED_MAX {
        return Err(parameter(
            "Number of NonKeyAttributes in all indexes exceeds the per-table limit of 100",
        ));
    }
    Ok(())
}

fn projection(given: &Projection) -> Result<IndexProjection, Invalid> {
    let (kind, names) = (given.projection_type.as_ref(), given.non_key_attributes.as_ref());
    match (kind, names) {
        (None, _) => Err(parameter("Unknown ProjectionType: null")),
        (Some(ProjectionType::Include), None) => {
            Err(parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (Some(ProjectionType::Include), Some(names)) => {
            let texts: Vec<&str> = names.iter().map(String::as_str).collect();
            if let Some(twice) = duplicate(&texts) {
                return Err(parameter(&format!(
                    "Duplicate attribute name in NonKeyAttributes: {twice}"
                )));
            }
            Ok(IndexProjection::Include(names.clone()))
        }
        (Some(kind), Some(_)) => {
            Err(parameter(&format!("ProjectionType is {kind}, but NonKeyAttributes is specified")))
        }
        (Some(ProjectionType::KeysOnly), None) => Ok(IndexProjection::KeysOnly),
        (Some(_), None) => Ok(IndexProjection::All),
    }
}

fn parameter(problem: &str) -> Invalid {
    Invalid(format!("One or more parameter values were invalid: {problem}"))
}
