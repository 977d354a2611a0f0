//! Telling a queue or topic of records that were given up.

use std::time::Duration;

use kernel::{Arn, Ctx, Fault, Timestamp};
use serde_json::{Value as Json, json};

use super::call::Answer;
use super::lender::Lender;
use super::record::Mapping;
use super::{Work, sqs};

const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

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
        let text = self.record(work, mapping).to_string();
        for _ in 0..ATTEMPTS {
            let sent = match lender.ctx(work, mapping).await {
                Ok(ctx) => send(ctx, arn, text.clone()).await,
                Err(fault) => Err(fault),
            };
            let Err(fault) = sent else { return };
            work.log(format_args!("{arn} is not told of lost records: {fault}"));
            work.ctx.sleep(PAUSE).await;
        }
    }
}

async fn send(ctx: Ctx, text_arn: &str, text: String) -> Result<(), Fault> {
    let arn = Arn::parse(text_arn).map_err(Fault::internal)?;
    let principal = ctx.principal().clone();
    let ctx = Ctx::new(ctx.kernel(), &arn.region, principal, ctx.random().uuid());
    if arn.service == "sqs" {
        let input = api_sqs::SendMessageRequest {
            queue_url: sqs::url(&arn),
            message_body: text,
            ..Default::default()
        };
        return ctx.client::<api_sqs::Client>().send_message(input).await.map(drop);
    }
    let input = api_sns::PublishInput {
        topic_arn: Some(text_arn.to_owned()),
        message: text,
        ..Default::default()
    };
    ctx.client::<api_sns::Client>().publish(input).await.map(drop)
}
