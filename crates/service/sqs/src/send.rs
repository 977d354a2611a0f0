//! Sending: what is checked of a message, and how messages get into a queue.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use api_sqs::{Error, MessageAttributeValue, MessageSystemAttributeValue};
use bytes::Bytes;
use kernel::digest::hex;
use kernel::{Ctx, Fault};
use sha2::{Digest as _, Sha256};
use store::{Key, Part, Scan, StoreError, WriteTx};

use crate::content::{self, Attribute, Content, TRACE};
use crate::error::{bad_value, invalid, missing};
use crate::kms::DataKey;
use crate::live::Lives;
use crate::name::QueueName;
use crate::record::{Queue, SENT, SENT_UNTIL, SEQUENCES, STATES, Sent, State, now_ms, require};
use crate::settings::{DELAY_S_MAX, Fifo};
use crate::{Sqs, line, md5, seal};

/// How long a deduplication id is remembered.
pub(crate) const DEDUPLICATION_MS: u64 = 5 * 60 * 1000;
/// Longest group and deduplication ids, in characters.
const ID_CHARS_MAX: usize = 128;
/// Forgotten deduplication ids that a send removes for each of its messages.
const EXPIRED_IDS_MAX: usize = 3;

/// A message as a request has it.
#[derive(Default)]
pub(crate) struct Entry {
    pub body: String,
    pub delay_s: Option<i32>,
    pub attributes: Option<BTreeMap<String, MessageAttributeValue>>,
    pub system: Option<BTreeMap<String, MessageSystemAttributeValue>>,
    pub deduplication_id: Option<String>,
    pub group: Option<String>,
}

/// A message that may be sent.
pub(crate) struct Outgoing {
    content: Content,
    row: Bytes,
    delay_s: u32,
    group: Option<String>,
    size: usize,
}

/// A message that was sent.
pub(crate) struct Receipt {
    pub message_id: String,
    pub md5_of_body: String,
    pub md5_of_attributes: Option<String>,
    pub md5_of_trace: Option<String>,
    /// In FIFO queues.
    pub sequence: Option<u64>,
}

/// A sequence number as clients see it: twenty digits.
pub(crate) fn sequence_text(sequence: u64) -> String {
    format!("{sequence:020}")
}

impl Outgoing {
    /// Bytes that count against limits.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Checks a message against a queue.
    pub fn new(
        ctx: &Ctx,
        queue: &Queue,
        key: Option<&DataKey>,
        entry: Entry,
    ) -> Result<Self, Fault> {
        let settings = &queue.settings;
        if entry.body.is_empty() {
            return Err(missing("MessageBody"));
        }
        content::check_body(&entry.body)?;
        let attributes = content::attributes(entry.attributes)?;
        let trace = content::trace(entry.system)?;
        let size = content::size(&entry.body, &attributes);
        if size > settings.message_bytes_max as usize {
            return Err(invalid(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {} bytes.",
                settings.message_bytes_max
            )));
        }
        let delay_s = delay(settings.fifo.as_ref(), entry.delay_s, settings.delay_s)?;
        if let Some(group) = &entry.group {
            check_id("MessageGroupId", group)?;
        }
        let ids = (entry.group, entry.deduplication_id);
        let (group, deduplication_id) = match &settings.fifo {
            Some(fifo) => in_order(fifo, &entry.body, ids)?,
            None if ids.1.is_some() => {
                let id = ids.1.unwrap_or_default();
                return Err(bad_value("MessageDeduplicationId", &id, NOT_OF_THIS_TYPE));
            }
            None => ids,
        };
        let content = Content {
            message_id: ctx.random().uuid(),
            body: entry.body,
            attributes,
            trace,
            sender: ctx.principal().user_id(),
            deduplication_id,
        };
        let row = match key {
            Some(key) => seal::under(ctx, &content, key)?.into(),
            None => seal::to_row(ctx.kernel().sealer(), &content, settings.sealed)?.into(),
        };
        Ok(Outgoing { content, row, delay_s, group, size })
    }

    fn receipt(&self, message_id: String, sequence: Option<u64>) -> Receipt {
        let trace = self.content.trace.iter().cloned().map(|trace| (TRACE.to_owned(), trace));
        let trace: BTreeMap<String, Attribute> = trace.collect();
        Receipt {
            message_id,
            md5_of_body: md5::of_body(&self.content.body),
            md5_of_attributes: md5::of_attributes(&self.content.attributes),
            md5_of_trace: md5::of_attributes(&trace),
            sequence,
        }
    }
}

const NOT_OF_THIS_TYPE: &str =
    "The request includes a parameter that is not valid for this queue type.";

fn delay(fifo: Option<&Fifo>, asked: Option<i32>, usual: u32) -> Result<u32, Fault> {
    let Some(asked) = asked else { return Ok(usual) };
    if fifo.is_some() {
        // Zero is what some clients send for nothing.
        return match asked {
            0 => Ok(usual),
            _ => Err(bad_value(
                "DelaySeconds",
                &asked,
                "The request include parameter that is not valid for this queue type.",
            )),
        };
    }
    let fits = u32::try_from(asked).ok().filter(|delay_s| *delay_s <= DELAY_S_MAX);
    let reason = "DelaySeconds must be >= 0 and <= 900.";
    fits.ok_or_else(|| bad_value("DelaySeconds", &asked, reason))
}

