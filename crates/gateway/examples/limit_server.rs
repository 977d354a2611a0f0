//! A server that does only what DynamoDB over HTTP cannot do without: `limit_server PORT LOG`.
//!
//! It reads a request, checks its signature, takes its JSON apart, gets or puts one item of a map in
//! memory by its text, and answers with a checksum. Puts are acknowledged once they are in the log
//! and that is on stable storage, which one `fdatasync` does for all that wait. No validation, no
//! conditions, no order of keys, no recovery. `cargo xtask bench dynamodb` measures ours beside it.

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::oneshot;

const SECRET: &str = "AWS4test";
const SHARDS: usize = 64;

/// Bytes for the log, and whom to tell once they are safe.
type Entry = (Bytes, oneshot::Sender<()>);

struct State {
    signing_keys: RwLock<HashMap<String, Vec<u8>>>,
    shards: Vec<RwLock<HashMap<String, Bytes>>>,
    log: Mutex<Sender<Entry>>,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let port: u16 = args.next().and_then(|port| port.parse().ok()).expect("limit_server PORT LOG");
    let path = args.next().expect("limit_server PORT LOG");
    let file = File::create(path).expect("the log can be made");
    let (log, entries) = channel();
    std::thread::spawn(move || write_log(file, &entries));
    let state = Arc::new(State {
        signing_keys: RwLock::default(),
        shards: (0..SHARDS).map(|_| RwLock::default()).collect(),
        log: Mutex::new(log),
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(serve(port, state));
}

#[expect(clippy::disallowed_methods, reason = "no kernel here")]
async fn serve(port: u16, state: Arc<State>) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let _ = stream.set_nodelay(true);
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(state.clone(), request));
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Group commit: whatever has come is written and synced as one.
fn write_log(mut file: File, entries: &Receiver<Entry>) {
    while let Ok(first) = entries.recv() {
        let batch: Vec<Entry> = std::iter::once(first).chain(entries.try_iter()).collect();
        let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes.iter().copied()).collect();
        file.write_all(&bytes).and_then(|()| file.sync_data()).expect("the log can be written");
        for (_, done) in batch {
            let _ = done.send(());
        }
    }
}

async fn answer(
    state: Arc<State>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let header = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    };
    let signed = state.is_signed(header, &body);
    let (status, text) = match serde_json::from_slice(&body) {
        Ok(input) if signed => {
            let target = header("x-amz-target").rsplit('.').next().unwrap_or_default();
            (StatusCode::OK, state.operate(target, &input).await)
        }
        _ => (StatusCode::BAD_REQUEST, "{}".into()),
    };
    let reply = Response::builder()
        .status(status)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-crc32", crc32fast::hash(&text))
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
    Ok(reply.body(Full::new(text)).expect("the headers are valid"))
}

impl State {
    fn is_signed<'a>(&self, header: impl Fn(&str) -> &'a str, body: &[u8]) -> bool {
        let field = |name: &str| {
            let rest = header("authorization").split_once(name).map_or("", |(_, rest)| rest);
            rest.split([',', ' ']).next().unwrap_or("")
        };
        let Some((_, scope)) = field("Credential=").split_once('/') else { return false };
        let names = field("SignedHeaders=");
        let mut request = String::from("POST\n/\n\n");
        for name in names.split(';') {
            request.extend([name, ":", header(name), "\n"]);
        }
        request.extend(["\n", names, "\n", &hex(&Sha256::digest(body))]);
        let digest = hex(&Sha256::digest(request.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", header("x-amz-date"));
        hex(&hmac(&self.signing_key(scope), text.as_bytes())) == field("Signature=")
    }

    fn signing_key(&self, scope: &str) -> Vec<u8> {
        let known = self.signing_keys.read().ok().and_then(|keys| keys.get(scope).cloned());
        known.unwrap_or_else(|| {
            let key = scope
                .split('/')
                .fold(SECRET.as_bytes().to_vec(), |key, part| hmac(&key, part.as_bytes()));
            if let Ok(mut keys) = self.signing_keys.write() {
                keys.insert(scope.to_owned(), key.clone());
            }
            key
        })
    }

    async fn operate(&self, target: &str, input: &Value) -> Bytes {
        match target {
            "GetItem" => match self.get(&key(&input["Key"])) {
                Some(item) => [b"{\"Item\":", &item[..], b"}"].concat().into(),
                None => "{}".into(),
            },
            "PutItem" => {
                let item = self.put(&input["Item"]);
                let (done, is_done) = oneshot::channel();
                if let Ok(log) = self.log.lock() {
                    let _ = log.send((item, done));
                }
                let _ = is_done.await;
                "{}".into()
            }
            "BatchWriteItem" => {
                let tables = input["RequestItems"].as_object().into_iter().flatten();
                for request in tables.flat_map(|(_, puts)| puts.as_array().into_iter().flatten()) {
                    self.put(&request["PutRequest"]["Item"]);
                }
                r#"{"UnprocessedItems":{}}"#.into()
            }
            _ => r#"{"TableNames":[],"Table":{"TableStatus":"ACTIVE"}}"#.into(),
        }
    }

    fn shard(&self, key: &str) -> &RwLock<HashMap<String, Bytes>> {
        let sum =
            key.bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        &self.shards[sum as usize % SHARDS]
    }

    fn get(&self, key: &str) -> Option<Bytes> {
        self.shard(key).read().ok()?.get(key).cloned()
    }

    fn put(&self, item: &Value) -> Bytes {
        let (key, text) = (key(item), Bytes::from(item.to_string()));
        if let Ok(mut shard) = self.shard(&key).write() {
            shard.insert(key, text.clone());
        }
        text
    }
}

fn key(item: &Value) -> String {
    let text = |name: &str| item[name]["S"].as_str().unwrap_or_default();
    format!("{}\0{}", text("pk"), text("sk"))
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
