//! Events of objects on their way to a bucket's destinations, through the outbox.

use api_lambda::{InvocationRequest, InvocationType};
use api_s3::Error;
use api_sns::PublishInput;
use api_sqs::{GetQueueUrlRequest, SendMessageRequest};
use kernel::{Arn, BoxFuture, Ctx, EventHandler, Fault, Kernel, Level};
use store::{Event, WriteTx};

use crate::hooks::Happened;
use crate::records::{Bucket, Version};
use crate::replicate::Failure;
use crate::settings::kept;
use crate::settings::notification::{
    Happening, Kind, Notifications, UNUSABLE, records, test_event,
};
use crate::settings::refusal;
use crate::{buckets, event_bridge};

/// The topic of events that are to be delivered.
pub(crate) const TOPIC: &str = "s3.notification";

/// A message and whom it is for.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Delivery {
    pub kind: Kind,
    pub arn: String,
    /// Of the bucket: the one that S3 acts for.
    pub account: String,
    pub bucket: String,
    pub message: serde_json::Value,
    /// A function is only asked whether it could be called.
    #[serde(default)]
    pub dry_run: bool,
}

/// Emits what happened to each destination that wants it, in the commit in which it happens.
pub(crate) fn emit(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    what: Happened,
) -> Result<(), Error> {
    tell(tx, ctx, bucket, key, version, what, None)
}

/// The same for a copy that was not made.
pub(crate) fn emit_failure(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    what: Happened,
    failure: Failure,
) -> Result<(), Error> {
    tell(tx, ctx, bucket, key, version, what, Some(failure))
}

fn tell(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version: &Version,
    what: Happened,
    failure: Option<Failure>,
) -> Result<(), Error> {
    let Some(notifications) = kept::get::<Notifications>(tx, &bucket.name)? else { return Ok(()) };
    let event = what.event(ctx);
    let gone = matches!(what, Happened::Removed | Happened::MarkerCreated);
    let now_us = u64::try_from(ctx.now().epoch_ms).unwrap_or(0).saturating_mul(1000);
    let happening = || Happening {
        event: event.to_owned(),
        region: bucket.region.clone(),
        bucket: bucket.name.clone(),
        owner: buckets::canonical_id(&bucket.account),
        key: key.to_owned(),
        size: (!gone).then(|| i64::try_from(version.size).unwrap_or(i64::MAX)),
        etag: (what != Happened::Removed).then(|| version.etag.clone()),
        version: version.version_id.clone(),
        at_ms: ctx.now().epoch_ms,
        principal: ctx.principal().user_id(),
        restored: (what == Happened::RestoreCompleted)
            .then(|| version.restored_until_ms.zip(version.storage_class.clone()))
            .flatten(),
        not_replicated: failure.clone(),
        source_ip: ctx
            .origin()
            .and_then(|origin| origin.source_ip)
            .map_or_else(|| "127.0.0.1".to_owned(), |ip| ip.to_string()),
        request_id: ctx.request_id().to_owned(),
        // A removal comes after all that made what it removes.
        sequence: match what {
            Happened::Removed => now_us.max(version.order + 1),
            _ => version.order,
        },
    };
    if notifications.event_bridge {
        event_bridge::emit(tx, ctx, bucket, what, &happening(), version)?;
    }
    for destination in notifications.of(event, key) {
        let delivery = Delivery {
            kind: destination.kind,
            arn: destination.arn.clone(),
            account: bucket.account.clone(),
            bucket: bucket.name.clone(),
            message: records(&happening(), &destination.id),
            dry_run: false,
        };
        // What happens to one key is told in its order.
        tx.emit(TOPIC, &format!("{}/{key}", bucket.name), &delivery)?;
    }
    Ok(())
}

/// Who S3 is when it sends.
const S3: &str = "s3.amazonaws.com";

/// Delivers from the outbox.
pub(crate) struct Deliverer;

impl EventHandler for Deliverer {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let delivery: Delivery = event.payload().map_err(Fault::internal)?;
            match send(kernel, &delivery).await {
                Ok(()) => Ok(()),
                // What stands against it now may be mended; but not for ever, and nothing behind
                // it waits that long.
                Err(fault) if event.attempts < ATTEMPTS_MAX && fault.status >= 500 => Err(fault),
                Err(fault) => {
                    let (arn, bucket) = (&delivery.arn, &delivery.bucket);
                    let line =
                        format_args!("s3: event of {bucket} not delivered to {arn}: {fault}");
                    kernel.log(Level::Warn, line);
                    Ok(())
                }
            }
        })
    }
}

/// After so many attempts an event is dropped, with a line in the log.
const ATTEMPTS_MAX: u32 = 8;

/// Sends a message to where it belongs, as S3 for the bucket: the destination's policy decides.
async fn send(kernel: &Kernel, delivery: &Delivery) -> Result<(), Fault> {
    let arn = Arn::parse(&delivery.arn).map_err(Fault::internal)?;
    let source = format!("arn:aws:s3:::{}", delivery.bucket);
    let ctx = kernel.service_ctx(S3, &delivery.account, &arn.region).as_service_for(S3, source);
    let body = delivery.message.to_string();
    match delivery.kind {
        Kind::Queue => {
            let client = ctx.client::<api_sqs::Client>();
            let url = client
                .get_queue_url(GetQueueUrlRequest {
                    queue_name: arn.resource,
                    queue_owner_aws_account_id: Some(arn.account),
                })
                .await?
                .queue_url
                .unwrap_or_default();
            let request =
                SendMessageRequest { queue_url: url, message_body: body, ..Default::default() };
            client.send_message(request).await.map(drop)
        }
        Kind::Function => {
            let request = InvocationRequest {
                function_name: delivery.arn.clone(),
                invocation_type: Some(match delivery.dry_run {
                    true => InvocationType::DryRun,
                    false => InvocationType::Event,
                }),
                payload: Some(body.into_bytes().into()),
                ..InvocationRequest::default()
            };
            ctx.client::<api_lambda::Client>().invoke(request).await.map(drop)
        }
        Kind::Topic => {
            let request = PublishInput {
                topic_arn: Some(delivery.arn.clone()),
                subject: Some("Amazon S3 Notification".to_owned()),
                message: body,
                ..PublishInput::default()
            };
            ctx.client::<api_sns::Client>().publish(request).await.map(drop)
        }
    }
}

/// Tries all destinations: queues and topics get S3's test message, functions are called dry.
pub(crate) async fn validate(
    ctx: &Ctx,
    bucket: &Bucket,
    notifications: &Notifications,
) -> Result<(), Fault> {
    for destination in &notifications.destinations {
        let delivery = Delivery {
            kind: destination.kind,
            arn: destination.arn.clone(),
            account: bucket.account.clone(),
            bucket: bucket.name.clone(),
            message: test_event(&bucket.name, ctx.now(), ctx.request_id()),
            dry_run: true,
        };
        let here = Arn::parse(&delivery.arn).is_ok_and(|arn| arn.region == bucket.region);
        let sent = if here { send(ctx.kernel(), &delivery).await } else { Err(unusable()) };
        match sent {
            Ok(()) => {}
            Err(fault) if fault.status == 501 => return Err(fault),
            Err(fault) => {
                ctx.log(Level::Warn, format_args!("s3: {} refused: {fault}", delivery.arn));
                return Err(unusable());
            }
        }
    }
    Ok(())
}

fn unusable() -> Fault {
    refusal::invalid_argument(UNUSABLE)
}
