//! Subscriptions.

use std::collections::BTreeMap;

use api_sns::{
    ConfirmSubscriptionInput, ConfirmSubscriptionResponse, Error, GetSubscriptionAttributesInput,
    GetSubscriptionAttributesResponse, ListSubscriptionsByTopicInput,
    ListSubscriptionsByTopicResponse, ListSubscriptionsInput, ListSubscriptionsResponse,
    SetSubscriptionAttributesInput, SetSubscriptionAttributesOutput, SubscribeInput,
    SubscribeResponse, UnsubscribeInput, UnsubscribeOutput,
};
use kernel::{Ctx, Fault, Principal};
use store::{Part, Scan};

use super::publishing::is_phone;
use super::{page, shared_topic_at};
use crate::Sns;
use crate::attributes::{default_delivery, set_subscription};
use crate::envelope::Letterhead;
use crate::error::{invalid, no_subscription};
use crate::name::TopicName;
use crate::publish::post;
use crate::record::{
    Delivery, SUBSCRIPTIONS, Subscription, TOPICS, Topic, now_ms, require, require_subscription,
    subscriptions,
};
use crate::sign::{Signer, Version};

/// What stands for the ARN of a subscription that nobody has confirmed yet.
const PENDING: &str = "pending confirmation";

fn check_endpoint(topic: &TopicName, protocol: &str, endpoint: &str) -> Result<(), Fault> {
    let matching = "Endpoint must match the specified protocol";
    match protocol {
        "http" | "https" if topic.is_fifo() => {
            Err(invalid("Invalid parameter: Endpoint Reason: Please use FIFO SQS queue".to_owned()))
        }
        "http" if endpoint.starts_with("http://") => Ok(()),
        "https" if endpoint.starts_with("https://") => Ok(()),
        "http" | "https" => Err(invalid(matching)),
        "email" | "email-json" => match endpoint.split_once('@') {
            Some((user, host)) if !user.is_empty() && !host.is_empty() => Ok(()),
            _ => Err(invalid("Email address")),
        },
        "sms" if is_phone(endpoint) => Ok(()),
        "sms" => Err(invalid(format!("Invalid SMS endpoint: {endpoint}"))),
        "sqs"
            if endpoint.starts_with("arn:")
                && endpoint.split(':').count() == 6
                && endpoint.contains(":sqs:") =>
        {
            if endpoint.ends_with(".fifo") && !topic.is_fifo() {
                return Err(invalid(
                    "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to \
                     standard SNS topics",
                ));
            }
            Ok(())
        }
        "sqs" => Err(invalid("SQS endpoint ARN")),
        "lambda" if endpoint.starts_with("arn:") && endpoint.contains(":lambda:") => Ok(()),
        "lambda" => Err(invalid("Lambda endpoint ARN")),
        "application" | "firehose" => {
            let what = format_args!("subscriptions with the protocol {protocol}");
            Err(Fault::not_implemented(what))
        }
        other => Err(invalid(format!("Amazon SNS does not support this protocol string: {other}"))),
    }
}

pub(crate) async fn subscribe(
    sns: &Sns,
    ctx: &Ctx,
    input: SubscribeInput,
) -> Result<SubscribeResponse, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "Subscribe")?;
    let topic = ctx.store().read(|tx| require(tx, &name))?;
    let endpoint = input.endpoint.unwrap_or_default();
    let protocol = input.protocol;
    check_endpoint(&name, &protocol, &endpoint)?;
    let mut attributes = BTreeMap::new();
    set_subscription(&protocol, &mut attributes, &input.attributes.unwrap_or_default())?;
    // The owner of another account's queue is asked, too.
    let foreign = endpoint.split(':').nth(4).is_some_and(|account| account != ctx.account());
    let pending = match protocol.as_str() {
        "sqs" => foreign,
        "lambda" | "sms" => false,
        _ => true,
    };
    let new = Subscription {
        id: ctx.random().uuid(),
        owner: ctx.account().to_owned(),
        principal: ctx.principal().arn(),
        protocol,
        endpoint,
        attributes,
        token: pending.then(|| ctx.random().hex(64)),
        guarded: false,
        authenticated: !pending,
    };
    let ask = match pending {
        true => Some(request(sns, ctx, (&name, &topic), &new).await?),
        false => None,
    };
    let now_ms = now_ms(ctx);
    let made = ctx
        .store()
        .write(|tx| {
            require(tx, &name)?;
            let all = subscriptions(tx, &name)?;
            let same =
                |s: &&Subscription| (&s.protocol, &s.endpoint) == (&new.protocol, &new.endpoint);
            if let Some(there) = all.iter().find(same) {
                if there.token.is_none() && there.attributes != new.attributes {
                    return Err(Error::from(invalid(
                        "Attributes Reason: Subscription already exists with different attributes",
                    )));
                }
                if there.token.is_none() {
                    return Ok(there.clone());
                }
                tx.delete(&SUBSCRIPTIONS, name.key().text(&there.id))?;
            }
            tx.put(&SUBSCRIPTIONS, name.key().text(&new.id), &new)?;
            if let Some(ask) = &ask {
                post(tx, sns, ask, now_ms)?;
            }
            Ok(new.clone())
        })
        .await?;
    sns.posted.notify_one();
    let told = made.token.is_none() || input.return_subscription_arn == Some(true);
    let arn = if told { name.subscription(&made.id) } else { PENDING.into() };
    Ok(SubscribeResponse { subscription_arn: Some(arn) })
}

