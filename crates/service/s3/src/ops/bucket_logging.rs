//! `PutBucketLogging`, `GetBucketLogging`.
//!
//! ```text
//! aws s3api put-bucket-logging --bucket photos --bucket-logging-status \
//!     '{"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "photos/"}}'
//! ```

use api_s3::{
    Error, GetBucketLoggingOutput, GetBucketLoggingRequest, PutBucketLoggingOutput,
    PutBucketLoggingRequest,
};
use kernel::{Ctx, Fault};

use crate::records::BUCKETS;
use crate::settings::kept;
use crate::settings::logging::Logging;
use crate::{S3, buckets};

pub(crate) async fn put_bucket_logging(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketLoggingRequest,
) -> Result<PutBucketLoggingOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let Some(wanted) = input.bucket_logging_status.logging_enabled else {
        kept::unset::<Logging>(ctx, &input.bucket, owner).await?;
        return Ok(PutBucketLoggingOutput {});
    };
    let logging = Logging::from_api(wanted)?;
    let refused = |text: &str| -> Error {
        let fault = Fault::sender("InvalidTargetBucketForLogging", text);
        fault.with("TargetBucket", logging.target.clone()).into()
    };
    // Whether logs may be put there is asked when they are: a policy may come later.
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            let bucket = buckets::bucket(tx, ctx, &input.bucket, owner)?;
            let target = tx.get(&BUCKETS, logging.target.as_str())?;
            let target =
                target.ok_or_else(|| refused("The target bucket for logging does not exist"))?;
            if target.account != bucket.account {
                return Err(refused(
                    "The owner for the bucket to be logged and the target bucket must be the same.",
                ));
            }
            if target.region != bucket.region {
                // The spelling is S3's own.
                let text = "Cross S3 location logging not allowed. ";
                let fault = Fault::new("CrossLocationLoggingProhibitted", 403, text);
                return Err(fault.with("TargetBucketLocation", target.region).into());
            }
            kept::put(tx, &bucket.name, &logging)
        })
        .await?;
    Ok(PutBucketLoggingOutput {})
}

pub(crate) async fn get_bucket_logging(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketLoggingRequest,
) -> Result<GetBucketLoggingOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (_, logging) = kept::find::<Logging>(ctx, &input.bucket, owner)?;
    let logging_enabled = logging.map(|logging| logging.to_api());
    Ok(GetBucketLoggingOutput { logging_enabled })
}
