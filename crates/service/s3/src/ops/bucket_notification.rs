//! `PutBucketNotificationConfiguration`, `GetBucketNotificationConfiguration`.
//!
//! ```text
//! aws s3api put-bucket-notification-configuration --bucket photos --notification-configuration \
//!     '{"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:us-east-1:000000000000:new",
//!       "Events": ["s3:ObjectCreated:*"]}]}'
//! ```

use api_s3::{
    Error, GetBucketNotificationConfigurationRequest, NotificationConfiguration,
    PutBucketNotificationConfigurationOutput, PutBucketNotificationConfigurationRequest,
};
use kernel::Ctx;

use crate::settings::kept;
use crate::settings::notification::Notifications;
use crate::{S3, notify};

pub(crate) async fn put_bucket_notification_configuration(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketNotificationConfigurationRequest,
) -> Result<PutBucketNotificationConfigurationOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (bucket, _) = kept::find::<Notifications>(ctx, &input.bucket, owner)?;
    let wanted = Notifications::from_api(input.notification_configuration, ctx.random())?;
    if input.skip_destination_validation != Some(true) {
        notify::validate(ctx, &bucket, &wanted).await?;
    }
    match wanted.is_empty() {
        true => kept::unset::<Notifications>(ctx, &input.bucket, owner).await?,
        false => kept::set(ctx, &input.bucket, owner, &wanted).await?,
    }
    Ok(PutBucketNotificationConfigurationOutput {})
}

pub(crate) async fn get_bucket_notification_configuration(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketNotificationConfigurationRequest,
) -> Result<NotificationConfiguration, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (_, notifications) = kept::find::<Notifications>(ctx, &input.bucket, owner)?;
    Ok(notifications.unwrap_or_default().to_api())
}
