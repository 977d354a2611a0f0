//! Lambda and CloudWatch Logs, as far as calls need them: services do not depend on each other.

use api_lambda::*;
use kernel::{BoxFuture, Ctx, Dispatch, Fault, Service};
use serde_json::{Value, json};
use shape::{Model, Struct};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How a fake function behaves.
#[derive(Clone)]
pub enum Behavior {
    /// Answers this.
    Answers(Value),
    /// Fails by itself.
    Fails,
    /// Answers after a time.
    Slow(Duration, Value),
    /// Is throttled so often, then answers.
    Throttled(u32, Value),
}

/// Functions by ARN, and the events they were invoked with.
#[derive(Default)]
pub struct Functions {
    pub behaviors: Mutex<BTreeMap<String, Behavior>>,
    pub events: Mutex<Vec<Value>>,
}

impl Functions {
    pub fn set(&self, arn: &str, behavior: Behavior) {
        self.behaviors.lock().expect("whole").insert(arn.to_owned(), behavior);
    }

    async fn invoke(
        &self,
        ctx: &Ctx,
        request: InvocationRequest,
    ) -> Result<InvocationResponse, Error> {
        let payload = request.payload.expect("an event").0;
        let event = serde_json::from_slice(&payload).expect("JSON");
        self.events.lock().expect("whole").push(event);
        let behavior = self.behaviors.lock().expect("whole").get(&request.function_name).cloned();
        let answer = |value: Value| {
            let payload = Some(value.to_string().into_bytes().into());
            Ok(InvocationResponse { status_code: Some(200), payload, ..Default::default() })
        };
        match behavior {
            None => {
                let message = Some(format!("Function not found: {}", request.function_name));
                Err(ResourceNotFoundException { message, ..Default::default() }.into())
            }
            Some(Behavior::Answers(value)) => answer(value),
            Some(Behavior::Fails) => Ok(InvocationResponse {
                status_code: Some(200),
                function_error: Some("Unhandled".to_owned()),
                payload: Some(br#"{"errorMessage":"no"}"#.to_vec().into()),
                ..Default::default()
            }),
            Some(Behavior::Slow(time, value)) => {
                ctx.sleep(time).await;
                answer(value)
            }
            Some(Behavior::Throttled(0, value)) => answer(value),
            Some(Behavior::Throttled(times, value)) => {
                self.set(&request.function_name, Behavior::Throttled(times - 1, value));
                Err(TooManyRequestsException::default().into())
            }
        }
    }
}

pub struct FakeLambda(pub Arc<Functions>);

/// Calls reach nothing but `Invoke` and `AddPermission`.
impl Dispatch for FakeLambda {
    fn model(&self) -> &'static Model {
        *api_lambda::MODEL
    }

    fn input(&self, _: usize) -> Box<dyn Struct> {
        Box::new(InvocationRequest::default())
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Ctx,
        op: usize,
        input: Box<dyn Struct>,
    ) -> BoxFuture<'a, Result<Box<dyn Struct>, Fault>> {
        Box::pin(async move {
            match self.model().operations[op].name.as_str() {
                "Invoke" => {
                    let input = input.downcast::<InvocationRequest>().expect("its input");
                    let output = self.0.invoke(ctx, *input).await?;
                    Ok(Box::new(output) as Box<dyn Struct>)
                }
                "AddPermission" => {
                    Ok(Box::new(AddPermissionResponse::default()) as Box<dyn Struct>)
                }
                other => unreachable!("{other}"),
            }
        })
    }
}

pub fn lambda(functions: &Arc<Functions>) -> Service {
    Service::new(Arc::new(FakeLambda(Arc::clone(functions))))
}

/// Log lines by group and stream; a stream must have been created.
#[derive(Default)]
pub struct Streams(pub Mutex<BTreeMap<(String, String), Vec<Value>>>);

mod logs {
    use super::{Arc, BoxFuture, Ctx, Dispatch, Fault, Model, Streams, Struct, json};
    use api_logs::*;

    pub struct FakeLogs(pub Arc<Streams>);

    /// Calls only write.
    impl Dispatch for FakeLogs {
        fn model(&self) -> &'static Model {
            *MODEL
        }

        fn input(&self, op: usize) -> Box<dyn Struct> {
            match self.model().operations[op].name.as_str() {
                "CreateLogGroup" => Box::new(CreateLogGroupRequest::default()),
                "CreateLogStream" => Box::new(CreateLogStreamRequest::default()),
                "PutLogEvents" => Box::new(PutLogEventsRequest::default()),
                other => unreachable!("{other}"),
            }
        }

        fn call<'a>(
            &'a self,
            _: &'a Ctx,
            op: usize,
            input: Box<dyn Struct>,
        ) -> BoxFuture<'a, Result<Box<dyn Struct>, Fault>> {
            let result = match self.model().operations[op].name.as_str() {
                "CreateLogGroup" => Err(ResourceAlreadyExistsException::default().into()),
                "CreateLogStream" => {
                    let input = *input.downcast::<CreateLogStreamRequest>().expect("its input");
                    let key = (input.log_group_name, input.log_stream_name);
                    self.0.0.lock().expect("whole").insert(key, Vec::new());
                    Ok(Box::new(CreateLogStreamOutput {}) as Box<dyn Struct>)
                }
                "PutLogEvents" => {
                    self.put(*input.downcast::<PutLogEventsRequest>().expect("its input"))
                }
                other => unreachable!("{other}"),
            };
            Box::pin(async { result.map_err(|error: Error| error.into()) })
        }
    }

    impl FakeLogs {
        fn put(&self, input: PutLogEventsRequest) -> Result<Box<dyn Struct>, Error> {
            let mut streams = self.0.0.lock().expect("whole");
            let lines = input.log_events.iter().map(|event| {
                serde_json::from_str(&event.message).unwrap_or_else(|_| json!(event.message))
            });
            match streams.get_mut(&(input.log_group_name, input.log_stream_name)) {
                Some(stream) => {
                    stream.extend(lines);
                    Ok(Box::new(PutLogEventsResponse::default()))
                }
                None => Err(ResourceNotFoundException::default().into()),
            }
        }
    }
}

pub fn logs(streams: &Arc<Streams>) -> Service {
    Service::new(Arc::new(logs::FakeLogs(Arc::clone(streams))))
}
