//! EventBridge hears of every alarm that gets another state, on the default bus, as on AWS: whether
//! the alarm has actions or not.

use api_events::{Client, PutEventsRequest, PutEventsRequestEntry};
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel, Level};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use shape::Timestamp;
use store::{Event, StoreError, WriteTx};

use super::evaluate::SERVICE;
use super::{Alarm, State, arn, message};

/// The topic of changes that are to be told.
pub(crate) const TOPIC: &str = "cloudwatch/alarm-change";

/// A change that is to be told.
#[derive(Serialize, Deserialize)]
struct Change {
    account: String,
    region: String,
    alarm: String,
    at_ms: i64,
    detail: Json,
}

/// Lets a change be told after the commit.
pub(super) fn emit(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    alarm: &Alarm,
    old: &State,
) -> Result<(), StoreError> {
    let change = Change {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        alarm: name.to_owned(),
        at_ms: alarm.state.updated_ms,
        detail: message::told_of_change(name, alarm, old),
    };
    let order = format!("{}/{}/{name}", change.account, change.region);
    tx.emit(TOPIC, &order, &change)
}

/// Tells of changes.
pub(crate) struct Announcer;

impl EventHandler for Announcer {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let change: Change = event.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx(SERVICE, &change.account, &change.region);
            let entry = PutEventsRequestEntry {
                time: Some(Timestamp::from_ms(change.at_ms)),
                source: Some("aws.cloudwatch".to_owned()),
                resources: Some(vec![arn(&ctx, &change.alarm)]),
                detail_type: Some("CloudWatch Alarm State Change".to_owned()),
                detail: Some(change.detail.to_string()),
                ..Default::default()
            };
            let input = PutEventsRequest { entries: vec![entry], ..Default::default() };
            let refused = match ctx.client::<Client>().put_events(input).await {
                Ok(answer) => {
                    let entries = answer.entries.unwrap_or_default().into_iter();
                    entries.filter_map(|entry| entry.error_message).next()
                }
                Err(fault) if fault.status >= 500 && fault.status != 501 => return Err(fault),
                Err(fault) => Some(fault.to_string()),
            };
            if let Some(why) = refused {
                ctx.log(Level::Warn, format_args!("event of alarm {}: {why}", change.alarm));
            }
            Ok(())
        })
    }
}
