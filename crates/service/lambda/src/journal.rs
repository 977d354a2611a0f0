//! Where everything goes that an environment prints, and what the platform tells of it: to
//! CloudWatch Logs, to the tail that a caller may want, and to extensions that subscribed.

use kernel::Ctx;
use serde_json::{Value, json};

use crate::host::Host;
use crate::logs::LogStream;
use crate::platform::{Level, Platform};
use crate::record::FunctionRecord;
use crate::telemetry::Subscriber;

/// Events kept for those who subscribe during initialisation.
const EARLY_MAX: usize = 1000;
/// A longer text is not kept for them, in bytes.
const EARLY_TEXT_BYTES_MAX: usize = 4096;

/// The journal of one environment.
pub(crate) struct Journal {
    ctx: Ctx,
    log: LogStream,
    /// The format and level of the platform's own lines.
    json: Option<Level>,
    subscribers: Vec<Subscriber>,
    /// What happened before somebody could subscribe; `None` when that time is over.
    early: Option<Vec<Entry>>,
}

/// One event, as the Telemetry API has it.
#[derive(Clone)]
pub(crate) struct Entry {
    /// `platform.start`, `function`, `extension`.
    pub kind: &'static str,
    pub time: String,
    pub record: Value,
}

impl Journal {
    /// Starts writing to the stream.
    pub fn open(host: &Host, ctx: &Ctx, function: &FunctionRecord, stream: &str) -> Journal {
        let mut log = LogStream::open(ctx, function.log_group(), stream.to_owned());
        let lines = host.options.local.as_ref().and_then(|local| local.lines.clone());
        log.heard_by = lines.map(|lines| (function.name.clone(), lines));
        Journal {
            ctx: ctx.clone(),
            log,
            json: function.system_log_level(),
            subscribers: Vec::new(),
            early: None,
        }
    }

    /// From now on it is written to another stream.
    pub fn move_to(&mut self, other: Journal) {
        self.log = other.log;
    }

    /// From now on events are kept for subscribers that come later. `wanted` is whether any may.
    pub fn begin(&mut self, wanted: bool) {
        self.subscribers.clear();
        self.early = wanted.then(Vec::new);
    }

    /// Initialisation is over.
    pub fn close_subscriptions(&mut self) {
        self.early = None;
    }

    /// An extension that wants to hear, also of what was before.
    pub fn subscribe(&mut self, subscriber: Subscriber) {
        let same = |one: &Subscriber| {
            one.extension == subscriber.extension
                && one.subscription.logs == subscriber.subscription.logs
        };
        self.subscribers.retain(|one| !same(one));
        for entry in self.early.iter().flatten() {
            subscriber.send(entry);
        }
        self.subscribers.push(subscriber);
    }

    /// Whether anybody listens but the log.
    pub fn has_subscribers(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// Lines of the function and its runtime.
    pub async fn function(&mut self, lines: &[String]) {
        for line in lines {
            let json = self.json.is_some();
            self.tell("function", || if json { text_or_json(line) } else { json!(line) });
            self.log.line(line).await;
        }
    }

    /// Lines of an extension.
    pub async fn extension(&mut self, lines: &[String]) {
        for line in lines {
            self.tell("extension", || json!(line));
            self.log.line(line).await;
        }
    }

    /// A line that is the platform's and no event, in logs of text.
    pub async fn remark(&mut self, line: &str) {
        if self.json.is_none() {
            self.log.line(line).await;
        }
    }

    /// An event of the platform.
    pub async fn platform(&mut self, event: &Platform<'_>) {
        self.tell(event.kind(), || event.record());
        match self.json {
            None => {
                for line in event.lines() {
                    self.log.line(&line).await;
                }
            }
            Some(level) if event.level() <= level => {
                let line = json!({
                    "time": now(&self.ctx),
                    "type": event.kind(),
                    "record": event.record(),
                });
                self.log.line(&line.to_string()).await;
            }
            Some(_) => {}
        }
    }

    fn tell(&mut self, kind: &'static str, record: impl FnOnce() -> Value) {
        if self.subscribers.is_empty() && self.early.is_none() {
            return;
        }
        let entry = Entry { kind, time: now(&self.ctx), record: record() };
        for subscriber in &self.subscribers {
            subscriber.send(&entry);
        }
        let long = entry.record.as_str().is_some_and(|text| text.len() > EARLY_TEXT_BYTES_MAX);
        if let Some(early) = self.early.as_mut().filter(|early| early.len() < EARLY_MAX && !long) {
            early.push(entry);
        }
    }

    /// The last 4 KB since the last [`Journal::forget_tail`].
    pub fn tail(&self) -> Vec<u8> {
        self.log.tail()
    }

    /// An invocation begins.
    pub fn forget_tail(&mut self) {
        self.log.forget_tail();
    }

    /// Lets subscribers have what they wait for, without the pause that fills batches.
    pub fn flush(&self) {
        self.subscribers.iter().for_each(Subscriber::flush);
    }
}

/// Functions whose log is JSON print objects, which are passed on as such.
fn text_or_json(line: &str) -> Value {
    let parsed = line.starts_with('{').then(|| serde_json::from_str(line).ok());
    parsed.flatten().unwrap_or_else(|| json!(line))
}

fn now(ctx: &Ctx) -> String {
    ctx.now().civil("%Y-%m-%dT%H:%M:%S%.3fZ")
}
