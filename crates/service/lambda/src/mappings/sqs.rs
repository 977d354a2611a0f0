//! Reading a queue: batches are received, handed over, and what was done is deleted.
//!
//! What fails is left alone: it becomes visible again when the queue's visibility timeout is over,
//! and the queue's redrive policy ends that. A FIFO queue hands out nothing of a group that is in
//! flight, so batches beside each other keep the order of groups.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use api_sqs::{
    DeleteMessageBatchRequest, DeleteMessageBatchRequestEntry, GetQueueAttributesRequest, Message,
    MessageSystemAttributeName, QueueAttributeName, ReceiveMessageRequest,
};
use bytes::Bytes;
use kernel::{Arn, Ctx, Fault};
use serde_json::{Value as Json, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::{FAILED, OK};
use super::lender::Lender;
use super::partial;
use super::record::{Mapping, Source};
use super::{Stop, Work};
use crate::invoke::REQUEST_BYTES_MAX;
use pattern::Pattern;

/// Batches at a time unless the mapping says otherwise, as many as AWS begins with. Each may need
/// a sandbox of its own.
const AT_ONCE: usize = 5;
/// SQS gives no more at a time.
const RECEIVED_MAX: i32 = 10;
/// The longest that SQS lets anyone wait.
const WAIT_S_MAX: u64 = 20;
/// Pauses while the queue cannot be read, first and longest.
const TROUBLE_MS: (u64, u64) = (500, 30_000);
/// What is kept of an event for what stands around its records.
const ENVELOPE_BYTES: usize = 16;

struct Reader {
    work: Work,
    mapping: Mapping,
    filters: Vec<Pattern>,
    lender: Lender,
    url: String,
    region: String,
}

/// A message, and how the function sees it.
struct Item {
    id: String,
    receipt: String,
    text: String,
}

/// The URL of a queue for calls inside.
pub(super) fn url(arn: &Arn) -> String {
    format!("http://queue/{}/{}", arn.account, arn.resource)
}

/// A queue's visibility timeout, in seconds; also shows that the caller may read the queue.
pub(super) async fn visibility_s(ctx: &Ctx, url: &str) -> Result<u64, Fault> {
    let input = GetQueueAttributesRequest {
        queue_url: url.to_owned(),
        attribute_names: Some(vec![QueueAttributeName::VisibilityTimeout]),
    };
    let answer = ctx.client::<api_sqs::Client>().get_queue_attributes(input).await?;
    let attributes = answer.attributes.unwrap_or_default();
    Ok(attributes.get("VisibilityTimeout").and_then(|text| text.parse().ok()).unwrap_or(30))
}

/// Reads until the mapping changes; then what is in flight ends.
pub(super) async fn read(work: &Work, mapping: Mapping, stop: &Stop) {
    let Ok(arn) = Arn::parse(&mapping.source_arn) else { return stop.wait().await };
    let most = mapping.settings.concurrency_max.map_or(AT_ONCE, |most| most.max(1) as usize);
    let filters = mapping.settings.filters.iter().filter_map(|text| Pattern::parse(text).ok());
    let reader = Arc::new(Reader {
        work: work.clone(),
        filters: filters.collect(),
        lender: Lender::default(),
        url: url(&arn),
        region: arn.region,
        mapping,
    });
    let room = Arc::new(Semaphore::new(most));
    let mut troubles = 0u32;
    while !stop.is_set() {
        let permit = tokio::select! {
            () = stop.wait() => break,
            permit = room.clone().acquire_owned() => permit,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { break };
        match reader.gather(stop).await {
            Ok(messages) => {
                troubles = 0;
                reader.hand_over(messages, permit, stop.clone());
            }
            Err(fault) => {
                work.found(FAILED);
                if troubles == 0 {
                    work.log(format_args!("{}: {fault}", reader.mapping.source_arn));
                }
                let (first, longest) = TROUBLE_MS;
                let pause_ms = (first << troubles.min(10)).min(longest);
                troubles += 1;
                stop.pause(Duration::from_millis(pause_ms)).await;
            }
        }
    }
    let _ended = room.acquire_many(most as u32).await;
}

impl Reader {
    /// Receives until there is a whole batch or its window is over.
    async fn gather(&self, stop: &Stop) -> Result<Vec<Message>, Fault> {
        let ctx = &self.work.ctx;
        let settings = &self.mapping.settings;
        let batch = settings.batch.max(1) as usize;
        let window = Duration::from_secs(settings.window_s.max(0) as u64);
        let mut found = self.receive(batch, WAIT_S_MAX, stop).await?;
        let (end, mut bytes) = (ctx.elapsed() + window, size(&found));
        while !found.is_empty()
            && found.len() < batch
            && bytes < REQUEST_BYTES_MAX
            && !window.is_zero()
            && !stop.is_set()
        {
            let left = end.saturating_sub(ctx.elapsed());
            if left.is_zero() {
                break;
            }
            let more = self.receive(batch - found.len(), left.as_secs(), stop).await;
            let Ok(more) = more else { break };
            if more.is_empty() && left < Duration::from_secs(1) {
                stop.pause(left.min(Duration::from_millis(200))).await;
            }
            bytes += size(&more);
            found.extend(more);
        }
        Ok(found)
    }

    async fn receive(&self, most: usize, wait_s: u64, stop: &Stop) -> Result<Vec<Message>, Fault> {
        let ctx = self.lender.ctx(&self.work, &self.mapping).await?;
        let input = ReceiveMessageRequest {
            queue_url: self.url.clone(),
            message_system_attribute_names: Some(vec![MessageSystemAttributeName::All]),
            message_attribute_names: Some(vec!["All".into()]),
            max_number_of_messages: Some((most as i32).min(RECEIVED_MAX)),
            wait_time_seconds: Some(wait_s.min(WAIT_S_MAX) as i32),
            ..Default::default()
        };
        let sqs = ctx.client::<api_sqs::Client>();
        tokio::select! {
            () = stop.wait() => Ok(Vec::new()),
            answer = sqs.receive_message(input) => Ok(answer?.messages.unwrap_or_default()),
        }
    }

    fn hand_over(
        self: &Arc<Self>,
        messages: Vec<Message>,
        permit: OwnedSemaphorePermit,
        stop: Stop,
    ) {
        if messages.is_empty() {
            return;
        }
        let (reader, kernel) = (self.clone(), self.work.ctx.kernel().clone());
        self.work.ctx.kernel().spawn(async move {
            tokio::select! {
                () = kernel.stopping() => {}
                () = reader.handle(messages, &stop) => {}
            }
            drop(permit);
        });
    }

    async fn handle(&self, messages: Vec<Message>, stop: &Stop) {
        let received = self.work.ctx.elapsed();
        let mut unwanted = Vec::new();
        let mut items = Vec::new();
        for message in messages {
            let record = self.record(&message);
            let wanted = self.wants(&record);
            let Message { message_id, receipt_handle, .. } = message;
            let (id, receipt) =
                (message_id.unwrap_or_default(), receipt_handle.unwrap_or_default());
            if wanted {
                items.push(Item { id, receipt, text: record.to_string() });
            } else {
                unwanted.push(receipt);
            }
        }
        self.delete(unwanted).await;
        for batch in split(items) {
            let is_done = self.one(batch, received, stop).await;
            if !is_done && self.mapping.source == Source::FifoQueue {
                // What follows may be of the same groups.
                break;
            }
        }
    }

    /// Gives one batch to the function; whether all of it was done.
    async fn one(&self, batch: Vec<Item>, received: Duration, stop: &Stop) -> bool {
        let texts: Vec<&str> = batch.iter().map(|item| item.text.as_str()).collect();
        let event = format!(r#"{{"Records":[{}]}}"#, texts.join(","));
        if event.len() > REQUEST_BYTES_MAX {
            self.work.log(format_args!("message {} is too large for an event", batch[0].id));
            self.work.found(FAILED);
            return false;
        }
        let deadline = received + self.patience().await;
        let payload = Bytes::from(event);
        let called = self.work.call(&self.mapping, payload, Some(deadline), stop).await;
        let Some(answer) = called else { return false };
        if answer.outcome.failed {
            self.work.found(FAILED);
            return false;
        }
        let failed = match self.mapping.settings.partial {
            true => partial::failures(&answer.outcome.payload),
            false => Some(Vec::new()),
        };
        let known: HashSet<&str> = batch.iter().map(|item| item.id.as_str()).collect();
        // One that nobody knows makes the whole answer void.
        let failed = failed.filter(|ids| ids.iter().all(|id| known.contains(id.as_str())));
        let Some(failed) = failed else {
            self.work.found(FAILED);
            return false;
        };
        self.work.found(OK);
        let failed: HashSet<String> = failed.into_iter().collect();
        let is_done = failed.is_empty();
        let done = batch.into_iter().filter(|item| !failed.contains(&item.id));
        self.delete(done.map(|item| item.receipt).collect()).await;
        is_done
    }

    /// How long after its receipt a batch may wait for room, so that the function can end before
    /// the messages are visible again.
    async fn patience(&self) -> Duration {
        let visible = match self.lender.ctx(&self.work, &self.mapping).await {
            Ok(ctx) => visibility_s(&ctx, &self.url).await.unwrap_or(0),
            Err(_) => 0,
        };
        let name = self.mapping.name(&self.work.ctx);
        let function = crate::resolve::resolve(&self.work.ctx, &name);
        let timeout = function.map_or(0, |found| found.version.timeout_seconds.max(0) as u64);
        Duration::from_secs(visible.saturating_sub(timeout))
    }

    async fn delete(&self, receipts: Vec<String>) {
        for receipts in receipts.chunks(RECEIVED_MAX as usize) {
            let entry = |(at, receipt): (usize, &String)| DeleteMessageBatchRequestEntry {
                id: at.to_string(),
                receipt_handle: receipt.clone(),
            };
            let input = DeleteMessageBatchRequest {
                queue_url: self.url.clone(),
                entries: receipts.iter().enumerate().map(entry).collect(),
            };
            let deleted = match self.lender.ctx(&self.work, &self.mapping).await {
                Ok(ctx) => ctx.client::<api_sqs::Client>().delete_message_batch(input).await,
                Err(fault) => Err(fault),
            };
            // What stays comes again: at least once.
            if let Err(fault) = deleted {
                self.work.log(format_args!("messages are not deleted: {fault}"));
            }
        }
    }

    /// A message as the function sees it.
    fn record(&self, message: &Message) -> Json {
        let mut record = json!({
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": message.attributes.clone().unwrap_or_default(),
            "messageAttributes": attributes(message),
            "md5OfBody": message.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": self.mapping.source_arn,
            "awsRegion": self.region,
        });
        if let Some(md5) = &message.md5_of_message_attributes {
            record["md5OfMessageAttributes"] = md5.as_str().into();
        }
        record
    }

    fn wants(&self, record: &Json) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| matches(filter, record))
    }
}

/// A pattern with fields in the body is for bodies that are JSON, one with rules for the body is
/// for those that are not.
fn matches(filter: &Pattern, record: &Json) -> bool {
    let body = record["body"].as_str().unwrap_or_default();
    let parsed = serde_json::from_str(body).ok();
    let parsed = parsed.filter(|body: &Json| body.is_object() || body.is_array());
    match (filter.wants_text("body"), parsed) {
        (None, _) | (Some(true), None) => filter.matches(record),
        (Some(false), Some(body)) => {
            let mut record = record.clone();
            record["body"] = body;
            filter.matches(&record)
        }
        (Some(true), Some(_)) | (Some(false), None) => false,
    }
}

fn attributes(message: &Message) -> Json {
    let attributes = message.message_attributes.iter().flatten().map(|(name, value)| {
        let mut attribute = json!({
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value.data_type,
        });
        if let Some(text) = &value.string_value {
            attribute["stringValue"] = text.as_str().into();
        }
        if let Some(bytes) = &value.binary_value {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(&bytes.0);
            attribute["binaryValue"] = text.into();
        }
        (name.clone(), attribute)
    });
    Json::Object(attributes.collect())
}

fn size(messages: &[Message]) -> usize {
    messages.iter().filter_map(|message| message.body.as_ref()).map(String::len).sum()
}

/// Batches that fit into an event each. A message too large for any is alone in its own.
fn split(items: Vec<Item>) -> Vec<Vec<Item>> {
    let (mut batches, mut bytes) = (Vec::<Vec<Item>>::new(), usize::MAX);
    for item in items {
        let size = item.text.len() + 1;
        match batches.last_mut() {
            Some(batch) if bytes + size <= REQUEST_BYTES_MAX => batch.push(item),
            _ => {
                bytes = ENVELOPE_BYTES;
                batches.push(vec![item]);
            }
        }
        bytes += size;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_or_text() {
        let check = |pattern: &str, body: &str, expected: bool| {
            let pattern = Pattern::parse(pattern).unwrap();
            let record = json!({"body": body, "attributes": {"SenderId": "me"}});
            assert_eq!(matches(&pattern, &record), expected, "{body}");
        };
        check(r#"{"body": {"kind": ["a"]}}"#, r#"{"kind": "a"}"#, true);
        check(r#"{"body": {"kind": ["a"]}}"#, r#"{"kind": "b"}"#, false);
        check(r#"{"body": {"kind": ["a"]}}"#, "a", false);
        check(r#"{"body": [{"prefix": "a"}]}"#, "abc", true);
        check(r#"{"body": [{"prefix": "{"}]}"#, r#"{"kind": "a"}"#, false);
        check(r#"{"attributes": {"SenderId": ["me"]}}"#, "anything", true);
    }

    #[test]
    fn batches_fit() {
        let item = |bytes: usize| Item {
            id: String::new(),
            receipt: String::new(),
            text: "x".repeat(bytes),
        };
        let check = |sizes: &[usize], expected: &[usize]| {
            let batches = split(sizes.iter().map(|bytes| item(*bytes)).collect());
            let found: Vec<usize> = batches.iter().map(Vec::len).collect();
            assert_eq!(found, expected);
        };
        check(&[], &[]);
        check(&[1, 1, 1], &[3]);
        check(&[3_000_000, 3_000_000, 3_000_000], &[2, 1]);
        check(&[7_000_000, 1], &[1, 1]);
    }
}
