//! `Publish` and `PublishBatch`.

use std::collections::{BTreeMap, HashSet};

use api_sns::{
    BatchResultErrorEntry, Error, PublishBatchInput, PublishBatchResponse, PublishBatchResultEntry,
    PublishInput, PublishResponse,
};
use kernel::{Ctx, Fault};
use mailbox::{Channel, Mail};

use super::shared_topic_at;
use crate::Sns;
use crate::error::invalid;
use crate::message::{Given, Message};
use crate::publish;
use crate::record::now_ms;

/// Most messages of a batch, and their bytes.
const BATCH_MAX: usize = 10;
const BATCH_BYTES_MAX: usize = 262_144;

pub(crate) async fn publish(
    sns: &Sns,
    ctx: &Ctx,
    input: PublishInput,
) -> Result<PublishResponse, Error> {
    let given = Given {
        message: input.message,
        subject: input.subject,
        structure: input.message_structure,
        attributes: input.message_attributes,
        group: input.message_group_id,
        deduplication_id: input.message_deduplication_id,
    };
    if let Some(number) = input.phone_number {
        return text_message(ctx, &number, Message::new(given)?).await;
    }
    let Some(arn) = input.topic_arn.or(input.target_arn) else {
        return Err(invalid("TopicArn or TargetArn Reason: no value for required parameter").into());
    };
    if arn.contains(":endpoint/") {
        return Err(Fault::not_implemented("publishing to mobile push endpoints").into());
    }
    let name = shared_topic_at(ctx, &arn, "Publish")?;
    let message = Message::new(given)?;
    let outcomes = publish::publish(sns, ctx, &name, vec![Ok(message)]).await?;
    let receipt = outcomes.into_iter().next();
    let receipt = receipt.ok_or_else(|| Fault::internal("a message without outcome"))??;
    Ok(PublishResponse { message_id: Some(receipt.message_id), sequence_number: receipt.sequence })
}

/// A text message to a telephone, which ends in the mailbox.
async fn text_message(ctx: &Ctx, number: &str, message: Message) -> Result<PublishResponse, Error> {
    if !is_phone(number) {
        let text = format!("PhoneNumber Reason: {number} is not valid to publish to");
        return Err(invalid(text).into());
    }
    let id = ctx.random().uuid();
    let sender = message.attributes.get("AWS.SNS.SMS.SenderID").map(|a| a.value.clone());
    let mail = Mail {
        id: id.clone(),
        sent_ms: now_ms(ctx),
        channel: Channel::Sms,
        from: sender.unwrap_or_else(|| "NOTICE".into()),
        to: vec![number.to_owned()],
        subject: None,
        body: message.text("sms").to_owned(),
        about: BTreeMap::from([("messageId".to_owned(), id.clone())]),
    };
    ctx.store().write(|tx| mailbox::add(tx, &mail)).await?;
    Ok(PublishResponse { message_id: Some(id), sequence_number: None })
}

/// E.164: a plus and up to fifteen digits.
pub(super) fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) async fn publish_batch(
    sns: &Sns,
    ctx: &Ctx,
    input: PublishBatchInput,
) -> Result<PublishBatchResponse, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "Publish")?;
    let entries = input.publish_batch_request_entries;
    check(&entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>())?;
    if entries.iter().map(|entry| entry.message.len()).sum::<usize>() > BATCH_BYTES_MAX {
        let text = "The length of all the messages put together is more than the limit.";
        return Err(Fault::sender("BatchRequestTooLong", text).into());
    }
    let mut ids = Vec::new();
    let mut messages = Vec::new();
    for entry in entries {
        ids.push(entry.id);
        messages.push(Message::new(Given {
            message: entry.message,
            subject: entry.subject,
            structure: entry.message_structure,
            attributes: entry.message_attributes,
            group: entry.message_group_id,
            deduplication_id: entry.message_deduplication_id,
        }));
    }
    let outcomes = publish::publish(sns, ctx, &name, messages).await?;
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        match outcome {
            Ok(receipt) => successful.push(PublishBatchResultEntry {
                id: Some(id),
                message_id: Some(receipt.message_id),
                sequence_number: receipt.sequence,
            }),
            Err(fault) => failed.push(BatchResultErrorEntry {
                id,
                sender_fault: fault.status < 500,
                code: fault.code.into_owned(),
                message: Some(fault.message),
            }),
        }
    }
    Ok(PublishBatchResponse { successful: Some(successful), failed: Some(failed) })
}

fn check(ids: &[&str]) -> Result<(), Fault> {
    if ids.is_empty() {
        let text = "The batch request doesn't contain any entries.";
        return Err(Fault::sender("EmptyBatchRequest", text));
    }
    if ids.len() > BATCH_MAX {
        let text = "The batch request contains more entries than permissible.";
        return Err(Fault::sender("TooManyEntriesInBatchRequest", text));
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !ids.iter().all(|id| (1..=80).contains(&id.len()) && id.bytes().all(plain)) {
        let text = "The Id of a batch entry in a batch request doesn't abide by the specification.";
        return Err(Fault::sender("InvalidBatchEntryId", text));
    }
    let mut seen = HashSet::new();
    if !ids.iter().all(|id| seen.insert(*id)) {
        let text = "Two or more batch entries in the request have the same Id.";
        return Err(Fault::sender("BatchEntryIdsNotDistinct", text));
    }
    Ok(())
}
