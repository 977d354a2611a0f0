//! Up to ten at once, each with an outcome of its own.

use std::collections::HashSet;

use api_sqs::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequest, ChangeMessageVisibilityBatchResult,
    ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchRequest, DeleteMessageBatchResult,
    DeleteMessageBatchResultEntry, Error, SendMessageBatchRequest, SendMessageBatchResult,
    SendMessageBatchResultEntry,
};
use kernel::{Ctx, Fault};

use super::shared_queue_at;
use crate::Sqs;
use crate::change::{self, Change};
use crate::error::{empty_batch, modeled};
use crate::record::require;
use crate::send::{self, Entry, Outgoing, sequence_text};
use crate::settings::MESSAGE_BYTES_MAX;

/// Most entries of a batch.
const ENTRIES_MAX: usize = 10;

/// Refuses a batch that is none.
fn check(kind: &str, ids: &[&str]) -> Result<(), Error> {
    if ids.is_empty() {
        return Err(empty_batch(kind));
    }
    if ids.len() > ENTRIES_MAX {
        return Err(modeled!(
            TooManyEntriesInBatchRequest,
            "Maximum number of entries per request are {ENTRIES_MAX}. You have sent {}.",
            ids.len()
        ));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !ids.iter().all(|id| (1..=80).contains(&id.len()) && id.bytes().all(plain)) {
        return Err(modeled!(
            InvalidBatchEntryId,
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. \
             It can be at most 80 letters long."
        ));
    }
    let mut seen = HashSet::new();
    match ids.iter().find(|id| !seen.insert(**id)) {
        Some(id) => Err(modeled!(BatchEntryIdsNotDistinct, "Id {id} repeated.")),
        None => Ok(()),
    }
}

fn failed(id: String, error: impl Into<Fault>) -> BatchResultErrorEntry {
    let fault = error.into();
    BatchResultErrorEntry {
        id,
        sender_fault: fault.status < 500,
        code: fault.code.into_owned(),
        message: Some(fault.message),
    }
}

fn is_of_order(fault: &Fault) -> bool {
    fault.message.ends_with("parameter MessageGroupId.")
        || fault.message.starts_with("The queue should either have ContentBasedDeduplication")
}

pub(crate) async fn send_message_batch(
    sqs: &Sqs,
    ctx: &Ctx,
    input: SendMessageBatchRequest,
) -> Result<SendMessageBatchResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "SendMessage")?;
    let queue = ctx.store().read(|tx| require(tx, &name))?;
    let ids: Vec<&str> = input.entries.iter().map(|entry| entry.id.as_str()).collect();
    check("SendMessage", &ids)?;
    let key = sqs.data_keys.to_seal(ctx, &name, &queue).await?;
    let mut result = SendMessageBatchResult::default();
    let mut messages = Vec::new();
    let mut sent_ids = Vec::new();
    let bodies: usize = input.entries.iter().map(|entry| entry.message_body.len()).sum();
    let mut bytes = 0;
    for entry in input.entries {
        let sent = Entry {
            body: entry.message_body,
            delay_s: entry.delay_seconds,
            attributes: entry.message_attributes,
            system: entry.message_system_attributes,
            deduplication_id: entry.message_deduplication_id,
            group: entry.message_group_id,
        };
        match Outgoing::new(ctx, &queue, key.as_ref(), sent) {
            Ok(message) => {
                bytes += message.size();
                messages.push(message);
                sent_ids.push(entry.id);
            }
            // Without group or deduplication id, the whole request is refused.
            Err(fault) if queue.settings.fifo.is_some() && is_of_order(&fault) => {
                return Err(fault.into());
            }
            Err(fault) => result.failed.push(failed(entry.id, fault)),
        }
    }
    let bytes = bytes.max(bodies);
    if bytes > MESSAGE_BYTES_MAX as usize {
        return Err(modeled!(
            BatchRequestTooLong,
            "Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent {bytes} \
             bytes."
        ));
    }
    if messages.is_empty() {
        return Ok(result);
    }
    let receipts = send::send(sqs, ctx, &name, queue.id, &messages).await?;
    result.successful = sent_ids
        .into_iter()
        .zip(receipts)
        .map(|(id, sent)| SendMessageBatchResultEntry {
            id,
            message_id: sent.message_id,
            md5_of_message_body: sent.md5_of_body,
            md5_of_message_attributes: sent.md5_of_attributes,
            md5_of_message_system_attributes: sent.md5_of_trace,
            sequence_number: sent.sequence.map(sequence_text),
        })
        .collect();
    Ok(result)
}

pub(crate) async fn delete_message_batch(
    sqs: &Sqs,
    ctx: &Ctx,
    input: DeleteMessageBatchRequest,
) -> Result<DeleteMessageBatchResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "DeleteMessage")?;
    ctx.store().read(|tx| require(tx, &name))?;
    let ids: Vec<&str> = input.entries.iter().map(|entry| entry.id.as_str()).collect();
    check("DeleteMessage", &ids)?;
    let handles = input.entries.iter().map(|entry| entry.receipt_handle.clone());
    let handles: Vec<String> = handles.collect();
    let outcomes = change::delete(sqs, ctx, &name, &handles).await?;
    let mut result = DeleteMessageBatchResult::default();
    for (entry, outcome) in input.entries.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => result.successful.push(DeleteMessageBatchResultEntry { id: entry.id }),
            Err(error) => result.failed.push(failed(entry.id, error)),
        }
    }
    Ok(result)
}

pub(crate) async fn change_message_visibility_batch(
    sqs: &Sqs,
    ctx: &Ctx,
    input: ChangeMessageVisibilityBatchRequest,
) -> Result<ChangeMessageVisibilityBatchResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "ChangeMessageVisibility")?;
    let queue = ctx.store().read(|tx| require(tx, &name))?;
    let ids: Vec<&str> = input.entries.iter().map(|entry| entry.id.as_str()).collect();
    check("ChangeMessageVisibility", &ids)?;
    let changes = input.entries.iter().map(|entry| Change {
        handle: entry.receipt_handle.clone(),
        visibility_s: entry.visibility_timeout.unwrap_or(queue.settings.visibility_s as i32),
    });
    let changes: Vec<Change> = changes.collect();
    let outcomes = change::change_visibility(sqs, ctx, &name, &changes).await?;
    let mut result = ChangeMessageVisibilityBatchResult::default();
    for (entry, outcome) in input.entries.into_iter().zip(outcomes) {
        match outcome {
            Ok(()) => {
                let done = ChangeMessageVisibilityBatchResultEntry { id: entry.id };
                result.successful.push(done);
            }
            Err(error) => result.failed.push(failed(entry.id, error)),
        }
    }
    Ok(result)
}
