//! VectorIndexUpdates of UpdateTable.

use api_dynamodb::{AttributeDefinition, Error, ResourceNotFoundException, VectorIndexUpdate};
use store::WriteTx;

use super::VECTORS;
use super::definition::Definition;
use crate::backfill;
use crate::definition::index_updates::{Place, one_at_a_time};
use crate::describe;
use crate::index::IndexState;
use crate::invalid::Invalid;
use crate::ops::free_number;
use crate::table::TableRecord;

/// Checks updates before the table is known.
///
/// # Errors
/// If there is more than one, or one that says nothing or two things.
pub(crate) fn check(updates: &[VectorIndexUpdate]) -> Result<(), Error> {
    if updates.len() > 1 {
        return Err(one_at_a_time());
    }
    for update in updates {
        if update.create.is_some() == update.delete.is_some() {
            return Err(Invalid::new(
                "One or more parameter values were invalid: \
                 One of VectorIndexUpdate.Create or VectorIndexUpdate.Delete must be given",
            )
            .into());
        }
    }
    Ok(())
}

/// Makes or takes away a vector index of a table that is otherwise as it will be.
pub(crate) fn apply(
    place: &Place<'_>,
    tx: &mut WriteTx,
    table: &mut TableRecord,
    updates: &[VectorIndexUpdate],
    definitions: &[AttributeDefinition],
) -> Result<(), Error> {
    for update in updates {
        if let Some(action) = update.create.clone() {
            // Those of before count as well.
            let mut definitions = definitions.to_vec();
            definitions.extend(describe::definitions(table));
            let given = Definition::from(action);
            let mut index = given.record(table, &definitions, IndexState::Creating)?;
            index.number = free_number(place.ctx, tx, &VECTORS)?;
            backfill::schedule(place.ctx, tx, place.name, index.number)?;
            table.vectors.push(index);
        } else if let Some(action) = &update.delete {
            let found = table.vectors.iter_mut().find(|index| index.name == action.index_name);
            let Some(index) = found.filter(|index| index.state != IndexState::Deleting) else {
                let message = Some("Requested resource not found".to_owned());
                return Err(ResourceNotFoundException { message }.into());
            };
            index.state = IndexState::Deleting;
            backfill::schedule_removal(place.ctx, tx, place.name, index.number)?;
        }
    }
    Ok(())
}
