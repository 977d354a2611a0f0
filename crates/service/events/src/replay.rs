//! Replays: archived events come to their bus again, in short steps that go on after a crash.
//! A step's place and its deliveries are one commit, so that each event is replayed once.

use std::sync::Arc;

use api_events::{Error, ReplayState};
use kernel::{BoxFuture, Fault, Kernel, Level, TaskHandler};
use serde::{Deserialize, Serialize};
use store::{Key, Part, Scan, Table, Timer};

use crate::Events;
use crate::archive::{ARCHIVED, ARCHIVES};
use crate::name::BusName;
use crate::record::now_ms;
use crate::route::{self, Sealed};

/// Replays by (account, region, name).
pub(crate) const REPLAYS: Table<Replay> = Table::new("events/replay");
/// Of timers.
pub(crate) const KIND: &str = "events.replay";
/// Events that one commit replays.
const STEP: usize = 50;

/// A replay.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub description: Option<String>,
    /// ARN and id of the archive.
    pub archive: String,
    pub archive_id: u64,
    /// ARN of the bus.
    pub bus: String,
    /// ARNs of the rules that alone see the events, if they were given.
    pub filters: Option<Vec<String>>,
    /// As AWS writes it.
    pub state: String,
    pub reason: Option<String>,
    /// Events of this time, the end not included.
    pub from_ms: u64,
    pub to_ms: u64,
    /// The last event's place: time and number.
    pub done: Option<Place>,
    pub started_ms: u64,
    pub ended_ms: Option<u64>,
}

impl Replay {
    /// Its state as the API has it.
    pub fn state(&self) -> ReplayState {
        self.state.as_str().into()
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        matches!(self.state.as_str(), "STARTING" | "RUNNING")
    }
}

/// Time and number of an archived event.
type Place = (u64, u64);

/// Account, region and name: what a timer is for.
pub(crate) type ReplayKey = (String, String, String);

/// Makes steps of replays.
pub(crate) struct Replayer(pub Arc<Events>);

impl TaskHandler for Replayer {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let key: ReplayKey =
                serde_json::from_value(timer.payload.clone()).map_err(Fault::internal)?;
            self.step(kernel, timer, &key).await.map_err(Fault::from)?;
            self.0.posted.notify_one();
            Ok(())
        })
    }
}

impl Replayer {
    async fn step(&self, kernel: &Kernel, timer: &Timer, key: &ReplayKey) -> Result<(), Error> {
        let key = (key.0.as_str(), key.1.as_str(), key.2.as_str());
        let now_ms = now_ms(kernel);
        // Opened and sealed before the transaction: that may run again.
        let found = kernel.store().read(|tx| tx.get(&REPLAYS, key))?;
        let batch = match found.as_ref().filter(|replay| replay.is_running()) {
            Some(replay) => self.batch(kernel, replay, key.2)?,
            None => Vec::new(),
        };
        kernel
            .store()
            .write(|tx| {
                tx.ack_timer(timer.id)?;
                let Some(mut replay) = tx.get(&REPLAYS, key)? else { return Ok::<_, Error>(()) };
                let bus = BusName::of_arn(&replay.bus);
                let archive = tx.scan(&ARCHIVES, Scan::prefix(Key::of((key.0, key.1))))?;
                let is_there = archive.iter().any(|(_, it)| it.id == replay.archive_id);
                let (state, reason) = match &bus {
                    _ if replay.state == "CANCELLING" => ("CANCELLED", None),
                    _ if !replay.is_running() => return Ok(()),
                    Some(_) if is_there && batch.is_empty() => ("COMPLETED", None),
                    Some(_) if is_there => ("RUNNING", None),
                    _ => ("FAILED", Some("The archive does not exist any more.")),
                };
                replay.state = state.to_owned();
                replay.reason = reason.map(str::to_owned);
                if replay.done != found.as_ref().and_then(|found| found.done) {
                    return Err(Fault::internal("a replay has been somewhere else").into());
                }
                if let (Some(bus), "RUNNING") = (&bus, state) {
                    let mut rules = route::Rules::default();
                    for (place, event) in &batch {
                        let filters = replay.filters.as_deref();
                        route::again(tx, &self.0, (bus, &mut rules), event, filters, now_ms)?;
                        replay.done = Some(*place);
                    }
                    tx.schedule(now_ms, KIND, &key)?;
                } else {
                    replay.ended_ms = Some(now_ms);
                }
                Ok(tx.put(&REPLAYS, key, &replay)?)
            })
            .await
    }

    /// The next events, as they are replayed.
    fn batch(
        &self,
        kernel: &Kernel,
        replay: &Replay,
        name: &str,
    ) -> Result<Vec<(Place, Sealed)>, Error> {
        let id = replay.archive_id;
        let scan = match replay.done {
            Some((at_ms, number)) => Scan::all().gt((id, at_ms, number)),
            None => Scan::all().ge((id, replay.from_ms)),
        };
        let scan = scan.lt((id, replay.to_ms)).limit(STEP);
        let rows = kernel.store().read(|tx| tx.scan(&ARCHIVED, scan))?;
        let mut batch = Vec::new();
        for (key, archived) in rows {
            let parts = key.parts();
            let Some([Part::U64(_), Part::U64(at_ms), Part::U64(number)]) = parts.as_deref() else {
                continue;
            };
            let place = (*at_ms, *number);
            match route::opened(kernel, &archived.sealed) {
                Ok(mut event) => {
                    event.replay = Some(name.to_owned());
                    batch.push((place, Sealed::of(kernel, &event, None)?));
                }
                Err(fault) => {
                    kernel.log(Level::Error, format_args!("events: replay {name}: {fault:?}"));
                    return Err(fault.into());
                }
            }
        }
        Ok(batch)
    }
}
