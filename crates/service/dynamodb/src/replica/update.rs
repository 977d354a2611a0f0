//! UpdateTable with ReplicaUpdates: replicas come, change and go.

use api_dynamodb::{
    Error, MultiRegionConsistency, ResourceInUseException, TableStatus, UpdateTableInput,
    UpdateTableOutput,
};
use kernel::Ctx;
use store::{TimerId, WriteTx};

use super::actions::{Actions, Overrides};
use super::join::Join;
use super::{elsewhere, leave, members};
use crate::count::Count;
use crate::invalid::Invalid;
use crate::ops::forsake;
use crate::table::{ClassRecord, StreamView, TABLES, TableRecord};
use crate::{DynamoDb, describe, fault, jobs, streams, table, transfer};

/// Answers the request.
pub(crate) async fn update(
    service: &DynamoDb,
    ctx: &Ctx,
    name: &str,
    input: &UpdateTableInput,
) -> Result<UpdateTableOutput, Error> {
    let actions = Actions::read(ctx, input)?;
    let consistency = input.multi_region_consistency.as_ref();
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let found = table::find(ctx, tx, name)?;
        let mut table = found.ok_or_else(|| fault::no_such_table(name))?;
        check_consistency(&table, consistency, &actions)?;
        if describe::status(&table) != TableStatus::Active {
            return Err(in_use());
        }
        let joins = match &actions {
            Actions::Create(regions) => {
                table.strong = consistency == Some(&MultiRegionConsistency::Strong);
                create(ctx, tx, name, &mut table, regions)?
            }
            Actions::Update(regions) => change(tx, &mut table, regions)?,
            Actions::Delete(regions) => delete(ctx, tx, name, &mut table, regions)?,
        };
        Ok((table, joins))
    };
    let (table, joins) = ctx.store().write(write).await?;
    for (join, watch) in joins {
        service.jobs.start(ctx.kernel(), join, watch);
    }
    if let Actions::Delete(regions) = &actions {
        regions.iter().for_each(|region| service.tables.forget(&elsewhere(ctx, region), name));
    }
    let sizes = service.counts.of(ctx, &table)?;
    let description = describe::table(ctx, name, &table, TableStatus::Updating, &sizes);
    Ok(UpdateTableOutput { table_description: Some(description) })
}

fn in_use() -> Error {
    let message = Some("The resource which you are attempting to change is in use.".to_owned());
    ResourceInUseException { message }.into()
}

/// A global table with strong consistency is made and ended as a whole.
fn check_consistency(
    table: &TableRecord,
    wanted: Option<&MultiRegionConsistency>,
    actions: &Actions,
) -> Result<(), Invalid> {
    if !table.replicas.is_empty() && wanted.is_some() {
        return Err(Invalid::new(
            "MultiRegionConsistency parameter is unsupported on existing global table",
        ));
    }
    let strong = wanted == Some(&MultiRegionConsistency::Strong);
    match actions {
        Actions::Create(_) if table.strong => Err(Invalid::new(
            "Cannot add replicas to a global table with strong MultiRegionConsistency",
        )),
        Actions::Delete(regions) if table.strong && regions.len() < table.replicas.len() => {
            Err(one_of_strong())
        }
        Actions::Create(regions) if regions.len() > 1 && !strong => Err(too_many()),
        Actions::Delete(regions) if regions.len() > 1 && !table.strong => Err(too_many()),
        _ => Ok(()),
    }
}

fn too_many() -> Invalid {
    Invalid::new(
        "Update table operation with more than one create or delete replica actions not allowed",
    )
}

/// What is said to the deletion of a part of a global table with strong consistency.
pub(crate) fn one_of_strong() -> Invalid {
    Invalid::new(
        "Deletion of only one table replica is not supported for global tables with \
         MultiRegionConsistency set to STRONG.",
    )
}

type Joins = Vec<(Join, TimerId)>;

