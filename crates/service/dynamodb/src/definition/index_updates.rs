//! GlobalSecondaryIndexUpdates of UpdateTable.

use api_dynamodb::{
    AttributeDefinition, CreateGlobalSecondaryIndexAction, Error, GlobalSecondaryIndexUpdate,
    LimitExceededException, ResourceNotFoundException, UpdateGlobalSecondaryIndexAction,
};
use kernel::Ctx;
use store::WriteTx;

use super::index::{self, Global};
use super::schema::Definitions;
use super::{Owner, throughput};
use crate::backfill;
use crate::index::{ENTRIES, IndexKind, IndexRecord, IndexState};
use crate::invalid::Invalid;
use crate::ops::free_number;
use crate::table::{KeyAttribute, KeyType, TableRecord};

/// Checks updates before the table is known.
pub(crate) fn check(updates: &[GlobalSecondaryIndexUpdate]) -> Result<(), Error> {
    const ONE_OF: &str = "GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, \
                          GlobalSecondaryIndexUpdate.Delete must not be null";
    let mut names: Vec<&str> = Vec::new();
    for update in updates {
        let given = [
            update.update.as_ref().map(|action| action.index_name.as_str()),
            update.create.as_ref().map(|action| action.index_name.as_str()),
            update.delete.as_ref().map(|action| action.index_name.as_str()),
        ];
        let mut given = given.into_iter().flatten();
        let Some(name) = given.next() else { return Err(parameter(format!("One of {ONE_OF}"))) };
        if given.next().is_some() {
            return Err(parameter(format!("Only one of {ONE_OF}")));
        }
        if names.contains(&name) {
            return Err(parameter(format!(
                "Only one global secondary index update per index is allowed simultaneously. \
                 Index: {name}"
            )));
        }
        names.push(name);
    }
    if updates.iter().filter(|update| comes_or_goes(update)).count() > 1 {
        return Err(one_at_a_time());
    }
    Ok(())
}

/// Whether an index is made or taken away.
pub(crate) fn comes_or_goes(update: &GlobalSecondaryIndexUpdate) -> bool {
    update.create.is_some() || update.delete.is_some()
}

/// What is said to a second index that is to come or go.
pub(crate) fn one_at_a_time() -> Error {
    let message = "Subscriber limit exceeded: \
                   Only 1 online index can be created or deleted simultaneously per table";
    LimitExceededException { message: Some(message.to_owned()) }.into()
}

fn parameter(problem: String) -> Error {
    Invalid(format!("One or more parameter values were invalid: {problem}")).into()
}

/// Where and when a table changes.
pub(crate) struct Place<'a> {
    pub ctx: &'a Ctx,
    /// The table's name.
    pub name: &'a str,
    pub now_ms: i64,
}

/// Changes the indexes of a table whose billing mode is what it will be; answers the names of
/// those whose settings changed.
pub(crate) fn apply(
    place: &Place<'_>,
    tx: &mut WriteTx,
    table: &mut TableRecord,
    updates: &[GlobalSecondaryIndexUpdate],
    definitions: &[AttributeDefinition],
) -> Result<Vec<String>, Error> {
    let mut changed = Vec::new();
    for update in updates {
        if let Some(action) = &update.update {
            change(table, action, place.now_ms)?;
            changed.push(action.index_name.clone());
        } else if let Some(action) = &update.create {
            create(place, tx, table, action, definitions)?;
        } else if let Some(action) = &update.delete {
            delete(place, tx, table, &action.index_name)?;
        }
    }
    Ok(changed)
}

fn create(
    place: &Place<'_>,
    tx: &mut WriteTx,
    table: &mut TableRecord,
    action: &CreateGlobalSecondaryIndexAction,
    definitions: &[AttributeDefinition],
) -> Result<(), Error> {
    if table.index(&action.index_name).is_some() {
        return Err(Invalid::new("Attempting to create an index which already exists").into());
    }
    let per_request = table.per_request_since_ms.is_some();
    let given = Global::from(action);
    let mut index = index::global(&Definitions(definitions), per_request, &given)?;
    check_types(table, &index)?;
    index.number = free_number(place.ctx, tx, &ENTRIES)?;
    index.state = IndexState::Creating;
    backfill::schedule(place.ctx, tx, place.name, index.number)?;
    table.indexes.push(index);
    index::check_global_count(&table.indexes)?;
    Ok(index::check_projected_count(&table.indexes)?)
}

