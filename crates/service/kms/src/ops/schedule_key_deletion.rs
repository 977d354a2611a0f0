//! `ScheduleKeyDeletion`, `CancelKeyDeletion`.
//!
//! ```text
//! aws kms schedule-key-deletion --key-id 1234abcd-12ab-34cd-56ef-1234567890ab \
//!     --pending-window-in-days 7
//! ```

use api_kms::{
    CancelKeyDeletionRequest, CancelKeyDeletionResponse, Error, ScheduleKeyDeletionRequest,
    ScheduleKeyDeletionResponse,
};
use kernel::{Ctx, Timestamp};

use crate::error::{state, validation};
use crate::find::{Names, find};
use crate::{Kms, end};

/// Days of waiting when a request does not say.
const USUAL_DAYS: i32 = 30;

pub(crate) async fn schedule_key_deletion(
    _: &Kms,
    ctx: &Ctx,
    input: ScheduleKeyDeletionRequest,
) -> Result<ScheduleKeyDeletionResponse, Error> {
    let days = input.pending_window_in_days.unwrap_or(USUAL_DAYS);
    if !(7..=30).contains(&days) {
        return Err(validation(format!(
            "PendingWindowInDays must be between 7 and 30 inclusive, but was {days}"
        ))
        .into());
    }
    let now_ms = ctx.now().epoch_ms;
    let key = ctx
        .store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("ScheduleKeyDeletion")?;
            key.not_ending()?;
            end::begin(tx, &key.place, &mut key.record, days, now_ms)?;
            Ok::<_, Error>(key)
        })
        .await?;
    let at_ms = key.record.deletion.as_ref().and_then(|deletion| deletion.at_ms);
    Ok(ScheduleKeyDeletionResponse {
        key_id: Some(key.arn),
        deletion_date: at_ms.map(Timestamp::from_ms),
        key_state: Some(key.record.state()),
        pending_window_in_days: Some(days),
    })
}

pub(crate) async fn cancel_key_deletion(
    _: &Kms,
    ctx: &Ctx,
    input: CancelKeyDeletionRequest,
) -> Result<CancelKeyDeletionResponse, Error> {
    let arn = ctx
        .store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            if key.record.deletion.is_none() {
                return Err(state(format!("{} is not pending deletion.", key.arn)).into());
            }
            end::cancel(tx, &key.place, &mut key.record)?;
            Ok::<_, Error>(key.arn)
        })
        .await?;
    Ok(CancelKeyDeletionResponse { key_id: Some(arn) })
}