/// What asks a subscriber to confirm.
async fn request(
    sns: &Sns,
    ctx: &Ctx,
    (name, topic): (&TopicName, &Topic),
    subscription: &Subscription,
) -> Result<Delivery, Fault> {
    let signer = Signer::open(ctx.kernel()).await?;
    let head = Letterhead {
        address: &sns.address,
        topic: name,
        signer: &signer,
        version: Version::of(topic.attributes.get("SignatureVersion")),
        now: ctx.now(),
    };
    let message_id = ctx.random().uuid();
    let token = subscription.token.as_deref().unwrap_or_default();
    let body = match subscription.protocol.as_str() {
        "email" => format!(
            "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit {}\n",
            name.arn(),
            head.confirm_link(token)
        ),
        _ => head.confirmation(token, &message_id)?,
    };
    Ok(Delivery {
        topic: name.arn(),
        subscription: name.subscription(&subscription.id),
        protocol: subscription.protocol.clone(),
        endpoint: subscription.endpoint.clone(),
        message_id,
        kind: "SubscriptionConfirmation".into(),
        subject: Some("AWS Notification - Subscription Confirmation".into()),
        body,
        raw: false,
        attributes: BTreeMap::new(),
        group: None,
        deduplication_id: None,
        dead_letters: None,
        policy: subscription.attributes.get("DeliveryPolicy").cloned(),
        attempts: 0,
        due_ms: now_ms(ctx),
        sealed: None,
    })
}

/// By anyone who has the token.
pub(crate) async fn confirm_subscription(
    _: &Sns,
    ctx: &Ctx,
    input: ConfirmSubscriptionInput,
) -> Result<ConfirmSubscriptionResponse, Error> {
    let name = TopicName::of_arn(&input.topic_arn).ok_or_else(|| invalid("TopicArn"))?;
    let guarded = input.authenticate_on_unsubscribe.is_some_and(|text| text == "true");
    let signed = !matches!(ctx.principal(), Principal::Anonymous);
    let id = ctx
        .store()
        .write(|tx| {
            require(tx, &name)?;
            let found = subscriptions(tx, &name)?;
            let named = |s: &Subscription| {
                s.token.as_ref().is_some_and(|token| token.as_bytes() == input.token.as_bytes())
            };
            let Some(mut found) = found.into_iter().find(named) else {
                return Err(Error::from(invalid("Token")));
            };
            found.token = None;
            found.guarded = guarded && signed;
            found.authenticated = signed;
            tx.put(&SUBSCRIPTIONS, name.key().text(&found.id), &found)?;
            Ok(found.id)
        })
        .await?;
    Ok(ConfirmSubscriptionResponse { subscription_arn: Some(name.subscription(&id)) })
}

/// The subscription that an ARN names.
fn subscription_at(arn: &str) -> Result<(TopicName, String), Fault> {
    TopicName::of_subscription(arn).ok_or_else(|| {
        let parts = arn.split(':').count();
        invalid(format!(
            "SubscriptionArn Reason: An ARN must have at least 6 elements, not {parts}"
        ))
    })
}

/// By its owner, or by the link in a message unless that was forbidden.
pub(crate) async fn unsubscribe(
    _: &Sns,
    ctx: &Ctx,
    input: UnsubscribeInput,
) -> Result<UnsubscribeOutput, Error> {
    let (name, id) = subscription_at(&input.subscription_arn)?;
    let anonymous = matches!(ctx.principal(), Principal::Anonymous);
    ctx.store()
        .write(|tx| {
            let Some(found) = tx.get(&SUBSCRIPTIONS, name.key().text(&id))? else {
                return Ok(());
            };
            let foreign = ![&name.account, &found.owner].into_iter().any(|a| a == ctx.account());
            if !anonymous && foreign || anonymous && found.guarded {
                let text = "Only the owner of the subscription may end it";
                return Err(Error::from(Fault::new("AuthorizationError", 403, text)));
            }
            if let Some(mut topic) = tx.get(&TOPICS, name.key())? {
                topic.deleted += 1;
                tx.put(&TOPICS, name.key(), &topic)?;
            }
            Ok(tx.delete(&SUBSCRIPTIONS, name.key().text(&id))?)
        })
        .await?;
    Ok(UnsubscribeOutput {})
}

