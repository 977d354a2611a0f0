//! A gateway on a port of its own, and a client that speaks to it in raw bytes.

use crate::services;
use gateway::sigv4::Signer;
use gateway::{Config, Gateway};
use http::Request;
use kernel::Kernel;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running gateway.
pub struct Cloud {
    pub address: SocketAddr,
    pub kernel: Kernel,
    calls: Arc<AtomicUsize>,
    lines: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

impl Cloud {
    /// Starts one with the limits a test wants.
    pub async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(change, |gateway| gateway).await
    }

    pub async fn with(
        change: impl FnOnce(&mut Config),
        extend: impl FnOnce(Gateway) -> Gateway,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = lines.clone();
        let log = kernel::Log::to(kernel::Level::Info, move |line| {
            sink.lock().expect("no panic").push(line.to_owned());
        });
        let kernel = Kernel::new(kernel::Config { log, ..kernel::Config::memory() });
        let calls = Arc::new(AtomicUsize::new(0));
        kernel.start(services::all(&calls));
        let mut config = Config::new(address);
        change(&mut config);
        let open = extend(Gateway::new(config, &kernel).expect("a gateway")).open();
        let (stop, stopped) = oneshot::channel();
        #[expect(clippy::disallowed_methods, reason = "a test")]
        let serving = tokio::spawn(async move {
            open.serve(listener, async {
                let _ = stopped.await;
            })
            .await;
        });
        Self { address, kernel, calls, lines, stop: Some(stop), serving }
    }

    /// Calls of handlers so far.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The log so far.
    pub fn log(&self) -> String {
        self.lines.lock().expect("no panic").join("\n")
    }

    pub fn now_s(&self) -> i64 {
        self.kernel.clock().now().epoch_ms / 1000
    }

    /// Stops it and waits for that.
    pub async fn stop(mut self) {
        self.tell_to_stop();
        tokio::time::timeout(PATIENCE, self.serving).await.expect("it stops").expect("no panic");
    }

    pub fn tell_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }

    /// Sends bytes, ends its side, reads the answer.
    pub async fn raw(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.expect("to write");
        answer(&mut stream).await
    }

    /// A call signed with `test`/`test`.
    pub async fn call(&self, request: Request<&str>) -> Answer {
        self.raw(self.signed(request, "test", self.now_s())).await
    }

    /// The bytes of a request signed with a secret, at a time. The service comes from an
    /// extension header of ours that is not sent.
    pub fn signed(&self, request: Request<&str>, secret: &str, now_s: i64) -> Vec<u8> {
        let (mut parts, body) = request.into_parts();
        let service = parts.headers.remove("service").expect("a service");
        if !parts.headers.contains_key("host") {
            let host = self.address.to_string();
            parts.headers.insert("host", host.parse().expect("a host"));
        }
        let signer = Signer {
            access_key_id: "test",
            secret,
            session_token: None,
            region: "ap-northeast-2",
            service: service.to_str().expect("text"),
        };
        signer.sign(&mut parts, body.as_bytes(), now_s).expect("signed");
        bytes(&parts, body)
    }
}

/// A request's bytes in HTTP/1.1.
pub fn bytes(parts: &http::request::Parts, body: &str) -> Vec<u8> {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut out = format!("{} {target} HTTP/1.1\r\n", parts.method).into_bytes();
    for (name, value) in &parts.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    out
}

/// A call of the parrot.
pub fn parrot(operation: &str, body: &'static str) -> Request<&'static str> {
    Request::builder()
        .method("POST")
        .uri("/")
        .header("service", "parrot")
        .header("x-amz-target", format!("Parrot_20260101.{operation}"))
        .header("content-type", "application/x-amz-json-1.0")
        .body(body)
        .expect("a request")
}

/// Reads one answer, of any framing.
pub async fn answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Answer {
    tokio::time::timeout(PATIENCE, read_answer(stream)).await.expect("an answer in time")
}

async fn read_answer(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Answer {
    let mut all = Vec::new();
    let (head_end, head) = loop {
        if let Some(at) = all.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..at]).into_owned();
            if !head.starts_with("HTTP/1.1 100") {
                break (at + 4, head);
            }
            all.drain(..at + 4);
            continue;
        }
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            let text = String::from_utf8_lossy(&all).into_owned();
            return Answer { status: 0, headers: Vec::new(), body: text };
        }
        all.extend_from_slice(&buffer[..read]);
    };
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("0");
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut found =
        Answer { status: status.parse().expect("a status"), headers, body: String::new() };
    let length: usize = found.header("content-length").unwrap_or("0").parse().expect("a length");
    let mut body = all.split_off(head_end);
    while body.len() < length {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            break;
        }
        body.extend_from_slice(&buffer[..read]);
    }
    found.body = String::from_utf8_lossy(&body).into_owned();
    found
}
