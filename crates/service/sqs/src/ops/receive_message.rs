//! `ReceiveMessage`, with long polling: who waits is woken by a message, by the moment at which
//! one becomes visible, or by the end of the time, and looks at nothing in between.
//!
//! ```text
//! aws sqs receive-message --queue-url $URL --wait-time-seconds 20
//! {"Messages": [{"MessageId": "…", "ReceiptHandle": "…", "MD5OfBody": "…", "Body": "hello"}]}
//! ```

use std::time::Duration;

use api_sqs::{Error, Message, ReceiveMessageRequest, ReceiveMessageResult};
use kernel::{Ctx, Fault};

use super::shared_queue_at;
use crate::Sqs;
use crate::error::bad_value;
use crate::line::next_visible_ms;
use crate::name::QueueName;
use crate::receive::{self, Wanted};
use crate::record::{now_ms, require};
use crate::settings::{VISIBILITY_S_MAX, WAIT_S_MAX};

pub(crate) async fn receive_message(
    sqs: &Sqs,
    ctx: &Ctx,
    input: ReceiveMessageRequest,
) -> Result<ReceiveMessageResult, Error> {
    let name = shared_queue_at(ctx, &input.queue_url, "ReceiveMessage")?;
    let queue = ctx.store().read(|tx| require(tx, &name))?;
    let wait_s = within(
        "WaitTimeSeconds",
        input.wait_time_seconds,
        (0, WAIT_S_MAX),
        "Must be >= 0 and <= 20, if provided.",
    )?
    .unwrap_or(queue.settings.wait_s);
    let wanted = Wanted { polls: wait_s > 0, ..wanted(input)? };
    let messages = poll(sqs, ctx, &name, &wanted, wait_s).await?;
    Ok(ReceiveMessageResult { messages: (!messages.is_empty()).then_some(messages) })
}

fn wanted(input: ReceiveMessageRequest) -> Result<Wanted, Fault> {
    let messages = within(
        "MaxNumberOfMessages",
        input.max_number_of_messages,
        (1, 10),
        "Must be between 1 and 10, if provided.",
    )?;
    let visibility_s = within(
        "VisibilityTimeout",
        input.visibility_timeout,
        (0, VISIBILITY_S_MAX),
        "Must be >= 0 and <= 43200, if provided.",
    )?;
    let mut system: Vec<String> = Vec::new();
    let names = input.attribute_names.unwrap_or_default();
    system.extend(names.iter().map(|name| name.as_str().to_owned()));
    let names = input.message_system_attribute_names.unwrap_or_default();
    system.extend(names.iter().map(|name| name.as_str().to_owned()));
    Ok(Wanted {
        messages: messages.unwrap_or(1) as usize,
        visibility_s,
        system,
        attributes: input.message_attribute_names.unwrap_or_default(),
        attempt: input.receive_request_attempt_id,
        polls: false,
    })
}

fn within(
    name: &str,
    value: Option<i32>,
    (min, max): (u32, u32),
    reason: &str,
) -> Result<Option<u32>, Fault> {
    let Some(value) = value else { return Ok(None) };
    let fits = u32::try_from(value).ok().filter(|value| (min..=max).contains(value));
    fits.map(Some).ok_or_else(|| bad_value(name, &value, reason))
}

async fn poll(
    sqs: &Sqs,
    ctx: &Ctx,
    name: &QueueName,
    wanted: &Wanted,
    wait_s: u32,
) -> Result<Vec<Message>, Error> {
    let end = ctx.elapsed() + Duration::from_secs(u64::from(wait_s));
    loop {
        let queue = ctx.store().read(|tx| require(tx, name))?;
        let live = sqs.lives.of(queue.id);
        // Before looking: what comes after that wakes us.
        let mut arrived = std::pin::pin!(live.arrived.notified());
        arrived.as_mut().enable();
        let messages = receive::receive(sqs, ctx, name, wanted).await?;
        let left = end.saturating_sub(ctx.elapsed());
        if !messages.is_empty() || left.is_zero() || ctx.kernel().is_stopping() {
            return Ok(messages);
        }
        let now_ms = now_ms(ctx);
        let next_ms = ctx.store().read(|tx| next_visible_ms(tx, &queue, now_ms))?;
        let pause = next_ms.map_or(left, |at_ms| Duration::from_millis(at_ms - now_ms).min(left));
        tokio::select! {
            () = arrived => {}
            () = ctx.sleep(pause) => {}
            () = ctx.kernel().stopping() => {}
        }
    }
}
