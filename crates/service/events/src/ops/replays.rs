//! Replays of archives.

use api_events::{
    CancelReplayRequest, CancelReplayResponse, DescribeReplayRequest, DescribeReplayResponse,
    Error, ListReplaysRequest, ListReplaysResponse, ReplayDestination, StartReplayRequest,
    StartReplayResponse,
};
use kernel::{Arn, Ctx, Fault, Timestamp};
use store::{Key, ReadTx, Scan};

use super::{archives, page};
use crate::Shared;
use crate::error::{invalid, not_found, too_many, trouble};
use crate::name::BusName;
use crate::record::{name_in, now_ms, require_rule};
use crate::replay::{KIND, REPLAYS, Replay};

/// AWS's quota of replays that run at once.
const RUNNING_MAX: usize = 10;

fn arn(ctx: &Ctx, name: &str) -> String {
    ctx.arn("events", format!("replay/{name}")).to_string()
}

fn key<'a>(ctx: &'a Ctx, name: &'a str) -> (&'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), name)
}

fn require(tx: &ReadTx, ctx: &Ctx, name: &str) -> Result<Replay, Fault> {
    let found = tx.get(&REPLAYS, key(ctx, name)).map_err(trouble)?;
    found.ok_or_else(|| not_found(format!("Replay {name} does not exist.")))
}

fn at(ms: u64) -> Option<Timestamp> {
    Some(Timestamp::from_ms(ms as i64))
}

fn refused(parameter: &str, why: &str) -> Error {
    invalid(format!("Parameter {parameter} is not valid. Reason: {why}")).into()
}

/// What a request names, understood: the archive, the bus, from when, to when.
fn understood(ctx: &Ctx, input: &StartReplayRequest) -> Result<(String, BusName, u64, u64), Error> {
    let [from_ms, to_ms] =
        [input.event_start_time, input.event_end_time].map(|at| at.epoch_ms.max(0) as u64);
    if from_ms >= to_ms {
        return Err(refused("EventEndTime", "EventStartTime must be before EventEndTime."));
    }
    let archive = Arn::parse(&input.event_source_arn).ok().filter(|arn| {
        arn.service == "events" && arn.account == ctx.account() && arn.region == ctx.region()
    });
    let archive = archive.and_then(|arn| arn.resource.strip_prefix("archive/").map(str::to_owned));
    let Some(archive) = archive else {
        let why = "Must contain an ARN of an archive of this account and region.";
        return Err(refused("EventSourceArn", why));
    };
    let Some(bus) = BusName::of_arn(&input.destination.arn) else {
        return Err(refused("Destination.Arn", "Must contain an event bus ARN."));
    };
    Ok((archive, bus, from_ms, to_ms))
}

/// Refuses rules that are not on the bus.
fn check_filters(tx: &ReadTx, bus: &BusName, filters: Option<&[String]>) -> Result<(), Error> {
    for rule in filters.into_iter().flatten() {
        match BusName::of_rule(rule) {
            Some((on, rule)) if on == *bus => require_rule(tx, bus, &rule).map(drop)?,
            _ => {
                let why = "Must contain rules of the event bus.";
                return Err(refused("Destination.FilterArns", why));
            }
        }
    }
    Ok(())
}

pub(crate) async fn start_replay(
    _: &Shared,
    ctx: &Ctx,
    input: StartReplayRequest,
) -> Result<StartReplayResponse, Error> {
    let (archive, bus, from_ms, to_ms) = understood(ctx, &input)?;
    let name = &input.replay_name;
    let now_ms = now_ms(ctx.kernel());
    ctx.store()
        .write(|tx| {
            let found = archives::require(tx, ctx, &archive).map_err(|_| {
                refused("EventSourceArn", &format!("Archive {archive} does not exist."))
            })?;
            if found.bus != bus.arn() {
                let why = "Cross event bus replay is not permitted.";
                return Err(refused("Destination.Arn", why));
            }
            check_filters(tx, &bus, input.destination.filter_arns.as_deref())?;
            let there = tx.scan(&REPLAYS, Scan::prefix(Key::of((ctx.account(), ctx.region()))))?;
            if there.iter().any(|(key, _)| name_in(key) == *name) {
                let text = format!("Replay {name} already exists.");
                return Err(Fault::sender("ResourceAlreadyExistsException", text).into());
            }
            if there.iter().filter(|(_, replay)| replay.is_running()).count() >= RUNNING_MAX {
                return Err(too_many("replays that run").into());
            }
            let replay = Replay {
                description: input.description.clone(),
                archive: input.event_source_arn.clone(),
                archive_id: found.id,
                bus: bus.arn(),
                filters: input.destination.filter_arns.clone(),
                state: "STARTING".into(),
                reason: None,
                from_ms,
                to_ms,
                done: None,
                started_ms: now_ms,
                ended_ms: None,
            };
            tx.schedule(now_ms, KIND, &key(ctx, name))?;
            Ok(tx.put(&REPLAYS, key(ctx, name), &replay)?)
        })
        .await?;
    Ok(StartReplayResponse {
        replay_arn: Some(arn(ctx, name)),
        state: Some("STARTING".into()),
        state_reason: None,
        replay_start_time: at(now_ms),
    })
}

