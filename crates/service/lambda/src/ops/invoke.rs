//! `Invoke`: runs a function and returns its answer.
//!
//! ```text
//! aws lambda invoke --function-name desk --payload '{"a": 1}' --log-type Tail answer.json
//! {"StatusCode": 200, "ExecutedVersion": "$LATEST", "LogResult": "…"}
//! ```

use api_lambda::{
    Error, InvalidRequestContentException, InvocationRequest, InvocationResponse, InvocationType,
    LogType, RequestTooLargeException,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use kernel::{Ctx, Fault, Principal};
use shape::Blob;

use crate::invoke::{self, REQUEST_BYTES_MAX, Request};
use crate::name::Name;
use crate::resolve::route;
use crate::{Lambda, events, guard, trace};

pub(crate) async fn invoke(
    api: &Lambda,
    ctx: &Ctx,
    input: InvocationRequest,
) -> Result<InvocationResponse, Error> {
    let name = Name::parse_any(ctx, &input.function_name, input.qualifier.as_deref())?;
    guard::foreign(ctx, &name, "lambda:InvokeFunction")?;
    if input.tenant_id.is_some() || input.durable_execution_name.is_some() {
        let what = "TenantId and DurableExecutionName of Lambda's Invoke";
        return Err(Fault::not_implemented(what).into());
    }
    let target = route(ctx, &name)?;
    let mut request = Request::new(ctx, payload(input.payload)?);
    request.client_context = input.client_context.map(|text| client_context(&text)).transpose()?;
    request.tail = input.log_type == Some(LogType::Tail);
    let trace = trace::of(ctx, input.trace_id.as_deref(), target.version.traced);
    request.trace = Some(trace.clone());
    let trace_id = Some(trace);
    // A service may call more than once in the course of one request.
    if !matches!(ctx.principal(), Principal::Service { .. }) {
        request.request_id = ctx.request_id().to_owned();
    }
    match input.invocation_type.unwrap_or(InvocationType::RequestResponse) {
        InvocationType::DryRun => {
            let status_code = Some(204);
            return Ok(InvocationResponse { status_code, trace_id, ..Default::default() });
        }
        InvocationType::Event => {
            events::accept(api, ctx, &name, request).await?;
            let status_code = Some(202);
            return Ok(InvocationResponse { status_code, trace_id, ..Default::default() });
        }
        // The model has no other, and the kernel refuses what it has not.
        InvocationType::RequestResponse | InvocationType::Unknown(_) => {}
    }
    let outcome = invoke::run(api, ctx, &target, request).await?;
    Ok(InvocationResponse {
        status_code: Some(200),
        function_error: outcome.failed.then(|| "Unhandled".into()),
        log_result: outcome.tail.map(|tail| BASE64.encode(tail)),
        payload: Some(Blob(outcome.payload)),
        executed_version: Some(target.version.version.clone()),
        durable_execution_arn: None,
        content_type: Some("application/json".into()),
        trace_id,
    })
}

/// The event: JSON text of at most 6 MB; nothing is an empty object.
pub(crate) fn payload(payload: Option<Blob>) -> Result<Bytes, Error> {
    let payload = payload.map(|blob| blob.0).filter(|bytes| !bytes.is_empty());
    let Some(payload) = payload else { return Ok(Bytes::from_static(b"{}")) };
    if payload.len() > REQUEST_BYTES_MAX {
        let message = format!(
            "Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation"
        );
        let r#type = Some("User".into());
        return Err(RequestTooLargeException { message: Some(message), r#type }.into());
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(not_json("payload", &error)),
    }
}

/// The client context travels as base64 and is passed on as JSON text in a header.
pub(crate) fn client_context(text: &str) -> Result<String, Error> {
    let decoded = BASE64.decode(text).unwrap_or_default();
    match serde_json::from_slice::<serde_json::Value>(&decoded) {
        // Written anew: no line ends, which a header could not carry.
        Ok(value) => Ok(value.to_string()),
        Err(error) => Err(not_json("client context", &error)),
    }
}

fn not_json(what: &str, error: &serde_json::Error) -> Error {
    let message = Some(format!(
        "Could not parse request body into json: Could not parse {what} into json: {error}"
    ));
    InvalidRequestContentException { message, r#type: Some("User".into()) }.into()
}
