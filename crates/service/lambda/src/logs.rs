//! From a sandbox's output to CloudWatch Logs: in order, in batches, off the hot path.

use std::collections::VecDeque;
use std::time::Duration;

use api_logs::{CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest};
use kernel::{Ctx, Fault, Level};
use tokio::sync::mpsc;

use crate::local::Lines;
use crate::output::MESSAGE_BYTES_MAX;

/// Lines that may wait; a program that prints faster is slowed down.
const WAITING_MAX: usize = 4096;
/// How long lines wait for others to go with them.
const GATHER: Duration = Duration::from_millis(20);
/// PutLogEvents' limits, with room for its 26 bytes an event.
const BATCH_EVENTS_MAX: usize = 5000;
const BATCH_BYTES_MAX: usize = 900_000;
/// What `LogType=Tail` returns.
const TAIL_BYTES_MAX: usize = 4096;

/// One stream; dropping it lets what is waiting be written.
pub(crate) struct LogStream {
    ctx: Ctx,
    sender: mpsc::Sender<InputLogEvent>,
    tail: VecDeque<u8>,
    /// Hears every line, too.
    pub heard_by: Option<(String, Lines)>,
    /// Time never runs backwards within a stream, even if the clock is set.
    last_ms: i64,
}

impl LogStream {
    /// Starts writing to a stream, which is made on the first line.
    pub fn open(ctx: &Ctx, group: String, stream: String) -> LogStream {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        ctx.kernel().spawn(write_all(ctx.clone(), group, stream, receiver));
        LogStream { ctx: ctx.clone(), sender, tail: VecDeque::new(), heard_by: None, last_ms: 0 }
    }

    /// Adds one line, without its end.
    pub async fn line(&mut self, line: &str) {
        if let Some((function, hear)) = &self.heard_by {
            hear(function, line);
        }
        let mut message = line.to_owned();
        message.push('\n');
        self.tail.extend(message.as_bytes());
        let excess = self.tail.len().saturating_sub(TAIL_BYTES_MAX);
        self.tail.drain(..excess);
        self.last_ms = self.ctx.now().epoch_ms.max(self.last_ms);
        // The writer ends only with this sender.
        let _ = self.sender.send(InputLogEvent { timestamp: self.last_ms, message }).await;
    }

    /// The last 4 KB since the last [`LogStream::forget_tail`].
    pub fn tail(&self) -> Vec<u8> {
        self.tail.iter().copied().collect()
    }

    /// An invocation begins.
    pub fn forget_tail(&mut self) {
        self.tail.clear();
    }
}

async fn write_all(
    ctx: Ctx,
    group: String,
    stream: String,
    mut receiver: mpsc::Receiver<InputLogEvent>,
) {
    while let Some(first) = receiver.recv().await {
        // One call for all lines of an invocation, or of several, and it does not take the
        // processors from the function.
        if !receiver.is_closed() {
            tokio::select! {
                () = ctx.sleep(GATHER) => {}
                () = ctx.kernel().stopping() => {}
            }
        }
        let mut bytes = first.message.len();
        let mut batch = vec![first];
        // What came meanwhile goes along.
        while batch.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX - MESSAGE_BYTES_MAX {
            let Ok(event) = receiver.try_recv() else { break };
            bytes += event.message.len() + 26;
            batch.push(event);
        }
        let count = batch.len();
        if let Err(fault) = put(&ctx, &group, &stream, batch).await {
            let text = format_args!("{count} log lines of {group} are lost: {fault}");
            ctx.log(Level::Warn, text);
        }
    }
}

async fn put(
    ctx: &Ctx,
    group: &str,
    stream: &str,
    events: Vec<InputLogEvent>,
) -> Result<(), Fault> {
    let client = ctx.client::<api_logs::Client>();
    let request = PutLogEventsRequest {
        log_group_name: group.to_owned(),
        log_stream_name: stream.to_owned(),
        log_events: events,
        ..Default::default()
    };
    match client.put_log_events(request.clone()).await {
        Ok(_) => return Ok(()),
        Err(fault) if fault.code == "ResourceNotFoundException" => {}
        Err(fault) => return Err(fault),
    }
    let new_group =
        CreateLogGroupRequest { log_group_name: group.to_owned(), ..Default::default() };
    exists(client.create_log_group(new_group).await.map(|_| ()))?;
    let new_stream = CreateLogStreamRequest {
        log_group_name: group.to_owned(),
        log_stream_name: stream.to_owned(),
    };
    exists(client.create_log_stream(new_stream).await.map(|_| ()))?;
    client.put_log_events(request).await.map(|_| ())
}

fn exists(created: Result<(), Fault>) -> Result<(), Fault> {
    match created {
        Err(fault) if fault.code == "ResourceAlreadyExistsException" => Ok(()),
        other => other,
    }
}
