//! The Lambda Runtime API, version 2018-06-01, for one sandbox.
//!
//! Requests arrive on sockets inside the sandbox's network; each becomes a [`Call`] to the task
//! that runs the sandbox, and waits for its answer.

use std::convert::Infallible;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// The largest answer of a function that is returned to a waiting caller: 6 MB and some room.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6_291_556;
/// Larger answers are read to this size, so that their sender gets to read why they are refused.
const DISCARDED_BYTES_MAX: usize = 256 << 20;

pub(crate) type Answer = Response<Full<Bytes>>;

/// A request of the runtime client.
pub(crate) struct Call {
    pub kind: Kind,
    /// Where the answer goes; a client that has gone is no error.
    pub answer: oneshot::Sender<Answer>,
}

pub(crate) enum Kind {
    /// `GET /runtime/invocation/next`
    Next,
    /// `POST /runtime/invocation/ID/response`; `None` for a body that is too large.
    Response { id: String, body: Option<Bytes> },
    /// `POST /runtime/invocation/ID/error`
    Error { id: String, body: Bytes, error_type: String },
    /// `POST /runtime/init/error`
    InitError { body: Bytes, error_type: String },
}

/// Serves one connection until either side closes it.
pub(crate) async fn serve(stream: TcpStream, calls: mpsc::Sender<Call>) {
    // Small answers must not wait for more; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(|request| {
        let calls = calls.clone();
        async move { Ok::<_, Infallible>(handle(request, calls).await) }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A broken connection is the runtime's business; its end is noticed by the agent.
    let _ = connection.await;
}

async fn handle(request: Request<Incoming>, calls: mpsc::Sender<Call>) -> Answer {
    let path = request.uri().path().to_owned();
    let Some(route) = path.strip_prefix("/2018-06-01/runtime/") else {
        return refuse(StatusCode::NOT_FOUND, "InvalidPath", "There is no such resource.");
    };
    let parts: Vec<&str> = route.split('/').collect();
    let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
    let error_type = request
        .headers()
        .get("lambda-runtime-function-error-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or("Unhandled")
        .to_owned();
    let kind = match parts.as_slice() {
        ["invocation", "next"] if get => Kind::Next,
        ["invocation", id, "response"] if post => {
            let id = (*id).to_owned();
            match read(request).await {
                Ok(body) => Kind::Response { id, body },
                Err(answer) => return answer,
            }
        }
        ["invocation", id, "error"] if post => {
            let id = (*id).to_owned();
            match read(request).await {
                Ok(body) => Kind::Error { id, body: body.unwrap_or_default(), error_type },
                Err(answer) => return answer,
            }
        }
        ["init", "error"] if post => match read(request).await {
            Ok(body) => Kind::InitError { body: body.unwrap_or_default(), error_type },
            Err(answer) => return answer,
        },
        _ => return refuse(StatusCode::NOT_FOUND, "InvalidPath", "There is no such resource."),
    };
    let (answer, received) = oneshot::channel();
    let gone = || refuse(StatusCode::GONE, "Gone", "The sandbox is being shut down.");
    if calls.send(Call { kind, answer }).await.is_err() {
        return gone();
    }
    received.await.unwrap_or_else(|_| gone())
}

/// Reads a body; `None` when it is larger than a function's answer may be.
async fn read(request: Request<Incoming>) -> Result<Option<Bytes>, Answer> {
    let mut body = request.into_body();
    let mut bytes = BytesMut::new();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(refuse(StatusCode::BAD_REQUEST, "BadRequest", "The body is cut off."));
        };
        let Ok(data) = frame.into_data() else { continue };
        total += data.len();
        if total <= RESPONSE_BYTES_MAX {
            bytes.extend_from_slice(&data);
        } else if total > DISCARDED_BYTES_MAX {
            break;
        }
    }
    Ok((total <= RESPONSE_BYTES_MAX).then(|| bytes.freeze()))
}

/// The usual answer to a post.
pub(crate) fn accepted() -> Answer {
    json_answer(StatusCode::ACCEPTED, json!({ "status": "OK" }))
}

/// An answer that says why not.
pub(crate) fn refuse(status: StatusCode, error_type: &str, message: &str) -> Answer {
    json_answer(status, json!({ "errorType": error_type, "errorMessage": message }))
}

fn json_answer(status: StatusCode, value: serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::from(value.to_string()));
    *answer.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// The event for a waiting `next`. All headers are always there: AWS's Java client crashes
/// without them.
pub(crate) fn event(headers: &[(&'static str, String)], payload: Bytes) -> Answer {
    let mut answer = Response::new(Full::from(payload));
    let out = answer.headers_mut();
    out.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    for (name, value) in headers {
        // Values are ours, but for the client context, which is JSON text without line ends.
        if let Ok(value) = http::HeaderValue::from_bytes(value.as_bytes()) {
            out.insert(*name, value);
        }
    }
    answer
}
