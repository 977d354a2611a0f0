//! The lists that the replicas of a global table keep of each other.

use api_dynamodb::Error;
use kernel::Ctx;
use store::WriteTx;

use super::actions::Overrides;
use crate::definition::throughput::neither_units;
use crate::invalid::Invalid;
use crate::table::{ClassRecord, ReplicaRecord, TABLES, TableRecord};
use crate::ttl;

/// Makes a new replica of a table, in the region of `place`, and puts it on everybody's list; the
/// caller stores the table's record.
pub(super) fn add(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    table: &mut TableRecord,
    place: &Ctx,
    overrides: &Overrides,
) -> Result<TableRecord, Error> {
    let entry = |ctx: &Ctx, joining: bool| ReplicaRecord {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: name.to_owned(),
        since_ms: ctx.now().epoch_ms,
        joining,
        read_units: None,
        on_demand_reads_max: None,
        class: None,
    };
    let mut joining = entry(place, true);
    let mut replicas = table.replicas.clone();
    replicas.push(entry(ctx, false));
    let mut new = copy(place, table, replicas);
    override_in(&mut new, overrides)?;
    if let Some(class) = &overrides.class {
        new.class = Some(ClassRecord { name: class.as_str().to_owned(), updated_ms: None });
    }
    overrides.note(&mut joining);
    if let Some(ttl) = &table.ttl {
        ttl::enable(place, tx, name, &mut new, &ttl.attribute)?;
    }
    for replica in &table.replicas {
        let Some(mut other) = tx.get(&TABLES, replica.key())? else { continue };
        other.replicas.push(joining.clone());
        tx.put(&TABLES, replica.key(), &other)?;
    }
    tx.put(&TABLES, joining.key(), &new)?;
    table.replicas.push(joining);
    Ok(new)
}

/// A table like another one, for another region: without items, and without what is each
/// region's own.
fn copy(place: &Ctx, table: &TableRecord, replicas: Vec<ReplicaRecord>) -> TableRecord {
    let mut new = TableRecord {
        id: place.random().uuid(),
        number: place.random().u64(),
        created_ms: place.now().epoch_ms,
        deletion_protection: false,
        tags: Vec::new(),
        stream: None,
        latest_stream_label: None,
        ttl: None,
        recovery: None,
        restored: None,
        joining: true,
        replicas,
        ..table.clone()
    };
    for index in &mut new.indexes {
        index.number = place.random().u64();
    }
    for index in &mut new.vectors {
        index.number = place.random().u64();
    }
    new
}

/// Gives a replica units of its own.
pub(super) fn override_in(table: &mut TableRecord, overrides: &Overrides) -> Result<(), Invalid> {
    let per_request = table.per_request_since_ms.is_some();
    if let Some(units) = overrides.read_units {
        if per_request {
            return Err(neither_units());
        }
        table.throughput.read_units = units;
    }
    if let Some(units) = overrides.on_demand_reads_max {
        if !per_request || (units < 1 && units != -1) {
            return Err(Invalid::new(
                "One or more parameter values were invalid: Requested MaxReadRequestUnits for \
                 OnDemandThroughput is outside of valid range",
            ));
        }
        table.on_demand.read_units_max = (units > 0).then_some(units);
    }
    Ok(())
}

impl Overrides {
    /// Notes them on a list.
    fn note(&self, entry: &mut ReplicaRecord) {
        entry.read_units = self.read_units.or(entry.read_units);
        entry.on_demand_reads_max = self.on_demand_reads_max.or(entry.on_demand_reads_max);
        let class = self.class.as_ref().map(|class| class.as_str().to_owned());
        entry.class = class.or(entry.class.take());
    }
}

/// Stores a replica that has changed, and notes how on everybody's list.
pub(super) fn note_overrides(
    tx: &mut WriteTx,
    table: &mut TableRecord,
    region: &str,
    changed: &TableRecord,
    overrides: &Overrides,
) -> Result<(), Error> {
    for entry in table.replicas.iter_mut().filter(|entry| entry.region == region) {
        overrides.note(entry);
        tx.put(&TABLES, entry.key(), changed)?;
    }
    // The table itself is on the list of the one that changed.
    for replica in changed.replicas.clone() {
        let Some(mut other) = tx.get(&TABLES, replica.key())? else { continue };
        for entry in other.replicas.iter_mut().filter(|entry| entry.region == region) {
            overrides.note(entry);
        }
        tx.put(&TABLES, replica.key(), &other)?;
    }
    Ok(())
}
