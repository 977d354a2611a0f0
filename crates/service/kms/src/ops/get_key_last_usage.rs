//! `GetKeyLastUsage`.
//!
//! ```text
//! aws kms get-key-last-usage --key-id 1234abcd-12ab-34cd-56ef-1234567890ab
//! ```

use api_kms::{
    Error, GetKeyLastUsageRequest, GetKeyLastUsageResponse, KeyLastUsageData,
    KeyLastUsageTrackingOperation,
};
use kernel::{Ctx, Timestamp};

use crate::Kms;
use crate::find::{Names, find};

pub(crate) async fn get_key_last_usage(
    api: &Kms,
    ctx: &Ctx,
    input: GetKeyLastUsageRequest,
) -> Result<GetKeyLastUsageResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    let created = Timestamp::from_ms(key.record.created_ms);
    let last = api.last_use(ctx, &key)?;
    Ok(GetKeyLastUsageResponse {
        key_last_usage: last.map(|last| KeyLastUsageData {
            operation: Some(KeyLastUsageTrackingOperation::from(last.operation.as_str())),
            timestamp: Some(Timestamp::from_ms(last.at_ms)),
            // There is no trail that could name the event.
            cloud_trail_event_id: None,
            kms_request_id: Some(last.request_id),
        }),
        // Uses are tracked from the first moment of a key.
        tracking_start_date: Some(created),
        key_creation_date: Some(created),
        key_id: Some(key.arn),
    })
}
