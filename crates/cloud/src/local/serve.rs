//! A small HTTP server for the local tools: whole requests in, whole answers out.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use kernel::{BoxFuture, Kernel};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

/// API Gateway's limit, in bytes.
const BODY_BYTES_MAX: usize = 10 << 20;

/// Answers a request from an address.
pub type Handler =
    Arc<dyn Fn(Request<Bytes>, SocketAddr) -> BoxFuture<'static, Response<Bytes>> + Send + Sync>;

/// Opens the port.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|e| Failure(format!("{address}: {e}; choose another with --port")))
}

/// Why serving has ended.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// The process was told to stop.
    Stopped,
    /// What is served has changed.
    Changed,
}

/// Serves until the process is told to stop, or what is served has changed.
pub async fn serve(
    kernel: &Kernel,
    listener: &TcpListener,
    handler: Handler,
    changed: impl Future<Output = ()>,
) -> Result<Ended, Failure> {
    tokio::pin!(changed);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        let accepted = tokio::select! {
            _ = interrupt.recv() => return Ok(Ended::Stopped),
            _ = terminate.recv() => return Ok(Ended::Stopped),
            () = &mut changed => return Ok(Ended::Changed),
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, peer)) = accepted else { continue };
        // Small answers must not wait for more; a socket that refuses this still works.
        let _ = stream.set_nodelay(true);
        let (handler, stopping) = (handler.clone(), kernel.stopping());
        kernel.spawn(async move {
            let service =
                hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let handler = handler.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let answer = match Limited::new(body, BODY_BYTES_MAX).collect().await {
                            Ok(body) => {
                                handler(Request::from_parts(head, body.to_bytes()), peer).await
                            }
                            Err(_) => too_long(),
                        };
                        Ok::<_, Infallible>(answer.map(Full::new))
                    }
                });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                // A client that has gone needs no answer.
                _ = connection => {}
                () = stopping => {}
            }
        });
    }
}

fn too_long() -> Response<Bytes> {
    json(StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Too Long"}"#)
}

/// An answer of JSON text.
pub fn json(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *answer.status_mut() = status;
    let kind = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    answer
}

/// Waits for better after a failure: true when the process is told to stop meanwhile.
pub async fn stopped_before(changed: impl Future<Output = ()>) -> Result<bool, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(true),
        _ = terminate.recv() => Ok(true),
        () = changed => Ok(false),
    }
}
