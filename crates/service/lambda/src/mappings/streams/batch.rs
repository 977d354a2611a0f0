//! Batches of a shard: tried again, halved, given up, always in order.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::event::Item;
use super::{Reader, windows};
use crate::invoke::REQUEST_BYTES_MAX;
use crate::mappings::call::{Answer, FAILED, OK};
use crate::mappings::notify::Lost;
use crate::mappings::{Stop, partial};
use crate::metrics::{Metric, Subject};

/// The pause before a batch that failed is tried again doubles from the first to the second.
const PAUSE_MS: (u64, u64) = (500, 60_000);
/// How long a stream keeps its records, in seconds.
const KEPT_S: i64 = 24 * 60 * 60;
/// What stands around the records of an event.
const ENVELOPE_BYTES: usize = 16;

/// Records that are tried together.
struct Part {
    items: Vec<Item>,
    /// How often just these have failed.
    failures: u32,
}

/// How an attempt ended.
enum Tried {
    Done(Box<Answer>),
    /// Before this one all is done.
    Failed(usize, Box<Answer>),
    Stopped,
}

impl Reader {
    /// Gives records to the function, in order, until all are done or given up. Whether that is so;
    /// otherwise the reader had to end. `keeps`: the place is written after every batch.
    pub(super) async fn handle(
        &self,
        items: Vec<Item>,
        shard: &str,
        keeps: bool,
        stop: &Stop,
    ) -> bool {
        let batch = self.mapping.settings.batch.max(1) as usize;
        let around = match self.window_s() {
            None => ENVELOPE_BYTES,
            Some(_) => windows::STATE_BYTES_MAX + windows::ENVELOPE_BYTES,
        };
        let mut todo: VecDeque<Part> = split(items, batch, around).into();
        while let Some(mut part) = todo.pop_front() {
            if stop.is_set() {
                return false;
            }
            self.drop_old(&mut part, shard).await;
            let Some(last) = part.items.last().map(|item| item.sequence.clone()) else { continue };
            let (at, answer) = match self.attempt(&part, shard, stop).await {
                Tried::Stopped => return false,
                Tried::Done(answer) => {
                    if keeps && !self.done(shard, Some(last), &answer, stop).await {
                        return false;
                    }
                    continue;
                }
                Tried::Failed(at, answer) => (at, answer),
            };
            let pause_ms = (PAUSE_MS.0 << part.failures.min(10)).min(PAUSE_MS.1);
            if at > 0 && keeps {
                let last = part.items.get(at - 1).map(|item| item.sequence.clone());
                if !self.done(shard, last, &answer, stop).await {
                    return false;
                }
            }
            for part in self.after_failure(part, at, &answer, shard, keeps).await.into_iter().rev()
            {
                todo.push_front(part);
            }
            if !todo.is_empty() {
                stop.pause(Duration::from_millis(pause_ms)).await;
            }
        }
        true
    }

    /// What is left to do of a batch that failed from the item at `at` on.
    async fn after_failure(
        &self,
        mut part: Part,
        at: usize,
        answer: &Answer,
        shard: &str,
        keeps: bool,
    ) -> Vec<Part> {
        let settings = &self.mapping.settings;
        if at > 0 {
            return vec![Part { items: part.items.split_off(at), failures: 1 }];
        }
        if settings.bisect && part.items.len() > 1 {
            let second = part.items.split_off(part.items.len() / 2);
            return vec![
                Part { items: part.items, failures: 0 },
                Part { items: second, failures: 0 },
            ];
        }
        part.failures += 1;
        if settings.retries_max < 0 || part.failures <= settings.retries_max as u32 {
            return vec![part];
        }
        self.lose(&part.items, "RetryAttemptsExhausted", part.failures, Some(answer), shard).await;
        let last = part.items.last().map(|item| item.sequence.clone());
        if keeps {
            self.keep(shard, last, false).await;
        }
        Vec::new()
    }

    /// Writes down that all is done up to a record, and what the function hands on. A state that is
    /// too large ends its window. Whether the reader may go on.
    async fn done(&self, shard: &str, last: Option<String>, answer: &Answer, stop: &Stop) -> bool {
        let window = self.place(shard).ok().and_then(|place| place.window);
        let Some(mut window) = window.filter(|_| self.window_s().is_some()) else {
            self.keep(shard, last, false).await;
            return true;
        };
        // Who hands nothing on keeps what there was.
        if let Some(state) = windows::state_of(&answer.outcome.payload) {
            window.state = state;
        }
        let is_full = window.state.len() > windows::STATE_BYTES_MAX;
        self.hand_on(shard, last, Some(window)).await;
        !is_full || self.close(shard, true, stop).await
    }