fn check_id(name: &str, id: &str) -> Result<(), Fault> {
    let fits = (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(());
    }
    let shown: String = id.chars().filter(|c| !c.is_control()).take(200).collect();
    let reason = format!(
        "{name} can only include alphanumeric and punctuation characters. 1 to 128 in length."
    );
    Err(bad_value(name, &shown, &reason))
}

/// Group and deduplication id of a message to a FIFO queue.
fn in_order(
    fifo: &Fifo,
    body: &str,
    (group, deduplication_id): (Option<String>, Option<String>),
) -> Result<(Option<String>, Option<String>), Fault> {
    let group = group.ok_or_else(|| missing("MessageGroupId"))?;
    let id = match deduplication_id {
        Some(id) => {
            check_id("MessageDeduplicationId", &id)?;
            id
        }
        None if fifo.content_based => hex(&Sha256::digest(body.as_bytes())),
        None => {
            return Err(invalid(
                "The queue should either have ContentBasedDeduplication enabled or \
                 MessageDeduplicationId provided explicitly",
            ));
        }
    };
    Ok((Some(group), Some(id)))
}

/// Sends messages, all in one commit. They arrive in this order.
pub(crate) async fn send(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    id: u64,
    messages: &[Outgoing],
) -> Result<Vec<Receipt>, Error> {
    let live = sqs.lives.of(id);
    // Numbers of a FIFO queue are in the order of the commits, so only one can be under way.
    let turn = if name.is_fifo() { Some(live.turn.lock().await) } else { None };
    let now_ms = now_ms(ctx);
    let receipts = ctx
        .store()
        .write(|tx| {
            let queue = require(tx, name)?;
            forget_ids(tx, &queue, now_ms, messages.len())?;
            let sent = messages.iter().map(|message| put(sqs, tx, &queue, message, now_ms));
            Ok::<_, Error>(sent.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    drop(turn);
    sqs.lives.wake(id, messages.len());
    Ok(receipts)
}

fn put(
    sqs: &Sqs,
    tx: &mut WriteTx,
    queue: &Queue,
    message: &Outgoing,
    now_ms: u64,
) -> Result<Receipt, StoreError> {
    let scope = match (&queue.settings.fifo, &message.group) {
        (Some(fifo), Some(group)) if fifo.scope == "messageGroup" => group.as_str(),
        _ => "",
    };
    let deduplication_id = message.content.deduplication_id.as_deref();
    if let Some(id) = deduplication_id
        && let Some(sent) = tx.get(&SENT, (queue.id, scope, id))?
        && sent.until_ms > now_ms
    {
        return Ok(message.receipt(sent.message_id, Some(sent.sequence)));
    }
    let sequence = next_sequence(&sqs.lives, tx, queue, now_ms)?;
    let state = State {
        sent_ms: now_ms,
        visible_ms: now_ms + u64::from(message.delay_s) * 1000,
        receives: 0,
        first_ms: None,
        received_ms: None,
        group: message.group.clone(),
        source: None,
        message_id: None,
    };
    line::add(tx, queue, sequence, message.row.clone(), &state)?;
    let message_id = message.content.message_id.clone();
    if let Some(id) = deduplication_id {
        let until_ms = now_ms + DEDUPLICATION_MS;
        let sent = Sent { until_ms, message_id: message_id.clone(), sequence };
        tx.put(&SENT, (queue.id, scope, id), &sent)?;
        tx.put_raw(&SENT_UNTIL, (queue.id, until_ms, scope, id), Vec::new())?;
    }
    Ok(message.receipt(message_id, queue.settings.fifo.is_some().then_some(sequence)))
}

/// The number of the next message of a queue.
pub(crate) fn next_sequence(
    lives: &Lives,
    tx: &mut WriteTx,
    queue: &Queue,
    now_ms: u64,
) -> Result<u64, StoreError> {
    if queue.settings.fifo.is_some() {
        let last = tx.get(&SEQUENCES, queue.id)?.unwrap_or(0);
        let next = lives.next(now_ms).max(last + 1);
        tx.put(&SEQUENCES, queue.id, &next)?;
        return Ok(next);
    }
    // Only a clock that went back while we were down can lead to a number that is taken.
    let mut next = lives.next(now_ms);
    while tx.contains(&STATES, (queue.rows, next))? {
        next = lives.next(now_ms);
    }
    Ok(next)
}

/// Removes some deduplication ids that were forgotten.
fn forget_ids(
    tx: &mut WriteTx,
    queue: &Queue,
    now_ms: u64,
    messages: usize,
) -> Result<(), StoreError> {
    if queue.settings.fifo.is_none() {
        return Ok(());
    }
    let mut gone = Vec::new();
    let scan = Scan::prefix(queue.id).le((queue.id, now_ms)).limit(EXPIRED_IDS_MAX * messages);
    tx.scan_raw(&SENT_UNTIL, &scan, &mut |key, _| {
        gone.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    for key in gone {
        let parts = key.parts().unwrap_or_default();
        if let [_, Part::U64(until_ms), Part::Text(scope), Part::Text(id)] = &parts[..] {
            // It may have been used again since.
            let sent = tx.get(&SENT, (queue.id, scope, id))?;
            if sent.is_some_and(|sent| sent.until_ms == *until_ms) {
                tx.delete(&SENT, (queue.id, scope, id))?;
            }
        }
        tx.delete(&SENT_UNTIL, key)?;
    }
    Ok(())
}
