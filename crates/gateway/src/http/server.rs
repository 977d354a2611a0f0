//! Connections: accepted, told apart, served, and drained when the server stops.

use super::io::{Opened, Stream, Tls, TlsStarter, open};
use super::limits::Limits;
use super::rt::{pause, within};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// The body of an answer.
pub type ReplyBody = UnsyncBoxBody<Bytes, Broken>;

/// The rest of an answer cannot be sent; the connection ends, so that its client notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer broke off")
    }
}

impl std::error::Error for Broken {}

/// An answer.
pub type Reply = Response<ReplyBody>;
/// An answer to come.
pub type ReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A body that is already there.
pub fn full(bytes: impl Into<Bytes>) -> ReplyBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A client over TCP.
    Tcp {
        /// Its address.
        address: SocketAddr,
        /// What TLS it came over, if it did.
        tls: Option<Tls>,
    },
    /// A stream the installation itself relays, such as one out of a function's sandbox. Signed
    /// like every other; only its address is ours.
    Relay,
}

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Never fails: what goes wrong is an answer too.
    fn handle(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> ReplyFuture;
}

/// Serves connections with one handler.
pub struct Server {
    handler: Arc<dyn Handler>,
    limits: Limits,
    tls: TlsStarter,
    slots: Arc<Semaphore>,
    builder: [auto::Builder<TokioExecutor>; 2],
}

impl Server {
    /// A server; without `tls`, TLS clients are turned away.
    pub fn new(handler: Arc<dyn Handler>, limits: Limits, tls: TlsStarter) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections_max));
        let builder = [builder(&limits).http1_only(), builder(&limits).http2_only()];
        Self { handler, limits, tls, slots, builder }
    }

    /// Accepts connections until `stop` is ready, then lets requests under way finish, for at
    /// most [`Limits::stop_ms`].
    pub async fn serve(self: &Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let (tell, told) = watch::channel(false);
        let mut stop = pin!(stop);
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = tasks.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        // Small answers must not wait for more to come.
                        let _ = stream.set_nodelay(true);
                        let peer = Peer::Tcp { address, tls: None };
                        let server = self.clone();
                        let told = told.clone();
                        tasks.spawn(async move {
                            server.connection(Box::new(stream), peer, told).await;
                        });
                    }
                    // Too many open files, mostly; they will be fewer soon.
                    Err(_) => pause(50).await,
                },
            }
        }
        drop(listener);
        tell.send_replace(true);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if within(self.limits.stop_ms, finished).await.is_none() {
            tasks.shutdown().await;
        }
    }

    /// Serves one stream that came by another way than the listener, until it ends or `stop`.
    pub async fn serve_stream(
        &self,
        stream: Box<dyn Stream>,
        peer: Peer,
        stop: watch::Receiver<bool>,
    ) {
        self.connection(stream, peer, stop).await;
    }

    async fn connection(
        &self,
        mut stream: Box<dyn Stream>,
        peer: Peer,
        mut stop: watch::Receiver<bool>,
    ) {
        let Ok(_slot) = self.slots.clone().try_acquire_owned() else {
            let _ = within(1000, stream.write_all(TOO_MANY)).await;
            return;
        };
        let opening =
            open(stream, &self.tls, self.limits.first_byte_ms, self.limits.write_stall_ms);
        let opened = tokio::select! {
            opened = opening => opened,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        // Whoever says nothing, or nothing sensible, hears nothing.
        let Ok(Opened { stream, http2, tls }) = opened else { return };
        let peer = match peer {
            Peer::Tcp { address, .. } => Peer::Tcp { address, tls },
            Peer::Relay => Peer::Relay,
        };
        let handler = self.handler.clone();
        let service = service_fn(move |request| answer(handler.clone(), request, peer));
        let builder = &self.builder[usize::from(http2)];
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = connection.as_mut() => return,
            _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// Answers a request; a handler that panics costs its own request only.
async fn answer(
    handler: Arc<dyn Handler>,
    request: Request<Incoming>,
    peer: Peer,
) -> Result<Reply, Infallible> {
    let mut reply = handler.handle(request, peer);
    let caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| reply.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(reply)) => Poll::Ready(Some(reply)),
        Err(_) => Poll::Ready(None),
    });
    Ok(caught.await.unwrap_or_else(|| {
        let mut reply = Response::new(full(PANICKED));
        *reply.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        reply
    }))
}

/// Both clients that read a type and ones that read a code understand this one.
const PANICKED: &str = r#"{"__type":"InternalFailure","message":"The request processing has failed because of an unknown error, exception or failure."}"#;
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\
    connection: close\r\nretry-after: 1\r\n\r\n";

/// As many headers as hyper takes if it is not told otherwise: then it needs no memory for each
/// request to read them into.
const HEADERS_MAX: usize = 100;

fn builder(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.header_ms))
        .max_buf_size(limits.header_bytes_max.max(8192))
        // A client that ended its body too early still hears so.
        .half_close(true);
    if limits.headers_max != HEADERS_MAX {
        builder.http1().max_headers(limits.headers_max);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
