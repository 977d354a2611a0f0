//! The Lambda Runtime API (2018-06-01) and the requests of extensions, for one sandbox.
//!
//! Requests arrive on sockets inside the sandbox's network; each becomes a [`Call`] to the task
//! that runs the sandbox, and waits for its answer.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// The largest answer of a function that is returned to a waiting caller: 6 MB and some room.
pub(crate) const RESPONSE_BYTES_MAX: usize = 6_291_556;
/// Larger answers are read to this size, so that their sender gets to read why they are refused.
const DISCARDED_BYTES_MAX: usize = 256 << 20;
/// The largest streamed answer: 200 MB.
const STREAM_BYTES_MAX: u64 = 200 << 20;
/// Pieces of a streamed answer that wait for their reader.
const PIECES_MAX: usize = 16;
/// The largest registration or subscription.
const SMALL_BYTES_MAX: usize = 64 << 10;
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// The answer to `restore/next`, as it goes over a connection.
const RESTORED: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
const IDENTIFIER: &str = "lambda-extension-identifier";

pub(crate) type Answer = Response<Full<Bytes>>;

/// A request of the runtime client, or of an extension.
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
    /// The same, piece by piece: its end is a [`Kind::Streamed`]. The sender is for what follows.
    Stream {
        id: String,
        content_type: Option<String>,
        pieces: mpsc::Receiver<Piece>,
        sender: mpsc::Sender<Piece>,
    },
    /// All pieces are sent; the error is what the trailers tell.
    Streamed { id: String, bytes: u64, error: Option<Broken> },
    /// `POST /runtime/invocation/ID/error`
    Error { id: String, body: Bytes, error_type: String },
    /// `GET /runtime/restore/next`: ready for a snapshot; answered when it is restored. It came over
    /// the connection with this number.
    Restore { connection: u64 },
    /// `POST /runtime/restore/error`
    RestoreError { body: Bytes, error_type: String },
    /// `GET /2021-04-23/credentials`, with what its `Authorization` says.
    Credentials { token: Option<String> },
    /// `POST /runtime/init/error`
    InitError { body: Bytes, error_type: String },
    /// A request of an extension.
    Extension(ExtensionCall),
}

/// Requests of extensions.
pub(crate) enum ExtensionCall {
    /// `POST /extension/register`
    Register { name: String, body: Bytes, account: bool },
    /// `GET /extension/event/next`
    Next { id: String },
    /// `POST /extension/init/error` or `/extension/exit/error`
    Error { id: String, init: bool, error_type: Option<String> },
    /// `PUT /telemetry` or `PUT /logs`
    Subscribe { id: String, body: Bytes, logs: bool },
}

/// Part of a streamed answer.
pub(crate) enum Piece {
    /// Never empty.
    Data(Bytes),
    /// The end, and whether it is a good one.
    End { error: Option<Broken>, tail: Option<Vec<u8>> },
}

/// Why an answer broke off: the error's type, and its JSON text.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub error_type: String,
    pub body: Bytes,
}

/// Answers a `restore/next` that was asked before a snapshot, and serves its connection again.
pub(crate) async fn go_on(mut stream: TcpStream, calls: mpsc::Sender<Call>) {
    // A runtime that has gone needs no answer; its end is noticed by the agent.
    if stream.write_all(RESTORED.as_bytes()).await.is_ok() {
        serve(stream, calls, 0).await;
    }
}

/// Serves one connection until either side closes it. It is known by its number.
pub(crate) async fn serve(stream: TcpStream, calls: mpsc::Sender<Call>, number: u64) {
    // Small answers must not wait for more; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(|request| {
        let calls = calls.clone();
        async move { Ok::<_, Infallible>(handle(request, calls, number).await) }
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A broken connection is the runtime's business; its end is noticed by the agent.
    let _ = connection.await;
}

async fn handle(request: Request<Incoming>, calls: mpsc::Sender<Call>, number: u64) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let (get, post) = (request.method() == Method::GET, request.method() == Method::POST);
    let kind = match parts.as_slice() {
        ["2018-06-01", "runtime", "invocation", id, "response"] if post && streams(&request) => {
            let id = (*id).to_owned();
            return stream(request, id, calls).await;
        }
        ["2018-06-01", "runtime", "restore", "next"] if get => {
            Ok(Kind::Restore { connection: number })
        }
        ["2018-06-01", "runtime", route @ ..] if get || post => {
            runtime_call(request, route, get).await
        }
        ["2021-04-23", "credentials"] if get => {
            Ok(Kind::Credentials { token: header(&request, "authorization") })
        }
        ["2020-01-01", "extension", route @ ..] if get || post => {
            extension_call(request, route, get).await
        }
        [version @ ("2020-08-15" | "2022-07-01"), api @ ("logs" | "telemetry")]
            if request.method() == Method::PUT
                && (*api == "logs") == (*version == "2020-08-15") =>
        {
            let (id, logs) = (header(&request, IDENTIFIER).unwrap_or_default(), *api == "logs");
            read_small(request)
                .await
                .map(|body| Kind::Extension(ExtensionCall::Subscribe { id, body, logs }))
        }
        _ => Err(no_such_path()),
    };
    match kind {
        Ok(kind) => call(kind, &calls).await,
        Err(answer) => answer,
    }
}

/// Passes a call on and waits for its answer.
async fn call(kind: Kind, calls: &mpsc::Sender<Call>) -> Answer {
    let (answer, received) = oneshot::channel();
    let gone = || refuse(StatusCode::GONE, "Gone", "The sandbox is being shut down.");
    if calls.send(Call { kind, answer }).await.is_err() {
        return gone();
    }
    received.await.unwrap_or_else(|_| gone())
}

