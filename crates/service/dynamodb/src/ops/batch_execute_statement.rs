//! `BatchExecuteStatement`: up to 25 PartiQL statements, each on its own and on one item.
//!
//! ```text
//! {"Statements": [{"Statement": "SELECT * FROM Flights WHERE pk = 'a'"},
//!                 {"Statement": "SELECT * FROM Flights WHERE pk = ?", "Parameters": [{"S": "b"}]}]}
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use api_dynamodb::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput, BatchStatementError,
    BatchStatementErrorCodeEnum as Code, BatchStatementRequest, BatchStatementResponse,
    ConsumedCapacity, Error,
};
use kernel::Ctx;
use store::Key;

use crate::capacity::{Report, read_units};
use crate::change::Units;
use crate::invalid::Invalid;
use crate::item::StoredItem;
use crate::partiql::{self, Bound, Sort, execute};
use crate::sse;
use crate::table::{ITEMS, TableRecord};
use crate::value::Item;
use crate::write::stored;
use crate::{DynamoDb, convert, table};

const KEY_MISSING: &str = "Select statements within BatchExecuteStatement must specify the \
                           primary key in the where clause.";

pub(crate) async fn batch_execute_statement(
    service: &DynamoDb,
    ctx: &Ctx,
    input: BatchExecuteStatementInput,
) -> Result<BatchExecuteStatementOutput, Error> {
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let mut prepared = Vec::with_capacity(input.statements.len());
    for request in &input.statements {
        prepared.push(match prepare(service, ctx, request) {
            Ok(bound) => Ok(bound),
            Err(error) => Err(response(error, None)?),
        });
    }
    check_together(service, ctx, &prepared)?;
    let mut consumed = Consumed::default();
    let mut responses = Vec::with_capacity(prepared.len());
    for (request, bound) in input.statements.iter().zip(prepared) {
        responses.push(match bound {
            Err(response) => response,
            Ok(bound) => run(service, ctx, request, &bound, &mut consumed).await?,
        });
    }
    Ok(BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: consumed.told(report),
    })
}

fn prepare(service: &DynamoDb, ctx: &Ctx, request: &BatchStatementRequest) -> Result<Bound, Error> {
    let parameters = partiql::parameters(request.parameters.as_ref())?;
    let bound = execute::prepare(service, ctx, &request.statement, parameters)?;
    execute::check_sort(&bound)?;
    Ok(bound)
}

/// Checks that statements go together: reads or writes, and each of another item.
fn check_together(
    service: &DynamoDb,
    ctx: &Ctx,
    prepared: &[Result<Bound, BatchStatementResponse>],
) -> Result<(), Error> {
    let sorts: HashSet<Sort> = prepared.iter().flatten().map(Bound::sort).collect();
    if sorts.len() > 1 {
        return Err(Invalid::new(
            "Read and write requests together in the same batch is not supported.",
        )
        .into());
    }
    let mut seen = HashSet::new();
    ctx.store().read(|tx| {
        for bound in prepared.iter().flatten() {
            let table = table::name(ctx, &bound.table)
                .and_then(|name| table::definition(service, ctx, tx, &name));
            // What is wrong with a statement is told when it is run.
            let Some(place) = table.ok().and_then(|table| place(bound, &table)) else { continue };
            if !seen.insert(place) {
                let problem = "Provided list of item keys contains duplicates";
                return Err(Invalid::new(problem).into());
            }
        }
        Ok(())
    })
}

/// Where the item is that a statement is about, if that can be told.
fn place(bound: &Bound, table: &TableRecord) -> Option<Key> {
    if bound.sort() == Sort::Read {
        let key = bound.one_key(table).ok()??;
        return table.check_key(&key).ok().map(|()| table.item_key(&key));
    }
    let write = bound.write(table, false, execute::KEY_MISSING).ok()?;
    write.place(table).ok()
}

/// Runs one statement.
async fn run(
    service: &DynamoDb,
    ctx: &Ctx,
    request: &BatchStatementRequest,
    bound: &Bound,
    consumed: &mut Consumed,
) -> Result<BatchStatementResponse, Error> {
    let name = match table::name(ctx, &bound.table) {
        Ok(name) => name,
        Err(error) => return response(error, None),
    };
    let item = if bound.sort() == Sort::Read {
        let is_consistent = request.consistent_read == Some(true);
        match read(service, ctx, &name, bound).await {
            Ok((table, found, size)) => {
                let units = Units { table: read_units(size, is_consistent), ..Units::default() };
                consumed.add(&name, &table, &units, true);
                found
            }
            Err(error) => return response(error, Some(name)),
        }
    } else {
        match execute::write(service, ctx, &name, bound, false).await {
            Ok(wrote) => {
                consumed.add(&name, &wrote.table, &wrote.units, false);
                wrote.returned
            }
            Err(not_written) => {
                if not_written.is_of_item {
                    consumed.failed.push((name.clone(), not_written.units));
                    return named(not_written.error, name);
                }
                return response(not_written.error, Some(name));
            }
        }
    };
    Ok(BatchStatementResponse {
        table_name: Some(name),
        item: item.filter(|item| !item.is_empty()).map(convert::attributes),
        error: None,
    })
}

