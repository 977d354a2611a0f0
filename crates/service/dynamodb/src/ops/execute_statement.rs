//! `ExecuteStatement`: one PartiQL statement.
//!
//! ```text
//! {"Statement": "SELECT seat FROM \"Flights\" WHERE pk = ? AND begins_with(sk, '2026-11')",
//!  "Parameters": [{"S": "+821012345678"}], "Limit": 10}
//! ```

use api_dynamodb::{
    Error, ExecuteStatementInput, ExecuteStatementOutput, ReturnValuesOnConditionCheckFailure,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::partiql::cursor::{Cursor, Request};
use crate::partiql::{self, Bound, Sort, execute};
use crate::sse;
use crate::{DynamoDb, convert, table};

pub(crate) async fn execute_statement(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ExecuteStatementInput,
) -> Result<ExecuteStatementOutput, Error> {
    let parameters = partiql::parameters(input.parameters.as_ref())?;
    let bound = execute::prepare(service, ctx, &input.statement, parameters)?;
    execute::check_sort(&bound)?;
    let request = Request::new(ctx, &input.statement, input.parameters.as_ref());
    let cursor = Cursor::open(ctx, &request, input.next_token.as_deref())?;
    let name = table::name(ctx, &bound.table)?;
    match bound.sort() {
        Sort::Read => read(service, ctx, input, &bound, &name, (request, cursor)).await,
        Sort::Write | Sort::Check => write(service, ctx, input, &bound, &name).await,
    }
}

async fn read(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ExecuteStatementInput,
    bound: &Bound,
    name: &str,
    (request, cursor): (Request, Cursor),
) -> Result<ExecuteStatementOutput, Error> {
    let report = Report::of(input.return_consumed_capacity.as_ref());
    let limit = input.limit.map(|limit| limit as usize);
    let answer = sse::read(ctx, |tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, name)?;
        let reads = bound.reads(&table, input.consistent_read == Some(true))?;
        reads.run(tx, &cursor, limit)
    })
    .await?;
    Ok(ExecuteStatementOutput {
        items: Some(answer.items.into_iter().map(convert::attributes).collect()),
        next_token: answer.next.map(|next| next.seal(ctx, &request)),
        consumed_capacity: report.read(name, &answer.units),
        last_evaluated_key: answer.last_key.map(convert::attributes),
    })
}

async fn write(
    service: &DynamoDb,
    ctx: &Ctx,
    input: ExecuteStatementInput,
    bound: &Bound,
    name: &str,
) -> Result<ExecuteStatementOutput, Error> {
    let on_failure = input.return_values_on_condition_check_failure;
    let returns_item = on_failure == Some(ReturnValuesOnConditionCheckFailure::AllOld);
    let wrote = execute::write(service, ctx, name, bound, returns_item).await;
    let wrote = wrote.map_err(|not_written| not_written.error)?;
    let report = Report::of(input.return_consumed_capacity.as_ref());
    Ok(ExecuteStatementOutput {
        items: Some(wrote.returned.into_iter().map(convert::attributes).collect()),
        consumed_capacity: report.written(name, &wrote.table, &wrote.units),
        ..ExecuteStatementOutput::default()
    })
}
