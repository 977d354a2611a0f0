//! Tumbling windows: records of a shard are gathered by the time they were written at, and a function
//! hands its state on from batch to batch until the window's last call.
//!
//! Facts: "Tumbling windows" in AWS's guide. The state lies beside the place in the shard, in the same
//! commit, so a crash repeats a batch with the state that it had before.

use std::time::Duration;

use bytes::Bytes;
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::Reader;
use super::event::Item;
use crate::mappings::Stop;
use crate::mappings::call::FAILED;

/// A larger state ends its window. AWS's limit, in bytes of JSON.
pub(super) const STATE_BYTES_MAX: usize = 1 << 20;
/// What an event has beside records and state, at most.
pub(super) const ENVELOPE_BYTES: usize = 4096;
/// A record that is being written when its window ends may come so much later. AWS waits for up to two
/// minutes.
const LATE_MS: i64 = 1000;
/// The pause before a last call that failed is made again doubles from the first to the second.
const PAUSE_MS: (u64, u64) = (500, 60_000);

/// The window that a shard is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// When it begins, in seconds of the epoch.
    pub start_s: i64,
    /// JSON, an object: what the function has handed on.
    pub state: String,
}

impl Window {
    fn new(start_s: i64) -> Window {
        Window { start_s, state: "{}".into() }
    }
}

/// What a function hands on: its `state`, if it is an object.
pub(super) fn state_of(payload: &[u8]) -> Option<String> {
    let answer: Map<String, Json> = serde_json::from_slice(payload).ok()?;
    answer.get("state").filter(|state| state.is_object()).map(Json::to_string)
}

/// The event of a batch, or of a window's last call.
pub(super) fn event(
    records: &str,
    (window, length_s): (&Window, i64),
    (shard, stream): (&str, &str),
    (last, early): (bool, bool),
) -> String {
    let at = |s: i64| Timestamp::from_ms(s * 1000).civil("%Y-%m-%dT%H:%M:%SZ");
    let bounds = json!({ "start": at(window.start_s), "end": at(window.start_s + length_s) });
    let (shard, stream) = (Json::from(shard), Json::from(stream));
    format!(
        r#"{{"Records":[{records}],"window":{bounds},"state":{},"shardId":{shard},"eventSourceARN":{stream},"isFinalInvokeForWindow":{last},"isWindowTerminatedEarly":{early}}}"#,
        window.state
    )
}

impl Reader {
    /// The length of windows, in seconds, if there are any.
    pub(super) fn window_s(&self) -> Option<i64> {
        Some(i64::from(self.mapping.settings.tumbling_s)).filter(|s| *s > 0)
    }

    /// How long until the open window of a shard is over; nothing where none is open.
    pub(super) fn window_left(&self, shard: &str) -> Option<Duration> {
        let length_s = self.window_s()?;
        let window = self.place(shard).ok()?.window?;
        let end_ms = (window.start_s + length_s) * 1000 + LATE_MS;
        let left_ms = (end_ms - self.work.ctx.now().epoch_ms).max(0);
        Some(Duration::from_millis(left_ms as u64))
    }

    /// Gives records to the function, window by window. Whether all are done or given up.
    pub(super) async fn windows(
        &self,
        items: Vec<Item>,
        length_s: i64,
        shard: &str,
        stop: &Stop,
    ) -> bool {
        let mut open = self.place(shard).ok().and_then(|place| place.window).map(|w| w.start_s);
        let mut runs: Vec<(i64, Vec<Item>)> = Vec::new();
        for item in items {
            let own = item.created.epoch_ms.div_euclid(1000 * length_s) * length_s;
            // A clock that was put back: what comes late belongs to what is open.
            let start_s = open.map_or(own, |open| open.max(own));
            open = Some(start_s);
            match runs.last_mut() {
                Some((start, run)) if *start == start_s => run.push(item),
                _ => runs.push((start_s, vec![item])),
            }
        }
        for (start_s, run) in runs {
            let there = self.place(shard).ok().and_then(|place| place.window);
            if there.as_ref().is_some_and(|there| there.start_s != start_s)
                && !self.close(shard, false, stop).await
            {
                return false;
            }
            if there.is_none_or(|there| there.start_s != start_s) {
                self.hand_on(shard, None, Some(Window::new(start_s))).await;
            }
            if !self.handle(run, shard, true, stop).await {
                return false;
            }
        }
        true
    }

    /// The last call of the open window, until it succeeds. Whether it has.
    pub(super) async fn close(&self, shard: &str, early: bool, stop: &Stop) -> bool {
        let Some(length_s) = self.window_s() else { return true };
        let Some(window) = self.place(shard).ok().and_then(|place| place.window) else {
            return true;
        };
        let source = (shard, self.mapping.source_arn.as_str());
        let payload = Bytes::from(event("", (&window, length_s), source, (true, early)));
        let mut failures = 0u32;
        while !stop.is_set() {
            let Some(answer) = self.work.call(&self.mapping, payload.clone(), None, stop).await
            else {
                return false;
            };
            if !answer.outcome.failed {
                // A window that ended early goes on with nothing in it.
                let next = early.then(|| Window::new(window.start_s));
                self.hand_on(shard, None, next).await;
                return true;
            }
            self.work.found(FAILED);
            let pause_ms = (PAUSE_MS.0 << failures.min(10)).min(PAUSE_MS.1);
            failures += 1;
            stop.pause(Duration::from_millis(pause_ms)).await;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let check = |payload: &str, expected: Option<&str>| {
            assert_eq!(state_of(payload.as_bytes()).as_deref(), expected, "{payload}");
        };
        check(r#"{"state": {"a": 1}}"#, Some(r#"{"a":1}"#));
        check(r#"{"state": {}, "batchItemFailures": []}"#, Some("{}"));
        check(r#"{"state": "a"}"#, None);
        check("{}", None);
        check("null", None);
        check("", None);
    }

    #[test]
    fn events() {
        let window = Window { start_s: 1_600_000_000, state: r#"{"a":1}"#.into() };
        let found = event("{}", (&window, 60), ("shard-1", "arn:x"), (false, true));
        let found: Json = serde_json::from_str(&found).expect("JSON");
        let expected = json!({
            "Records": [{}],
            "window": { "start": "2020-09-13T12:26:40Z", "end": "2020-09-13T12:27:40Z" },
            "state": { "a": 1 }, "shardId": "shard-1", "eventSourceARN": "arn:x",
            "isFinalInvokeForWindow": false, "isWindowTerminatedEarly": true,
        });
        assert_eq!(found, expected);
    }
}
