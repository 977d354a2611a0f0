//! `InvokeLambdaFunction`: asks a Lambda function (block "AWS Lambda function").
//!
//! ```json
//! {"Type": "InvokeLambdaFunction",
//!  "Parameters": {"LambdaFunctionARN": "arn:aws:lambda:…", "InvocationTimeLimitSeconds": "8",
//!    "LambdaInvocationAttributes": {"nickname": "$.Attributes.nickname"},
//!    "ResponseValidation": {"ResponseType": "STRING_MAP"}}}
//! ```

use super::{Behavior, Outcome, Run, Spec, lambda_event};
use crate::effect::{Effect, ResponseKind};
use crate::event::Event;
use crate::limits::{
    LAMBDA_ASYNC_TIMEOUT_MS_MAX, LAMBDA_CHAIN_MS_MAX, LAMBDA_RESPONSE_BYTES_MAX,
    LAMBDA_TIMEOUT_MS_MAX,
};
use crate::params::Params;
use crate::state::{State, Waiting};
use crate::template::{JsonTemplate, Template, render_entries};
use serde_json::{Map, Value, json};

pub(super) const SPEC: Spec = Spec {
    name: "InvokeLambdaFunction",
    module_type: "InvokeExternalResource",
    terminal: false,
    build,
};

struct Invoke {
    arn: Template,
    timeout_ms: u64,
    asynchronous: bool,
    parameters: Vec<(Template, JsonTemplate)>,
    response: ResponseKind,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.require_errors(&["NoMatchingError"]);
    params.allow_errors(&["NoMatchingError"]);
    let arn = params.required_template("LambdaFunctionARN");
    let kind = params.choice("InvocationType", &["SYNCHRONOUS", "ASYNCHRONOUS"]);
    let asynchronous = kind == Some("ASYNCHRONOUS");
    let limit_ms = if asynchronous { LAMBDA_ASYNC_TIMEOUT_MS_MAX } else { LAMBDA_TIMEOUT_MS_MAX };
    params.require("InvocationTimeLimitSeconds");
    let seconds = params.integer("InvocationTimeLimitSeconds", 1..=(limit_ms / 1_000) as i64);
    let parameters = params.entries("LambdaInvocationAttributes").unwrap_or_default();
    let response = params
        .object("ResponseValidation", |validation| {
            validation.require("ResponseType");
            validation.choice("ResponseType", &["STRING_MAP", "JSON"])
        })
        .flatten();
    let response =
        if response == Some("JSON") { ResponseKind::Json } else { ResponseKind::StringMap };
    Some(Box::new(Invoke {
        arn: arn?,
        timeout_ms: seconds? as u64 * 1_000,
        asynchronous,
        parameters,
        response,
    }))
}

impl Behavior for Invoke {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let kind = match self.response {
            ResponseKind::StringMap => "STRING_MAP",
            ResponseKind::Json => "JSON",
        };
        let mut parameters = Map::from_iter([
            ("FunctionArn".to_owned(), json!(self.arn.render(state).unwrap_or_default())),
            ("TimeLimit".to_owned(), json!(self.timeout_ms.to_string())),
            ("ResponseValidation".to_owned(), json!(format!("ResponseType={kind}"))),
        ]);
        if let Ok(given) = render_entries(&self.parameters, state)
            && !given.is_empty()
        {
            parameters.insert("Parameters".to_owned(), Value::Object(given));
        }
        parameters
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        let rendered = self
            .arn
            .render(run.state)
            .and_then(|arn| Ok((arn, render_entries(&self.parameters, run.state)?)));
        let (arn, parameters) = match rendered {
            Ok((arn, _)) if arn.trim().is_empty() => {
                return Outcome::failed("no Lambda function is named");
            }
            Ok(rendered) => rendered,
            Err(outcome) => return outcome.into(),
        };
        let left_ms = LAMBDA_CHAIN_MS_MAX.saturating_sub(run.state.lambda_chain_ms);
        if left_ms == 0 {
            let message = format!("Lambda calls took {LAMBDA_CHAIN_MS_MAX} ms without a prompt");
            return Outcome::failed(message);
        }
        run.effects.push(Effect::InvokeLambda {
            arn,
            event: lambda_event::event(run.state, parameters),
            timeout_ms: if self.asynchronous {
                self.timeout_ms
            } else {
                self.timeout_ms.min(left_ms)
            },
            response: self.response,
            asynchronous: self.asynchronous,
        });
        if self.asynchronous { Outcome::Done } else { Outcome::Wait(Waiting::Lambda) }
    }

    fn resume(&self, run: &mut Run<'_>, event: Event) -> Outcome {
        let (elapsed_ms, answer) = match event {
            Event::LambdaResult { payload, elapsed_ms } => (elapsed_ms, Ok(payload)),
            Event::LambdaError { message, elapsed_ms } => (elapsed_ms, Err(message)),
            Event::LambdaTimeout { elapsed_ms } => {
                let message = format!("The Lambda Function Timed Out after {elapsed_ms} ms.");
                (elapsed_ms, Err(message))
            }
            _ => (0, Err("no Lambda answer came".to_owned())),
        };
        run.state.lambda_chain_ms = run.state.lambda_chain_ms.saturating_add(elapsed_ms);
        match answer.and_then(|payload| judge(&payload, self.response)) {
            Ok(external) => {
                run.external = Some(external.clone());
                run.state.external = external;
                Outcome::Done
            }
            Err(message) => Outcome::failed(message),
        }
    }
}

/// The answer as `$.External`, or what is wrong with it.
///
/// A `STRING_MAP` may hold texts, numbers and booleans, which become texts, and null, which
/// becomes the empty text; an object or list in it is refused.
fn judge(payload: &str, kind: ResponseKind) -> Result<Value, String> {
    let bytes = payload.len();
    if bytes > LAMBDA_RESPONSE_BYTES_MAX {
        return Err(format!("the answer has {bytes} bytes, over {LAMBDA_RESPONSE_BYTES_MAX}"));
    }
    let answer: Value = serde_json::from_str(payload)
        .map_err(|error| format!("the answer is not JSON: {error}"))?;
    if kind == ResponseKind::Json {
        return Ok(answer);
    }
    let Value::Object(map) = answer else {
        return Err("the answer is not an object of plain values (STRING_MAP)".to_owned());
    };
    let mut flat = Map::new();
    for (key, value) in map {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => String::new(),
            Value::Array(_) | Value::Object(_) => {
                return Err(format!("the answer's {key:?} is not a plain value (STRING_MAP)"));
            }
        };
        flat.insert(key, Value::String(text));
    }
    Ok(Value::Object(flat))
}
