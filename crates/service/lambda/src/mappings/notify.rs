//! Telling a queue, a topic or a bucket of records that were given up.

use kernel::Timestamp;
use serde_json::{Value as Json, json};

use super::Work;
use super::call::Answer;
use super::lender::Lender;
use super::record::Mapping;
use crate::tell::{self, Message};

/// Records that were given up.
pub(super) struct Lost<'a> {
    /// `RetryAttemptsExhausted` or `RecordAgeExceeded`.
    pub condition: &'static str,
    /// How often the function was tried.
    pub count: u32,
    /// The last attempt's, if there was one.
    pub answer: Option<&'a Answer>,
    pub shard: &'a str,
    /// Sequence number and time.
    pub first: (&'a str, Timestamp),
    pub last: (&'a str, Timestamp),
    pub batch: usize,
    /// The whole event, for who has room for it.
    pub event: String,
}

impl Lost<'_> {
    /// As AWS's guide shows it for streams of DynamoDB.
    fn record(&self, work: &Work, mapping: &Mapping) -> Json {
        let stamp = |at: Timestamp| at.civil("%Y-%m-%dT%H:%M:%SZ");
        let request_id = match self.answer {
            Some(answer) => answer.request_id.clone(),
            None => work.ctx.random().uuid(),
        };
        let mut record = json!({
            "requestContext": {
                "requestId": request_id,
                "functionArn": mapping.name(&work.ctx).arn(),
                "condition": self.condition,
                "approximateInvokeCount": self.count,
            },
            "version": "1.0",
            "timestamp": work.ctx.now().civil("%Y-%m-%dT%H:%M:%S%.3fZ"),
            "DDBStreamBatchInfo": {
                "shardId": self.shard,
                "startSequenceNumber": self.first.0,
                "endSequenceNumber": self.last.0,
                "approximateArrivalOfFirstRecord": stamp(self.first.1),
                "approximateArrivalOfLastRecord": stamp(self.last.1),
                "batchSize": self.batch,
                "streamArn": mapping.source_arn,
            },
        });
        if let Some(answer) = self.answer {
            let mut context = json!({"statusCode": 200, "executedVersion": answer.version});
            if answer.outcome.failed {
                context["functionError"] = "Unhandled".into();
            }
            record["responseContext"] = context;
        }
        record
    }

    /// Tells the mapping's destination, if it has one.
    pub async fn tell(&self, work: &Work, mapping: &Mapping, lender: &Lender) {
        let Some(arn) = &mapping.settings.on_failure else { return };
        let mut record = self.record(work, mapping);
        let text = record.to_string();
        record["payload"] = self.event.as_str().into();
        let message = Message {
            text,
            object: Some(record.to_string()),
            prefix: format!("aws/lambda/{}/{}", mapping.id, self.shard),
            ..Message::default()
        };
        tell::tell(&work.ctx, arn, &message, || lender.ctx(work, mapping)).await;
    }
}
