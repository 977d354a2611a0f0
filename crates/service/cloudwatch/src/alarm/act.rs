//! What an alarm does: tells a topic, or invokes a function. At least once; who may not be told is
//! not told.

use kernel::{Arn, BoxFuture, Ctx, EventHandler, Fault, Kernel, Level};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shape::Blob;
use store::{Event, StoreError, WriteTx};

use super::evaluate::SERVICE;
use super::{Alarm, State, arn, history, message};

/// The topic of actions that are to be carried out.
pub(crate) const TOPIC: &str = "cloudwatch/alarm-action";
/// In whose name functions are invoked.
const INVOKER: &str = "lambda.alarms.cloudwatch.amazonaws.com";

/// An action that is to be carried out.
#[derive(Serialize, Deserialize)]
struct Action {
    account: String,
    region: String,
    alarm: String,
    /// ARN of what is told.
    action: String,
    subject: String,
    /// JSON.
    text: String,
    changed_ms: i64,
}

/// Lets an action be carried out after the commit.
pub(super) fn emit(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    alarm: &Alarm,
    old: &State,
    action: &str,
) -> Result<(), StoreError> {
    let to_function = Arn::parse(action).is_ok_and(|arn| arn.service == "lambda");
    let text = match to_function {
        true => message::event(ctx, name, alarm, old),
        false => message::notification(ctx, name, alarm, old),
    };
    let action = Action {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        alarm: name.to_owned(),
        action: action.to_owned(),
        subject: message::subject(ctx, name, &alarm.state),
        text: text.to_string(),
        changed_ms: alarm.state.updated_ms,
    };
    let order = format!("{}/{}/{name}", action.account, action.region);
    tx.emit(TOPIC, &order, &action)
}

/// Carries actions out.
pub(crate) struct Actor;

impl EventHandler for Actor {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let action: Action = event.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx(SERVICE, &action.account, &action.region);
            let failure = match action.run(&ctx).await {
                Err(fault) if fault.status >= 500 && fault.status != 501 => return Err(fault),
                other => other.err(),
            };
            let done =
                if failure.is_none() { "Successfully executed" } else { "Failed to execute" };
            let summary = format!("{done} action {}", action.action);
            let mut data = json!({
                "actionState": if failure.is_none() { "Succeeded" } else { "Failed" },
                "stateUpdateTimestamp": action.changed_ms,
                "notificationResource": action.action,
                "publishedMessage": action.text,
            });
            if let Some(fault) = failure {
                ctx.log(Level::Warn, format_args!("alarm {}: {summary}: {fault:?}", action.alarm));
                data["error"] = json!(fault.message);
            }
            let acted = ctx.store().write(|tx| {
                // Once only, though the action itself may have been repeated.
                if tx.ack_event(event.id)? {
                    history::add(&ctx, tx, &action.alarm, "Action", &summary, data.clone())?;
                }
                Ok::<(), StoreError>(())
            });
            acted.await.map_err(kernel::store_fault)
        })
    }
}

impl Action {
    async fn run(&self, ctx: &Ctx) -> Result<(), Fault> {
        let to = Arn::parse(&self.action).map_err(Fault::internal)?;
        let source = arn(ctx, &self.alarm);
        let there = ctx.kernel().service_ctx(SERVICE, &self.account, &to.region);
        if to.service == "lambda" {
            let input = api_lambda::InvocationRequest {
                function_name: self.action.clone(),
                invocation_type: Some(api_lambda::InvocationType::Event),
                payload: Some(Blob(self.text.clone().into_bytes().into())),
                ..Default::default()
            };
            let there = there.as_service_for(INVOKER, source);
            return there.client::<api_lambda::Client>().invoke(input).await.map(drop);
        }
        let input = api_sns::PublishInput {
            topic_arn: Some(self.action.clone()),
            subject: Some(self.subject.clone()),
            message: self.text.clone(),
            ..Default::default()
        };
        let there = there.as_service_for(SERVICE, source);
        there.client::<api_sns::Client>().publish(input).await.map(drop)
    }
}
