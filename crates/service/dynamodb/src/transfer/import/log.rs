//! What CloudWatch Logs is told of records that are no items.

use api_logs::{
    Client, CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest,
};
use kernel::{Ctx, Fault, Level};
use serde_json::json;

use crate::transfer::TransferId;

/// The log group of all imports.
pub(crate) const GROUP: &str = "/aws-dynamodb/imports";
/// Errors of one import that are told; further ones are only counted.
const ERRORS_MAX: u64 = 10_000;

/// A record that is no item.
pub(super) struct Rejected {
    /// Counted from zero, in its object.
    pub index: u64,
    pub why: String,
}

/// Tells of records of an object; `known` were told before. That nobody can be told does not end an
/// import.
pub(super) async fn tell(
    ctx: &Ctx,
    id: &TransferId,
    (bucket, key): (&str, &str),
    known: u64,
    rejected: &[Rejected],
) {
    let left = ERRORS_MAX.saturating_sub(known) as usize;
    let rejected = &rejected[..rejected.len().min(left)];
    if rejected.is_empty() {
        return;
    }
    let timestamp = ctx.now().epoch_ms;
    let event = |rejected: &Rejected| InputLogEvent {
        timestamp,
        message: json!({
            "itemS3Pointer": {"bucket": bucket, "key": key, "itemIndex": rejected.index},
            "importArn": id.arn(),
            "errorMessages": [rejected.why],
        })
        .to_string(),
    };
    let events = rejected.iter().map(event).collect();
    if let Err(fault) = put(ctx, &id.id, events).await {
        let Fault { code, message, .. } = &fault;
        ctx.log(Level::Warn, format_args!("log of an import: {code}: {message}"));
    }
}

async fn put(ctx: &Ctx, id: &str, events: Vec<InputLogEvent>) -> Result<(), Fault> {
    let logs = ctx.client::<Client>();
    let (group, stream) = (GROUP.to_owned(), format!("{id}/error"));
    let known = |result: Result<(), Fault>| match result {
        Err(fault) if fault.code == "ResourceAlreadyExistsException" => Ok(()),
        other => other,
    };
    let make = CreateLogGroupRequest { log_group_name: group.clone(), ..Default::default() };
    known(logs.create_log_group(make).await.map(drop))?;
    let make =
        CreateLogStreamRequest { log_group_name: group.clone(), log_stream_name: stream.clone() };
    known(logs.create_log_stream(make).await.map(drop))?;
    let request = PutLogEventsRequest {
        log_group_name: group,
        log_stream_name: stream,
        log_events: events,
        ..Default::default()
    };
    logs.put_log_events(request).await.map(drop)
}
