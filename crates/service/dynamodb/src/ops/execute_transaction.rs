//! `ExecuteTransaction`: up to 100 PartiQL statements that happen together or not at all.
//!
//! ```text
//! {"TransactStatements": [
//!    {"Statement": "EXISTS(SELECT * FROM Flights WHERE pk = 'CV100' AND cancelled IS MISSING)"},
//!    {"Statement": "INSERT INTO Seats VALUE {'pk': ?}", "Parameters": [{"S": "CV100#12A"}]}],
//!  "ClientRequestToken": "7f2a"}
//! ```

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use api_dynamodb::{
    CancellationReason, Error, ExecuteTransactionInput, ExecuteTransactionOutput, ItemResponse,
    ParameterizedStatement, ReturnValuesOnConditionCheckFailure,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::invalid::Invalid;
use crate::partiql::{self, Bound, Sort, execute};
use crate::table::TableRecord;
use crate::transaction::{
    self, Failure, Fingerprinter, TableRead, TableWrite, Token, check_payload, none, reason,
};
use crate::value::Item;
use crate::write::Action;
use crate::{DynamoDb, convert, table};

/// What a key is that is not whole or has the wrong types.
const KEY_MISMATCH: &str = "The provided key element does not match the schema";

/// A statement that is ready, and its table if there is one.
struct Prepared {
    bound: Bound,
    name: String,
    table: Option<Arc<TableRecord>>,
}

pub(crate) async fn execute_transaction(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ExecuteTransactionInput,
) -> Result<ExecuteTransactionOutput, Error> {
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let statements = &input.transact_statements;
    let parameters = statements.iter().map(|one| partiql::parameters(one.parameters.as_ref()));
    let parameters = parameters.collect::<Result<Vec<_>, Invalid>>()?;
    let mut bound = Vec::with_capacity(statements.len());
    for (i, (one, parameters)) in statements.iter().zip(parameters).enumerate() {
        let parsed = partiql::parse(&one.statement).and_then(|parsed| parsed.bind(parameters));
        bound.push(parsed.map_err(|problem| of_statement(i, problem))?);
    }
    check_together(&bound)?;
    let prepared = find_tables(service, ctx, bound)?;
    for (i, prepared) in prepared.iter().enumerate() {
        check(prepared).map_err(|problem| of_statement(i, problem))?;
    }
    if prepared.iter().any(|prepared| prepared.table.is_none()) {
        let missing = |prepared: &Prepared| match prepared.table {
            None => reason("ResourceNotFound", "Requested resource not found"),
            Some(_) => none(),
        };
        return Err(Failure::Cancelled(prepared.iter().map(missing).collect()).into());
    }
    let token = input.client_request_token.map(|text| token(text, statements));
    if prepared.iter().any(|prepared| prepared.bound.sort() == Sort::Read) {
        return read(service, ctx, &prepared, report).await;
    }
    write(service, ctx, statements, &prepared, token.as_ref(), report).await
}

/// What is wrong with the statement of that number, before anything is done.
fn of_statement(number: usize, Invalid(problem): Invalid) -> Invalid {
    Invalid(format!("Validation failed in TransactStatements[{number}]: {problem}"))
}

fn check_together(bound: &[Bound]) -> Result<(), Invalid> {
    let reads: HashSet<bool> = bound.iter().map(|bound| bound.sort() == Sort::Read).collect();
    if reads.len() > 1 {
        return Err(Invalid::new(
            "ExecuteTransaction API does not support both read and write operations \
             in the same request.",
        ));
    }
    Ok(())
}

fn find_tables(service: &DynamoDb, ctx: &Ctx, bound: Vec<Bound>) -> Result<Vec<Prepared>, Error> {
    ctx.store().read(|tx| {
        let mut all = Vec::with_capacity(bound.len());
        for bound in bound {
            let name = table::name(ctx, &bound.table)?;
            let table = match table::definition(service, ctx, tx, &name) {
                Ok(table) => Some(table),
                Err(Error::ResourceNotFoundException(_)) => None,
                Err(error) => return Err(error),
            };
            all.push(Prepared { bound, name, table });
        }
        Ok(all)
    })
}

/// Checks one statement whose table is there.
fn check(prepared: &Prepared) -> Result<(), Invalid> {
    let Prepared { bound, table: Some(table), .. } = prepared else { return Ok(()) };
    bound.check_write()?;
    if bound.returning().is_some() {
        return Err(Invalid::new("RETURNING clause is not supported in ExecuteTransaction."));
    }
    if bound.index.is_some() {
        return Err(Invalid::new("Reads on indices are not supported within transactions."));
    }
    match bound.sort() {
        Sort::Read if bound.one_key(table)?.is_none() => Err(Invalid::new(
            "Select statements within ExecuteTransaction must specify the primary key \
             in the where clause.",
        )),
        Sort::Check => bound.write(table, false, KEY_MISMATCH).map(|_| ()),
        _ => Ok(()),
    }
}

/// The token, with what distinguishes the request from others that have it.
fn token(text: String, statements: &[ParameterizedStatement]) -> Token {
    let mut fingerprinter = Fingerprinter::default();
    fingerprinter.text(Some("ExecuteTransaction"));
    for one in statements {
        fingerprinter.text(Some(&one.statement));
        let on_failure = one.return_values_on_condition_check_failure.as_ref();
        fingerprinter.text(on_failure.map(|on_failure| on_failure.as_str()));
        let parameters = one.parameters.iter().flatten().enumerate();
        let parameters: BTreeMap<String, _> =
            parameters.map(|(i, value)| (format!("{i:05}"), value.clone())).collect();
        fingerprinter.values(Some(&parameters));
    }
    Token { text, fingerprint: fingerprinter.finish() }
}

/// The answer when some statements are not about an item that can be.
fn cancelled(reasons: Vec<Option<CancellationReason>>) -> Result<(), Failure> {
    if reasons.iter().all(Option::is_none) {
        return Ok(());
    }
    let reasons = reasons.into_iter().map(|reason| reason.unwrap_or_else(none));
    Err(Failure::Cancelled(reasons.collect()))
}

async fn read(
    service: &DynamoDb,
    ctx: &Ctx,
    prepared: &[Prepared],
    report: Report,
) -> Result<ExecuteTransactionOutput, Error> {
    let mut reads = Vec::with_capacity(prepared.len());
    let mut reasons = Vec::with_capacity(prepared.len());
    for Prepared { bound, name, table } in prepared {
        let Some(table) = table else { continue };
        let key = bound.one_key(table)?.unwrap_or_default();
        let problem = table.check_key(&key).err();
        reasons.push(problem.map(|Invalid(problem)| reason("ValidationError", problem)));
        reads.push(TableRead { table: name.clone(), key, projection: None });
    }
    cancelled(reasons)?;
    let (items, consumed_capacity) = transaction::read(service, ctx, &reads, report).await?;
    let responses = prepared.iter().zip(items).map(|(prepared, item)| {
        let item: Option<Item> = item.map(|item| prepared.bound.columns(item)).transpose()?;
        let item = item.filter(|item| !item.is_empty()).map(convert::attributes);
        Ok(ItemResponse { item })
    });
    let responses = responses.collect::<Result<_, Error>>()?;
    Ok(ExecuteTransactionOutput { responses: Some(responses), consumed_capacity })
}

async fn write(
    service: &DynamoDb,
    ctx: &Ctx,
    statements: &[ParameterizedStatement],
    prepared: &[Prepared],
    token: Option<&Token>,
    report: Report,
) -> Result<ExecuteTransactionOutput, Error> {
    let mut writes = Vec::with_capacity(prepared.len());
    let mut reasons = Vec::with_capacity(prepared.len());
    let mut payload = 0;
    for (one, Prepared { bound, name, table }) in statements.iter().zip(prepared) {
        let Some(table) = table else { continue };
        let on_failure = one.return_values_on_condition_check_failure.as_ref();
        let returns_item = on_failure == Some(&ReturnValuesOnConditionCheckFailure::AllOld);
        let write = bound.write(table, returns_item, KEY_MISMATCH);
        let write = write.and_then(|write| write.place(table).map(|_| write));
        reasons.push(match write {
            Ok(write) => {
                payload += match &write.action {
                    Action::Put { item, .. } => item.size_bytes(),
                    Action::Update { key, .. } | Action::Delete { key } | Action::Check { key } => {
                        key.size_bytes()
                    }
                };
                writes.push(TableWrite { table: name.clone(), write });
                None
            }
            Err(Invalid(problem)) => Some(reason("ValidationError", problem)),
        });
    }
    cancelled(reasons)?;
    check_payload(payload)?;
    let written = transaction::write(service, ctx, &writes, token, report).await;
    let consumed_capacity = written.map_err(|failure| worded(failure, prepared))?;
    let responses = prepared.iter().map(|_| ItemResponse::default()).collect();
    Ok(ExecuteTransactionOutput { responses: Some(responses), consumed_capacity })
}

/// Reasons as PartiQL words them.
fn worded(failure: Failure, prepared: &[Prepared]) -> Error {
    let Failure::Cancelled(mut reasons) = failure else { return failure.into() };
    for (reason, Prepared { bound, .. }) in reasons.iter_mut().zip(prepared) {
        let message = reason.message.clone().unwrap_or_default();
        let error = match reason.code.as_deref() {
            Some("ConditionalCheckFailed") if bound.is_insert() => {
                *reason =
                    transaction::reason("DuplicateItem", "Duplicate primary key exists in table");
                continue;
            }
            Some("ValidationError") => execute::worded(Invalid(message).into(), bound),
            _ => continue,
        };
        if let Error::Fault(fault) = error {
            reason.message = Some(fault.message.to_string());
        }
    }
    Failure::Cancelled(reasons).into()
}
