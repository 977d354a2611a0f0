//! Evaluating an alarm when its timer is due: at high resolution every ten seconds, else every
//! minute, a little after the minute's end, so that samples can come in.

use api_cloudwatch::Error;
use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shape::Timestamp;
use store::{StoreError, Timer, TimerId, WriteTx};

use super::change;
use super::judge::{Treatment, Verdict, judge};
use super::{ALARMS, Alarm, Configuration, State, Watched};
use crate::query::Queries;

/// The task's kind.
pub(crate) const KIND: &str = "cloudwatch/alarm";
/// In whose name alarms act.
pub(crate) const SERVICE: &str = "cloudwatch.amazonaws.com";
/// Periods that are looked at beyond those that an alarm wants, for what comes late.
const MORE_PERIODS: u64 = 2;
/// Points in a reason.
const SHOWN_MAX: usize = 5;

#[derive(Serialize, Deserialize)]
struct Payload {
    account: String,
    region: String,
    name: String,
}

/// Points by the beginning of their periods, in seconds since 1970; the oldest first.
type Points = Vec<(u64, Option<f64>)>;

/// Schedules the next evaluation: at once for a new configuration.
pub(crate) fn schedule(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    configuration: &Configuration,
    at_once: bool,
) -> Result<TimerId, StoreError> {
    let now_ms = ctx.now().epoch_ms.max(0) as u64;
    let (pace_ms, after_ms) = match configuration.watched.period_s() < 60 {
        true => (10_000, 2_000),
        false => (60_000, 8_000),
    };
    let next_ms = (now_ms.saturating_sub(after_ms) / pace_ms + 1) * pace_ms + after_ms;
    let payload = Payload {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        name: name.to_owned(),
    };
    tx.schedule(if at_once { now_ms } else { next_ms }, KIND, &payload)
}

/// Runs the task.
pub(crate) struct Evaluator;

impl TaskHandler for Evaluator {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Payload { account, region, name } = timer.payload().map_err(Fault::internal)?;
            let ctx = kernel.service_ctx(SERVICE, &account, &region);
            Ok(evaluate(&ctx, timer, &name).await?)
        })
    }
}

async fn evaluate(ctx: &Ctx, timer: &Timer, name: &str) -> Result<(), Error> {
    let found = ctx.store().read(|tx| tx.get(&ALARMS, super::key(ctx, name)))?;
    // Deleted, or configured anew, which has a timer of its own.
    let current = |alarm: &Alarm| alarm.timer == timer.id;
    let Some(alarm) = found.filter(current) else {
        return Ok(ctx.store().write(|tx| tx.ack_timer(timer.id).map(drop)).await?);
    };
    let points = points(ctx, &alarm.configuration)?;
    ctx.store()
        .write(|tx| {
            let found = tx.get(&ALARMS, super::key(ctx, name))?;
            let acknowledged = tx.ack_timer(timer.id)?;
            let Some(mut alarm) = found.filter(|alarm| acknowledged && current(alarm)) else {
                return Ok(());
            };
            alarm.timer = schedule(ctx, tx, name, &alarm.configuration, false)?;
            match new_state(ctx, &alarm, &points) {
                Some(state) => change::to(ctx, tx, name, &mut alarm, state)?,
                None => tx.put(&ALARMS, super::key(ctx, name), &alarm)?,
            }
            Ok(())
        })
        .await
}

/// The points of an alarm's newest whole periods. What an expression cannot compute is missing.
fn points(ctx: &Ctx, configuration: &Configuration) -> Result<Points, Error> {
    let now_s = ctx.now().epoch_ms.max(0) as u64 / 1000;
    let period_s = configuration.watched.period_s().max(1) as u64;
    let end_s = if period_s < 60 { now_s / 10 * 10 } else { now_s / 60 * 60 };
    let count = u64::from(configuration.periods) + MORE_PERIODS;
    let start_s = end_s.saturating_sub(count * period_s);
    let (start_ms, end_ms) = (start_s as i64 * 1000, end_s as i64 * 1000);
    let queries = Queries::new(ctx, &configuration.watched.queries(), start_ms, end_ms);
    let answered = queries.and_then(|queries| queries.answer(ctx, &ctx.store().snapshot()));
    let series = match answered {
        Ok(mut answers) if answers.len() == 1 => answers.pop().map(|answer| answer.points),
        Ok(_) => None,
        Err(error) => match Fault::from(error) {
            fault if fault.status >= 500 && fault.status != 501 => return Err(fault.into()),
            _ => None,
        },
    };
    let series = series.unwrap_or_default();
    let moment = |index: u64| start_s + index * period_s;
    Ok((0..count).map(moment).map(|at_s| (at_s, series.get(&at_s).copied())).collect())
}

