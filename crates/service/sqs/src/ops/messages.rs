//! One message: `SendMessage`, `DeleteMessage`, `ChangeMessageVisibility`.
//!
//! ```text
//! aws sqs send-message --queue-url $URL --message-body hello
//! {"MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592", "MessageId": "…"}
//! ```

use api_sqs::{
    ChangeMessageVisibilityOutput, ChangeMessageVisibilityRequest, DeleteMessageOutput,
    DeleteMessageRequest, Error, SendMessageRequest, SendMessageResult,
};
use kernel::{Ctx, Fault};

use super::shared_queue_at;
use crate::Sqs;
use crate::change::{self, Change};
use crate::record::require;
use crate::send::{self, Entry, Outgoing, sequence_text};

pub(crate) async fn send_message(
    sqs: &Sqs,
    ctx: &Ctx,
    input: SendMessageRequest,
) -> Result<SendMessageResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "SendMessage")?;
    let queue = ctx.store().read(|tx| require(tx, &name))?;
    let entry = Entry {
        body: input.message_body,
        delay_s: input.delay_seconds,
        attributes: input.message_attributes,
        system: input.message_system_attributes,
        deduplication_id: input.message_deduplication_id,
        group: input.message_group_id,
    };
    let key = sqs.data_keys.to_seal(ctx, &name, &queue).await?;
    let message = Outgoing::new(ctx, &queue, key.as_ref(), entry)?;
    let sent = send::send(sqs, ctx, &name, queue.id, &[message]).await?.pop();
    let sent = sent.ok_or_else(|| Fault::internal("a message was sent without receipt"))?;
    Ok(SendMessageResult {
        md5_of_message_body: Some(sent.md5_of_body),
        md5_of_message_attributes: sent.md5_of_attributes,
        md5_of_message_system_attributes: sent.md5_of_trace,
        message_id: Some(sent.message_id),
        sequence_number: sent.sequence.map(sequence_text),
    })
}

pub(crate) async fn delete_message(
    sqs: &Sqs,
    ctx: &Ctx,
    input: DeleteMessageRequest,
) -> Result<DeleteMessageOutput, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "DeleteMessage")?;
    let outcomes = change::delete(sqs, ctx, &name, &[input.receipt_handle]).await?;
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(DeleteMessageOutput {})
}

pub(crate) async fn change_message_visibility(
    sqs: &Sqs,
    ctx: &Ctx,
    input: ChangeMessageVisibilityRequest,
) -> Result<ChangeMessageVisibilityOutput, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "ChangeMessageVisibility")?;
    let change = Change { handle: input.receipt_handle, visibility_s: input.visibility_timeout };
    let outcomes = change::change_visibility(sqs, ctx, &name, &[change]).await?;
    outcomes.into_iter().collect::<Result<(), _>>()?;
    Ok(ChangeMessageVisibilityOutput {})
}