/// Reads the one item that a SELECT asks for; and its size.
async fn read(
    service: &DynamoDb,
    ctx: &Ctx,
    name: &str,
    bound: &Bound,
) -> Result<(Arc<TableRecord>, Option<Item>, usize), Error> {
    sse::read(ctx, |tx| {
        let table = table::get(service, ctx, tx, name)?;
        bound.check_key_types(&table)?;
        let key = bound.one_key(&table)?.filter(|_| bound.index.is_none());
        let key = key.ok_or_else(|| Invalid::new(KEY_MISSING))?;
        table.check_key(&key)?;
        let bytes = sse::get(tx, &ITEMS, &table.item_key(&key))?;
        let found = stored(bytes.as_ref())?;
        let item = match found {
            Some(found) => Some(bound.columns(found.decode()?)?),
            None => None,
        };
        Ok((table, item, found.map_or(0, StoredItem::size_bytes)))
    })
    .await
}

/// The answer to a statement that failed; its table is named unless the statement was invalid.
fn response(error: Error, name: Option<String>) -> Result<BatchStatementResponse, Error> {
    let error = batch_error(error)?;
    let table_name = name.filter(|_| error.code != Some(Code::ValidationError));
    Ok(BatchStatementResponse { error: Some(error), table_name, item: None })
}

/// The answer to a statement that failed on its item.
fn named(error: Error, name: String) -> Result<BatchStatementResponse, Error> {
    let error = Some(batch_error(error)?);
    Ok(BatchStatementResponse { error, table_name: Some(name), item: None })
}

/// An error of one statement.
///
/// # Errors
/// If it is one of the whole request.
fn batch_error(error: Error) -> Result<BatchStatementError, Error> {
    let (code, message) = match error {
        Error::ConditionalCheckFailedException(e) => (Code::ConditionalCheckFailed, e.message),
        Error::DuplicateItemException(e) => (Code::DuplicateItem, e.message),
        Error::ResourceNotFoundException(e) => (Code::ResourceNotFound, e.message),
        Error::TransactionConflictException(e) => (Code::TransactionConflict, e.message),
        Error::ItemCollectionSizeLimitExceededException(e) => {
            (Code::ItemCollectionSizeLimitExceeded, e.message)
        }
        Error::ProvisionedThroughputExceededException(e) => {
            (Code::ProvisionedThroughputExceeded, e.message)
        }
        Error::RequestLimitExceeded(e) => (Code::RequestLimitExceeded, e.message),
        Error::ThrottlingException(e) => (Code::ThrottlingError, e.message),
        Error::Fault(fault) if fault.code == "ValidationException" => {
            (Code::ValidationError, Some(fault.message.to_string()))
        }
        error => return Err(error),
    };
    // DynamoDB accepts ReturnValuesOnConditionCheckFailure here, but returns no item.
    Ok(BatchStatementError { code: Some(code), message, item: None })
}

/// Units by table.
#[derive(Default)]
struct Consumed {
    done: Vec<(String, Arc<TableRecord>, Units, bool)>,
    /// Units of statements that failed: part of their tables' totals, if anything else is.
    failed: Vec<(String, f64)>,
}

impl Consumed {
    fn add(&mut self, name: &str, table: &Arc<TableRecord>, units: &Units, is_read: bool) {
        match self.done.iter_mut().find(|(known, ..)| known == name) {
            Some((_, _, sum, _)) => sum.add(units),
            None => self.done.push((name.to_owned(), table.clone(), units.clone(), is_read)),
        }
    }

    fn told(&self, report: Report) -> Option<Vec<ConsumedCapacity>> {
        let all = self.done.iter().filter_map(|(name, table, units, is_read)| {
            let mut told = if *is_read {
                report.consumed(name, units.total())?
            } else {
                report.written(name, table, units)?
            };
            let failed = self.failed.iter().filter(|(known, _)| known == name);
            let failed: f64 = failed.map(|(_, units)| units).sum();
            told.capacity_units = told.capacity_units.map(|units| units + failed);
            Some(told)
        });
        let all: Vec<ConsumedCapacity> = all.collect();
        (!all.is_empty()).then_some(all)
    }
}
