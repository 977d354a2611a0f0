//! Making deliveries: what is due is taken in order of time, several at once, and stays in the
//! store until it is done or given up.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_lambda::{InvocationRequest, InvocationType};
use api_sqs::{MessageAttributeValue, SendMessageRequest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use kernel::{Fault, Kernel, Level};
use mailbox::{Channel, Mail};
use serde_json::{Value as Json, json};
use shape::Blob;
use store::{Key, Part, Scan, StoreError};
use tokio::sync::Notify;

use crate::kms;
use crate::record::{Attribute, DELIVERIES, DUE, Delivery, PUBLISHED, PUBLISHED_UNTIL};

/// Deliveries under way at once.
const RUNNING_MAX: usize = 32;
/// How long an HTTP endpoint may take; AWS gives 15 seconds.
const HTTP_TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of an endpoint's answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Deduplication ids that one commit forgets.
const FORGET_MAX: usize = 500;
/// Repetitions to queues and functions of this installation.
const INTERNAL_RETRIES_MAX: u32 = 100;
/// Name by which the service is known to policies.
const PRINCIPAL: &str = "sns.amazonaws.com";

/// How an attempt ended.
enum Outcome {
    Done,
    /// It may go better later.
    Failed(String),
    /// It never will.
    Refused(String),
}

#[derive(Default)]
struct Running {
    numbers: HashSet<u64>,
    /// Subscriptions whose messages must stay in order.
    ordered: HashSet<String>,
}

/// Begins to deliver.
pub(crate) fn start(kernel: &Kernel, posted: Arc<Notify>) {
    let own = kernel.clone();
    kernel.spawn(async move {
        let running: Arc<Mutex<Running>> = Arc::default();
        while !own.is_stopping() {
            if let Err(error) = forget(&own).await {
                own.log(Level::Error, format_args!("sns: {error}"));
            }
            let pause = match pass(&own, &running, &posted) {
                Ok(next_ms) => {
                    let now_ms = now_ms(&own);
                    next_ms.map_or(60_000, |at_ms| at_ms.saturating_sub(now_ms).clamp(10, 60_000))
                }
                Err(error) => {
                    own.log(Level::Error, format_args!("sns deliveries: {error}"));
                    60_000
                }
            };
            tokio::select! {
                () = posted.notified() => {}
                () = own.clock().sleep(Duration::from_millis(pause)) => {}
                () = own.stopping() => {}
            }
        }
    });
}

/// Forgets deduplication ids whose time is over.
async fn forget(kernel: &Kernel) -> Result<(), StoreError> {
    let scan = Scan::all().le(now_ms(kernel)).limit(FORGET_MAX);
    let mut gone = Vec::new();
    kernel.store().snapshot().scan_raw(&PUBLISHED_UNTIL, &scan, &mut |key, _| {
        gone.push(Key::from_bytes(key));
        ControlFlow::Continue(())
    })?;
    if gone.is_empty() {
        return Ok(());
    }
    let write = kernel.store().write(|tx| {
        for key in &gone {
            if let Some(
                [Part::U64(until_ms), Part::U64(topic), Part::Text(scope), Part::Text(id)],
            ) = key.parts().as_deref()
            {
                // It may have been used again since.
                let at = (*topic, scope.as_str(), id.as_str());
                let found = tx.get(&PUBLISHED, at)?;
                if found.is_some_and(|found| found.until_ms == *until_ms) {
                    tx.delete(&PUBLISHED, at)?;
                }
            }
            tx.delete(&PUBLISHED_UNTIL, key)?;
        }
        Ok(())
    });
    write.await
}

fn now_ms(kernel: &Kernel) -> u64 {
    kernel.clock().now().epoch_ms.max(0) as u64
}

fn lock(running: &Mutex<Running>) -> std::sync::MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts what is due; returns when something else will be.
fn pass(
    kernel: &Kernel,
    running: &Arc<Mutex<Running>>,
    posted: &Arc<Notify>,
) -> Result<Option<u64>, StoreError> {
    let now_ms = now_ms(kernel);
    let mut busy = lock(running);
    let room = RUNNING_MAX.saturating_sub(busy.numbers.len());
    let mut found = Vec::new();
    let tx = kernel.store().snapshot();
    if room > 0 {
        tx.scan_raw(&DUE, &Scan::all().le(now_ms).limit(RUNNING_MAX * 32), &mut |key, _| {
            if let Some([Part::U64(_), Part::U64(number)]) = Key::from_bytes(key).parts().as_deref()
                && !busy.numbers.contains(number)
            {
                found.push(*number);
            }
            ControlFlow::Continue(())
        })?;
    }
    for number in found {
        if busy.numbers.len() >= RUNNING_MAX {
            break;
        }
        let Some(delivery) = tx.get(&DELIVERIES, number)? else { continue };
        let ordered = delivery.topic.ends_with(".fifo");
        if ordered && !busy.ordered.insert(delivery.subscription.clone()) {
            continue;
        }
        busy.numbers.insert(number);
        let (own, running, posted) = (kernel.clone(), running.clone(), posted.clone());
        kernel.spawn(async move {
            let subscription = delivery.subscription.clone();
            if let Err(error) = make(&own, number, delivery).await {
                own.log(Level::Error, format_args!("sns delivery: {error}"));
            }
            let mut busy = lock(&running);
            busy.numbers.remove(&number);
            if ordered {
                busy.ordered.remove(&subscription);
            }
            drop(busy);
            posted.notify_one();
        });
    }
    let mut next = None;
    tx.scan_raw(&DUE, &Scan::all().gt(now_ms).limit(1), &mut |key, _| {
        if let Some(Part::U64(at_ms)) = Key::from_bytes(key).parts().unwrap_or_default().first() {
            next = Some(*at_ms);
        }
        ControlFlow::Break(())
    })?;
    Ok(next)
}

/// Makes one attempt and writes down how it ended. In FIFO topics an attempt that failed is
/// repeated here, so that nothing overtakes it.
async fn make(kernel: &Kernel, number: u64, mut delivery: Delivery) -> Result<(), StoreError> {
    loop {
        // What is under a key of KMS is opened for every attempt, and never written down.
        let open = kms::opened(kernel, &delivery).await;
        let outcome = match &open {
            Ok(open) => attempt(kernel, open).await,
            Err(fault) => Outcome::Failed(format!("the message cannot be opened: {fault}")),
        };
        let (why, again) = match outcome {
            Outcome::Done => {
                let mail = open.ok().and_then(|open| mail_of(kernel, &open));
                return finish(kernel, number, mail).await;
            }
            Outcome::Failed(why) => (why, pause_ms(&delivery)),
            Outcome::Refused(why) => (why, None),
        };
        let Some(pause_ms) = again else {
            match &open {
                Ok(open) => give_up(kernel, open, &why).await,
                Err(_) => kernel.log(Level::Warn, format_args!("sns: {}: {why}", delivery.topic)),
            }
            return finish(kernel, number, None).await;
        };
        delivery.attempts += 1;
        if delivery.topic.ends_with(".fifo") {
            tokio::select! {
                () = kernel.clock().sleep(Duration::from_millis(pause_ms)) => continue,
                () = kernel.stopping() => return Ok(()),
            }
        }
        let due_ms = std::mem::replace(&mut delivery.due_ms, now_ms(kernel) + pause_ms);
        return kernel
            .store()
            .write(|tx| {
                tx.delete(&DUE, (due_ms, number))?;
                tx.put(&DELIVERIES, number, &delivery)?;
                tx.put_raw(&DUE, (delivery.due_ms, number), Vec::new())
            })
            .await;
    }
}

async fn finish(kernel: &Kernel, number: u64, mail: Option<Mail>) -> Result<(), StoreError> {
    kernel
        .store()
        .write(|tx| {
            if let Some(mail) = &mail {
                mailbox::add(tx, mail)?;
            }
            if let Some(delivery) = tx.get(&DELIVERIES, number)? {
                tx.delete(&DUE, (delivery.due_ms, number))?;
            }
            tx.delete(&DELIVERIES, number)
        })
        .await
}

/// How long to wait before the next attempt; nothing when there were enough.
fn pause_ms(delivery: &Delivery) -> Option<u64> {
    let done = delivery.attempts;
    if !delivery.protocol.starts_with("http") {
        return (done < INTERNAL_RETRIES_MAX).then(|| (1000 << done.min(5)).min(20_000));
    }
    let policy: Json = delivery
        .policy
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let retries = [&policy["healthyRetryPolicy"], &policy["http"]["defaultHealthyRetryPolicy"]];
    let number = |name: &str, usual: u64, most: u64| {
        let found = retries.iter().find_map(|policy| policy[name].as_u64());
        found.unwrap_or(usual).min(most)
    };
    let total = number("numRetries", 3, 100);
    let (min_s, max_s) = (number("minDelayTarget", 20, 3600), number("maxDelayTarget", 20, 3600));
    let at_once = number("numNoDelayRetries", 0, 100);
    let at_min = at_once + number("numMinDelayRetries", 0, 100);
    let at_max = total.saturating_sub(number("numMaxDelayRetries", 0, 100));
    let done = u64::from(done);
    if done >= total {
        return None;
    }
    let pause_s = match done {
        n if n < at_once => 0,
        n if n < at_min => min_s,
        n if n >= at_max => max_s,
        n => {
            // Between the two, in equal steps.
            let steps = at_max.saturating_sub(at_min).max(1);
            min_s + max_s.saturating_sub(min_s) * (n - at_min) / steps
        }
    };
    Some(pause_s * 1000)
}

async fn attempt(kernel: &Kernel, delivery: &Delivery) -> Outcome {
    match delivery.protocol.as_str() {
        "sqs" => queue(kernel, delivery, &delivery.endpoint).await,
        "lambda" => function(kernel, delivery).await,
        "http" | "https" => endpoint(kernel, delivery).await,
        // Written down together with the end of the delivery.
        "email" | "email-json" | "sms" => Outcome::Done,
        other => Outcome::Refused(format!("nobody delivers by {other}")),
    }
}

fn mail_of(kernel: &Kernel, delivery: &Delivery) -> Option<Mail> {
    let channel = match delivery.protocol.as_str() {
        "email" | "email-json" => Channel::Email,
        "sms" => Channel::Sms,
        _ => return None,
    };
    let about = BTreeMap::from([
        ("messageId".to_owned(), delivery.message_id.clone()),
        ("subscriptionArn".to_owned(), delivery.subscription.clone()),
        ("topicArn".to_owned(), delivery.topic.clone()),
    ]);
    let subject = delivery.subject.clone().unwrap_or_else(|| "AWS Notification Message".into());
    let id = format!("{}-{}", delivery.message_id, last(&delivery.subscription));
    Some(Mail {
        id,
        sent_ms: now_ms(kernel),
        channel,
        from: "no-reply@sns.amazonaws.com".into(),
        to: vec![delivery.endpoint.clone()],
        subject: (channel == Channel::Email).then_some(subject),
        body: delivery.body.clone(),
        about,
    })
}

fn last(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

/// Sends to a queue: the subscriber, or the one for dead letters.
async fn queue(kernel: &Kernel, delivery: &Delivery, arn: &str) -> Outcome {
    let parts: Vec<&str> = arn.split(':').collect();
    let [_, _, _, region, account, name] = parts[..] else {
        return Outcome::Refused(format!("{arn} is no queue"));
    };
    let ctx = kernel.service_ctx(PRINCIPAL, account, region);
    let ctx = ctx.as_service_for(PRINCIPAL, delivery.topic.clone());
    let attributes = delivery.attributes.iter().take(10).map(|(name, a)| (name.clone(), value(a)));
    let attributes: BTreeMap<_, _> = attributes.collect();
    let fifo = name.ends_with(".fifo");
    let input = SendMessageRequest {
        queue_url: format!("http://queue/{account}/{name}"),
        message_body: delivery.body.clone(),
        message_attributes: (!attributes.is_empty()).then_some(attributes),
        message_group_id: delivery.group.clone(),
        message_deduplication_id: delivery.deduplication_id.clone().filter(|_| fifo),
        ..Default::default()
    };
    match ctx.client::<api_sqs::Client>().send_message(input).await {
        Ok(_) => Outcome::Done,
        Err(fault) => judged(&fault),
    }
}

/// What is the caller's fault will not go better.
fn judged(fault: &Fault) -> Outcome {
    match fault.status {
        500.. => Outcome::Failed(fault.to_string()),
        _ => Outcome::Refused(fault.to_string()),
    }
}

fn value(attribute: &Attribute) -> MessageAttributeValue {
    let data_type = attribute.data_type.clone();
    if data_type.starts_with("Binary") {
        let bytes = STANDARD.decode(&attribute.value).unwrap_or_default();
        let binary_value = Some(Blob(Bytes::from(bytes)));
        return MessageAttributeValue { binary_value, data_type, ..Default::default() };
    }
    let string_value = Some(attribute.value.clone());
    MessageAttributeValue { string_value, data_type, ..Default::default() }
}

async fn function(kernel: &Kernel, delivery: &Delivery) -> Outcome {
    let parts: Vec<&str> = delivery.endpoint.split(':').collect();
    let (Some(region), Some(account)) = (parts.get(3), parts.get(4)) else {
        return Outcome::Refused(format!("{} is no function", delivery.endpoint));
    };
    let ctx = kernel.service_ctx(PRINCIPAL, account, region);
    let ctx = ctx.as_service_for(PRINCIPAL, delivery.topic.clone());
    let input = InvocationRequest {
        function_name: delivery.endpoint.clone(),
        invocation_type: Some(InvocationType::RequestResponse),
        payload: Some(Blob(Bytes::from(lambda_event(delivery)))),
        ..Default::default()
    };
    match ctx.client::<api_lambda::Client>().invoke(input).await {
        // Functions that fail are called again twice, as asynchronous invocations are.
        Ok(answer) if answer.function_error.is_some() => match delivery.attempts {
            0 | 1 => Outcome::Failed("the function failed".into()),
            _ => Outcome::Refused("the function failed".into()),
        },
        Ok(_) => Outcome::Done,
        Err(fault) => judged(&fault),
    }
}

/// The event of a function: the message, with the spelling that Lambda has for some names.
fn lambda_event(delivery: &Delivery) -> String {
    let mut message: Json = serde_json::from_str(&delivery.body).unwrap_or_default();
    if let Some(message) = message.as_object_mut() {
        for (from, to) in
            [("SigningCertURL", "SigningCertUrl"), ("UnsubscribeURL", "UnsubscribeUrl")]
        {
            if let Some(value) = message.remove(from) {
                message.insert(to.into(), value);
            }
        }
        message.entry("Subject").or_insert(Json::Null);
        message.entry("MessageAttributes").or_insert(json!({}));
    }
    json!({"Records": [{
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": delivery.subscription,
        "Sns": message,
    }]})
    .to_string()
}

async fn endpoint(kernel: &Kernel, delivery: &Delivery) -> Outcome {
    let Ok(uri) = delivery.endpoint.parse() else {
        return Outcome::Refused("the endpoint is no address".into());
    };
    let mut headers = HeaderMap::new();
    let pairs = [
        ("content-type", "text/plain; charset=UTF-8"),
        ("user-agent", "Amazon Simple Notification Service Agent"),
        ("x-amz-sns-message-type", &delivery.kind),
        ("x-amz-sns-message-id", &delivery.message_id),
        ("x-amz-sns-topic-arn", &delivery.topic),
        ("x-amz-sns-subscription-arn", &delivery.subscription),
        ("x-amz-sns-rawdelivery", "true"),
    ];
    for (name, value) in pairs {
        let left_out = match name {
            "x-amz-sns-rawdelivery" => !delivery.raw,
            "x-amz-sns-subscription-arn" => delivery.kind != "Notification",
            _ => false,
        };
        if let Ok(value) = HeaderValue::from_str(value)
            && !left_out
        {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let ask = fetch::Ask {
        method: Method::POST,
        uri,
        headers,
        body: Bytes::from(delivery.body.clone()),
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    let trust = match fetch::system_roots() {
        Ok(roots) => fetch::Trust::new(Arc::new(roots), Vec::new()),
        Err(_) => fetch::Trust::new(Arc::new(fetch::RootCertStore::empty()), Vec::new()),
    };
    let answer = tokio::select! {
        answer = fetch::fetch(ask, &trust) => answer,
        () = kernel.clock().sleep(HTTP_TIMEOUT) => {
            return Outcome::Failed("the endpoint took too long".into());
        }
        () = kernel.stopping() => return Outcome::Failed("stopping".into()),
    };
    match answer {
        Ok(answer) if answer.status.is_success() => Outcome::Done,
        Ok(answer) if answer.status.is_client_error() && answer.status.as_u16() != 429 => {
            Outcome::Refused(format!("the endpoint answered {}", answer.status))
        }
        Ok(answer) => Outcome::Failed(format!("the endpoint answered {}", answer.status)),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// Sends what cannot be delivered to the dead-letter queue, if there is one.
async fn give_up(kernel: &Kernel, delivery: &Delivery, why: &str) {
    let name = last(&delivery.subscription);
    kernel.log(Level::Warn, format_args!("sns: {} to {name}: given up: {why}", delivery.topic));
    let Some(arn) = &delivery.dead_letters else { return };
    if let Outcome::Failed(why) | Outcome::Refused(why) = queue(kernel, delivery, arn).await {
        kernel.log(Level::Warn, format_args!("sns: dead letter of {}: {why}", delivery.topic));
    }
}