/// The state that follows, if it is another.
fn new_state(ctx: &Ctx, alarm: &Alarm, points: &Points) -> Option<State> {
    let of = &alarm.configuration;
    let values: Vec<Option<f64>> = points.iter().map(|(_, value)| *value).collect();
    let (wanted, least) = (of.periods as usize, of.least() as usize);
    let value = match judge(&values, wanted, least, of.treats(), |value| of.breaches(value)) {
        Verdict::Ok => "OK",
        Verdict::Alarm => "ALARM",
        Verdict::Insufficient => "INSUFFICIENT_DATA",
        Verdict::Same => return None,
    };
    if value == alarm.state.value {
        return None;
    }
    let known = points.iter().rev().filter_map(|(at_s, value)| Some((*at_s, (*value)?)));
    let newest: Vec<(u64, f64)> = known.take(wanted).collect();
    Some(State {
        value: value.to_owned(),
        reason: reason(of, value, &newest),
        data: Some(data(ctx, of, points, &newest)),
        updated_ms: ctx.now().epoch_ms,
    })
}

fn many<'a>(count: usize, one: &'a str, more: &'a str) -> &'a str {
    if count == 1 { one } else { more }
}

/// Why, in AWS's words.
fn reason(of: &Configuration, value: &str, newest: &[(u64, f64)]) -> String {
    let wanted = of.periods as usize;
    if value == "INSUFFICIENT_DATA" {
        let (noun, verb) = (many(wanted, "datapoint", "datapoints"), many(wanted, "was", "were"));
        return format!("Insufficient Data: {wanted} {noun} {verb} unknown.");
    }
    if newest.is_empty() {
        let (noun, verb) = (many(wanted, "datapoint", "datapoints"), many(wanted, "was", "were"));
        let periods = many(wanted, "period", "periods");
        let seen = if of.treats() == Treatment::Breaching { "Breaching" } else { "NonBreaching" };
        return format!(
            "Threshold Crossed: no datapoints were received for {wanted} {periods} and {wanted} \
             missing {noun} {verb} treated as [{seen}]."
        );
    }
    let alarms = value == "ALARM";
    let of_interest: Vec<&(u64, f64)> =
        newest.iter().filter(|(_, value)| of.breaches(*value) == alarms).collect();
    let point = |(at_s, value): &&(u64, f64)| {
        let at = Timestamp::from_ms(*at_s as i64 * 1000).civil("%d/%m/%y %H:%M:%S");
        format!("{value:?} ({at})")
    };
    let shown: Vec<String> = of_interest.iter().take(SHOWN_MAX).map(point).collect();
    let more = if of_interest.len() > SHOWN_MAX { ", ..." } else { "" };
    let count = of_interest.len();
    let compared = match of.comparison.as_str() {
        "GreaterThanThreshold" => "greater than",
        "GreaterThanOrEqualToThreshold" => "greater than or equal to",
        "LessThanThreshold" => "less than",
        _ => "less than or equal to",
    };
    let least = of.least() as usize;
    let (least, way) = match alarms {
        true => (least, "OK -> ALARM"),
        false => (wanted + 1 - least, "ALARM -> OK"),
    };
    format!(
        "Threshold Crossed: {count} out of the last {wanted} {} [{}{more}] {}{} {compared} the \
         threshold ({:?}) (minimum {least} {} for {way} transition).",
        many(wanted, "datapoint", "datapoints"),
        shown.join(", "),
        many(count, "was", "were"),
        if alarms { "" } else { " not" },
        of.threshold,
        many(least, "datapoint", "datapoints"),
    )
    .replace("the last 1 datapoint ", "the last 1 datapoints ")
}

/// The same for programs.
fn data(ctx: &Ctx, of: &Configuration, points: &Points, newest: &[(u64, f64)]) -> String {
    let time = |ms: i64| Timestamp::from_ms(ms).civil("%Y-%m-%dT%H:%M:%S%.3f+0000");
    let oldest = newest.last().or(None).map(|(at_s, _)| *at_s);
    let start_s = oldest.or_else(|| points.first().map(|(at_s, _)| *at_s)).unwrap_or_default();
    let mut data = json!({
        "version": "1.0",
        "queryDate": time(ctx.now().epoch_ms),
        "startDate": time(start_s as i64 * 1000),
    });
    if let Watched::Metric(stat) = &of.watched {
        if let Some(unit) = &stat.unit {
            data["unit"] = json!(unit);
        }
        data["statistic"] = json!(stat.statistic);
    }
    data["period"] = json!(of.watched.period_s());
    // Texts have room for 4,000 characters.
    let recent: Vec<f64> = newest.iter().take(20).rev().map(|(_, value)| *value).collect();
    data["recentDatapoints"] = json!(recent);
    data["threshold"] = json!(of.threshold);
    let evaluated = newest
        .iter()
        .take(20)
        .map(|(at_s, value)| json!({"timestamp": time(*at_s as i64 * 1000), "value": value}));
    data["evaluatedDatapoints"] = evaluated.collect();
    data.to_string()
}
