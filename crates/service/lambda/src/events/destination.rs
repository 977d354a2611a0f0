//! Who is told how an event ended: destinations and dead-letter queues, in the name of the
//! function's role.

use bytes::Bytes;
use kernel::{Ctx, Timestamp};
use serde_json::{Value as Json, json};

use crate::resolve::Resolved;
use crate::role;
use crate::tell::{self, Message};

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
    /// `RetriesExhausted`, `EventAgeExceeded` or `ZeroReservedConcurrency`.
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

/// Sends a record to a destination; false if it could not be sent.
pub(super) async fn tell(ctx: &Ctx, target: &Resolved, arn: &str, record: Json) -> bool {
    let prefix = format!("aws/lambda/async/{}", target.version.name);
    let kind = match record["requestContext"]["condition"].as_str() {
        Some("Success") => "Lambda Function Invocation Result - Success",
        _ => "Lambda Function Invocation Result - Failure",
    };
    let resource = record["requestContext"]["functionArn"].as_str().unwrap_or_default().to_owned();
    let message =
        Message { text: record.to_string(), kind, resource, prefix, ..Message::default() };
    repeat(ctx, target, arn, message).await
}

/// Sends an event that could not be handled to the function's dead-letter queue, as it came; false
/// if it could not be sent.
pub(super) async fn bury(
    ctx: &Ctx,
    target: &Resolved,
    arn: &str,
    note: &Note<'_>,
    failure: &Failure,
) -> bool {
    let text = String::from_utf8_lossy(note.payload).into_owned();
    let error = failure.result.as_ref().map(|result| value(&result.payload));
    let mut error = error
        .and_then(|error| error["errorMessage"].as_str().map(str::to_owned))
        .unwrap_or_else(|| failure.condition.to_owned());
    error.truncate(error.floor_char_boundary(ERROR_BYTES_MAX));
    let attributes = vec![
        ("RequestID", "String", note.request_id.to_owned()),
        ("ErrorCode", "Number", "200".to_owned()),
        ("ErrorMessage", "String", error),
    ];
    repeat(ctx, target, arn, Message { text, attributes, ..Message::default() }).await
}

async fn repeat(ctx: &Ctx, target: &Resolved, arn: &str, message: Message) -> bool {
    let version = &target.version;
    let borrow = || role::lent(ctx, &version.role, &version.name, SESSION_MS);
    tell::tell(ctx, arn, &message, borrow).await
}
