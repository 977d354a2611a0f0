//! Subscription filters on their way to functions: what matches goes, packed, as an asynchronous
//! invocation, which Lambda repeats by itself. At least once, as on AWS.

use std::io::Write as _;

use api_lambda::{GetFunctionConfigurationRequest, InvocationRequest, InvocationType};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level, store_fault};
use serde_json::{Map, Value as Json, json};
use shape::Blob;

use crate::event::Event;
use crate::filters::{Batch, SUBSCRIPTIONS, Subscription};
use crate::name::group_arn;
use crate::pattern::Pattern;
use crate::table::DAY_MS;

/// The topic of log events that a subscription filter may want.
pub(crate) const TOPIC: &str = "logs/subscription";
/// Name by which the service is known to policies.
const PRINCIPAL: &str = "logs.amazonaws.com";
/// Bytes of an asynchronous invocation's event.
const PAYLOAD_BYTES_MAX: usize = 1_048_576;
/// How long deliveries are tried (AWS's limit).
const TRIED_MS_MAX: i64 = DAY_MS;

/// Delivers to functions.
pub(crate) struct Subscriptions;

impl EventHandler for Subscriptions {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a store::Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let batch: Batch = event.payload().map_err(Fault::internal)?;
            let ctx = caller(kernel, &batch);
            let read = ctx.store().read(|tx| {
                let filter = tx.get(&SUBSCRIPTIONS, batch.key(&batch.filter))?;
                Ok::<_, store::StoreError>((filter, batch.events(tx)?))
            });
            let (filter, events) = read.map_err(store_fault)?;
            // Deleted meanwhile, or made after the events.
            let Some(filter) = filter.filter(|filter| filter.created_ms <= batch.ingested_ms)
            else {
                return Ok(());
            };
            let Ok(pattern) = Pattern::parse(&filter.pattern) else { return Ok(()) };
            let mut wanted = Vec::new();
            for event in &events {
                let text = event.text()?;
                if pattern.matches(text) {
                    wanted.push(described(event, text, &pattern));
                }
            }
            if wanted.is_empty() || feeds_itself(&ctx, &filter.destination, &batch.group).await? {
                return Ok(());
            }
            match send(&ctx, &batch, &filter, &wanted).await {
                Err(fault) if ctx.now().epoch_ms - batch.ingested_ms as i64 > TRIED_MS_MAX => {
                    give_up(&ctx, &batch, &filter, &fault);
                    Ok(())
                }
                sent => sent,
            }
        })
    }
}

fn caller(kernel: &Kernel, batch: &Batch) -> Ctx {
    let ctx = kernel.service_ctx(PRINCIPAL, &batch.account, &batch.region);
    for_group(&ctx, &batch.group)
}

/// The service itself, on behalf of a group.
pub(crate) fn for_group(ctx: &Ctx, group: &str) -> Ctx {
    let arn = format!("{}:*", group_arn(ctx, group));
    ctx.as_service_for(PRINCIPAL, arn)
}

/// One event as functions get it.
fn described(event: &Event, text: &str, pattern: &Pattern) -> Json {
    let mut described = json!({
        "id": event.place.event_id(),
        "timestamp": event.place.timestamp_ms,
        "message": text,
    });
    let words = pattern.words(text);
    if !words.is_empty() {
        let word = |(name, word): (&str, &str)| (name.to_owned(), Json::from(word));
        let fields: Map<String, Json> = words.into_iter().map(word).collect();
        described["extractedFields"] = fields.into();
    }
    described
}

/// Whether a function writes to the group that it would hear of: every call would cause another.
pub(crate) async fn feeds_itself(ctx: &Ctx, function: &str, group: &str) -> Result<bool, Fault> {
    let input = GetFunctionConfigurationRequest {
        function_name: function.to_owned(),
        ..Default::default()
    };
    let found = ctx.client::<api_lambda::Client>().get_function_configuration(input).await;
    let logging = match found {
        Ok(function) => function.logging_config,
        // Who is not there is told so when it is called.
        Err(fault) if fault.status < 500 => return Ok(false),
        Err(fault) => return Err(fault),
    };
    Ok(logging.and_then(|logging| logging.log_group).as_deref() == Some(group))
}

/// Whether the function lets CloudWatch Logs call it for the group.
pub(crate) async fn may_call(ctx: &Ctx, function: &str, group: &str) -> Result<(), Fault> {
    invoke(&for_group(ctx, group), function, InvocationType::DryRun, None).await
}

async fn invoke(
    ctx: &Ctx,
    function: &str,
    how: InvocationType,
    payload: Option<String>,
) -> Result<(), Fault> {
    let input = InvocationRequest {
        function_name: function.to_owned(),
        invocation_type: Some(how),
        payload: payload.map(|text| Blob(Bytes::from(text))),
        ..Default::default()
    };
    ctx.client::<api_lambda::Client>().invoke(input).await.map(drop)
}

/// Sends events in as few invocations as they fit in.
async fn send(
    ctx: &Ctx,
    batch: &Batch,
    filter: &Subscription,
    events: &[Json],
) -> Result<(), Fault> {
    let mut waiting = vec![events];
    while let Some(part) = waiting.pop() {
        let payload = packed(batch, part).map_err(Fault::internal)?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let (first, second) = part.split_at(part.len() / 2);
            match first.is_empty() {
                true => {
                    ctx.log(Level::Warn, format_args!("{}: an event is too large", batch.group))
                }
                false => waiting.extend([second, first]),
            }
            continue;
        }
        match invoke(ctx, &filter.destination, InvocationType::Event, Some(payload)).await {
            Ok(()) => {}
            Err(fault) if may_pass(&fault) => return Err(fault),
            Err(fault) => give_up(ctx, batch, filter, &fault),
        }
    }
    Ok(())
}

/// Whether it may go better later.
fn may_pass(fault: &Fault) -> bool {
    let has = |part: &str| fault.code.contains(part);
    fault.status >= 500
        || fault.status == 429
        || has("TooManyRequests")
        || has("ResourceConflict")
        || has("ResourceNotReady")
}

fn give_up(ctx: &Ctx, batch: &Batch, filter: &Subscription, fault: &Fault) {
    let (group, to) = (&batch.group, &filter.destination);
    ctx.log(Level::Warn, format_args!("subscription filter of {group} to {to}: {fault}"));
}

/// The event of a function: `{"awslogs": {"data": …}}`.
fn packed(batch: &Batch, events: &[Json]) -> std::io::Result<String> {
    let data = json!({
        "messageType": "DATA_MESSAGE",
        "owner": batch.account,
        "logGroup": batch.group,
        "logStream": batch.stream_name,
        "subscriptionFilters": [batch.filter],
        "logEvents": events,
    });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(data.to_string().as_bytes())?;
    let data = BASE64.encode(gzip.finish()?);
    Ok(json!({"awslogs": {"data": data}}).to_string())
}
