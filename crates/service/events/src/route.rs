//! From an event on a bus to deliveries, in one commit.

use api_events::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Fault, Kernel, Sealer};
use serde_json::Value as Json;
use store::{StoreError, WriteTx};

use crate::Events;
use crate::archive;
use crate::event::Event;
use crate::name::BusName;
use crate::record::{self, DELIVERIES, DUE, Delivery, Rule, Target};

const PURPOSE: &str = "events-delivery";

/// An event made ready to be left for its targets.
pub(crate) struct Sealed {
    pub json: Json,
    pub text: String,
    /// Of its plain text.
    pub bytes: u64,
    pub at_ms: i64,
    pub is_replayed: bool,
    trace: Option<String>,
    /// Buses it has been on before this one.
    pub hops: u32,
}

impl Sealed {
    /// Of an event that has just come.
    pub fn of(kernel: &Kernel, event: &Event, trace: Option<String>) -> Result<Self, Fault> {
        let plain = serde_json::to_vec(event).map_err(Fault::internal)?;
        let text = BASE64.encode(kernel.sealer().seal(PURPOSE, &plain));
        Ok(Sealed {
            json: event.json(),
            text,
            bytes: event.text().len() as u64,
            at_ms: event.at_ms,
            is_replayed: event.replay.is_some(),
            trace,
            hops: 0,
        })
    }
}

/// The event of a delivery or in an archive.
pub(crate) fn opened(kernel: &Kernel, sealed: &str) -> Result<Event, Fault> {
    let sealed = BASE64.decode(sealed).map_err(Fault::internal)?;
    let plain = kernel.sealer().open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
    serde_json::from_slice(&plain).map_err(Fault::internal)
}

/// Under the newest installation key; whether it was not yet.
pub(crate) fn resealed(sealer: &Sealer, text: &mut String) -> Result<bool, kernel::SealError> {
    let old = BASE64.decode(&*text).map_err(|_| kernel::SealError::Forged)?;
    let Some(new) = sealer.resealed(PURPOSE, &old)? else { return Ok(false) };
    *text = BASE64.encode(new);
    Ok(true)
}

/// The rules of buses, read once for all events of a transaction.
#[derive(Default)]
pub(crate) struct Rules(Vec<(BusName, Vec<(String, Rule)>)>);

impl Rules {
    fn of(&mut self, tx: &WriteTx, bus: &BusName) -> Result<&[(String, Rule)], StoreError> {
        let place = match self.0.iter().position(|(known, _)| known == bus) {
            Some(place) => place,
            None => {
                self.0.push((bus.clone(), record::rules(tx, bus, "")?));
                self.0.len() - 1
            }
        };
        Ok(&self.0[place].1)
    }
}

/// Keeps an event in archives, and leaves it for the targets of all rules of the bus that want it.
pub(crate) fn route(
    tx: &mut WriteTx,
    events: &Events,
    (bus, rules): (&BusName, &mut Rules),
    event: &Sealed,
    now_ms: u64,
) -> Result<(), Error> {
    archive::keep(tx, events, bus, event, now_ms)?;
    again(tx, events, (bus, rules), event, None, now_ms)
}

/// The same for an event that archives have, and perhaps only for some rules.
pub(crate) fn again(
    tx: &mut WriteTx,
    events: &Events,
    (bus, rules): (&BusName, &mut Rules),
    event: &Sealed,
    only: Option<&[String]>,
    now_ms: u64,
) -> Result<(), Error> {
    for (name, rule) in rules.of(tx, bus)? {
        let Some(pattern) = rule.pattern.as_deref().filter(|_| rule.enabled) else { continue };
        if only.is_some_and(|only| !only.contains(&bus.rule_arn(name))) {
            continue;
        }
        if events.patterns.wants(pattern, &event.json) {
            post(tx, events, &bus.rule_arn(name), &rule.targets, event, now_ms)?;
        }
    }
    Ok(())
}

/// Leaves an event for targets of a rule.
pub(crate) fn post(
    tx: &mut WriteTx,
    events: &Events,
    rule: &str,
    targets: &[Target],
    event: &Sealed,
    now_ms: u64,
) -> Result<(), StoreError> {
    for target in targets {
        let delivery = Delivery {
            rule: rule.to_owned(),
            target: target.clone(),
            sealed: event.text.clone(),
            trace: event.trace.clone(),
            hops: event.hops,
            accepted_ms: now_ms,
            attempts: 0,
            due_ms: now_ms,
        };
        // Only a clock that went back while we were down can lead to a number that is taken.
        let mut number = events.next(now_ms);
        while tx.contains(&DELIVERIES, number)? {
            number = events.next(now_ms);
        }
        tx.put(&DELIVERIES, number, &delivery)?;
        tx.put_raw(&DUE, (now_ms, number), Vec::new())?;
    }
    Ok(())
}
