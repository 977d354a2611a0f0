//! `DescribeContributorInsights`: whether insights are switched on for a table or an index.
//!
//! ```text
//! {"TableName": "Flights", "IndexName": "by-gate"}
//! ```
//!
//! There are no rules and no reports: those are CloudWatch's.

use api_dynamodb::{
    ContributorInsightsStatus, DescribeContributorInsightsInput, DescribeContributorInsightsOutput,
    Error,
};
use kernel::{Ctx, Timestamp};

use crate::insights::Subject;
use crate::{DynamoDb, table};

pub(crate) async fn describe_contributor_insights(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeContributorInsightsInput,
) -> Result<DescribeContributorInsightsOutput, Error> {
    let table = table::name(ctx, &input.table_name)?;
    let subject = Subject { table, index: input.index_name };
    let record = ctx.store().read(|tx| -> Result<_, Error> {
        subject.check(ctx, tx)?;
        Ok(subject.get(ctx, tx)?)
    })?;
    let now_ms = ctx.now().epoch_ms;
    let status = record.as_ref().map(|record| record.status(now_ms));
    let output = DescribeContributorInsightsOutput {
        table_name: Some(subject.table),
        index_name: subject.index,
        contributor_insights_status: Some(status.unwrap_or(ContributorInsightsStatus::Disabled)),
        ..DescribeContributorInsightsOutput::default()
    };
    Ok(match record {
        None => output,
        Some(record) => DescribeContributorInsightsOutput {
            contributor_insights_rule_list: Some(Vec::new()),
            last_update_date_time: Some(Timestamp::from_ms(record.changed_ms)),
            contributor_insights_mode: Some(record.mode()),
            ..output
        },
    })
}