fn delete(
    place: &Place<'_>,
    tx: &mut WriteTx,
    table: &mut TableRecord,
    name: &str,
) -> Result<(), Error> {
    let found = table.indexes.iter_mut().find(|index| index.name == name);
    let Some(index) = found.filter(|index| index.state != IndexState::Deleting) else {
        let message = Some("Requested resource not found".to_owned());
        return Err(ResourceNotFoundException { message }.into());
    };
    if index.kind == IndexKind::Local {
        return Err(parameter(format!("Index is not a global secondary index: {name}")));
    }
    index.state = IndexState::Deleting;
    backfill::schedule_removal(place.ctx, tx, place.name, index.number)?;
    Ok(())
}

fn change(
    table: &mut TableRecord,
    action: &UpdateGlobalSecondaryIndexAction,
    now_ms: i64,
) -> Result<(), Error> {
    let name = action.index_name.as_str();
    let per_request = table.per_request_since_ms.is_some();
    let found = table.indexes.iter_mut().find(|index| index.name == name);
    let Some(index) = found.filter(|index| index.kind == IndexKind::Global) else {
        return Err(Invalid::new(
            "This operation cannot be performed with given input values. \
             Please contact DynamoDB service team for more info: Action Blocked: IndexUpdate",
        )
        .into());
    };
    let owner = Owner::Index(name);
    let (provisioned, on_demand, warm) = (
        action.provisioned_throughput.as_ref(),
        action.on_demand_throughput.as_ref(),
        action.warm_throughput.as_ref(),
    );
    if provisioned.is_none() && on_demand.is_none() && warm.is_none() {
        return Err(parameter(format!(
            "One of ProvisionedThroughput, OnDemandThroughput or WarmThroughput must be specified \
             for index: {name}"
        )));
    }
    if provisioned.is_some() {
        let given = throughput::of_index(name, per_request, provisioned)?;
        throughput::change(owner, &mut index.throughput, &given, now_ms)?;
    }
    index.on_demand = throughput::on_demand(owner, per_request, on_demand, index.on_demand)?;
    index.warm = throughput::warm(owner, per_request, &index.throughput, warm, index.warm)?;
    Ok(())
}

/// Checks that the attributes of a new index have the types they have elsewhere in the table.
fn check_types(table: &TableRecord, new: &IndexRecord) -> Result<(), Invalid> {
    let differs = |known: &KeyAttribute| {
        new.keys().any(|key| key.name == known.name && key.key_type != known.key_type)
    };
    let own = (std::slice::from_ref(&table.partition_key), table.sort_key.as_slice());
    let of_indexes = table.indexes.iter().map(|index| (&index.partition[..], &index.sort[..]));
    let mut schemas = std::iter::once(own).chain(of_indexes);
    let Some(existing) =
        schemas.find(|(partition, sort)| partition.iter().chain(*sort).any(differs))
    else {
        return Ok(());
    };
    Err(Invalid(format!(
        "One or more parameter values were invalid: Attributes cannot be redefined. Please check \
         that your attribute has the same type as previously defined. \
         Existing schema: {} New schema: {}",
        schema_text(existing.0, existing.1),
        schema_text(&new.partition, &new.sort)
    )))
}

fn schema_text(partition: &[KeyAttribute], sort: &[KeyAttribute]) -> String {
    let element = |key: &KeyAttribute, role: &str| {
        let key_type = match key.key_type {
            KeyType::S => "S",
            KeyType::N => "N",
            KeyType::B => "B",
        };
        format!("SchemaElement: key{{{}:{key_type}:{role}}}", key.name)
    };
    let elements: Vec<String> = (partition.iter().map(|key| element(key, "HASH")))
        .chain(sort.iter().map(|key| element(key, "RANGE")))
        .collect();
    format!("Schema:[{}]", elements.join(", "))
}
