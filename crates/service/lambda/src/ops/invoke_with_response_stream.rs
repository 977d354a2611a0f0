//! `InvokeWithResponseStream`: runs a function; its answer comes piece by piece, as events.
//!
//! ```text
//! aws lambda invoke-with-response-stream --function-name desk out.txt     (CLI 2 has no such command;
//! boto3.client("lambda").invoke_with_response_stream(FunctionName="desk")["EventStream"]   SDKs do)
//! ```
//!
//! A function that does not stream answers in one piece.

use std::task::{Context, Poll, ready};

use api_lambda::{
    Error, InvokeWithResponseStreamRequest, InvokeWithResponseStreamResponse, LogType,
    ResponseStreamingInvocationType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kernel::{Ctx, Fault};
use serde_json::json;
use shape::{ByteStream, Source, event_stream};
use tokio::sync::mpsc;

use crate::invoke::{self, Outcome, Request};
use crate::name::Name;
use crate::ops::invoke::{client_context, payload};
use crate::resolve::route;
use crate::runtime_api::{Broken, Piece};
use crate::{Lambda, guard, trace};

pub(crate) async fn invoke_with_response_stream(
    api: &Lambda,
    ctx: &Ctx,
    input: InvokeWithResponseStreamRequest,
) -> Result<InvokeWithResponseStreamResponse, Error> {
    let name = Name::parse_any(ctx, &input.function_name, input.qualifier.as_deref())?;
    guard::foreign(ctx, &name, "lambda:InvokeFunction")?;
    if input.tenant_id.is_some() {
        return Err(Fault::not_implemented("TenantId of Lambda's InvokeWithResponseStream").into());
    }
    let target = route(ctx, &name)?;
    let mut request = Request::new(ctx, payload(input.payload)?);
    request.client_context = input.client_context.map(|text| client_context(&text)).transpose()?;
    request.tail = input.log_type == Some(LogType::Tail);
    request.streams = true;
    let trace = trace::of(ctx, input.trace_id.as_deref(), target.version.traced);
    request.trace = Some(trace.clone());
    let trace_id = Some(trace);
    if input.invocation_type == Some(ResponseStreamingInvocationType::DryRun) {
        return Ok(InvokeWithResponseStreamResponse {
            status_code: Some(204),
            trace_id,
            ..Default::default()
        });
    }
    let outcome = invoke::run(api, ctx, &target, request).await?;
    Ok(InvokeWithResponseStreamResponse {
        status_code: Some(200),
        executed_version: Some(target.version.version.clone()),
        event_stream: Some(events(outcome)),
        response_stream_content_type: Some(event_stream::CONTENT_TYPE.into()),
        trace_id,
    })
}

fn events(outcome: Outcome) -> ByteStream {
    let Some(stream) = outcome.stream else { return all_at_once(outcome) };
    ByteStream::new(Events { pieces: Some(stream.pieces) }, None)
}

/// The events of an answer that is complete.
fn all_at_once(outcome: Outcome) -> ByteStream {
    let error = outcome.failed.then(|| {
        let told: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap_or_default();
        let error_type = told["errorType"].as_str().unwrap_or("Unhandled").to_owned();
        Broken { error_type, body: outcome.payload.clone() }
    });
    let mut bytes = Vec::new();
    if error.is_none() && !outcome.payload.is_empty() {
        bytes.extend_from_slice(&chunk(&outcome.payload));
    }
    bytes.extend_from_slice(&complete(error, outcome.tail));
    ByteStream::from(bytes)
}

fn chunk(data: &[u8]) -> Bytes {
    event_stream::event("PayloadChunk", "application/octet-stream", data)
}

fn complete(error: Option<Broken>, tail: Option<Vec<u8>>) -> Bytes {
    let mut event = json!({});
    if let Some(Broken { error_type, body }) = error {
        event["ErrorCode"] = json!(error_type);
        event["ErrorDetails"] = json!(String::from_utf8_lossy(&body));
    }
    if let Some(tail) = tail {
        event["LogResult"] = json!(BASE64.encode(tail));
    }
    event_stream::event("InvokeComplete", "application/json", event.to_string().as_bytes())
}

struct Events {
    /// `None` after the last.
    pieces: Option<mpsc::Receiver<Piece>>,
}

impl Source for Events {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        let Some(pieces) = &mut self.pieces else { return Poll::Ready(None) };
        let event = match ready!(pieces.poll_recv(cx)) {
            Some(Piece::Data(data)) => Ok(chunk(&data)),
            Some(Piece::End { error, tail }) => {
                self.pieces = None;
                Ok(complete(error, tail))
            }
            None => {
                self.pieces = None;
                Err(Fault::internal("the function's sandbox has gone"))
            }
        };
        Poll::Ready(Some(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_says_why() {
        let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
        let error = Broken { error_type: "Error".into(), body: r#"{"a":1}"#.into() };
        let event = text(complete(Some(error), Some(b"log".to_vec())));
        assert!(event.contains("InvokeComplete"), "{event}");
        let members = r#"{"ErrorCode":"Error","ErrorDetails":"{\"a\":1}","LogResult":"bG9n"}"#;
        assert!(event.contains(members), "{event}");
        assert!(text(complete(None, None)).contains("{}"));
    }
}
