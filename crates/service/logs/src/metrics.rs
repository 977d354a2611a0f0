//! Metrics embedded in log events on their way to CloudWatch: the commit of the log events says
//! which of them may have some, and they are read from there. At least once, as on AWS.

use std::collections::BTreeMap;

use api_cloudwatch::{Client, MetricDatum, PutMetricDataInput};
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level, StoreError};
use serde::{Deserialize, Serialize};
use store::{Event, WriteTx};

use crate::embedded::{self, may_have};
use crate::event::Place;
use crate::table::EVENTS;

/// The topic of log events that may have metrics.
pub(crate) const TOPIC: &str = "logs/embedded-metrics";
/// `PutMetricData`'s limit.
const DATA_MAX: usize = 1000;

/// Log events of one stream that came together.
#[derive(Serialize, Deserialize)]
struct Batch {
    account: String,
    region: String,
    stream: u64,
    ingested_ms: u64,
    /// Times and numbers of the events.
    events: Vec<(u64, u64)>,
    /// Lambda wrote them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    of_function: bool,
}

/// Sends on those of a batch's events that may have metrics.
pub(crate) fn emit<'a>(
    ctx: &Ctx,
    tx: &mut WriteTx,
    events: impl Iterator<Item = (Place, &'a [u8])>,
) -> Result<(), StoreError> {
    let mut places = events.filter(|(_, message)| may_have(message)).map(|(place, _)| place);
    let Some(first) = places.next() else { return Ok(()) };
    let event = |place: Place| (place.timestamp_ms, place.number);
    let batch = Batch {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        stream: first.stream,
        ingested_ms: first.ingested_ms,
        events: std::iter::once(first).chain(places).map(event).collect(),
        of_function: ctx.principal().arn() == "lambda.amazonaws.com",
    };
    tx.emit(TOPIC, &first.stream.to_string(), &batch)
}

/// Hands metrics over.
pub(crate) struct Embedded;

impl EventHandler for Embedded {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let batch: Batch = event.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx("logs.amazonaws.com", &batch.account, &batch.region);
            // A small event may have many metrics: never those of all of them at once.
            let (mut found, mut count) = (Found::new(), 0);
            for place in batch.places() {
                for (namespace, data) in read(&ctx, place, batch.of_function)? {
                    count += data.len();
                    found.entry(namespace).or_default().extend(data);
                }
                if count >= DATA_MAX {
                    put_all(&ctx, std::mem::take(&mut found)).await?;
                    count = 0;
                }
            }
            put_all(&ctx, found).await
        })
    }
}

/// Metrics by their namespace.
type Found = BTreeMap<String, Vec<MetricDatum>>;

impl Batch {
    fn places(&self) -> impl Iterator<Item = Place> {
        let (stream, ingested_ms) = (self.stream, self.ingested_ms);
        let place = move |&(timestamp_ms, number): &(u64, u64)| Place {
            timestamp_ms,
            ingested_ms,
            stream,
            number,
        };
        self.events.iter().map(place)
    }
}

/// The metrics of one event.
fn read(ctx: &Ctx, place: Place, of_function: bool) -> Result<Vec<embedded::Found>, Fault> {
    let message = ctx.store().read(|tx| tx.get_raw(&EVENTS, place.key()));
    let message = message.map_err(kernel::store_fault)?.unwrap_or_default();
    let text = std::str::from_utf8(&message).unwrap_or_default();
    Ok(embedded::read(text, of_function, ctx.now().epoch_ms))
}

async fn put_all(ctx: &Ctx, found: Found) -> Result<(), Fault> {
    for (namespace, data) in found {
        for part in data.chunks(DATA_MAX) {
            put(ctx, &namespace, part).await?;
        }
    }
    Ok(())
}

async fn put(ctx: &Ctx, namespace: &str, data: &[MetricDatum]) -> Result<(), Fault> {
    let input = PutMetricDataInput {
        namespace: namespace.to_owned(),
        metric_data: Some(data.to_vec()),
        ..Default::default()
    };
    match ctx.client::<Client>().put_metric_data(input).await {
        // What CloudWatch does not want now it will not want later.
        Err(fault) if fault.status < 500 => {
            ctx.log(Level::Warn, format_args!("embedded metrics of {namespace}: {fault:?}"));
            Ok(())
        }
        other => other.map(drop),
    }
}
