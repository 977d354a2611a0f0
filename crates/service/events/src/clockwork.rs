//! Schedules: one durable timer for each enabled rule that has one.
//!
//! What a stopped server missed happens once, at the next start; then the schedule goes on.

use std::sync::Arc;

use api_events::Error;
use kernel::{BoxFuture, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Timer, WriteTx};

use crate::Events;
use crate::event::Event;
use crate::name::BusName;
use crate::record::{RULES, Rule, now_ms};
use crate::route::{self, Sealed};
use crate::schedule::Schedule;

/// Of timers.
pub(crate) const KIND: &str = "events.schedule";

/// What a timer is for.
#[derive(Serialize, Deserialize)]
struct Alarm {
    account: String,
    region: String,
    bus: String,
    rule: String,
    /// From when a rate counts.
    from_ms: u64,
    at_ms: u64,
}

/// Makes the rule's timer fit what the rule now says; the caller writes the rule.
pub(crate) fn wind(
    tx: &mut WriteTx,
    bus: &BusName,
    name: &str,
    rule: &mut Rule,
    now_ms: u64,
) -> Result<(), Error> {
    stop(tx, rule)?;
    let schedule = rule.schedule.as_deref().filter(|_| rule.enabled).and_then(Schedule::parse);
    if let Some(schedule) = schedule {
        rule.timer = set(tx, bus, name, &schedule, now_ms, now_ms)?;
    }
    Ok(())
}

/// Takes away the rule's timer.
pub(crate) fn stop(tx: &mut WriteTx, rule: &mut Rule) -> Result<(), Error> {
    if let Some(timer) = rule.timer.take() {
        tx.cancel(timer)?;
    }
    Ok(())
}

fn set(
    tx: &mut WriteTx,
    bus: &BusName,
    name: &str,
    schedule: &Schedule,
    from_ms: u64,
    after_ms: u64,
) -> Result<Option<store::TimerId>, Error> {
    let Some(at_ms) = schedule.next(from_ms, after_ms) else { return Ok(None) };
    let alarm = Alarm {
        account: bus.account.clone(),
        region: bus.region.clone(),
        bus: bus.name.clone(),
        rule: name.to_owned(),
        from_ms,
        at_ms,
    };
    Ok(Some(tx.schedule(at_ms, KIND, &alarm)?))
}

/// Fires what is due.
pub(crate) struct Clockwork(pub Arc<Events>);

impl TaskHandler for Clockwork {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let alarm: Alarm =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            let bus = BusName {
                account: alarm.account.clone(),
                region: alarm.region.clone(),
                name: alarm.bus.clone(),
            };
            let event = Event {
                id: kernel.random().uuid(),
                detail_type: "Scheduled Event".into(),
                source: "aws.events".into(),
                account: alarm.account.clone(),
                at_ms: alarm.at_ms as i64,
                region: alarm.region.clone(),
                resources: vec![bus.rule_arn(&alarm.rule)],
                detail: "{}".into(),
                replay: None,
            };
            let sealed = Sealed::of(kernel, &event, None)?;
            let now_ms = now_ms(kernel);
            let fired = kernel.store().write(|tx| {
                tx.ack_timer(timer.id)?;
                let key = bus.key().text(&alarm.rule);
                let Some(mut rule) = tx.get(&RULES, &key)? else { return Ok::<_, Error>(()) };
                if rule.timer != Some(timer.id) {
                    return Ok(());
                }
                rule.timer = None;
                let schedule = rule.schedule.as_deref().and_then(Schedule::parse);
                if let Some(schedule) = schedule.filter(|_| rule.enabled) {
                    let after_ms = now_ms.max(alarm.at_ms);
                    rule.timer = set(tx, &bus, &alarm.rule, &schedule, alarm.from_ms, after_ms)?;
                    let arn = bus.rule_arn(&alarm.rule);
                    route::post(tx, &self.0, &arn, &rule.targets, &sealed, now_ms)?;
                }
                Ok(tx.put(&RULES, &key, &rule)?)
            });
            fired.await.map_err(Fault::from)?;
            self.0.posted.notify_one();
            Ok(())
        })
    }
}
