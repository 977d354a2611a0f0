//! Receiving: what is at the front of the line is claimed, then handed out in one commit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use api_sqs::{Error, Message, OverLimit};
use kernel::Ctx;
use store::{Key, Part, ReadTx, Scan, StoreError, WriteTx};

use crate::content::{Content, Value};
use crate::handle::Handle;
use crate::kms::Opened;
use crate::live::{Live, Lives};
use crate::name::QueueName;
use crate::record::{
    ATTEMPTS, ATTEMPTS_UNTIL, Attempt, BODIES, GROUPS, HEADS, LINE, Queue, RECEIVED, STATES, State,
    now_ms, require,
};
use crate::send::{DEDUPLICATION_MS, next_sequence, sequence_text};
use crate::{Sqs, count, groups, line, md5, seal};

/// Most messages of a queue in flight, standard and FIFO alike.
const IN_FLIGHT_MAX: u64 = 120_000;
/// Forgotten attempts that a receipt removes.
const EXPIRED_ATTEMPTS_MAX: usize = 5;

/// What a request asks for.
pub(crate) struct Wanted {
    pub messages: usize,
    pub visibility_s: Option<u32>,
    /// Names of system attributes; `All`.
    pub system: Vec<String>,
    /// Names of attributes; `All`, `.*`, `prefix.*`.
    pub attributes: Vec<String>,
    pub attempt: Option<String>,
    /// Whether it waits for messages: then too many in flight are no error.
    pub polls: bool,
}

/// A message to be handed out.
struct Candidate {
    sequence: u64,
    /// Its place in the line of a standard queue.
    visible_ms: u64,
    group: Option<String>,
}

/// A message that was handed out.
struct Taken {
    sequence: u64,
    state: State,
    content: Content,
}

/// What a commit did.
#[derive(Default)]
struct Handed {
    taken: Vec<Taken>,
    /// Ids of the queues that got dead letters.
    woken: Vec<u64>,
}

/// Where messages are handed out from.
struct Source<'a> {
    lives: &'a Lives,
    name: &'a QueueName,
    /// What opens those under data keys of KMS.
    keys: &'a Opened,
}

/// What is claimed until the commit, and freed whatever happens.
struct Claim {
    live: Arc<Live>,
    candidates: Vec<Candidate>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = self.live.claims();
        for candidate in &self.candidates {
            claims.messages.remove(&candidate.sequence);
            if let Some(group) = &candidate.group {
                claims.groups.remove(group);
            }
        }
    }
}

/// Hands out what can be received now, up to what is wanted.
pub(crate) async fn receive(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    wanted: &Wanted,
) -> Result<Vec<Message>, Error> {
    loop {
        let now_ms = now_ms(ctx);
        let queue = ctx.store().read(|tx| require(tx, name))?;
        let live = sqs.lives.of(queue.id);
        if let Some(again) = repeat(sqs, ctx, name, &queue, wanted, now_ms).await? {
            return Ok(again);
        }
        let Some(room) = room(ctx, &live, &queue, wanted, now_ms)? else { return Ok(Vec::new()) };
        let claim = claim(ctx, &live, &queue, room, now_ms)?;
        if claim.candidates.is_empty() {
            return Ok(Vec::new());
        }
        let sequences = claim.candidates.iter().map(|candidate| candidate.sequence);
        let keys = sqs.data_keys.to_open(ctx, &queue, sequences).await?;
        let from = Source { lives: &sqs.lives, name, keys: &keys };
        let Handed { taken, woken } =
            ctx.store().write(|tx| take(&from, ctx, tx, &claim.candidates, wanted, now_ms)).await?;
        woken.into_iter().for_each(|id| sqs.lives.wake(id, 1));
        if !taken.is_empty() {
            live.sent_out(taken.len() as u64);
            let output = taken.iter().map(|taken| output(ctx, &queue, taken, wanted));
            return Ok(output.collect());
        }
        // Everything went to the dead letters, was too old, or was deleted meanwhile.
    }
}