    /// The event of a batch as the function gets it: in windows with what was handed on.
    fn payload(&self, part: &Part, shard: &str) -> String {
        let window = || self.place(shard).ok()?.window;
        match self.window_s().and_then(|length_s| Some((window()?, length_s))) {
            None => event(&part.items),
            Some((window, length_s)) => {
                let source = (shard, self.mapping.source_arn.as_str());
                windows::event(&records(&part.items), (&window, length_s), source, (false, false))
            }
        }
    }

    async fn attempt(&self, part: &Part, shard: &str, stop: &Stop) -> Tried {
        let event = Bytes::from(self.payload(part, shard));
        if let Some(last) = part.items.last() {
            let (ctx, name) = (&self.work.ctx, self.mapping.name(&self.work.ctx));
            let age_ms = (ctx.now().epoch_ms - last.created.epoch_ms).max(0) as f64;
            let metrics = &self.work.api.host.metrics;
            metrics.note(ctx, Subject::of(&name, None), &[(Metric::ITERATOR_AGE, age_ms)]);
        }
        let Some(answer) = self.work.call(&self.mapping, event, None, stop).await else {
            return Tried::Stopped;
        };
        if answer.outcome.failed {
            self.work.found(FAILED);
            return Tried::Failed(0, Box::new(answer));
        }
        let failed = match self.mapping.settings.partial {
            true => partial::failures(&answer.outcome.payload),
            false => Some(Vec::new()),
        };
        let place = |id: &String| part.items.iter().position(|item| item.sequence == *id);
        // The lowest counts. One that nobody knows makes the whole answer void.
        let places: Option<Vec<usize>> =
            failed.and_then(|failed| failed.iter().map(place).collect());
        match places.map(|places| places.into_iter().min()) {
            Some(None) => {
                self.work.found(OK);
                Tried::Done(Box::new(answer))
            }
            found => {
                self.work.found(FAILED);
                Tried::Failed(found.flatten().unwrap_or(0), Box::new(answer))
            }
        }
    }

    /// Gives up what is too old by now: the front, since records are in order.
    async fn drop_old(&self, part: &mut Part, shard: &str) {
        let age_s = i64::from(self.mapping.settings.age_s_max);
        let age_s = if age_s < 0 { KEPT_S } else { age_s.min(KEPT_S) };
        let oldest_ms = self.work.ctx.now().epoch_ms - age_s * 1000;
        let young = part.items.iter().position(|item| item.created.epoch_ms >= oldest_ms);
        let rest = part.items.split_off(young.unwrap_or(part.items.len()));
        let old = std::mem::replace(&mut part.items, rest);
        if !old.is_empty() {
            self.lose(&old, "RecordAgeExceeded", part.failures, None, shard).await;
        }
    }

    async fn lose(
        &self,
        items: &[Item],
        condition: &'static str,
        count: u32,
        answer: Option<&Answer>,
        shard: &str,
    ) {
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return };
        self.work.log(format_args!("{} records of {shard} are given up: {condition}", items.len()));
        let lost = Lost {
            condition,
            count,
            answer,
            shard,
            first: (&first.sequence, first.created),
            last: (&last.sequence, last.created),
            batch: items.len(),
            event: event(items),
        };
        self.tell(&lost).await;
    }

    async fn tell(&self, lost: &Lost<'_>) {
        lost.tell(&self.work, &self.mapping, &self.lender).await;
    }
}

/// The event of a batch.
fn event(items: &[Item]) -> String {
    format!(r#"{{"Records":[{}]}}"#, records(items))
}

fn records(items: &[Item]) -> String {
    let texts: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    texts.join(",")
}

/// Batches of at most so many records that fit into an event each, with what stands around them.
fn split(items: Vec<Item>, most: usize, around_bytes: usize) -> Vec<Part> {
    let (mut parts, mut bytes) = (Vec::<Part>::new(), 0);
    for item in items {
        let size = item.text.len() + 1;
        match parts.last_mut() {
            Some(part) if part.items.len() < most && bytes + size <= REQUEST_BYTES_MAX => {
                part.items.push(item);
            }
            _ => {
                bytes = around_bytes;
                parts.push(Part { items: vec![item], failures: 0 });
            }
        }
        bytes += size;
    }
    parts
}
