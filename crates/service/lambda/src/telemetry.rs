//! The Telemetry API (2022-07-01) and its elder, the Logs API (2020-08-15): extensions subscribe
//! during initialisation and get events in batches, over HTTP or TCP inside their sandbox.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kernel::Ctx;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::journal::Entry;
use crate::local::Dialer;

/// AWS's bounds of `buffering`, and what holds without it.
const ITEMS: (u64, u64, u64) = (1000, 10_000, 10_000);
const BYTES: (u64, u64, u64) = (262_144, 1_048_576, 262_144);
const TIMEOUT_MS: (u64, u64, u64) = (25, 30_000, 1_000);
/// A subscriber that has this many batches waiting has fallen behind.
const BATCHES_WAITING_MAX: usize = 8;
/// How long a subscriber may take to accept a batch.
const DELIVERY_MAX: Duration = Duration::from_secs(5);
/// How often a batch is tried.
const ATTEMPTS: usize = 3;
const HEAD_BYTES_MAX: usize = 16 << 10;
const SCHEMAS_TELEMETRY: &[&str] = &["2022-07-01", "2022-12-13", "2025-01-29"];
const SCHEMAS_LOGS: &[&str] = &["2020-08-15", "2021-03-18"];

/// A valid subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    /// `platform`, `function`, `extension`.
    pub types: Vec<String>,
    pub logs: bool,
    schema: String,
    destination: Destination,
    items_max: u64,
    bytes_max: u64,
    timeout: Duration,
}

