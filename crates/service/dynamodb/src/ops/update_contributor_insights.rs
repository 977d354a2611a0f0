//! `UpdateContributorInsights`: switches insights on or off for a table or an index.
//!
//! ```text
//! {"TableName": "Flights", "ContributorInsightsAction": "ENABLE",
//!  "ContributorInsightsMode": "THROTTLED_KEYS"}
//! ```
//!
//! The switch is kept and shown; nothing counts keys behind it, as the reports would be
//! CloudWatch's.

use api_dynamodb::{
    ContributorInsightsAction, ContributorInsightsMode, Error, UpdateContributorInsightsInput,
    UpdateContributorInsightsOutput,
};
use kernel::Ctx;
use store::WriteTx;

use crate::insights::{InsightsRecord, Subject};
use crate::{DynamoDb, table};

pub(crate) async fn update_contributor_insights(
    _: &DynamoDb,
    ctx: &Ctx,
    input: UpdateContributorInsightsInput,
) -> Result<UpdateContributorInsightsOutput, Error> {
    let table = table::name(ctx, &input.table_name)?;
    let subject = Subject { table, index: input.index_name };
    let enabled = input.contributor_insights_action == ContributorInsightsAction::Enable;
    let now_ms = ctx.now().epoch_ms;
    let write = |tx: &mut WriteTx| -> Result<InsightsRecord, Error> {
        subject.check(ctx, tx)?;
        let before = subject.get(ctx, tx)?;
        let given = input.contributor_insights_mode.as_ref();
        let mode = match (given, &before) {
            (Some(mode), _) => mode.as_str().to_owned(),
            (None, Some(before)) => before.mode.clone(),
            (None, None) => ContributorInsightsMode::AccessedAndThrottledKeys.as_str().to_owned(),
        };
        let was_enabled = before.as_ref().is_some_and(|before| before.enabled);
        let changed_ms = match &before {
            Some(before) if was_enabled == enabled && before.mode == mode => before.changed_ms,
            _ => now_ms,
        };
        let record = InsightsRecord { enabled, mode, changed_ms };
        subject.put(ctx, tx, &record)?;
        Ok(record)
    };
    let record = ctx.store().write(write).await?;
    Ok(UpdateContributorInsightsOutput {
        contributor_insights_status: Some(record.status(now_ms)),
        contributor_insights_mode: Some(record.mode()),
        table_name: Some(subject.table),
        index_name: subject.index,
    })
}