/// A subscription of this account, or to a topic of it.
fn own(ctx: &Ctx, arn: &str) -> Result<(TopicName, String), Fault> {
    let (name, id) = subscription_at(arn)?;
    let found = ctx.store().read(|tx| require_subscription(tx, &name, &id))?;
    let may = name.account == ctx.account() || found.owner == ctx.account();
    if may { Ok((name, id)) } else { Err(no_subscription()) }
}

pub(crate) async fn get_subscription_attributes(
    _: &Sns,
    ctx: &Ctx,
    input: GetSubscriptionAttributesInput,
) -> Result<GetSubscriptionAttributesResponse, Error> {
    let (name, id) = own(ctx, &input.subscription_arn)?;
    let found = ctx.store().read(|tx| require_subscription(tx, &name, &id))?;
    let mut attributes = BTreeMap::from([
        ("SubscriptionArn".to_owned(), name.subscription(&id)),
        ("TopicArn".to_owned(), name.arn()),
        ("Protocol".to_owned(), found.protocol.clone()),
        ("Endpoint".to_owned(), found.endpoint.clone()),
        ("Owner".to_owned(), found.owner.clone()),
        ("SubscriptionPrincipal".to_owned(), found.principal.clone()),
        ("ConfirmationWasAuthenticated".to_owned(), found.authenticated.to_string()),
        ("PendingConfirmation".to_owned(), found.token.is_some().to_string()),
        ("RawMessageDelivery".to_owned(), found.is("RawMessageDelivery").to_string()),
    ]);
    if found.protocol.starts_with("http") {
        let policy = found.attributes.get("DeliveryPolicy").cloned();
        let effective = policy.unwrap_or_else(|| default_delivery()["http"].to_string());
        attributes.insert("EffectiveDeliveryPolicy".into(), effective);
    }
    if found.attributes.contains_key("FilterPolicy") {
        attributes.insert("FilterPolicyScope".into(), "MessageAttributes".into());
    }
    attributes.extend(found.attributes);
    Ok(GetSubscriptionAttributesResponse { attributes: Some(attributes) })
}

pub(crate) async fn set_subscription_attributes(
    _: &Sns,
    ctx: &Ctx,
    input: SetSubscriptionAttributesInput,
) -> Result<SetSubscriptionAttributesOutput, Error> {
    let (name, id) = own(ctx, &input.subscription_arn)?;
    let text = input.attribute_value.unwrap_or_default();
    let changes = BTreeMap::from([(input.attribute_name, text)]);
    ctx.store()
        .write(|tx| {
            let mut found = require_subscription(tx, &name, &id)?;
            let protocol = found.protocol.clone();
            set_subscription(&protocol, &mut found.attributes, &changes)?;
            Ok::<_, Error>(tx.put(&SUBSCRIPTIONS, name.key().text(&id), &found)?)
        })
        .await?;
    Ok(SetSubscriptionAttributesOutput {})
}

fn shown(name: &TopicName, subscription: Subscription) -> api_sns::Subscription {
    let arn = match subscription.token {
        Some(_) => "PendingConfirmation".to_owned(),
        None => name.subscription(&subscription.id),
    };
    api_sns::Subscription {
        subscription_arn: Some(arn),
        owner: Some(subscription.owner),
        protocol: Some(subscription.protocol),
        endpoint: Some(subscription.endpoint),
        topic_arn: Some(name.arn()),
    }
}

pub(crate) async fn list_subscriptions(
    _: &Sns,
    ctx: &Ctx,
    input: ListSubscriptionsInput,
) -> Result<ListSubscriptionsResponse, Error> {
    // The account's own, to whosever topics.
    let found = ctx.store().read(|tx| tx.scan(&SUBSCRIPTIONS, Scan::all()))?;
    let own = found.into_iter().filter(|(_, subscription)| subscription.owner == ctx.account());
    let all = own.filter_map(|(key, subscription)| match &key.parts()?[..] {
        [Part::Text(account), Part::Text(region), Part::Text(name), ..]
            if region == ctx.region() =>
        {
            let (account, region, name) = (account.clone(), region.clone(), name.clone());
            Some(shown(&TopicName { account, region, name }, subscription))
        }
        _ => None,
    });
    let (page, next_token) = page(all.collect(), input.next_token.as_deref())?;
    Ok(ListSubscriptionsResponse { subscriptions: Some(page), next_token })
}

pub(crate) async fn list_subscriptions_by_topic(
    _: &Sns,
    ctx: &Ctx,
    input: ListSubscriptionsByTopicInput,
) -> Result<ListSubscriptionsByTopicResponse, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "ListSubscriptionsByTopic")?;
    let found = ctx.store().read(|tx| {
        require(tx, &name)?;
        Ok::<_, Error>(subscriptions(tx, &name)?)
    })?;
    let all = found.into_iter().map(|subscription| shown(&name, subscription)).collect();
    let (page, next_token) = page(all, input.next_token.as_deref())?;
    Ok(ListSubscriptionsByTopicResponse { subscriptions: Some(page), next_token })
}
