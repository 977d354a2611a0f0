//! `PutEvents`: matched and left for its targets in one commit; and `TestEventPattern`.
//!
//! ```text
//! aws events put-events --entries Source=desk,DetailType=Call,Detail='{"pnr":"X1"}'
//! {"FailedEntryCount": 0, "Entries": [{"EventId": "…"}]}
//! ```

use api_events::{
    Error, PutEventsRequest, PutEventsRequestEntry, PutEventsResponse, PutEventsResultEntry,
    TestEventPatternRequest, TestEventPatternResponse,
};
use kernel::{Ctx, Principal};
use serde_json::Value as Json;

use super::rules::understood;
use crate::Shared;
use crate::error::{invalid, not_served};
use crate::event::{self, Event};
use crate::name::BusName;
use crate::record::{self, now_ms};
use crate::route::{self, Rules, Sealed};

/// Bytes of all entries of a request.
const BYTES_MAX: usize = 256 * 1024;
/// What a time counts.
const TIME_BYTES: usize = 14;

/// Why an entry is refused: code and message.
type Refusal = (&'static str, String);

pub(crate) async fn put_events(
    api: &Shared,
    ctx: &Ctx,
    input: PutEventsRequest,
) -> Result<PutEventsResponse, Error> {
    if input.endpoint_id.is_some() {
        return Err(not_served("PutEvents", "EndpointId").into());
    }
    if input.entries.iter().map(size_bytes).sum::<usize>() > BYTES_MAX {
        return Err(invalid("Total size of the entries in the request is over the limit.").into());
    }
    let mut read = Vec::new();
    for entry in input.entries {
        let bus = BusName::named(ctx, entry.event_bus_name.as_deref());
        let trace = entry.trace_header.clone();
        read.push(match of_api(ctx, entry) {
            Ok(event) => Ok((bus, Sealed::of(ctx.kernel(), &event, trace)?, event.id)),
            Err(refusal) => Err(refusal),
        });
    }
    let now_ms = now_ms(ctx.kernel());
    let outcomes = ctx
        .store()
        .write(|tx| {
            let mut outcomes: Vec<Result<String, Refusal>> = Vec::new();
            let mut rules = Rules::default();
            for entry in &read {
                outcomes.push(match entry {
                    Err(refusal) => Err(refusal.clone()),
                    Ok((bus, _, _)) if record::bus(tx, bus)?.is_none() => {
                        let why = format!("Event bus {} does not exist.", bus.name);
                        Err(("ResourceNotFoundException", why))
                    }
                    Ok((bus, event, id)) => {
                        route::route(tx, &api.0, (bus, &mut rules), event, now_ms)?;
                        Ok(id.clone())
                    }
                });
            }
            Ok::<_, Error>(outcomes)
        })
        .await?;
    api.0.posted.notify_one();
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let entries = outcomes.into_iter().map(|outcome| match outcome {
        Ok(id) => PutEventsResultEntry { event_id: Some(id), ..Default::default() },
        Err((code, why)) => PutEventsResultEntry {
            event_id: None,
            error_code: Some(code.into()),
            error_message: Some(why),
        },
    });
    Ok(PutEventsResponse {
        failed_entry_count: Some(failed as i32),
        entries: Some(entries.collect()),
    })
}

/// As AWS's guide counts an entry.
fn size_bytes(entry: &PutEventsRequestEntry) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let resources: usize = entry.resources.iter().flatten().map(String::len).sum();
    let time = if entry.time.is_some() { TIME_BYTES } else { 0 };
    time + text(&entry.source) + text(&entry.detail_type) + text(&entry.detail) + resources
}

fn of_api(ctx: &Ctx, entry: PutEventsRequestEntry) -> Result<Event, Refusal> {
    let needed = |name: &str, given: Option<String>| {
        given.filter(|text| !text.is_empty()).ok_or_else(|| {
            let why =
                format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
            ("InvalidArgument", why)
        })
    };
    let source = needed("Source", entry.source)?;
    let detail_type = needed("DetailType", entry.detail_type)?;
    let detail = needed("Detail", entry.detail)?;
    // Only services speak as AWS.
    let is_service = matches!(ctx.principal(), Principal::Service { .. });
    if source.starts_with("aws.") && !is_service {
        let why = "Not authorized for the source.";
        return Err(("NotAuthorizedForSourceException", why.into()));
    }
    let malformed = || ("MalformedDetail", "Detail is malformed.".to_owned());
    Ok(Event {
        id: ctx.random().uuid(),
        detail_type,
        source,
        account: ctx.account().to_owned(),
        at_ms: entry.time.unwrap_or_else(|| ctx.now()).epoch_ms,
        region: ctx.region().to_owned(),
        resources: entry.resources.unwrap_or_default(),
        detail: event::detail(&detail).ok_or_else(malformed)?,
        replay: None,
    })
}

/// What an event must have to be tested.
const MEMBERS: [&str; 7] =
    ["id", "account", "source", "time", "region", "resources", "detail-type"];

pub(crate) async fn test_event_pattern(
    _: &Shared,
    _: &Ctx,
    input: TestEventPatternRequest,
) -> Result<TestEventPatternResponse, Error> {
    let pattern = understood(&input.event_pattern)?;
    let Ok(event @ Json::Object(_)) = serde_json::from_str(&input.event) else {
        return Err(invalid("Parameter Event is not valid. Reason: It is no JSON object.").into());
    };
    let missing: Vec<&str> =
        MEMBERS.into_iter().filter(|member| event.get(member).is_none()).collect();
    if !missing.is_empty() {
        let why = format!("it lacks {}", missing.join(", "));
        return Err(invalid(format!("Parameter Event is not valid. Reason: {why}.")).into());
    }
    Ok(TestEventPatternResponse { result: Some(pattern.matches(&event)) })
}
