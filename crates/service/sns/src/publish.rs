//! From a message to deliveries, in one commit.

use api_sns::Error;
use kernel::digest::hex;
use kernel::{Ctx, Fault};
use sha2::{Digest as _, Sha256};
use store::{StoreError, WriteTx};

use crate::Sns;
use crate::attributes::dead_letters;
use crate::envelope::Letterhead;
use crate::error::{invalid, no_topic};
use crate::filter;
use crate::kms::{self, DataKey};
use crate::message::Message;
use crate::name::TopicName;
use crate::record::{
    DELIVERIES, DUE, Delivery, PUBLISHED, PUBLISHED_UNTIL, Published, SEQUENCES, Subscription,
    TOPICS, Topic, now_ms, require, subscriptions,
};
use crate::sign::{Signer, Version};

/// How long a deduplication id is remembered.
const DEDUPLICATION_MS: u64 = 5 * 60 * 1000;

/// A message that was published.
pub(crate) struct Receipt {
    pub message_id: String,
    pub sequence: Option<String>,
}

/// A FIFO topic's message's deduplication id; nothing in other topics.
fn order(topic: &Topic, name: &TopicName, message: &mut Message) -> Result<(), Fault> {
    if !name.is_fifo() {
        if message.deduplication_id.is_some() {
            return Err(invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId \
                 parameter that is not valid for this topic type",
            ));
        }
        return Ok(());
    }
    if message.group.as_deref().unwrap_or_default().is_empty() {
        return Err(invalid("The MessageGroupId parameter is required for FIFO topics"));
    }
    if message.deduplication_id.is_none() {
        if !topic.is("ContentBasedDeduplication") {
            return Err(invalid(
                "The topic should either have ContentBasedDeduplication enabled or \
                 MessageDeduplicationId provided explicitly",
            ));
        }
        let id = hex(&Sha256::digest(message.text("default").as_bytes()));
        message.deduplication_id = Some(id);
    }
    Ok(())
}

