//! Answers of our own paths.

use gateway::http::{Reply, full};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use kernel::Fault;
use serde::Serialize;
use serde_json::json;

/// An answer, or the fault in the form the command line reads.
pub fn reply<T: Serialize>(result: Result<T, Fault>) -> Reply {
    let (status, body) = match result.map(|value| serde_json::to_vec(&value)) {
        Ok(Ok(body)) => (200, body),
        Ok(Err(error)) => refused(&Fault::internal(error)),
        Err(fault) => refused(&fault),
    };
    let mut reply = Response::new(full(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn refused(fault: &Fault) -> (u16, Vec<u8>) {
    (
        fault.status,
        json!({ "__type": fault.code, "message": fault.message }).to_string().into_bytes(),
    )
}
