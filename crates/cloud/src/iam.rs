//! `gureum iam explain REQUEST_ID`: what policies did not allow, and the smallest policy that would
//! have.
//!
//! A running cloud is asked at `GET /_gureum/iam/refusals/REQUEST_ID`. It remembers the last
//! refusals only, and those of its own run.

use std::process::ExitCode;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::{Fault, Kernel, Refusal};
use serde_json::{Value, json};

use crate::args::{Explain, Iam};
use crate::reply::reply;
use crate::{Failure, status};

/// What is asked of the cloud.
pub const PATH: &str = "/_gureum/iam/refusals";

/// Runs the command.
pub fn run(command: &Iam, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Iam::Explain(asked) => explain(asked, json),
    }
}

fn explain(asked: &Explain, json: bool) -> Result<ExitCode, Failure> {
    let id = &asked.request_id;
    // It becomes part of a path.
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Failure(format!("{id:?} is no request id")));
    }
    let path = format!("{PATH}/{id}");
    let found = status::cloud(&asked.target)?.own("GET", &path, &Value::Null)?;
    let refusals = found["refusals"].as_array().map_or(&[][..], Vec::as_slice);
    if json {
        println!("{found}");
    } else if refusals.is_empty() {
        println!(
            "Policies allowed everything that request {id} asked for, or it is too long ago: the \
             cloud remembers its last {} refusals.",
            found["remembered"]
        );
    } else {
        refusals.iter().for_each(show);
    }
    Ok(if refusals.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(refusal: &Value) {
    let text = |name: &str| refusal[name].as_str().unwrap_or_default();
    let done = match refusal["enforced"].as_bool() {
        Some(true) => "refused",
        _ => "allowed while auditing",
    };
    println!("{} at {}: {done}", text("operation"), text("at"));
    println!("  {}", text("principal"));
    println!("  {} on {}", text("action"), text("resource"));
    println!("  {}", text("reason"));
    if !text("advice").is_empty() {
        println!("{}", text("advice"));
    }
}

/// Serves [`PATH`].
pub async fn route(kernel: Kernel, request: RouteRequest) -> Reply {
    reply(answer(&kernel, &request))
}

fn answer(kernel: &Kernel, request: &RouteRequest) -> Result<Value, Fault> {
    if request.method != Method::GET {
        return Err(Fault::new("MethodNotAllowed", 405, "GET explains."));
    }
    let id = request.rest.trim_start_matches('/');
    let refusals: Vec<Value> = kernel.refusals(id).iter().map(shown).collect();
    Ok(json!({ "refusals": refusals, "remembered": kernel::REFUSALS_MAX }))
}

fn shown(refusal: &Refusal) -> Value {
    json!({
        "requestId": refusal.request_id,
        "at": refusal.at.civil("%Y-%m-%dT%H:%M:%SZ"),
        "principal": refusal.principal,
        "operation": refusal.operation,
        "action": refusal.denied.action,
        "resource": refusal.denied.resource,
        "reason": refusal.denied.reason,
        "advice": refusal.denied.advice,
        "enforced": refusal.is_enforced,
    })
}
