//! Global tables (version 2019.11.21): tables of one name in several regions that hold the same
//! items.
//!
//! All regions of an installation have one store, so a write changes all replicas in the same
//! commit: a read in any region, strong or not, sees what was acknowledged in any other, and two
//! writers of an item never both win. That is more than AWS promises, there a second later the
//! last writer wins; what it promises with MultiRegionConsistency STRONG always holds.
//!
//! Each replica is a table of its own, with its own indexes, stream, tags, protection and
//! recovery, and knows the others. What AWS keeps the same everywhere is changed everywhere.

pub(crate) mod actions;
pub(crate) mod describe;
pub(crate) mod join;
pub(crate) mod members;
pub(crate) mod update;

use api_dynamodb::Error;
use kernel::{Ctx, StoreError};
use store::{Key, WriteTx};

use crate::change::{Cause, Change, apply};
use crate::invalid::Invalid;
use crate::rows::renumbered;
use crate::sse;
use crate::streams::Switch;
use crate::table::{ITEMS, ReplicaRecord, TABLES, TableRecord};

impl ReplicaRecord {
    /// Where the replica's own record lies.
    fn key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.name))
    }
}

/// Makes the change of an item in all other replicas, unless it comes from one of them.
pub(crate) fn replicate(
    tx: &mut WriteTx,
    table: &TableRecord,
    change: &Change<'_>,
) -> Result<(), Error> {
    if change.cause == Cause::Replication {
        return Ok(());
    }
    for replica in &table.replicas {
        let Some(other) = tx.get(&TABLES, replica.key())? else { continue };
        let place = renumbered(change.place, other.number);
        set(tx, &other, &place, change)?;
    }
    Ok(())
}

/// Makes an item of a replica what it is to be.
fn set(
    tx: &mut WriteTx,
    table: &TableRecord,
    place: &Key,
    change: &Change<'_>,
) -> Result<(), Error> {
    let old = sse::get(tx, &ITEMS, place)?;
    if old.as_ref() == change.new {
        return Ok(());
    }
    let (new, now_ms) = (change.new, change.now_ms);
    let change = Change { place, old: old.as_ref(), new, cause: Cause::Replication, now_ms };
    apply(tx, table, &change).map(drop)
}

/// The same request, as if it had come to another region.
pub(crate) fn elsewhere(ctx: &Ctx, region: &str) -> Ctx {
    Ctx::new(ctx.kernel(), region, ctx.principal().clone(), ctx.request_id().to_owned())
}

/// Changes what AWS keeps the same in all replicas in those elsewhere, too.
pub(crate) fn everywhere_else(
    ctx: &Ctx,
    tx: &mut WriteTx,
    table: &TableRecord,
    mut change: impl FnMut(&Ctx, &mut WriteTx, &mut TableRecord) -> Result<(), Error>,
) -> Result<(), Error> {
    for replica in &table.replicas {
        let Some(mut other) = tx.get(&TABLES, replica.key())? else { continue };
        change(&elsewhere(ctx, &replica.region), tx, &mut other)?;
        tx.put(&TABLES, replica.key(), &other)?;
    }
    Ok(())
}

/// The stream of a replica stays as it is.
pub(crate) fn check_stream(table: &TableRecord, switch: Option<Switch>) -> Result<(), Invalid> {
    if switch == Some(Switch::Off) && !table.replicas.is_empty() {
        return Err(Invalid::new("Disabling Stream is not allowed for a Global Table replica."));
    }
    Ok(())
}

/// Takes a table that is deleted off the lists of the others.
pub(crate) fn leave(ctx: &Ctx, tx: &mut WriteTx, table: &TableRecord) -> Result<(), StoreError> {
    for replica in &table.replicas {
        let Some(mut other) = tx.get(&TABLES, replica.key())? else { continue };
        other.replicas.retain(|known| known.region != ctx.region());
        other.strong &= !other.replicas.is_empty();
        tx.put(&TABLES, replica.key(), &other)?;
    }
    Ok(())
}
