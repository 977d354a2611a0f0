//! Who is told how an event ended: destinations and dead-letter queues, in the name of the
//! function's role.

use std::collections::BTreeMap;

use api_lambda::{InvocationRequest, InvocationType};
use api_sqs::SendMessageRequest;
use bytes::Bytes;
use kernel::{Arn, Ctx, Fault, Level, Timestamp};
use serde_json::{Value as Json, json};
use shape::Blob;

use crate::resolve::Resolved;
use crate::role;

/// Attempts to tell; a destination that cannot take it is not waited for.
const ATTEMPTS: u32 = 3;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
/// As much of an error as a dead letter's attribute has room for.
const ERROR_BYTES_MAX: usize = 1024;
const SESSION_MS: i64 = 15 * 60 * 1000;

/// What a function made of an event.
pub(super) struct Result {
    pub version: String,
    pub payload: Bytes,
    pub failed: bool,
}

/// Why an event was given up.
pub(super) struct Failure {
    /// `RetriesExhausted` or `EventAgeExceeded`.
    pub condition: &'static str,
    /// The last attempt, if there was one.
    pub result: Option<Result>,
}

/// What is told of an event.
pub(super) struct Note<'a> {
    pub now: Timestamp,
    pub request_id: &'a str,
    pub function_arn: String,
    /// Attempts that failed.
    pub attempts: u32,
    pub payload: &'a Bytes,
}

impl Note<'_> {
    /// The record of an event that the function has handled.
    pub fn success(&self, result: &Result) -> Json {
        self.record("Success", self.attempts + 1, Some(result))
    }

    /// The record of one that was given up.
    pub fn failure(&self, failure: &Failure) -> Json {
        self.record(failure.condition, self.attempts, failure.result.as_ref())
    }

    /// As AWS's guide shows it ("Capturing records of Lambda asynchronous invocations").
    fn record(&self, condition: &str, count: u32, result: Option<&Result>) -> Json {
        let mut record = json!({
            "version": "1.0",
            "timestamp": self.now.civil("%Y-%m-%dT%H:%M:%S%.3fZ"),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self.function_arn,
                "condition": condition,
                "approximateInvokeCount": count,
            },
            "requestPayload": value(self.payload),
        });
        if let Some(result) = result {
            let mut context = json!({"statusCode": 200, "executedVersion": result.version});
            if result.failed {
                context["functionError"] = "Unhandled".into();
            }
            record["responseContext"] = context;
            record["responsePayload"] = value(&result.payload);
        }
        record
    }
}

/// What is no JSON is told as text.
fn value(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| String::from_utf8_lossy(bytes).into_owned().into())
}

/// Sends a record to a destination.
pub(super) async fn tell(ctx: &Ctx, target: &Resolved, arn: &str, record: Json) {
    let text = record.to_string();
    repeat(ctx, target, arn, |ctx| send(ctx, arn, text.clone(), &[])).await;
}

/// Sends an event that could not be handled to the function's dead-letter queue, as it came.
pub(super) async fn bury(
    ctx: &Ctx,
    target: &Resolved,
    arn: &str,
    note: &Note<'_>,
    failure: &Failure,
) {
    let text = String::from_utf8_lossy(note.payload).into_owned();
    let error = failure.result.as_ref().map(|result| value(&result.payload));
    let mut error = error
        .and_then(|error| error["errorMessage"].as_str().map(str::to_owned))
        .unwrap_or_else(|| failure.condition.to_owned());
    error.truncate(error.floor_char_boundary(ERROR_BYTES_MAX));
    let attributes = [
        ("RequestID", "String", note.request_id.to_owned()),
        ("ErrorCode", "Number", "200".to_owned()),
        ("ErrorMessage", "String", error),
    ];
    repeat(ctx, target, arn, |ctx| send(ctx, arn, text.clone(), &attributes)).await;
}

async fn repeat<F>(ctx: &Ctx, target: &Resolved, arn: &str, send: impl Fn(Ctx) -> F)
where
    F: Future<Output = std::result::Result<(), Fault>>,
{
    for attempt in 1..=ATTEMPTS {
        let lent = role::lent(ctx, &target.version.role, &target.version.name, SESSION_MS).await;
        let sent = match lent {
            Ok(lent) => send(lent).await,
            Err(fault) => Err(fault),
        };
        let Err(fault) = sent else { return };
        let function = &target.version.name;
        ctx.log(Level::Warn, format_args!("{function} cannot send to {arn}: {fault:?}"));
        if attempt == ATTEMPTS || fault.status == 403 {
            return;
        }
        ctx.sleep(PAUSE).await;
    }
}

/// An attribute of a message: name, type, value.
type Attribute = (&'static str, &'static str, String);

async fn send(
    ctx: Ctx,
    arn: &str,
    text: String,
    attributes: &[Attribute],
) -> std::result::Result<(), Fault> {
    let parsed = Arn::parse(arn).map_err(Fault::internal)?;
    let ctx = Ctx::new(ctx.kernel(), &parsed.region, ctx.principal().clone(), ctx.random().uuid());
    match parsed.service.as_str() {
        "sqs" => {
            let attribute = |(name, kind, value): &Attribute| {
                let attribute = api_sqs::MessageAttributeValue {
                    data_type: (*kind).to_owned(),
                    string_value: Some(value.clone()),
                    ..Default::default()
                };
                ((*name).to_owned(), attribute)
            };
            let attributes: BTreeMap<_, _> = attributes.iter().map(attribute).collect();
            let input = SendMessageRequest {
                queue_url: format!("http://queue/{}/{}", parsed.account, parsed.resource),
                message_body: text,
                message_attributes: (!attributes.is_empty()).then_some(attributes),
                ..Default::default()
            };
            ctx.client::<api_sqs::Client>().send_message(input).await.map(drop)
        }
        "sns" => {
            let attribute = |(name, kind, value): &Attribute| {
                let attribute = api_sns::MessageAttributeValue {
                    data_type: (*kind).to_owned(),
                    string_value: Some(value.clone()),
                    ..Default::default()
                };
                ((*name).to_owned(), attribute)
            };
            let attributes: BTreeMap<_, _> = attributes.iter().map(attribute).collect();
            let input = api_sns::PublishInput {
                topic_arn: Some(arn.to_owned()),
                message: text,
                message_attributes: (!attributes.is_empty()).then_some(attributes),
                ..Default::default()
            };
            ctx.client::<api_sns::Client>().publish(input).await.map(drop)
        }
        "lambda" => {
            let input = InvocationRequest {
                function_name: arn.to_owned(),
                invocation_type: Some(InvocationType::Event),
                payload: Some(Blob(Bytes::from(text))),
                ..Default::default()
            };
            ctx.client::<api_lambda::Client>().invoke(input).await.map(drop)
        }
        other => Err(Fault::not_implemented(format!("{other} as a destination of Lambda"))),
    }
}