/// How many more messages may be in flight.
fn room(
    ctx: &Ctx,
    live: &Live,
    queue: &Queue,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Option<usize>, Error> {
    let counted = || ctx.store().read(|tx| count::in_flight(tx, queue, now_ms));
    let most = live.in_flight(IN_FLIGHT_MAX, counted)?;
    let room = IN_FLIGHT_MAX.saturating_sub(most) as usize;
    if room > 0 {
        return Ok(Some(room.min(wanted.messages)));
    }
    if wanted.polls || queue.settings.fifo.is_some() {
        return Ok(None);
    }
    let message = "Too many messages in flight.".to_owned();
    Err(OverLimit { message: Some(message) }.into())
}

/// Claims what is at the front of the line and not being handed out already.
fn claim(
    ctx: &Ctx,
    live: &Arc<Live>,
    queue: &Queue,
    limit: usize,
    now_ms: u64,
) -> Result<Claim, StoreError> {
    // The lock is held while a moment of the store is read: what another request has claimed is
    // either still in the claims or already elsewhere in the line.
    let mut claims = live.claims();
    let tx = ctx.store().snapshot();
    let mut candidates = Vec::new();
    if queue.settings.fifo.is_none() {
        let scan = Scan::prefix(queue.rows).le((queue.rows, now_ms));
        tx.scan_raw(&LINE, &scan, &mut |key, _| {
            let parts = Key::from_bytes(key).parts().unwrap_or_default();
            if let [_, Part::U64(visible_ms), Part::U64(sequence)] = parts[..]
                && !claims.messages.contains(&sequence)
            {
                candidates.push(Candidate { sequence, visible_ms, group: None });
            }
            if candidates.len() < limit {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
    } else {
        let mut heads = Vec::new();
        let scan = Scan::prefix(queue.rows).le((queue.rows, now_ms));
        tx.scan_raw(&HEADS, &scan, &mut |key, _| {
            let group = Key::from_bytes(key).parts().unwrap_or_default().pop();
            if let Some(Part::Text(group)) = group
                && !claims.groups.contains(&group)
            {
                heads.push(group);
            }
            // A group has one message at least.
            if heads.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        for group in heads {
            let room = limit.saturating_sub(candidates.len());
            let found = members(&tx, queue, &group, room, now_ms)?;
            let visible_ms = 0;
            candidates.extend(found.into_iter().map(|sequence| Candidate {
                sequence,
                visible_ms,
                group: Some(group.clone()),
            }));
        }
    }
    claims.messages.extend(candidates.iter().map(|candidate| candidate.sequence));
    claims.groups.extend(candidates.iter().filter_map(|candidate| candidate.group.clone()));
    drop(claims);
    Ok(Claim { live: live.clone(), candidates })
}

/// The first messages of a group, up to one that is delayed.
fn members(
    tx: &ReadTx,
    queue: &Queue,
    group: &str,
    limit: usize,
    now_ms: u64,
) -> Result<Vec<u64>, StoreError> {
    let mut visible = Vec::new();
    if limit == 0 {
        return Ok(visible);
    }
    for sequence in groups::messages(tx, queue.rows, group, limit)? {
        match tx.get(&STATES, (queue.rows, sequence))? {
            Some(state) if state.visible_ms <= now_ms => visible.push(sequence),
            _ => break,
        }
    }
    Ok(visible)
}

/// Hands out the candidates that can be handed out still.
fn take(
    from: &Source<'_>,
    ctx: &Ctx,
    tx: &mut WriteTx,
    candidates: &[Candidate],
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Handed, Error> {
    let Source { lives, name, keys } = from;
    let queue = require(tx, name)?;
    let visibility_s = wanted.visibility_s.unwrap_or(queue.settings.visibility_s);
    let visible_ms = now_ms + u64::from(visibility_s) * 1000;
    let oldest_ms = now_ms.saturating_sub(u64::from(queue.settings.retention_s) * 1000);
    let mut handed = Handed::default();
    let mut by_group: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for candidate in candidates {
        let sequence = candidate.sequence;
        let Some(mut state) = tx.get(&STATES, (queue.rows, sequence))? else { continue };
        let is_there = match &candidate.group {
            None => state.visible_ms == candidate.visible_ms,
            Some(group) => {
                let record = tx.get(&GROUPS, (queue.rows, group.as_str()))?;
                state.visible_ms <= now_ms && record.is_some_and(|r| r.available_ms <= now_ms)
            }
        };
        if !is_there {
            continue;
        }
        if state.sent_ms < oldest_ms {
            line::remove(tx, &queue, sequence, &state, now_ms)?;
            continue;
        }
        if let Some(target) = dead_letter(lives, tx, name, &queue, sequence, &state, now_ms)? {
            handed.woken.push(target);
            continue;
        }
        let sealer = ctx.kernel().sealer();
        let Some(content) = seal::read(tx, sealer, keys, queue.rows, sequence)? else { continue };
        if candidate.group.is_none() {
            tx.delete(&LINE, (queue.rows, state.visible_ms, sequence))?;
            tx.put_raw(&LINE, (queue.rows, visible_ms, sequence), RECEIVED)?;
        }
        state.visible_ms = visible_ms;
        state.receives += 1;
        state.first_ms.get_or_insert(now_ms);
        state.received_ms = Some(now_ms);
        tx.put(&STATES, (queue.rows, sequence), &state)?;
        if let Some(group) = &candidate.group {
            by_group.entry(group).or_default().push(sequence);
        }
        handed.taken.push(Taken { sequence, state, content });
    }
    for (group, messages) in by_group {
        groups::hand_out(tx, queue.rows, group, &messages, visible_ms)?;
    }
    remember(tx, &queue, wanted, &handed.taken, now_ms)?;
    Ok(handed)
}

/// Moves a message that was received too often, to the queue with the id that is returned.
/// Nothing: it was not, or has nowhere to go.
fn dead_letter(
    lives: &Lives,
    tx: &mut WriteTx,
    name: &QueueName,
    queue: &Queue,
    sequence: u64,
    state: &State,
    now_ms: u64,
) -> Result<Option<u64>, StoreError> {
    let Some(redrive) =
        queue.settings.redrive.as_ref().filter(|r| state.receives >= r.receives_max)
    else {
        return Ok(None);
    };
    let Some(target_name) = QueueName::of_arn(&redrive.target) else { return Ok(None) };
    let Some(target) = tx.get(&crate::record::QUEUES, target_name.key())? else {
        return Ok(None);
    };
    let arn = name.arn();
    let allowed = target.settings.redrive_allow.as_ref().is_none_or(|allow| allow.permits(&arn));
    if !allowed || target.settings.fifo.is_some() != queue.settings.fifo.is_some() {
        return Ok(None);
    }
    let Some(row) = tx.get_raw(&BODIES, (queue.rows, sequence))? else { return Ok(None) };
    line::remove(tx, queue, sequence, state, now_ms)?;
    // In a standard queue, a message's age goes on; in a FIFO queue it begins again.
    let sent_ms = if target.settings.fifo.is_some() { now_ms } else { state.sent_ms };
    let moved = State {
        sent_ms,
        visible_ms: now_ms,
        source: Some(arn),
        received_ms: None,
        ..state.clone()
    };
    // Keeping its number keeps it in the order of age.
    let is_free = !tx.contains(&STATES, (target.rows, sequence))?;
    let number = match target.settings.fifo {
        None if is_free => sequence,
        _ => next_sequence(lives, tx, &target, now_ms)?,
    };
    line::add(tx, &target, number, row, &moved)?;
    Ok(Some(target.id))
}

/// Remembers what an attempt got.
fn remember(
    tx: &mut WriteTx,
    queue: &Queue,
    wanted: &Wanted,
    taken: &[Taken],
    now_ms: u64,
) -> Result<(), StoreError> {
    let Some(attempt) = wanted.attempt.as_ref().filter(|_| queue.settings.fifo.is_some()) else {
        return Ok(());
    };
    let mut gone = Vec::new();
    let scan = Scan::prefix(queue.id).le((queue.id, now_ms)).limit(EXPIRED_ATTEMPTS_MAX);
    tx.scan_raw(&ATTEMPTS_UNTIL, &scan, &mut |key, _| {
        gone.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    for key in gone {
        if let Some(Part::Text(old)) = key.parts().unwrap_or_default().pop() {
            tx.delete(&ATTEMPTS, (queue.id, old))?;
        }
        tx.delete(&ATTEMPTS_UNTIL, key)?;
    }
    let until_ms = now_ms + DEDUPLICATION_MS;
    let messages = taken.iter().map(|taken| (taken.sequence, taken.state.receives)).collect();
    tx.put(&ATTEMPTS, (queue.id, attempt), &Attempt { until_ms, messages })?;
    tx.put_raw(&ATTEMPTS_UNTIL, (queue.id, until_ms, attempt), Vec::new())
}

/// The messages that the same attempt got before, if nothing has happened to them since.
async fn repeat(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    queue: &Queue,
    wanted: &Wanted,
    now_ms: u64,
) -> Result<Option<Vec<Message>>, Error> {
    let Some(attempt) = wanted.attempt.as_ref().filter(|_| queue.settings.fifo.is_some()) else {
        return Ok(None);
    };
    let old = ctx.store().read(|tx| tx.get(&ATTEMPTS, (queue.id, attempt)))?;
    let sequences = old.into_iter().flat_map(|old| old.messages).map(|(sequence, _)| sequence);
    let keys = sqs.data_keys.to_open(ctx, queue, sequences).await?;
    let again = ctx
        .store()
        .write(|tx| {
            let queue = require(tx, name)?;
            let Some(old) = tx.get(&ATTEMPTS, (queue.id, attempt))? else { return Ok(None) };
            if old.until_ms <= now_ms || old.messages.is_empty() {
                return Ok(None);
            }
            let visibility_s = wanted.visibility_s.unwrap_or(queue.settings.visibility_s);
            let visible_ms = now_ms + u64::from(visibility_s) * 1000;
            let mut taken = Vec::new();
            for (sequence, receives) in old.messages {
                let state = tx.get(&STATES, (queue.rows, sequence))?;
                let same = |s: &State| s.receives == receives && s.visible_ms > now_ms;
                let Some(mut state) = state.filter(same) else { return Ok(None) };
                let sealer = ctx.kernel().sealer();
                let content = seal::read(tx, sealer, &keys, queue.rows, sequence)?;
                let (Some(content), Some(group)) = (content, state.group.clone()) else {
                    return Ok(None);
                };
                state.visible_ms = visible_ms;
                tx.put(&STATES, (queue.rows, sequence), &state)?;
                let rows = queue.rows;
                groups::change_visibility(tx, rows, &group, sequence, visible_ms, now_ms)?;
                taken.push(Taken { sequence, state, content });
            }
            Ok::<_, Error>(Some(taken))
        })
        .await?;
    Ok(again.map(|taken| taken.iter().map(|taken| output(ctx, queue, taken, wanted)).collect()))
}

fn output(ctx: &Ctx, queue: &Queue, taken: &Taken, wanted: &Wanted) -> Message {
    let Taken { sequence, state, content } = taken;
    let handle = Handle { rows: queue.rows, sequence: *sequence, receives: state.receives };
    let attributes: BTreeMap<_, _> = content
        .attributes
        .iter()
        .filter(|(name, _)| wanted.attributes.iter().any(|pattern| matches(pattern, name)))
        .map(|(name, attribute)| (name.clone(), attribute.clone()))
        .collect();
    let values = attributes.iter().map(|(name, value)| (name.clone(), value.output()));
    Message {
        message_id: Some(state.message_id.as_ref().unwrap_or(&content.message_id).clone()),
        receipt_handle: Some(handle.seal(ctx, queue)),
        md5_of_body: Some(md5::of_body(&content.body)),
        body: Some(content.body.clone()),
        attributes: system(queue, taken, &wanted.system),
        md5_of_message_attributes: md5::of_attributes(&attributes),
        message_attributes: (!attributes.is_empty()).then(|| values.collect()),
    }
}

/// Whether `All`, `.*`, `prefix.*` or a name means this attribute.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".*") {
        _ if pattern == "All" => true,
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

fn system(queue: &Queue, taken: &Taken, wanted: &[String]) -> Option<BTreeMap<String, String>> {
    let Taken { sequence, state, content } = taken;
    let is_fifo = queue.settings.fifo.is_some();
    let trace = content.trace.as_ref().and_then(|trace| match &trace.value {
        Value::Text(text) => Some(text.clone()),
        Value::Bytes(_) => None,
    });
    let all = [
        ("SenderId", Some(content.sender.clone())),
        ("SentTimestamp", Some(state.sent_ms.to_string())),
        ("ApproximateReceiveCount", Some(state.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", state.first_ms.map(|ms| ms.to_string())),
        ("SequenceNumber", is_fifo.then(|| sequence_text(*sequence))),
        ("MessageDeduplicationId", content.deduplication_id.clone()),
        ("MessageGroupId", state.group.clone()),
        ("AWSTraceHeader", trace),
        ("DeadLetterQueueSourceArn", state.source.clone()),
    ];
    let named = |name: &str| wanted.iter().any(|wanted| wanted == "All" || wanted == name);
    let found: BTreeMap<String, String> = all
        .into_iter()
        .filter(|(name, _)| named(name))
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect();
    (!found.is_empty()).then_some(found)
}