async fn runtime_call(
    request: Request<Incoming>,
    route: &[&str],
    get: bool,
) -> Result<Kind, Answer> {
    let error_type = header(&request, ERROR_TYPE).unwrap_or_else(|| "Unhandled".into());
    match route {
        ["invocation", "next"] if get => Ok(Kind::Next),
        ["invocation", id, "response"] if !get => {
            let id = (*id).to_owned();
            Ok(Kind::Response { id, body: read(request).await? })
        }
        ["invocation", id, "error"] if !get => {
            let id = (*id).to_owned();
            Ok(Kind::Error { id, body: read(request).await?.unwrap_or_default(), error_type })
        }
        ["restore", "error"] if !get => {
            Ok(Kind::RestoreError { body: read(request).await?.unwrap_or_default(), error_type })
        }
        ["init", "error"] if !get => {
            Ok(Kind::InitError { body: read(request).await?.unwrap_or_default(), error_type })
        }
        _ => Err(no_such_path()),
    }
}

async fn extension_call(
    request: Request<Incoming>,
    route: &[&str],
    get: bool,
) -> Result<Kind, Answer> {
    let id = header(&request, IDENTIFIER);
    let missing = || {
        let message = "Missing Lambda-Extension-Identifier header";
        refuse(StatusCode::FORBIDDEN, "Extension.MissingExtensionIdentifier", message)
    };
    let call = match route {
        ["register"] if !get => {
            let name = header(&request, "lambda-extension-name").unwrap_or_default();
            let features = header(&request, "lambda-extension-accept-feature");
            let account =
                features.is_some_and(|all| all.split(',').any(|f| f.trim() == "accountId"));
            ExtensionCall::Register { name, body: read_small(request).await?, account }
        }
        ["event", "next"] if get => ExtensionCall::Next { id: id.ok_or_else(missing)? },
        [phase @ ("init" | "exit"), "error"] if !get => {
            let id = id.ok_or_else(missing)?;
            let error_type = header(&request, "lambda-extension-function-error-type");
            let init = *phase == "init";
            read_small(request).await?;
            ExtensionCall::Error { id, init, error_type }
        }
        _ => return Err(no_such_path()),
    };
    Ok(Kind::Extension(call))
}

fn header(request: &Request<Incoming>, name: &str) -> Option<String> {
    request.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn no_such_path() -> Answer {
    refuse(StatusCode::NOT_FOUND, "InvalidPath", "There is no such resource.")
}

fn streams(request: &Request<Incoming>) -> bool {
    header(request, "lambda-runtime-function-response-mode")
        .is_some_and(|mode| mode.eq_ignore_ascii_case("streaming"))
}

/// Passes a streamed answer on as it comes, at the pace of who reads it.
async fn stream(request: Request<Incoming>, id: String, calls: mpsc::Sender<Call>) -> Answer {
    let content_type = header(&request, "content-type");
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let kind = Kind::Stream { id: id.clone(), content_type, pieces, sender: sender.clone() };
    let (answer, refused) = oneshot::channel();
    if calls.send(Call { kind, answer }).await.is_err() {
        return refuse(StatusCode::GONE, "Gone", "The sandbox is being shut down.");
    }
    // A stream that is taken has its sender dropped unanswered.
    if let Ok(answer) = refused.await {
        return answer;
    }
    let (bytes, error) = pass_on(request.into_body(), &sender).await;
    drop(sender);
    call(Kind::Streamed { id, bytes, error }, &calls).await
}

async fn pass_on(mut body: Incoming, sender: &mpsc::Sender<Piece>) -> (u64, Option<Broken>) {
    let broken = |error_type: &str, message: String| {
        let body = json!({ "errorType": error_type, "errorMessage": message }).to_string();
        Some(Broken { error_type: error_type.to_owned(), body: body.into() })
    };
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) => {
                return (
                    bytes,
                    broken("Runtime.TruncatedResponse", "The answer is cut off.".into()),
                );
            }
        };
        if let Some(trailers) = frame.trailers_ref() {
            let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
            let Some(error_type) = text(ERROR_TYPE) else { continue };
            let body = text("lambda-runtime-function-error-body").unwrap_or_default();
            // The body travels in base64, since headers hold no line ends.
            let body = BASE64.decode(body).unwrap_or_else(|_| body.as_bytes().to_vec());
            let error_type = error_type.to_owned();
            return (bytes, Some(Broken { error_type, body: body.into() }));
        }
        let Ok(data) = frame.into_data() else { continue };
        bytes += data.len() as u64;
        if bytes > STREAM_BYTES_MAX {
            let message = format!("Response payload size exceeded {STREAM_BYTES_MAX} bytes.");
            return (bytes, broken("Function.ResponseSizeTooLarge", message));
        }
        if !data.is_empty() {
            // A caller that has gone does not stop the function.
            let _ = sender.send(Piece::Data(data)).await;
        }
    }
    (bytes, None)
}

/// Reads the body of a request that has no reason to be large.
async fn read_small(request: Request<Incoming>) -> Result<Bytes, Answer> {
    let body = read(request).await?.filter(|body| body.len() <= SMALL_BYTES_MAX);
    body.ok_or_else(|| {
        let message = "The request is too large.";
        refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    })
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

/// An answer of JSON.
pub(crate) fn json_answer(status: StatusCode, value: serde_json::Value) -> Answer {
    let mut answer = Response::new(Full::from(value.to_string()));
    *answer.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// The answer to `restore/next`.
pub(crate) fn restored() -> Answer {
    json_answer(StatusCode::OK, json!({}))
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