fn create(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    regions: &[(String, Overrides)],
) -> Result<Joins, Error> {
    let is_encrypted = ("ReplicaUpdates of a table with SSESpecification", table.sse.is_some());
    fault::refuse("UpdateTable", &[is_encrypted])?;
    if transfer::bulk::is_active(tx, table.number)? {
        return Err(in_use());
    }
    if table.per_request_since_ms.is_none() {
        // It would have to be auto-scaled, which nothing here can do.
        return Err(Invalid::new(
            "Table write capacity should either be Pay-Per-Request or AutoScaled.",
        )
        .into());
    }
    for (region, _) in regions {
        if table::find_any(&elsewhere(ctx, region), tx, name)?.is_some() {
            return Err(Invalid(format!(
                "Failed to create a the new replica of table with name: ‘{name}’ because one or \
                 more replicas already existed as tables."
            ))
            .into());
        }
    }
    if table.stream.is_none() {
        streams::enable(ctx, tx, name, table, StreamView::NewAndOldImages)?;
    }
    let mut joins = Vec::new();
    for (region, overrides) in regions {
        let place = elsewhere(ctx, region);
        let new = members::add(ctx, tx, name, table, &place, overrides)?;
        let join = Join {
            account: ctx.account().to_owned(),
            name: name.to_owned(),
            region: region.clone(),
            number: new.number,
            from: table.number,
        };
        let watch = jobs::watch(tx, ctx.now().epoch_ms, &join)?;
        joins.push((join, watch));
    }
    tx.put(&TABLES, (ctx.account(), ctx.region(), name), table)?;
    Ok(joins)
}

fn check_members<'a>(
    table: &TableRecord,
    regions: impl Iterator<Item = &'a String>,
) -> Result<(), Invalid> {
    let is_member = |region: &str| table.replicas.iter().any(|known| known.region == region);
    let strangers: Vec<&str> =
        regions.map(String::as_str).filter(|region| !is_member(region)).collect();
    if strangers.is_empty() {
        return Ok(());
    }
    Err(Invalid(format!(
        "Update global table operation failed because one or more replicas were not part of the \
         global table. Please retry the request without these replicas: [{}].",
        strangers.join(", ")
    )))
}

fn change(
    tx: &mut WriteTx,
    table: &mut TableRecord,
    regions: &[(String, Overrides)],
) -> Result<Joins, Error> {
    check_members(table, regions.iter().map(|(region, _)| region))?;
    for (region, overrides) in regions {
        let known = table.replicas.iter().find(|known| known.region == *region);
        let Some(mut other) =
            known.map(|known| tx.get(&TABLES, known.key())).transpose()?.flatten()
        else {
            continue;
        };
        members::override_in(&mut other, overrides)?;
        if let Some(class) = &overrides.class {
            let name = class.as_str().to_owned();
            other.class = Some(ClassRecord { name, updated_ms: None });
        }
        members::note_overrides(tx, table, region, &other, overrides)?;
    }
    Ok(Vec::new())
}

fn delete(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    regions: &[String],
) -> Result<Joins, Error> {
    check_members(table, regions.iter())?;
    for region in regions {
        let place = elsewhere(ctx, region);
        let Some(other) = table::find_any(&place, tx, name)? else { continue };
        if other.deletion_protection {
            return Err(Invalid(format!(
                "Cannot delete table {name} in region {region} because it has deletion \
                 protection enabled. Disable deletion protection first."
            ))
            .into());
        }
        if describe::status(&other) != TableStatus::Active {
            return Err(in_use());
        }
        tx.delete(&TABLES, (place.account(), place.region(), name))?;
        leave(&place, tx, &other)?;
        let recovers = other.recovery.as_ref().is_some_and(|recovery| !recovery.ending);
        forsake(&place, tx, name, &other, recovers.then(Count::default))?;
    }
    // As the others' going has left it.
    *table = table::find(ctx, tx, name)?.ok_or_else(|| fault::no_such_table(name))?;
    Ok(Vec::new())
}
