//! `RestoreObject`: a copy of an archived object that can be read for some days.
//!
//! ```text
//! aws s3api restore-object --bucket photos --key a.jpg --restore-request Days=3
//! ```
//!
//! The bytes are at hand, so the copy is there with the answer: no restore is ever under way.

use api_s3::{
    Error, RestoreObjectOutput, RestoreObjectRequest, RestoreRequest, RestoreRequestType, Tier,
};
use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::Timer;

use super::object_target::target;
use crate::hooks::{self, Happened};
use crate::records::BUCKETS;
use crate::{S3, buckets, errors, objects};

/// The kind of the timer that ends a copy.
pub(crate) const KIND: &str = "s3.restored";
/// Who ends it.
const S3: &str = "s3.amazonaws.com";
const DAY_MS: i64 = 86_400_000;
/// Most days of a copy: AWS names no bound, the calendar does.
const DAYS_MAX: i32 = 365_000;

/// The copy of a version of an object.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Copy {
    bucket: String,
    key: String,
    /// As it is shown.
    version_id: String,
}

pub(crate) async fn restore_object(
    _: &S3,
    ctx: &Ctx,
    input: RestoreObjectRequest,
) -> Result<RestoreObjectOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let (key, version_id) = (input.key.as_str(), input.version_id.as_deref());
    let request = input.restore_request.ok_or_else(errors::malformed_xml)?;
    let days = days(&request)?;
    let tier = request.glacier_job_parameters.map(|parameters| parameters.tier).or(request.tier);
    let now_ms = ctx.now().epoch_ms;
    // Whole days, up to the midnight after them.
    let until_ms = ((now_ms + i64::from(days) * DAY_MS).div_euclid(DAY_MS) + 1) * DAY_MS;
    let again = ctx
        .store()
        .write(|tx| -> Result<bool, Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let mut found = target(tx, name, key, version_id)?;
            let version = &mut found.version;
            let Some(class) = version.archive() else {
                let class = version.storage_class.as_deref().unwrap_or("STANDARD");
                return Err(errors::not_archived(class).into());
            };
            if class == "DEEP_ARCHIVE" && tier == Some(Tier::Expedited) {
                let text = "Retrieval option is not supported by this storage class";
                return Err(errors::invalid_argument("Tier", Some("Expedited"), text).into());
            }
            let again = version.restored(ctx.now()).is_some();
            version.restored_until_ms = Some(until_ms);
            objects::rewrite(tx, name, key, &found)?;
            let (version, key) = (&found.version, key.to_owned());
            if !again {
                hooks::happened(tx, ctx, &bucket, &key, version, Happened::RestorePost)?;
                hooks::happened(tx, ctx, &bucket, &key, version, Happened::RestoreCompleted)?;
            }
            let version_id = version.shown_id().to_owned();
            let copy = Copy { bucket: name.to_owned(), key, version_id };
            tx.schedule(until_ms.unsigned_abs(), KIND, &copy)?;
            Ok(again)
        })
        .await?;
    let http_status = Some(if again { 200 } else { 202 });
    Ok(RestoreObjectOutput { http_status, ..RestoreObjectOutput::default() })
}

/// For how many days; what asks for something else than a copy is refused.
fn days(request: &RestoreRequest) -> Result<i32, Fault> {
    let selects = request.r#type == Some(RestoreRequestType::Select)
        || request.select_parameters.is_some()
        || request.output_location.is_some();
    if selects {
        return Err(Fault::not_implemented("S3 Select of archived objects"));
    }
    match request.days.ok_or_else(errors::malformed_xml)? {
        days @ 1..=DAYS_MAX => Ok(days),
        days => {
            let text = "The number of days of a restore must be a positive integer.";
            Err(errors::invalid_argument("Days", Some(&days.to_string()), text))
        }
    }
}

/// Ends copies whose days are over.
pub(crate) struct Ender;

impl TaskHandler for Ender {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let copy: Copy = timer.payload().map_err(Fault::internal)?;
            let ended = kernel.store().write(|tx| -> Result<(), Error> {
                let Some(bucket) = tx.get(&BUCKETS, copy.bucket.as_str())? else { return Ok(()) };
                let Some(mut found) =
                    objects::by_id(tx, &copy.bucket, &copy.key, &copy.version_id)?
                else {
                    return Ok(());
                };
                let now_ms = kernel.clock().now().epoch_ms;
                // It may have been restored for longer since, or be another object of that name.
                if found.version.restored_until_ms.is_none_or(|until_ms| until_ms > now_ms) {
                    return Ok(());
                }
                found.version.restored_until_ms = None;
                objects::rewrite(tx, &copy.bucket, &copy.key, &found)?;
                let ctx = kernel.service_ctx(S3, &bucket.account, &bucket.region);
                let what = Happened::RestoreDeleted;
                hooks::happened(tx, &ctx, &bucket, &copy.key, &found.version, what)
            });
            Ok(ended.await?)
        })
    }
}
