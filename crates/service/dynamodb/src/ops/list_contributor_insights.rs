//! `ListContributorInsights`: the tables and indexes whose insights were ever switched, a page at
//! a time.
//!
//! ```text
//! {"TableName": "Flights", "MaxResults": 10}
//! ```

use api_dynamodb::{
    ContributorInsightsSummary, Error, ListContributorInsightsInput, ListContributorInsightsOutput,
};
use kernel::Ctx;

use crate::invalid::Invalid;
use crate::{DynamoDb, fault, insights, table};

/// Summaries on a page if nothing else is asked for, and at most.
const PAGE_MAX: i32 = 100;

pub(crate) async fn list_contributor_insights(
    _: &DynamoDb,
    ctx: &Ctx,
    input: ListContributorInsightsInput,
) -> Result<ListContributorInsightsOutput, Error> {
    let name = input.table_name.map(|given| table::name(ctx, &given)).transpose()?;
    let limit = match input.max_results.unwrap_or(PAGE_MAX) {
        limit @ 1..=PAGE_MAX => limit.unsigned_abs() as usize,
        _ => return Err(Invalid::new("MaxResults must be between 1 and 100").into()),
    };
    // A token is the last table and index of the page before; neither has a slash.
    let after = match input.next_token.as_deref().map(|token| token.split_once('/')) {
        Some(None) => return Err(Invalid::new("NextToken is not valid").into()),
        Some(Some((table, index))) => Some((table.to_owned(), index.to_owned())),
        None => None,
    };
    let found = ctx.store().read(|tx| -> Result<_, Error> {
        if let Some(name) = &name {
            table::find(ctx, tx, name)?.ok_or_else(|| fault::no_such_table(name))?;
        }
        Ok(insights::list(ctx, tx, name.as_deref())?)
    })?;
    let place = |subject: &insights::Subject| {
        (subject.table.clone(), subject.index.clone().unwrap_or_default())
    };
    let mut rest =
        found.into_iter().filter(|(subject, _)| after.as_ref().is_none_or(|a| place(subject) > *a));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let last = page.last().map(|(subject, _)| place(subject));
    let next_token = last.filter(|_| rest.next().is_some());
    let now_ms = ctx.now().epoch_ms;
    let summaries = page.into_iter().map(|(subject, record)| ContributorInsightsSummary {
        contributor_insights_status: Some(record.status(now_ms)),
        contributor_insights_mode: Some(record.mode()),
        table_name: Some(subject.table),
        index_name: subject.index,
    });
    Ok(ListContributorInsightsOutput {
        contributor_insights_summaries: Some(summaries.collect()),
        next_token: next_token.map(|(table, index)| format!("{table}/{index}")),
    })
}