/// Publishes messages to a topic, each with an outcome of its own.
pub(crate) async fn publish(
    sns: &Sns,
    ctx: &Ctx,
    name: &TopicName,
    messages: Vec<Result<Message, Fault>>,
) -> Result<Vec<Result<Receipt, Fault>>, Error> {
    let topic = ctx.store().read(|tx| require(tx, name))?;
    // A message that lacks what its order needs fails the whole request.
    let ordered = messages.into_iter().map(|message| match message {
        Ok(mut message) => {
            order(&topic, name, &mut message)?;
            Ok(Ok((message, ctx.random().uuid())))
        }
        Err(fault) => Ok(Err(fault)),
    });
    let messages: Vec<Result<(Message, String), Fault>> = ordered.collect::<Result<_, Fault>>()?;
    let signer = Signer::open(ctx.kernel()).await?;
    let version = Version::of(topic.attributes.get("SignatureVersion"));
    let data_key = kms::to_seal(ctx, name, &topic).await?;
    let head =
        Letterhead { address: &sns.address, topic: name, signer: &signer, version, now: ctx.now() };
    let letters = Letters { head, data_key, ctx };
    let now_ms = now_ms(ctx);
    let receipts = ctx
        .store()
        .write(|tx| {
            let Some(topic) = tx.get(&TOPICS, name.key())? else {
                return Err(Error::from(no_topic()));
            };
            let to = subscriptions(tx, name)?;
            let sent = messages.iter().map(|message| match message {
                Ok((message, id)) => {
                    one(tx, sns, &letters, (&topic, &to), message, id, now_ms).map(Some)
                }
                Err(_) => Ok(None),
            });
            sent.collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    sns.posted.notify_one();
    let outcomes = messages.into_iter().zip(receipts).map(|(message, receipt)| {
        message?;
        receipt.ok_or_else(|| Fault::internal("a message was published without receipt"))
    });
    Ok(outcomes.collect())
}

/// What the messages of a request are written with.
struct Letters<'a> {
    head: Letterhead<'a>,
    data_key: Option<DataKey>,
    ctx: &'a Ctx,
}

fn one(
    tx: &mut WriteTx,
    sns: &Sns,
    letters: &Letters<'_>,
    (topic, to): (&Topic, &[Subscription]),
    message: &Message,
    message_id: &str,
    now_ms: u64,
) -> Result<Receipt, Error> {
    let head = &letters.head;
    let mut sequence = None;
    if let Some(id) = message.deduplication_id.as_deref().filter(|_| head.topic.is_fifo()) {
        let by_group =
            topic.attributes.get("FifoThroughputScope").is_some_and(|s| s == "MessageGroup");
        let scope = message.group.as_deref().filter(|_| by_group).unwrap_or_default();
        if let Some(old) = tx.get(&PUBLISHED, (topic.id, scope, id))?
            && old.until_ms > now_ms
        {
            let sequence = Some(sequence_text(old.sequence));
            return Ok(Receipt { message_id: old.message_id, sequence });
        }
        let number = tx.get(&SEQUENCES, topic.id)?.unwrap_or(0) + 1;
        tx.put(&SEQUENCES, topic.id, &number)?;
        let until_ms = now_ms + DEDUPLICATION_MS;
        let published = Published { until_ms, message_id: message_id.into(), sequence: number };
        tx.put(&PUBLISHED, (topic.id, scope, id), &published)?;
        tx.put_raw(&PUBLISHED_UNTIL, (until_ms, topic.id, scope, id), Vec::new())?;
        sequence = Some(sequence_text(number));
    }
    for subscription in to.iter().filter(|s| s.token.is_none() && wants(s, message)) {
        let mut delivery =
            delivery(head, topic, subscription, message, message_id, sequence.as_deref(), now_ms)?;
        if let Some(key) = &letters.data_key {
            kms::close(letters.ctx, key, &mut delivery)?;
        }
        post(tx, sns, &delivery, now_ms)?;
    }
    Ok(Receipt { message_id: message_id.to_owned(), sequence })
}

fn sequence_text(number: u64) -> String {
    format!("1{number:019}")
}

/// Leaves something to be delivered.
pub(crate) fn post(
    tx: &mut WriteTx,
    sns: &Sns,
    delivery: &Delivery,
    now_ms: u64,
) -> Result<(), StoreError> {
    // Only a clock that went back while we were down can lead to a number that is taken.
    let mut number = sns.next(now_ms);
    while tx.contains(&DELIVERIES, number)? {
        number = sns.next(now_ms);
    }
    tx.put(&DELIVERIES, number, delivery)?;
    tx.put_raw(&DUE, (now_ms, number), Vec::new())
}

fn wants(subscription: &Subscription, message: &Message) -> bool {
    let Some(policy) = subscription.attributes.get("FilterPolicy") else { return true };
    match subscription.attributes.get("FilterPolicyScope").map(String::as_str) {
        Some("MessageBody") => filter::wants_body(policy, message.text(&subscription.protocol)),
        _ => filter::wants_attributes(policy, message.attributes.iter()),
    }
}

fn delivery(
    head: &Letterhead<'_>,
    topic: &Topic,
    subscription: &Subscription,
    message: &Message,
    message_id: &str,
    sequence: Option<&str>,
    now_ms: u64,
) -> Result<Delivery, Fault> {
    let raw = subscription.is("RawMessageDelivery");
    let protocol = subscription.protocol.as_str();
    let plain = matches!(protocol, "email" | "sms") || raw && protocol != "email-json";
    let body = match plain {
        true => message.text(protocol).to_owned(),
        false => head.notification(subscription, message, message_id, sequence)?,
    };
    let body = match protocol {
        "email" => format!(
            "{body}\n\n--\nTo stop these messages: {}\n",
            head.unsubscribe_link(subscription)
        ),
        _ => body,
    };
    let own = subscription.attributes.get("DeliveryPolicy");
    Ok(Delivery {
        topic: head.topic.arn(),
        subscription: head.topic.subscription(&subscription.id),
        protocol: protocol.to_owned(),
        endpoint: subscription.endpoint.clone(),
        message_id: message_id.to_owned(),
        kind: "Notification".into(),
        subject: message.subject.clone(),
        body,
        raw,
        attributes: if raw { message.attributes.clone() } else { Default::default() },
        group: message.group.clone(),
        deduplication_id: message.deduplication_id.clone(),
        dead_letters: subscription.attributes.get("RedrivePolicy").and_then(|p| dead_letters(p)),
        policy: own.or(topic.attributes.get("DeliveryPolicy")).cloned(),
        attempts: 0,
        due_ms: now_ms,
        sealed: None,
    })
}