#[derive(Clone, Debug, PartialEq)]
enum Destination {
    Http { port: u16, path: String },
    Tcp { port: u16 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    schema_version: Option<String>,
    types: Option<Vec<String>>,
    buffering: Option<Buffering>,
    destination: Option<WantedDestination>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buffering {
    max_items: Option<u64>,
    max_bytes: Option<u64>,
    timeout_ms: Option<u64>,
}

#[derive(Deserialize)]
struct WantedDestination {
    protocol: Option<String>,
    #[serde(rename = "URI")]
    uri: Option<String>,
    port: Option<u16>,
}

impl Subscription {
    /// Reads a request's body; an error says what is wrong with it.
    pub fn parse(body: &[u8], logs: bool) -> Result<Subscription, String> {
        let wanted: Wanted = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let (known, oldest) = match logs {
            true => (SCHEMAS_LOGS, SCHEMAS_LOGS[0]),
            false => (SCHEMAS_TELEMETRY, SCHEMAS_TELEMETRY[0]),
        };
        let schema = wanted.schema_version.unwrap_or_else(|| oldest.to_owned());
        if !known.contains(&schema.as_str()) {
            return Err(format!("schemaVersion {schema} is not one of {known:?}"));
        }
        let types = wanted.types.filter(|types| !types.is_empty()).ok_or("types is missing")?;
        if let Some(other) = types
            .iter()
            .find(|name| !["platform", "function", "extension"].contains(&name.as_str()))
        {
            return Err(format!("type {other} is not one of platform, function, extension"));
        }
        let buffering = wanted.buffering.unwrap_or_default();
        let bounded = |name: &str, value: Option<u64>, (least, most, usual): (u64, u64, u64)| {
            let value = value.unwrap_or(usual);
            let fits = (least..=most).contains(&value);
            fits.then_some(value).ok_or(format!("{name} is not between {least} and {most}"))
        };
        let timeout_ms = bounded("timeoutMs", buffering.timeout_ms, TIMEOUT_MS)?;
        Ok(Subscription {
            types,
            logs,
            schema,
            destination: destination(wanted.destination.ok_or("destination is missing")?)?,
            items_max: bounded("maxItems", buffering.max_items, ITEMS)?,
            bytes_max: bounded("maxBytes", buffering.max_bytes, BYTES)?,
            timeout: Duration::from_millis(timeout_ms),
        })
    }

    /// The event in the words of the subscription's schema, if it wants it.
    fn words(&self, entry: &Entry) -> Option<String> {
        let category = entry.kind.split('.').next().unwrap_or_default();
        if !self.types.iter().any(|name| name == category) {
            return None;
        }
        let (kind, record) = match self.logs {
            false => (entry.kind, entry.record.clone()),
            true => older(&self.schema, entry)?,
        };
        Some(json!({ "time": entry.time, "type": kind, "record": record }).to_string())
    }
}

/// What the Logs API says of an event, if it knows it.
fn older(schema: &str, entry: &Entry) -> Option<(&'static str, Value)> {
    let of = |names: &[&str]| {
        let members = names.iter().filter_map(|name| {
            let value = entry.record.get(*name)?;
            Some(((*name).to_owned(), value.clone()))
        });
        Value::Object(members.collect())
    };
    let record = match entry.kind {
        "platform.start" => of(&["requestId", "version"]),
        "platform.report" => of(&["requestId", "metrics"]),
        "platform.runtimeDone" if schema == "2021-03-18" => of(&["requestId", "status"]),
        "platform.extension" | "platform.logsSubscription" | "function" | "extension" => {
            entry.record.clone()
        }
        _ => return None,
    };
    Some((entry.kind, record))
}

fn destination(wanted: WantedDestination) -> Result<Destination, String> {
    match wanted.protocol.as_deref() {
        Some("HTTP") => {
            let uri = wanted.uri.ok_or("destination.URI is missing")?;
            let uri: http::Uri = uri.parse().map_err(|_| format!("URI {uri} cannot be read"))?;
            let host = uri.host().unwrap_or_default();
            if uri.scheme_str() != Some("http")
                || !["sandbox.localdomain", "sandbox"].contains(&host)
            {
                return Err("destination.URI host must be sandbox.localdomain".into());
            }
            let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
            Ok(Destination::Http { port: uri.port_u16().unwrap_or(80), path })
        }
        Some("TCP") => {
            let port = wanted.port.filter(|port| *port > 0).ok_or("destination.port is missing")?;
            Ok(Destination::Tcp { port })
        }
        other => Err(format!("protocol {} is not HTTP or TCP", other.unwrap_or("(none)"))),
    }
}

/// A subscribed extension. Dropping it lets what is waiting be delivered.
pub(crate) struct Subscriber {
    /// Whose it is; a second subscription of the same API takes the first one's place.
    pub extension: String,
    pub subscription: Subscription,
    sender: mpsc::Sender<String>,
    flush: Arc<Notify>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    waiting_bytes: AtomicU64,
    dropped_records: AtomicU64,
    dropped_bytes: AtomicU64,
}

impl Counts {
    fn drop_some(&self, records: u64, bytes: u64) {
        self.dropped_records.fetch_add(records, Ordering::Relaxed);
        self.dropped_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Subscriber {
    /// Begins to deliver; `dialer` leads into the sandbox.
    pub fn start(
        ctx: &Ctx,
        extension: &str,
        subscription: Subscription,
        dialer: Dialer,
    ) -> Subscriber {
        let waiting = subscription.items_max as usize * BATCHES_WAITING_MAX;
        let (sender, events) = mpsc::channel(waiting.min(80_000));
        let (flush, counts) = (Arc::new(Notify::new()), Arc::new(Counts::default()));
        let delivery = Delivery {
            ctx: ctx.clone(),
            subscription: subscription.clone(),
            dialer,
            flush: flush.clone(),
            counts: counts.clone(),
            stream: None,
        };
        ctx.kernel().spawn(delivery.run(events));
        Subscriber { extension: extension.to_owned(), subscription, sender, flush, counts }
    }

    /// Passes an event on, if it is wanted. A subscriber that falls behind loses events, and is
    /// told so.
    pub fn send(&self, entry: &Entry) {
        let Some(event) = self.subscription.words(entry) else { return };
        let length = event.len() as u64;
        let waiting = self.counts.waiting_bytes.load(Ordering::Relaxed);
        let room = self.subscription.bytes_max * BATCHES_WAITING_MAX as u64;
        if waiting + length > room {
            self.counts.drop_some(1, length);
            return;
        }
        // Counted first: the delivery may take it at once.
        self.counts.waiting_bytes.fetch_add(length, Ordering::Relaxed);
        if self.sender.try_send(event).is_err() {
            self.counts.waiting_bytes.fetch_sub(length, Ordering::Relaxed);
            self.counts.drop_some(1, length);
        }
    }

    /// Ends the pause that fills batches.
    pub fn flush(&self) {
        self.flush.notify_one();
    }
}

struct Delivery {
    ctx: Ctx,
    subscription: Subscription,
    dialer: Dialer,
    flush: Arc<Notify>,
    counts: Arc<Counts>,
    stream: Option<TcpStream>,
}

impl Delivery {
    async fn run(mut self, mut events: mpsc::Receiver<String>) {
        while let Some(first) = events.recv().await {
            let batch = self.gather(first, &mut events).await;
            for attempt in 0..ATTEMPTS {
                let late = self.ctx.sleep(DELIVERY_MAX);
                let delivered = tokio::select! {
                    delivered = self.deliver(&batch) => delivered.is_ok(),
                    () = late => false,
                };
                if delivered {
                    break;
                }
                self.stream = None;
                if attempt + 1 == ATTEMPTS {
                    let bytes: usize = batch.iter().map(String::len).sum();
                    self.counts.drop_some(batch.len() as u64, bytes as u64);
                } else {
                    self.ctx.sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// The batch that begins with this event: full, or as old as it may become.
    async fn gather(&self, first: String, events: &mut mpsc::Receiver<String>) -> VecDeque<String> {
        let mut bytes = first.len() as u64;
        let mut batch = VecDeque::from([first]);
        let deadline = self.ctx.sleep(self.subscription.timeout);
        tokio::pin!(deadline);
        while (batch.len() as u64) < self.subscription.items_max
            && bytes < self.subscription.bytes_max
        {
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else { break };
                    bytes += event.len() as u64;
                    batch.push_back(event);
                }
                () = self.flush.notified() => break,
                () = &mut deadline => break,
            }
        }
        self.counts.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let records = self.counts.dropped_records.swap(0, Ordering::Relaxed);
        if records > 0 {
            let dropped_bytes = self.counts.dropped_bytes.swap(0, Ordering::Relaxed);
            let event = json!({
                "time": self.ctx.now().civil("%Y-%m-%dT%H:%M:%S%.3fZ"),
                "type": "platform.logsDropped",
                "record": {
                    "droppedRecords": records,
                    "droppedBytes": dropped_bytes,
                    "reason": "The subscriber did not take its events in time.",
                },
            });
            batch.push_front(event.to_string());
        }
        batch
    }

    async fn deliver(&mut self, batch: &VecDeque<String>) -> io::Result<()> {
        let (port, message) = match &self.subscription.destination {
            Destination::Tcp { port } => {
                let lines: String = batch.iter().flat_map(|event| [event.as_str(), "\n"]).collect();
                (*port, lines)
            }
            Destination::Http { port, path } => {
                let events: Vec<&str> = batch.iter().map(String::as_str).collect();
                let body = format!("[{}]", events.join(","));
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: sandbox.localdomain:{port}\r\nContent-Type: \
                     application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                (*port, head + &body)
            }
        };
        let http = matches!(self.subscription.destination, Destination::Http { .. });
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.dialer.dial(port).await?,
        };
        stream.write_all(message.as_bytes()).await?;
        if !http || accepted(&mut stream).await? {
            self.stream = Some(stream);
        }
        Ok(())
    }
}

/// Reads the answer to a POST; whether the connection can be used again.
async fn accepted(stream: &mut TcpStream) -> io::Result<bool> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(at) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if read.len() > HEAD_BYTES_MAX || stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    let status: u16 =
        head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    if !(200..300).contains(&status) {
        return Err(io::ErrorKind::Other.into());
    }
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    let length: Option<usize> = header("content-length").and_then(|length| length.parse().ok());
    let keeps = !head.starts_with("http/1.0") && header("connection") != Some("close");
    let Some(length) = length.filter(|length| keeps && *length <= HEAD_BYTES_MAX) else {
        return Ok(false);
    };
    while read.len() < end + 4 + length {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: Value, logs: bool, wrong: Option<&str>) {
        let parsed = Subscription::parse(body.to_string().as_bytes(), logs);
        match wrong {
            None => assert!(parsed.is_ok(), "{body}: {parsed:?}"),
            Some(text) => {
                let why = parsed.expect_err(text);
                assert!(why.contains(text), "{body}: {why}");
            }
        }
    }

    #[test]
    fn subscriptions() {
        let http = json!({ "protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/a?b" });
        let tcp = json!({ "protocol": "TCP", "port": 9999 });
        let with = |destination: &Value, types: &[&str], buffering: Value| json!({ "types": types, "destination": destination, "buffering": buffering });
        check(with(&http, &["platform"], Value::Null), false, None);
        check(with(&tcp, &["function", "extension"], json!({ "timeoutMs": 25 })), true, None);
        check(with(&http, &[], Value::Null), false, Some("types"));
        check(with(&http, &["audit"], Value::Null), false, Some("type audit"));
        check(with(&http, &["platform"], json!({ "maxItems": 10 })), false, Some("maxItems"));
        check(with(&json!({ "protocol": "UDP" }), &["platform"], Value::Null), false, Some("UDP"));
        let outside = json!({ "protocol": "HTTP", "URI": "http://169.254.169.254/" });
        check(with(&outside, &["platform"], Value::Null), false, Some("sandbox.localdomain"));
        check(json!({ "schemaVersion": "1999-01-01" }), false, Some("schemaVersion"));
        check(json!([]), false, Some("invalid"));
    }

    #[test]
    fn older_words() {
        let body =
            json!({ "types": ["platform"], "destination": { "protocol": "TCP", "port": 1 } });
        let logs = Subscription::parse(body.to_string().as_bytes(), true).expect("valid");
        let entry = |kind, record| Entry { kind, time: "t".into(), record };
        let start =
            entry("platform.start", json!({ "requestId": "r", "version": "1", "tracing": {} }));
        let words: Value =
            serde_json::from_str(&logs.words(&start).expect("wanted")).expect("JSON");
        assert_eq!(
            words,
            json!({ "time": "t", "type": "platform.start",
                    "record": { "requestId": "r", "version": "1" } })
        );
        assert_eq!(logs.words(&entry("platform.initStart", json!({}))), None);
        assert_eq!(logs.words(&entry("function", json!("x"))), None);
    }
}
