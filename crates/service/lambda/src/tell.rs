//! Telling others of an end: one sender to queues, topics, functions, event buses and buckets, for events that
//! nobody waits for and for records of streams that were given up.

use std::collections::BTreeMap;
use std::time::Duration;

use api_events::{PutEventsRequest, PutEventsRequestEntry};
use api_lambda::{InvocationRequest, InvocationType};
use api_sqs::SendMessageRequest;
use bytes::Bytes;
use kernel::{Arn, Ctx, Fault, Level};
use shape::{Blob, ByteStream};

/// Attempts to tell; a destination that cannot take it is not waited for.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// An attribute of a message: name, type, value.
pub(crate) type Attribute = (&'static str, &'static str, String);

/// What is told.
#[derive(Default)]
pub(crate) struct Message {
    pub text: String,
    /// Of messages of queues and topics.
    pub attributes: Vec<Attribute>,
    /// What an object in a bucket holds; the text where nothing is said.
    pub object: Option<String>,
    /// What an event on a bus is called; its resources are the bus and what is named here.
    pub kind: &'static str,
    pub resource: String,
    /// How an object's key begins; the day, the second and a UUID follow.
    pub prefix: String,
}

/// Tells `arn` in the name that `borrow` lends, a few times. Who may not is not asked again. False
/// if all was in vain.
pub(crate) async fn tell<F>(ctx: &Ctx, arn: &str, message: &Message, borrow: impl Fn() -> F) -> bool
where
    F: Future<Output = Result<Ctx, Fault>>,
{
    for attempt in 1..=ATTEMPTS {
        let sent = match borrow().await {
            Ok(lent) => send(&lent, arn, message).await,
            Err(fault) => Err(fault),
        };
        let Err(fault) = sent else { return true };
        ctx.log(Level::Warn, format_args!("Lambda cannot send to {arn}: {fault:?}"));
        if attempt == ATTEMPTS || fault.status == 403 {
            break;
        }
        ctx.sleep(PAUSE).await;
    }
    false
}

async fn send(lent: &Ctx, arn: &str, message: &Message) -> Result<(), Fault> {
    let parsed = Arn::parse(arn).map_err(Fault::internal)?;
    let region = if parsed.region.is_empty() { lent.region() } else { &parsed.region };
    let ctx = Ctx::new(lent.kernel(), region, lent.principal().clone(), lent.random().uuid());
    match parsed.service.as_str() {
        "sqs" => queue(&ctx, &parsed, message).await,
        "sns" => topic(&ctx, arn, message).await,
        "lambda" => function(&ctx, arn, message).await,
        "events" => bus(&ctx, arn, message).await,
        "s3" => bucket(&ctx, &parsed.resource, message).await,
        other => Err(Fault::not_implemented(format!("{other} as a destination of Lambda"))),
    }
}

async fn queue(ctx: &Ctx, arn: &Arn, message: &Message) -> Result<(), Fault> {
    let attribute = |(name, kind, value): &Attribute| {
        let attribute = api_sqs::MessageAttributeValue {
            data_type: (*kind).to_owned(),
            string_value: Some(value.clone()),
            ..Default::default()
        };
        ((*name).to_owned(), attribute)
    };
    let attributes: BTreeMap<_, _> = message.attributes.iter().map(attribute).collect();
    let input = SendMessageRequest {
        queue_url: format!("http://queue/{}/{}", arn.account, arn.resource),
        message_body: message.text.clone(),
        message_attributes: (!attributes.is_empty()).then_some(attributes),
        ..Default::default()
    };
    ctx.client::<api_sqs::Client>().send_message(input).await.map(drop)
}

async fn topic(ctx: &Ctx, arn: &str, message: &Message) -> Result<(), Fault> {
    let attribute = |(name, kind, value): &Attribute| {
        let attribute = api_sns::MessageAttributeValue {
            data_type: (*kind).to_owned(),
            string_value: Some(value.clone()),
            ..Default::default()
        };
        ((*name).to_owned(), attribute)
    };
    let attributes: BTreeMap<_, _> = message.attributes.iter().map(attribute).collect();
    let input = api_sns::PublishInput {
        topic_arn: Some(arn.to_owned()),
        message: message.text.clone(),
        message_attributes: (!attributes.is_empty()).then_some(attributes),
        ..Default::default()
    };
    ctx.client::<api_sns::Client>().publish(input).await.map(drop)
}

async fn function(ctx: &Ctx, arn: &str, message: &Message) -> Result<(), Fault> {
    let input = InvocationRequest {
        function_name: arn.to_owned(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Blob(Bytes::from(message.text.clone()))),
        ..Default::default()
    };
    ctx.client::<api_lambda::Client>().invoke(input).await.map(drop)
}

async fn bus(ctx: &Ctx, arn: &str, message: &Message) -> Result<(), Fault> {
    let entry = PutEventsRequestEntry {
        source: Some("lambda".into()),
        resources: Some(vec![arn.to_owned(), message.resource.clone()]),
        detail_type: Some(message.kind.into()),
        detail: Some(message.text.clone()),
        event_bus_name: Some(arn.to_owned()),
        ..Default::default()
    };
    let input = PutEventsRequest { entries: vec![entry], ..Default::default() };
    let answer = ctx.client::<api_events::Client>().put_events(input).await?;
    let refused = answer.entries.into_iter().flatten().find_map(|entry| entry.error_message);
    refused.map_or(Ok(()), |why| Err(Fault::sender("ValidationException", why)))
}

async fn bucket(ctx: &Ctx, bucket: &str, message: &Message) -> Result<(), Fault> {
    let text = message.object.as_ref().unwrap_or(&message.text);
    let bytes = Bytes::from(text.clone());
    let at = ctx.now().civil("%Y/%m/%d/%Y-%m-%dT%H.%M.%S");
    let input = api_s3::PutObjectRequest {
        bucket: bucket.to_owned(),
        key: format!("{}/{at}-{}", message.prefix, ctx.random().uuid()),
        content_length: Some(bytes.len() as i64),
        content_type: Some("application/json".into()),
        body: Some(ByteStream::Bytes(bytes)),
        ..Default::default()
    };
    ctx.client::<api_s3::Client>().put_object(input).await.map(drop)
}
