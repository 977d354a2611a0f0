//! `/_gureum/calls`: telephones without a telephone network.
//!
//! ```text
//! POST /_gureum/calls                      {"to", "from", …}      → {"callId", …}
//! GET  /_gureum/calls/ID/events?after=N    waits for what happens → {"events": […]}
//! POST /_gureum/calls/ID                   {"type": "press", …}   → {}
//! GET  /_gureum/calls/ID/attributes                               → {"attributes": {…}}
//! ```

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::{Fault, Kernel};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service_connect::calls::{CallError, Calls};

use crate::reply::reply;

/// Answers one request.
pub async fn route(kernel: Kernel, calls: Calls, request: RouteRequest) -> Reply {
    reply(answer(&kernel, &calls, &request).await)
}

async fn answer(kernel: &Kernel, calls: &Calls, request: &RouteRequest) -> Result<Value, Fault> {
    let path: Vec<&str> = request.rest.split('/').skip(1).collect();
    match (&request.method, &path[..]) {
        (&Method::POST, []) => {
            let started = calls.start(kernel, body(request)?).await.map_err(fault)?;
            serde_json::to_value(started).map_err(Fault::internal)
        }
        (&Method::POST, [id]) => {
            calls.act(kernel, id, body(request)?).await.map_err(fault)?;
            Ok(json!({}))
        }
        (&Method::GET, [id, "events"]) => {
            let after = after(&request.query)?;
            let events = calls.events(kernel, id, after).await.map_err(fault)?;
            Ok(json!({ "events": events }))
        }
        (&Method::GET, [id, "attributes"]) => {
            Ok(json!({ "attributes": calls.attributes(kernel, id).map_err(fault)? }))
        }
        _ => Err(Fault::new("NotFound", 404, "There is nothing at this path.")),
    }
}

fn body<T: DeserializeOwned>(request: &RouteRequest) -> Result<T, Fault> {
    let refused = |e: serde_json::Error| Fault::sender("InvalidRequest", e.to_string());
    let mut reader = serde_json::Deserializer::from_slice(&request.body);
    let value = serde_json::Value::deserialize(&mut reader).map_err(refused)?;
    reader.end().map_err(refused)?;
    serde_json::from_value(value).map_err(refused)
}

/// The number after `after=`; 0 when there is none.
fn after(query: &str) -> Result<u64, Fault> {
    let Some(text) = query.split('&').find_map(|pair| pair.strip_prefix("after=")) else {
        return Ok(0);
    };
    text.parse().map_err(|_| Fault::sender("InvalidRequest", "after is a number."))
}

fn fault(error: CallError) -> Fault {
    match error {
        CallError::Internal(fault) => fault,
        refused => Fault::new("CallRefused", refused.status(), refused.to_string()),
    }
}
