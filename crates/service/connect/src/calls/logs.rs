//! The flow log: lines go to the instance's log group through the store's outbox, so that they
//! arrive in order, once a step is committed, and after a crash as well.

use super::CallError;
use api_logs::{CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest};
use flow::LogEntry;
use kernel::{BoxFuture, Ctx, EventHandler, Fault, Kernel};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Event, WriteTx};

/// Bytes one request may have, each line counting 26 more than its text. Source: `PutLogEvents`.
const REQUEST_BYTES_MAX: usize = 1_048_576;
/// What a line counts besides its text.
const LINE_BYTES: usize = 26;
/// Bytes of one line; what is longer is cut. Source: `PutLogEvents`, 256 KB with the 26.
const LINE_BYTES_MAX: usize = 262_144 - LINE_BYTES;

/// The topic of flow logs.
pub(crate) const FLOW_LOG: &str = "connect/flow-log";

/// Lines for one log stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lines {
    account: String,
    region: String,
    group: String,
    stream: String,
    timestamp_ms: i64,
    lines: Vec<String>,
}

/// Emits `entries` with the step they belong to.
pub(super) fn emit(
    tx: &mut WriteTx,
    ctx: &Ctx,
    group: &str,
    contact_id: &str,
    entries: &[&LogEntry],
) -> Result<(), CallError> {
    let now = ctx.now();
    let timestamp = now.civil("%Y-%m-%dT%H:%M:%S%.3fZ");
    let lines = Lines {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        group: group.to_owned(),
        stream: format!("{}/stream-{contact_id}", now.civil("%Y/%m/%d/%H")),
        timestamp_ms: now.epoch_ms,
        lines: entries.iter().map(|entry| line(contact_id, &timestamp, entry)).collect(),
    };
    tx.emit(FLOW_LOG, contact_id, &lines)?;
    Ok(())
}

/// An entry as Connect writes it: failures have `Results`, Lambda answers `ExternalResults`.
fn line(contact_id: &str, timestamp: &str, entry: &LogEntry) -> String {
    let mut line = Map::new();
    if let Some(result) = &entry.result {
        line.insert("Results".to_owned(), json!(result));
    }
    line.insert("ContactId".to_owned(), json!(contact_id));
    line.insert("ContactFlowId".to_owned(), json!(entry.flow));
    line.insert("ContactFlowName".to_owned(), json!(entry.flow_name));
    line.insert("ContactFlowModuleType".to_owned(), json!(entry.module_type));
    line.insert("Identifier".to_owned(), json!(entry.identifier));
    line.insert("Timestamp".to_owned(), json!(timestamp));
    if let Some(external) = &entry.external {
        line.insert("ExternalResults".to_owned(), external.clone());
    }
    line.insert("Parameters".to_owned(), Value::Object(entry.parameters.clone()));
    Value::Object(line).to_string()
}

/// Writes emitted lines to CloudWatch Logs.
pub(crate) struct FlowLogs;

impl EventHandler for FlowLogs {
    fn receive<'a>(
        &'a self,
        kernel: &'a Kernel,
        event: &'a Event,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let lines: Lines =
                serde_json::from_value(event.payload.clone()).map_err(Fault::internal)?;
            let ctx = kernel.service_ctx("connect.amazonaws.com", &lines.account, &lines.region);
            for request in requests(&lines) {
                match put(&ctx, request.clone()).await {
                    Err(fault) if fault.code == "ResourceNotFoundException" => {
                        create(&ctx, &lines).await?;
                        put(&ctx, request).await?;
                    }
                    other => other?,
                }
            }
            Ok(())
        })
    }
}

/// The lines in as many requests as it takes.
fn requests(lines: &Lines) -> Vec<PutLogEventsRequest> {
    let request = || PutLogEventsRequest {
        log_group_name: lines.group.clone(),
        log_stream_name: lines.stream.clone(),
        ..Default::default()
    };
    let mut requests = vec![request()];
    let mut bytes = 0;
    for line in &lines.lines {
        let message = line[..line.floor_char_boundary(LINE_BYTES_MAX)].to_owned();
        if bytes + message.len() + LINE_BYTES > REQUEST_BYTES_MAX {
            requests.push(request());
            bytes = 0;
        }
        bytes += message.len() + LINE_BYTES;
        let event = InputLogEvent { timestamp: lines.timestamp_ms, message };
        if let Some(request) = requests.last_mut() {
            request.log_events.push(event);
        }
    }
    requests
}

async fn put(ctx: &Ctx, request: PutLogEventsRequest) -> Result<(), Fault> {
    ctx.client::<api_logs::Client>().put_log_events(request).await.map(drop)
}

async fn create(ctx: &Ctx, lines: &Lines) -> Result<(), Fault> {
    let logs = ctx.client::<api_logs::Client>();
    let log_group_name = lines.group.clone();
    let group = CreateLogGroupRequest { log_group_name, ..Default::default() };
    there_already(logs.create_log_group(group).await.map(drop))?;
    let stream = CreateLogStreamRequest {
        log_group_name: lines.group.clone(),
        log_stream_name: lines.stream.clone(),
    };
    there_already(logs.create_log_stream(stream).await.map(drop))
}

fn there_already(result: Result<(), Fault>) -> Result<(), Fault> {
    match result {
        Err(fault) if fault.code == "ResourceAlreadyExistsException" => Ok(()),
        other => other,
    }
}