pub(crate) async fn cancel_replay(
    _: &Shared,
    ctx: &Ctx,
    input: CancelReplayRequest,
) -> Result<CancelReplayResponse, Error> {
    let name = &input.replay_name;
    ctx.store()
        .write(|tx| {
            let mut replay = require(tx, ctx, name)?;
            if !replay.is_running() {
                let text = format!("Replay {name} is not in a valid state for this operation.");
                return Err(Error::from(Fault::sender("IllegalStatusException", text)));
            }
            // Its next step ends it.
            replay.state = "CANCELLING".into();
            Ok(tx.put(&REPLAYS, key(ctx, name), &replay)?)
        })
        .await?;
    Ok(CancelReplayResponse {
        replay_arn: Some(arn(ctx, name)),
        state: Some("CANCELLING".into()),
        state_reason: None,
    })
}

pub(crate) async fn describe_replay(
    _: &Shared,
    ctx: &Ctx,
    input: DescribeReplayRequest,
) -> Result<DescribeReplayResponse, Error> {
    let name = input.replay_name;
    let replay = ctx.store().read(|tx| Ok::<_, Error>(require(tx, ctx, &name)?))?;
    Ok(DescribeReplayResponse {
        replay_arn: Some(arn(ctx, &name)),
        replay_name: Some(name),
        state: Some(replay.state()),
        state_reason: replay.reason,
        description: replay.description,
        event_source_arn: Some(replay.archive),
        destination: Some(ReplayDestination { arn: replay.bus, filter_arns: replay.filters }),
        event_start_time: at(replay.from_ms),
        event_end_time: at(replay.to_ms),
        event_last_replayed_time: replay.done.and_then(|(at_ms, _)| at(at_ms)),
        replay_start_time: at(replay.started_ms),
        replay_end_time: replay.ended_ms.and_then(at),
    })
}

pub(crate) async fn list_replays(
    _: &Shared,
    ctx: &Ctx,
    input: ListReplaysRequest,
) -> Result<ListReplaysResponse, Error> {
    let filters =
        [input.name_prefix.is_some(), input.event_source_arn.is_some(), input.state.is_some()];
    if filters.iter().filter(|is_given| **is_given).count() > 1 {
        return Err(invalid(
            "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, \
             or NamePrefix.",
        )
        .into());
    }
    let prefix = input.name_prefix.unwrap_or_default();
    let scan = Scan::prefix(Key::of((ctx.account(), ctx.region())).text_beginning(&prefix));
    let found = ctx.store().read(|tx| tx.scan(&REPLAYS, scan))?;
    let mut all: Vec<(String, Replay)> =
        found.into_iter().map(|(key, replay)| (name_in(&key), replay)).collect();
    all.retain(|(_, it)| {
        input.event_source_arn.as_ref().is_none_or(|arn| it.archive == *arn)
            && input.state.as_ref().is_none_or(|state| it.state() == *state)
    });
    let (page, next_token) = page(all, |it| &it.0, input.next_token.as_deref(), input.limit)?;
    let shown = page.into_iter().map(|(name, replay)| api_events::Replay {
        replay_name: Some(name),
        state: Some(replay.state()),
        state_reason: replay.reason,
        event_source_arn: Some(replay.archive),
        event_start_time: at(replay.from_ms),
        event_end_time: at(replay.to_ms),
        event_last_replayed_time: replay.done.and_then(|(at_ms, _)| at(at_ms)),
        replay_start_time: at(replay.started_ms),
        replay_end_time: replay.ended_ms.and_then(at),
    });
    Ok(ListReplaysResponse { replays: Some(shown.collect()), next_token })
}
