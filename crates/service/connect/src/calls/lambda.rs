//! Invoking Lambda functions for a flow.
//!
//! As on AWS, the function must be associated with the instance. A call that is throttled or
//! fails inside Lambda is tried again, three times at most and within the time limit; a function
//! that fails is not. (Source: "Invoke AWS Lambda functions" in the admin guide.)

use super::{CallError, CallEvent, Calls, record};
use crate::ids;
use crate::records::FUNCTIONS;
use api_lambda::{InvocationRequest, InvocationType};
use bytes::Bytes;
use flow::limits::LAMBDA_RESPONSE_BYTES_MAX;
use flow::{Effect, Event};
use kernel::{Ctx, Fault, Kernel};
use std::time::Duration;
use tokio::sync::oneshot;

/// Who invokes, in functions' policies.
const PRINCIPAL: &str = "connect.amazonaws.com";
/// How often a call that failed in Lambda is tried again.
const RETRIES_MAX: u32 = 3;
/// The pause before it is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What came of an invocation.
enum Answer {
    Payload(Bytes),
    Error(String),
    Timeout,
}

impl Calls {
    /// Carries out an [`Effect::InvokeLambda`].
    pub(super) async fn invoke(
        &self,
        kernel: &Kernel,
        call_id: &str,
        effect: Effect,
    ) -> Result<Option<Event>, CallError> {
        let Effect::InvokeLambda { arn, event, timeout_ms, asynchronous, .. } = effect else {
            return Ok(None);
        };
        let (ctx, allowed) = self.allowed(kernel, call_id, &arn)?;
        let begun = ctx.elapsed();
        let answer = if !allowed {
            let why = "the function is not associated with the instance";
            Answer::Error(format!("Status Code: 403; Error Code: AccessDeniedException ({why})"))
        } else {
            let answering = invocation(&ctx, &arn, event.to_string().into());
            if asynchronous {
                let told = told(&arn, 0, None, None, true);
                self.note(kernel, call_id, told).await?;
                return Ok(None);
            }
            let limit = ctx.sleep(Duration::from_millis(timeout_ms));
            tokio::select! {
                answer = answering => match answer {
                    Ok(answer) => answer,
                    Err(_) => Answer::Error("the invocation was given up".to_owned()),
                },
                () = limit => Answer::Timeout,
            }
        };
        let elapsed_ms = ctx.elapsed().saturating_sub(begun).as_millis() as u64;
        let (told, event) = outcome(&arn, elapsed_ms, answer);
        self.note(kernel, call_id, told).await?;
        Ok((!asynchronous).then_some(event))
    }

    /// Whether the instance of the call may invoke `arn`.
    fn allowed(&self, kernel: &Kernel, call_id: &str, arn: &str) -> Result<(Ctx, bool), CallError> {
        kernel.store().read(|tx| {
            let record = record(tx, call_id)?;
            let (account, region) = (record.account.as_str(), record.region.as_str());
            let ctx = kernel.service_ctx(PRINCIPAL, account, region);
            let ctx = ctx.as_service_for(PRINCIPAL, ids::instance_arn(&ctx, &record.instance_id));
            let plain = arn.strip_suffix(":$LATEST").unwrap_or(arn);
            let key = (account, region, record.instance_id.as_str(), plain);
            Ok((ctx, tx.contains(&FUNCTIONS, key)?))
        })
    }
}

/// Invokes in the background, so that a function goes on when the flow no longer waits for it, as
/// it does on AWS.
fn invocation(ctx: &Ctx, arn: &str, payload: Bytes) -> oneshot::Receiver<Answer> {
    let (answered, answer) = oneshot::channel();
    let (background, arn) = (ctx.clone(), arn.to_owned());
    ctx.kernel().spawn(async move {
        // Nobody listens any more when the time limit has passed.
        let _ = answered.send(invoke(&background, &arn, payload).await);
    });
    answer
}

async fn invoke(ctx: &Ctx, arn: &str, payload: Bytes) -> Answer {
    let lambda = ctx.client::<api_lambda::Client>();
    let mut retries = 0;
    loop {
        let request = InvocationRequest {
            function_name: arn.to_owned(),
            invocation_type: Some(InvocationType::RequestResponse),
            payload: Some(payload.clone().into()),
            ..Default::default()
        };
        match lambda.invoke(request).await {
            Ok(response) if response.function_error.is_some() => {
                return Answer::Error("The Lambda Function Returned An Error.".to_owned());
            }
            Ok(response) => {
                return Answer::Payload(response.payload.map(|blob| blob.0).unwrap_or_default());
            }
            Err(fault) if is_passing(&fault) && retries < RETRIES_MAX => {
                retries += 1;
                ctx.sleep(RETRY_PAUSE).await;
            }
            Err(fault) => {
                let (status, code) = (fault.status, &fault.code);
                return Answer::Error(format!("Status Code: {status}; Error Code: {code}"));
            }
        }
    }
}

/// Throttled, or broken inside Lambda.
fn is_passing(fault: &Fault) -> bool {
    fault.status == 429 || (fault.status >= 500 && fault.status != 501)
}

fn outcome(arn: &str, elapsed_ms: u64, answer: Answer) -> (CallEvent, Event) {
    match answer {
        Answer::Timeout => {
            let error = format!("no answer within {elapsed_ms} ms");
            (told(arn, elapsed_ms, None, Some(error), false), Event::LambdaTimeout { elapsed_ms })
        }
        Answer::Error(message) => (
            told(arn, elapsed_ms, None, Some(message.clone()), false),
            Event::LambdaError { message, elapsed_ms },
        ),
        Answer::Payload(payload) if payload.len() > LAMBDA_RESPONSE_BYTES_MAX => {
            let bytes = payload.len();
            let message = format!("the answer has {bytes} bytes, over {LAMBDA_RESPONSE_BYTES_MAX}");
            (
                told(arn, elapsed_ms, None, Some(message.clone()), false),
                Event::LambdaError { message, elapsed_ms },
            )
        }
        Answer::Payload(payload) => {
            let payload = String::from_utf8_lossy(&payload).into_owned();
            let answer = serde_json::from_str(&payload).ok();
            let error = answer.is_none().then(|| "the answer is not JSON".to_owned());
            (
                told(arn, elapsed_ms, answer, error, false),
                Event::LambdaResult { payload, elapsed_ms },
            )
        }
    }
}

fn told(
    arn: &str,
    milliseconds: u64,
    answer: Option<serde_json::Value>,
    error: Option<String>,
    asynchronous: bool,
) -> CallEvent {
    CallEvent::Lambda { function: arn.to_owned(), milliseconds, answer, error, asynchronous }
}
